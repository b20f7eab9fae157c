"""Train the autoencoder: `AutoencoderKL`, 8× down, 8 channels, deterministic up to a small fixed posterior noise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from .common import Loop, scenes, to_tensor

WEIGHTS_FILE = "diffusion_pytorch_model.safetensors"
LATENT_CHANNELS = 8
POSTERIOR_LOG_VARIANCE = -6.0
LATENT_NOISE = 0.06
SCALE_SCENES = 256
"""Scenes whose latents set the scaling factor."""


def build(start: Path | None = None) -> AutoencoderKL:
    """A small AutoencoderKL whose posterior variance is a constant; its weights are random, or those of a folder."""
    vae = AutoencoderKL(
        block_out_channels=(16, 32, 64, 128),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        latent_channels=LATENT_CHANNELS,
        norm_num_groups=8,
        sample_size=128,
        mid_block_add_attention=False,
        scaling_factor=1.0,
    )
    with torch.no_grad():
        vae.quant_conv.weight[LATENT_CHANNELS:] = 0
        vae.quant_conv.bias[LATENT_CHANNELS:] = POSTERIOR_LOG_VARIANCE
    if start is not None:
        vae.load_state_dict(load_file(start / WEIGHTS_FILE))
    return vae


def train(
    workdir: Path, *, steps: int, batch: int, seed: int, start_from: Path | None = None
) -> tuple[AutoencoderKL, float]:
    """Train on random 64 px crops of scenes; returns the model and the seconds spent.

    Loss: L1 + gradient L1 on the picture, the same at half scale from average-pooled latents (which keeps the
    latent space smooth under scaling, after EQ-VAE, arXiv:2502.09509), and a pull of the latents to unit variance.
    `start_from` is a folder of an autoencoder like this one whose weights take the place of random ones.
    """
    torch.manual_seed(seed)
    vae = build(start_from)
    optimizer = torch.optim.AdamW(vae.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=1e-4)
    loop = Loop("vae", vae, optimizer, steps, 1.5e-3, workdir)
    generator = torch.Generator().manual_seed(seed + loop.step)
    crops = _crop_batches(seed, loop.step, batch, generator)

    def loss_of(step: int) -> tuple[Tensor, dict[str, float]]:
        x = next(crops)
        z = vae.encode(x).latent_dist.mean
        noise = torch.randn(z.shape, generator=generator) * LATENT_NOISE
        recon = _distance(vae.decode(z + noise).sample, x)
        half = _distance(vae.decode(F.avg_pool2d(z, 2)).sample, F.avg_pool2d(x, 2)) if step % 4 == 0 else recon.detach()
        spread = (z.mean((0, 2, 3)) ** 2).mean() + ((z.var((0, 2, 3)) - 1) ** 2).mean()
        loss = recon + 0.25 * half + 0.01 * spread
        return loss, {"recon": recon.item(), "half": half.item(), "spread": spread.item()}

    loop.run(loss_of)
    with torch.no_grad():
        images = to_tensor([s.image for s, _ in zip(scenes(seed + 1), range(SCALE_SCENES), strict=False)])
        z = vae.encode(images).latent_dist.mean
        vae.register_to_config(scaling_factor=float(1 / z.std()))
    return vae, loop.seconds


def psnr_db(vae: AutoencoderKL, seed: int, count: int = 256) -> NDArray[np.float32]:
    """PSNR of encode → decode of each of `count` fresh scenes, in dB."""
    with torch.no_grad():
        x = to_tensor([s.image for s, _ in zip(scenes(seed), range(count), strict=False)])
        y = vae.decode(vae.encode(x).latent_dist.mean).sample.clamp(-1, 1)
        mse = ((x - y) / 2).square().mean((1, 2, 3))
    return np.asarray(-10 * mse.log10())


def _crop_batches(seed: int, step: int, batch: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Endless batches of crops of fresh scenes, from the given step on."""
    source = scenes(seed, step * batch)
    while True:
        yield _crops(to_tensor([next(source).image for _ in range(batch)]), generator)


def _crops(images: Tensor, generator: torch.Generator, size: int = 64) -> Tensor:
    """A random crop of each picture, offsets on the latent grid of 8 px."""
    reach = (images.shape[-1] - size) // 8 + 1
    offsets = torch.randint(0, reach, (len(images), 2), generator=generator) * 8
    return torch.stack([i[:, y : y + size, x : x + size] for i, (y, x) in zip(images, offsets.tolist(), strict=True)])


def _distance(a: Tensor, b: Tensor) -> Tensor:
    dx = (a.diff(dim=-1) - b.diff(dim=-1)).abs().mean()
    dy = (a.diff(dim=-2) - b.diff(dim=-2)).abs().mean()
    return (a - b).abs().mean() + 2 * (a - b).square().mean() + 0.25 * (dx + dy)
