"""Train the text-to-image model: word-level CLIP text encoder + cross-attention UNet on cached VAE latents.

Shapes: B samples, K tokens (32), O owners (background and up to three objects), latents (C, 16, 16).

Objective: flow matching (Lipman et al., arXiv:2210.02747), x_t = (1 − t) x_0 + t ε, target ε − x_0, heavier on
object cells. Cross-attention is supervised with the renderer's masks: at every position the probability of the
words that own it enters as a cross-entropy, so that a word's map covers its object.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, PreTrainedTokenizerFast

from ...attention import recording
from ..scenes import NOBODY, Scene
from .common import Loop, scenes, to_tensor
from .tokenizer import CONTEXT_TOKENS
from .vae import LATENT_CHANNELS
from .warm_start import adopt, generator_weights

OWNERS = 4
TOKENS = CONTEXT_TOKENS
GRID = 16
CHUNK = 8192
ATTENTION_WEIGHT = 0.05
OBJECT_WEIGHT = 3.0
CAPTION_DROPOUT = 0.1
NOISE_MEAN = 0.8
"""Mean logit of t in four samples of five: above 0, because how many things there are is decided near pure noise."""


class TextToImage(nn.Module):
    """The two trained parts, in the shapes that a StableDiffusionPipeline folder stores."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, latent_channels: int = LATENT_CHANNELS) -> None:
        super().__init__()
        self.text_encoder = CLIPTextModel(
            CLIPTextConfig(
                vocab_size=len(tokenizer),
                hidden_size=192,
                intermediate_size=512,
                num_hidden_layers=2,
                num_attention_heads=4,
                max_position_embeddings=TOKENS,
                bos_token_id=tokenizer.bos_token_id,
                eos_token_id=tokenizer.eos_token_id,
                pad_token_id=tokenizer.pad_token_id,
                projection_dim=192,
            )
        )
        self.unet = UNet2DConditionModel(
            sample_size=GRID,
            in_channels=latent_channels,
            out_channels=latent_channels,
            block_out_channels=(64, 128, 192),
            layers_per_block=1,
            down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
            cross_attention_dim=192,
            attention_head_dim=4,
            norm_num_groups=16,
        )


@dataclass(frozen=True)
class LatentCache:
    """Encoded scenes: latents (N, C, 16, 16), ids and owner of each token (N, K), owner shares (N, O, 16, 16)."""

    latents: Tensor
    ids: Tensor
    owner_of_token: Tensor
    owner_share: Tensor


def annotate(scene: Scene, tokenizer: PreTrainedTokenizerFast) -> tuple[list[int], list[int], np.ndarray]:
    """Token ids (K,), the owner of each token (−1 none, 0 background, 1… objects), owner shares (O, 16, 16) uint8."""
    ids = tokenizer(scene.spec.caption, padding="max_length", max_length=TOKENS, truncation=True).input_ids
    owners = [NOBODY, *(owner for _, owner in scene.spec.owned_words)]
    owner = (owners + [NOBODY] * TOKENS)[:TOKENS]
    cell = scene.image.shape[0] // GRID
    share = np.zeros((OWNERS, GRID, GRID), np.float32)
    for i, name in enumerate(scene.spec.things):
        share[i + 1] = scene.masks[name].reshape(GRID, cell, GRID, cell).mean((1, 3))
    share[0] = 1 - share[1:].sum(0)
    return ids, owner, np.round(share * 255).astype(np.uint8)


@torch.no_grad()
def encode_scenes(source: Iterable[Scene], vae: AutoencoderKL, tokenizer: PreTrainedTokenizerFast) -> LatentCache:
    """Encode scenes through the (frozen) VAE once; training then reads latents only."""
    latents, ids, owners, shares = [], [], [], []
    for chunk in _batched(source, 64):
        z = vae.encode(to_tensor([s.image for s in chunk])).latent_dist.mean * vae.config.scaling_factor
        latents.append(z.half())
        for scene in chunk:
            i, o, s = annotate(scene, tokenizer)
            ids.append(i)
            owners.append(o)
            shares.append(s)
    return LatentCache(torch.cat(latents), torch.tensor(ids), torch.tensor(owners), torch.from_numpy(np.stack(shares)))


def _batched(source: Iterable[Scene], n: int) -> Iterable[tuple[Scene, ...]]:
    iterator = iter(source)
    while chunk := tuple(itertools.islice(iterator, n)):
        yield chunk


