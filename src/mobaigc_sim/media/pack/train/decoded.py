"""What the generator's autoencoder does to a scene, kept on disk because a round trip costs as much as a training step.

Letters: N scenes, L levels of noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from .artefacts import Picture, uint8
from .common import scenes, to_tensor
from .distort import PATCH_PX, any_distortion

NOISE = 0.9
"""Deviation of the noise on the latents at level 1, in deviations of the latents."""
_BATCH = 16


@dataclass(frozen=True)
class Decoded:
    """Scenes and their round trips: `clean` (N, H, W, 3), `shown` (N, L, H, W, 3), L rising levels of noise."""

    clean: Picture
    shown: Picture


@torch.no_grad()
def round_trip(vae: AutoencoderKL, pictures: Picture, level: float, seed: int) -> Picture:
    """(N, H, W, 3) encoded, given latent noise of `NOISE · level` deviations from `seed`, and decoded."""
    out = []
    for start in range(0, len(pictures), _BATCH):
        latents = vae.encode(to_tensor(list(pictures[start : start + _BATCH]))).latent_dist.mode()
        generator = torch.Generator().manual_seed(seed + start)
        deviation = latents.std((0, 2, 3), keepdim=True)
        latents = latents + NOISE * level * deviation * torch.randn(latents.shape, generator=generator)
        out.append(uint8((vae.decode(latents).sample * 127.5 + 127.5).permute(0, 2, 3, 1).numpy()))
    return np.concatenate(out)


def load_vae(folder: Path) -> AutoencoderKL:
    """The autoencoder of a diffusers folder, in single precision."""
    vae = AutoencoderKL.from_pretrained(folder, torch_dtype=torch.float32, local_files_only=True)
    return vae.eval().requires_grad_(False)


def decoded_scenes(workdir: Path, vae_folder: Path, seed: int, count: int) -> Decoded:
    """`count` scenes of `seed` with their round trips at two levels each, from `workdir` when they are there."""
    path = workdir / f"decoded-{seed}-{count}.npz"
    if not path.exists():
        vae, rng = load_vae(vae_folder), np.random.default_rng([seed, 2])
        source, clean, shown = scenes(seed), [], []
        for start in range(0, count, _BATCH):
            pictures = np.stack([next(source).image for _ in range(min(_BATCH, count - start))])
            levels = sorted(rng.random(2) ** 1.5)
            clean.append(pictures)
            shown.append(np.stack([round_trip(vae, pictures, x, start) for x in levels], axis=1))
        np.savez(path, clean=np.concatenate(clean), shown=np.concatenate(shown))
    with np.load(path, allow_pickle=False) as stored:
        return Decoded(stored["clean"], stored["shown"])


def inpainted(clean: Picture, decoded: Picture, rng: np.random.Generator) -> Picture:
    """What a phone shows: damaged patches of `clean` here, patches of `decoded` there, with a feathered seam."""
    rows, columns = (-(-n // PATCH_PX) for n in clean.shape[:2])
    kept = (rng.random((rows, columns)) < rng.uniform(0.2, 0.9)).astype(np.float32)
    mask = np.repeat(np.repeat(kept, PATCH_PX, 0), PATCH_PX, 1)[: clean.shape[0], : clean.shape[1]]
    feather = gaussian_filter(mask, rng.uniform(0.5, 3))[..., None]
    under: NDArray[np.float32] = decoded.astype(np.float32)
    return uint8(under + feather * (any_distortion(clean, rng, 0.6) - under))
