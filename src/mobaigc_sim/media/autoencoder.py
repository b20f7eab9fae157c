"""Pictures to latents and back through a model set's autoencoder, in single precision whatever the UNet runs in.

The half-precision autoencoder of SDXL overflows; one code path for every set avoids it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .model_set import ModelSet

if TYPE_CHECKING:
    from torch import Tensor

Image = NDArray[np.uint8]


def encode_pictures(models: ModelSet, pictures: Sequence[Image]) -> Tensor:
    """(H, W, 3) pictures → scaled latents (B, C, h, w) in the UNet's precision: the mode, nothing is sampled."""
    import torch

    pipeline = models.image_to_image
    found = []
    for start in range(0, len(pictures), models.batch):
        part = np.stack(pictures[start : start + models.batch])
        x = (torch.from_numpy(part).permute(0, 3, 1, 2).float() / 255).to(pipeline.device) * 2 - 1
        encoded = pipeline.vae.encode(x)
        found.append(encoded.latent_dist.mode() if hasattr(encoded, "latent_dist") else encoded.latents)
    latents = torch.cat(found)
    mean, std = _statistics(models, latents)
    scaled: Tensor = (latents - mean) * pipeline.vae.config.scaling_factor / std
    return scaled.to(pipeline.unet.dtype)


def decode_latents(models: ModelSet, latents: Tensor) -> Tensor:
    """Scaled latents (B, C, h, w) → pictures (B, 3, H, W) in [0, 1]."""
    import torch

    vae = models.text_to_image.vae
    mean, std = _statistics(models, latents.float())
    clean = latents.float() * std / vae.config.scaling_factor + mean
    parts = [vae.decode(part, return_dict=False)[0] for part in clean.split(models.batch)]
    return (torch.cat(parts) / 2 + 0.5).clamp(0, 1)


def to_pictures(decoded: Tensor) -> list[Image]:
    """(B, 3, H, W) in [0, 1] → (H, W, 3) pictures of 8 bits."""
    return list(np.round(decoded.permute(0, 2, 3, 1).cpu().float().numpy() * 255).astype(np.uint8))


def _statistics(models: ModelSet, like: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation (1, C, 1, 1) of the latents, 0 and 1 where the autoencoder states none."""
    import torch

    config = models.text_to_image.vae.config
    mean, std = (getattr(config, name, None) for name in ("latents_mean", "latents_std"))
    if mean is None or std is None:
        return torch.zeros(1).to(like), torch.ones(1).to(like)
    return torch.tensor(mean).view(1, -1, 1, 1).to(like), torch.tensor(std).view(1, -1, 1, 1).to(like)
