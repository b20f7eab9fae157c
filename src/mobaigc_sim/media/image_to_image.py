"""The image-to-image twin of a text-to-image pipeline: the same parts, but denoising starts from given latents."""

from __future__ import annotations

from typing import Any


def twin_of(pipeline: Any) -> Any:
    """`<Class>Img2ImgPipeline` on the parts of a pipeline; its `image` is scaled latents (B, C, h, w) of any C.

    diffusers takes latents for pictures unless they have 4 channels, and encodes pictures one by one in the UNet's
    precision; latents that are ready need neither.
    """
    import diffusers
    from diffusers.image_processor import VaeImageProcessor
    from diffusers.utils.torch_utils import randn_tensor

    base: Any = getattr(diffusers, type(pipeline).__name__.replace("Pipeline", "Img2ImgPipeline"))

    class FromLatents(base):  # type: ignore[misc]
        """Starts from the latents it is given, noised to the first time step."""

        def prepare_latents(
            self, image: Any, timestep: Any, batch: int, copies: int, dtype: Any, device: Any, generator: Any, *_: Any
        ) -> Any:
            """Noised latents (B, C, h, w); every picture's noise comes from its own generator."""
            noise = randn_tensor(image.shape, generator=generator, device=device, dtype=dtype)
            return self.scheduler.add_noise(image.to(device, dtype), noise, timestep)

    _, options = base._get_signature_keys(base)
    settings = {name: pipeline.config[name] for name in options if name in pipeline.config}
    twin = FromLatents(**{**pipeline.components, "unet": None}, **settings)  # its check of the size knows squares only
    twin.register_modules(unet=pipeline.unet)
    twin.image_processor = VaeImageProcessor(
        vae_scale_factor=pipeline.vae_scale_factor, vae_latent_channels=pipeline.vae.config.latent_channels
    )
    return twin
