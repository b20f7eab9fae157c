"""Recovery on the phone: prompted diffusion inpainting of what did not arrive.

The inpainting starts from what the base layer's thumbnail shows (noised to `strength`), so that layout and
colours are kept; what arrived is put back into the latents after every step but the last few (`polish`), so that it
too is cleaned of what the codec did.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from scipy.ndimage import distance_transform_edt

from ..registry import FrozenConfig
from .autoencoder import decode_latents, encode_pictures, to_pictures
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
    guidance: float = Field(default=2.5, ge=0)
    """Classifier-free guidance scale; 1 and below run without it (turbo models want 0)."""
    known: Literal["decoded", "kept"] = "decoded"
    """What becomes of pixels that arrived: `decoded` passes them through the autoencoder with the rest, which removes
    the codec's artefacts and the seams; `kept` leaves them as they arrived and feathers the seams."""
    polish: float = Field(default=0.3, ge=0, le=1)
    """Share of the schedule, from its end, that reaches what arrived as well, where it is `decoded`: as `strength`,
    but for what is known. It takes away what the codec did, of which the autoencoder alone leaves a part."""
    feather: int = Field(default=2, ge=0, le=16)
    """Width of the seam in pixels where known pixels are `kept`."""

    @model_validator(mode="after")
    def _denoises(self) -> Self:
        if int(self.steps * self.strength) < 1:
            raise ValueError(f"steps times strength must be at least 1, got {self.steps} and {self.strength:g}")
        if self.known == "decoded" and self.polish > self.strength:
            raise ValueError(f"polish must not exceed strength, got {self.polish:g} and {self.strength:g}")
        return self


def recover(
    models: ModelSet,
    received: Sequence[Image],
    known: Sequence[Mask],
    prompts: Sequence[str],
    seeds: Sequence[int],
    config: RecoveryConfig,
) -> list[Image]:
    """Fill the unknown pixels of each picture and polish the known ones.

    A picture of which everything is known takes the steps of `polish` only, and none without a prompt.
    """
    out = [np.array(picture) for picture in received]
    todo = [i for i, mask in enumerate(known) if config.kind == "inpaint" and not mask.all()]
    whole = [i for i in range(len(out)) if i not in todo]
    polished = [i for i in whole if int(config.steps * config.polish) and config.kind == "inpaint" and prompts[i]]
    if config.known == "decoded":
        plain = [i for i in whole if i not in polished]
        for i, picture in zip(plain, _through_autoencoder(models, [out[i] for i in plain]), strict=True):
            out[i] = picture
        last_steps = config.model_copy(update={"strength": config.polish})
        for i, picture in _painted(models, polished, out, known, prompts, seeds, last_steps):
            out[i] = picture
    for i, picture in _painted(models, todo, out, known, prompts, seeds, config):
        out[i] = picture if config.known == "decoded" else overlay(out[i], known[i], picture, config.feather)
    return out


def _painted(
    models: ModelSet,
    todo: list[int],
    received: Sequence[Image],
    known: Sequence[Mask],
    prompts: Sequence[str],
    seeds: Sequence[int],
    config: RecoveryConfig,
) -> Iterator[tuple[int, Image]]:
    """The chosen pictures with their numbers, painted in batches."""
    for start in range(0, len(todo), models.batch):
        part = todo[start : start + models.batch]
        found = _inpaint(
            models,
            [received[i] for i in part],
            [known[i] for i in part],
            [prompts[i] for i in part],
            [seeds[i] for i in part],
            config,
        )
        yield from zip(part, found, strict=True)


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

    if not received:
        return []
    with torch.inference_mode():
        return to_pictures(decode_latents(models, encode_pictures(models, received)))


def _inpaint(
    models: ModelSet,
    received: list[Image],
    known: list[Mask],
    prompts: list[str],
    seeds: list[int],
    config: RecoveryConfig,
) -> list[Image]:
    """Image-to-image denoising in which the known part of the latents is put back after every step but
    those of `polish`.

    (Blended latent diffusion, Avrahami et al., ACM TOG 2023, arXiv:2206.02779.) Every pipeline starts from the mode of
    the encoder, so nothing is encoded twice.
    """
    import torch
    import torch.nn.functional as F

    pipeline = models.image_to_image
    unknown = torch.from_numpy(~np.stack(known))[:, None].float()
    generators = [torch.Generator("cpu").manual_seed(s + OWN_NOISE) for s in seeds]
    with torch.inference_mode():
        clean = encode_pictures(models, received)
        noise = torch.cat([torch.randn((1, *clean.shape[1:]), generator=g) for g in generators]).to(clean)
        free = F.adaptive_max_pool2d(unknown, clean.shape[-2:]).to(clean)
        polish = int(config.steps * config.polish) if config.known == "decoded" else 0

        def put_back(_: Any, step: int, timestep: Any, state: dict[str, Any]) -> dict[str, Any]:
            left = pipeline.num_timesteps - step - 1
            if left < polish:
                return {}
            target = clean
            if left:
                coming = pipeline.scheduler.timesteps[len(pipeline.scheduler.timesteps) - left]
                target = pipeline.scheduler.add_noise(clean, noise, coming.expand(len(clean)))
            return {"latents": free * state["latents"] + (1 - free) * target}

        latents = pipeline(
            prompts,
            image=clean,
            strength=config.strength,
            num_inference_steps=config.steps,
            guidance_scale=config.guidance,
            generator=generators,
            callback_on_step_end=put_back,
            callback_on_step_end_tensor_inputs=["latents"],
            output_type="latent",
        ).images
        return to_pictures(decode_latents(models, latents))
