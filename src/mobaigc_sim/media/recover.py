"""Recovery on the phone: prompted diffusion inpainting of what did not arrive.

The inpainting starts from what the base layer's thumbnail shows (noised to `strength`), so that layout and
colours are kept; what arrived is put back into the latents after every step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from scipy.ndimage import distance_transform_edt

from ..registry import FrozenConfig
from .model_set import ModelSet

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]
OWN_NOISE = 0x9E3779B97F4A
"""Added to the seed of a picture, it gives the phone noise that no picture is generated from: seeds have 32 bits."""


class RecoveryConfig(FrozenConfig):
    """How the phone fills in what did not arrive."""

    kind: Literal["inpaint", "fill"] = "inpaint"
    """`inpaint`: diffusion under the prompt; `fill`: leave the thumbnail's colours."""
    steps: int = Field(default=8, ge=1, le=100)
    """Denoising steps of a full schedule; `strength` of them are run."""
    strength: float = Field(default=0.6, gt=0, le=1)
    """How far the thumbnail is noised before denoising; 1 ignores it."""
    guidance: float = Field(default=2.5, ge=1)
    """Classifier-free guidance scale."""
    known: Literal["decoded", "kept"] = "decoded"
    """What becomes of pixels that arrived: `decoded` passes them through the autoencoder with the rest, which removes
    the codec's artefacts and the seams; `kept` leaves them as they arrived and feathers the seams."""
    feather: int = Field(default=2, ge=0, le=16)
    """Width of the seam in pixels where known pixels are `kept`."""

    @model_validator(mode="after")
    def _denoises(self) -> Self:
        if int(self.steps * self.strength) < 1:
            raise ValueError(f"steps times strength must be at least 1, got {self.steps} and {self.strength:g}")
        return self


def recover(
    models: ModelSet,
    received: Sequence[Image],
    known: Sequence[Mask],
    prompts: Sequence[str],
    seeds: Sequence[int],
    config: RecoveryConfig,
) -> list[Image]:
    """Fill the unknown pixels of each picture."""
    out = [np.array(picture) for picture in received]
    todo = [i for i, mask in enumerate(known) if config.kind == "inpaint" and not mask.all()]
    whole = [i for i in range(len(out)) if i not in todo]
    if config.known == "decoded" and whole:
        for i, picture in zip(whole, _through_autoencoder(models, [out[i] for i in whole]), strict=True):
            out[i] = picture
    if not todo:
        return out
    painted = _inpaint(
        models,
        [out[i] for i in todo],
        [known[i] for i in todo],
        [prompts[i] for i in todo],
        [seeds[i] for i in todo],
        config,
    )
    for i, picture in zip(todo, painted, strict=True):
        out[i] = picture if config.known == "decoded" else overlay(out[i], known[i], picture, config.feather)
    return out


def overlay(received: Image, known: Mask, painted: Image, feather_px: int) -> Image:
    """Known pixels of `received` over `painted`; outside, the step at the border is faded over `feather_px`."""
    if not known.any():
        return painted
    distance, (iy, ix) = distance_transform_edt(~known, return_indices=True)
    step = received[iy, ix].astype(np.float32) - painted[iy, ix]
    fade = np.clip(1 - distance / (feather_px + 1), 0, 1)[..., None].astype(np.float32)
    blended = np.clip(painted + fade * step + 0.5, 0, 255).astype(np.uint8)
    return np.where(known[..., None], received, blended)


def _through_autoencoder(models: ModelSet, received: list[Image]) -> list[Image]:
    import torch

    pipeline = models.image_to_image
    with torch.inference_mode():
        clean = pipeline.vae.encode(_tensor(received).to(pipeline.device) * 2 - 1).latent_dist.mode()
        pictures = pipeline.image_processor.postprocess(pipeline.vae.decode(clean).sample, output_type="np")
    return list(np.round(pictures * 255).astype(np.uint8))


def _tensor(pictures: list[Image]) -> Any:
    import torch

    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255


def _inpaint(
    models: ModelSet,
    received: list[Image],
    known: list[Mask],
    prompts: list[str],
    seeds: list[int],
    config: RecoveryConfig,
) -> list[Image]:
    """Image-to-image denoising in which the known part of the latents is put back after every step.

    (Blended latent diffusion, Avrahami et al., ACM TOG 2023, arXiv:2206.02779.)
    """
    import torch
    import torch.nn.functional as F

    pipeline = models.image_to_image
    images = _tensor(received)
    unknown = torch.from_numpy(~np.stack(known))[:, None].float()
    generators = [torch.Generator("cpu").manual_seed(s + OWN_NOISE) for s in seeds]
    with torch.inference_mode():
        clean = pipeline.vae.encode((images * 2 - 1).to(pipeline.device)).latent_dist.mode()
        clean = clean * pipeline.vae.config.scaling_factor
        noise = torch.cat([torch.randn((1, *clean.shape[1:]), generator=g) for g in generators]).to(clean.device)
        free = F.adaptive_max_pool2d(unknown, clean.shape[-2:]).to(clean.device)

        def put_back(_: Any, step: int, timestep: Any, state: dict[str, Any]) -> dict[str, Any]:
            timesteps = pipeline.scheduler.timesteps
            rest = timesteps[timesteps < timestep]
            target = clean
            if len(rest):
                target = pipeline.scheduler.add_noise(clean, noise, rest[:1].expand(len(clean)))
            return {"latents": free * state["latents"] + (1 - free) * target}

        pictures = pipeline(
            prompts,
            image=images,
            strength=config.strength,
            num_inference_steps=config.steps,
            guidance_scale=config.guidance,
            generator=generators,
            callback_on_step_end=put_back,
            callback_on_step_end_tensor_inputs=["latents"],
            output_type="np",
        ).images
    return list(np.round(pictures * 255).astype(np.uint8))