def attention_loss(probs: list[Tensor], owner_of_token: Tensor, owner_share: Tensor) -> Tensor:
    """Cross-entropy of the words' ownership of positions, mean over layers of at least 8 × 8.

    `probs` entries (B, Q, K); `owner_of_token` (B, K); `owner_share` (B, O, 16, 16) in [0, 1].
    """
    belongs = (owner_of_token[..., None] == torch.arange(OWNERS)).float()
    losses = []
    for p in probs:
        side = round(p.shape[1] ** 0.5)
        if side < 8:
            continue
        share = F.adaptive_avg_pool2d(owner_share, side).flatten(2).transpose(1, 2)
        share = share * belongs.amax(1)[:, None]
        mass = torch.bmm(p.float(), belongs)
        balance = 0.5 / share.mean(1, keepdim=True).clamp_min(1e-3).clamp_max(1)
        losses.append(-(share * balance.sqrt() * mass.clamp_min(1e-4).log()).sum(-1).mean())
    return torch.stack(losses).mean()


def flow_error(model: TextToImage, x0: Tensor, t: Tensor, noise: Tensor, ids: Tensor, share: Tensor) -> Tensor:
    """Squared error of the velocity at noise level `t` (B,) in [0, 1], heavier on object cells, (B, C, 16, 16)."""
    t4 = t[:, None, None, None]
    words = model.text_encoder(ids).last_hidden_state
    velocity: Tensor = model.unet((1 - t4) * x0 + t4 * noise, t * 1000, words).sample
    weight = 1 + OBJECT_WEIGHT * share[:, 1:].sum(1, keepdim=True).clamp(0, 1)
    return (velocity.float() - (noise - x0)).square() * (weight / weight.mean())


def train(
    workdir: Path,
    cache: LatentCache,
    tokenizer: PreTrainedTokenizerFast,
    *,
    steps: int,
    batch: int,
    seed: int,
    start_from: Path | None = None,
) -> tuple[TextToImage, float]:
    """Train to `steps`, resuming from the checkpoint; returns the averaged weights and the seconds spent.

    `start_from` is a StableDiffusionPipeline folder whose weights take the place of random ones.
    """
    torch.manual_seed(seed)
    model = TextToImage(tokenizer)
    if start_from is not None:
        adopt(model, *generator_weights(start_from), tokenizer.get_vocab())
    groups = [
        {"params": [p for p in model.parameters() if p.ndim >= 2], "weight_decay": 1e-2},
        {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
    loop = Loop("generator", model, torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99)), steps, 1e-3, workdir)
    empty = torch.tensor(tokenizer("", padding="max_length", max_length=TOKENS).input_ids)
    rng = torch.Generator().manual_seed(seed * 1_000_003 + loop.step)
    probs: list[Tensor] = []

    def loss_of(_: int) -> tuple[Tensor, dict[str, float]]:
        index = torch.randint(0, len(cache.latents), (batch,), generator=rng)
        x0 = cache.latents[index].float()
        share = cache.owner_share[index].float() / 255
        dropped = torch.rand(batch, generator=rng) < CAPTION_DROPOUT
        ids = torch.where(dropped[:, None], empty, cache.ids[index])
        owner = torch.where(dropped[:, None], -1, cache.owner_of_token[index])
        t = torch.sigmoid(NOISE_MEAN + torch.randn(batch, generator=rng))
        t = torch.where(torch.rand(batch, generator=rng) < 0.2, torch.rand(batch, generator=rng), t)
        noise = torch.randn(x0.shape, generator=rng)
        probs.clear()
        with torch.autocast("cpu", torch.bfloat16), recording(model.unet, lambda _, p: probs.append(p)):
            error = flow_error(model, x0, t, noise, ids, share)
        attention = attention_loss(probs, owner, share)
        return error.mean() + ATTENTION_WEIGHT * attention, {"flow": error.mean().item(), "attn": attention.item()}

    loop.run(loss_of)
    return model, loop.seconds


def cached_scenes(
    workdir: Path, vae: AutoencoderKL, tokenizer: PreTrainedTokenizerFast, chunks: int, seed: int
) -> LatentCache:
    """The first `chunks` × CHUNK scenes of the seed, each chunk encoded once and kept in `workdir`."""
    parts = []
    for k in range(chunks):
        path = workdir / f"latents-{seed}-{k}.pt"
        if not path.exists():
            encoded = encode_scenes(itertools.islice(scenes(seed, k * CHUNK), CHUNK), vae, tokenizer)
            torch.save(vars(encoded), path)
        parts.append(torch.load(path, weights_only=True))
    return LatentCache(**{key: torch.cat([p[key] for p in parts]) for key in parts[0]})
