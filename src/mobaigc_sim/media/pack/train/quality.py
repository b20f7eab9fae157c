"""Train the quality scorer: pyiqa's CNNIQA on pseudo-opinion scores of distorted scenes.

The network looks at windows of 32 px, as in Kang, Ye, Li, Doermann, CVPR 2014; a picture's score is the mean
over windows. Pictures come in groups of versions of one scene, and their differences are learnt beside their values,
so that a milder version ends above a more severe one.
Letters: B pictures, G groups, V versions, N windows of a picture.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyiqa
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from .cards import Recipe, quality_card
from .common import Loop, scenes
from .decoded import Decoded, decoded_scenes, inpainted
from .distort import TRAINED, any_distortion
from .opinion import STRIDE_PX, WINDOW_PX, pseudo_opinion
from .warm_start import origin

WEIGHTS_FILE = "cnniqa.safetensors"
VERSIONS = 4
WINDOWS_SEEN = 12
DECODED_SCENES, DECODED_SHARE = 640, 0.12
"""Scenes kept with their way through the generator's autoencoder, and how often a group is one of them."""


@dataclass(frozen=True)
class Batch:
    """Pictures (B, 3, H, W) in [0, 1] and the pseudo-opinion of their windows (B, N)."""

    pictures: Tensor
    opinion: Tensor


def build(seed: int, start: Path | None = None) -> nn.Module:
    """CNNIQA without dropout: the scenes never repeat, and a resumed run must not depend on it.

    Its weights are random, or those that `save` left in the folder `start`.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network: nn.Module = pyiqa.create_metric(
            "cnniqa", pretrained=None, as_loss=True, device=torch.device("cpu")
        ).net
    network.get_submodule("dropout").p = 0.0  # type: ignore[assignment]
    if start is not None:
        network.load_state_dict(load_file(start / WEIGHTS_FILE))
    return network


def windows(pictures: Tensor) -> Tensor:
    """(B, 3, H, W) → (B, N, 3, 32, 32), rows first."""
    tiles = pictures.unfold(2, WINDOW_PX, STRIDE_PX).unfold(3, WINDOW_PX, STRIDE_PX)
    return tiles.permute(0, 2, 3, 1, 4, 5).flatten(1, 2)


def make_batch(seed: int, step: int, batch: int, pool: Decoded | None = None) -> Batch:
    """Groups of VERSIONS: a scene clean, at two rising levels of one distortion, and damaged at random.

    Depends on the arguments only. With a `pool`, DECODED_SHARE of the groups are of its scenes: clean, through the
    autoencoder at two levels of latent noise, and damaged and decoded patches side by side.
    """
    source = scenes(seed, step * (batch // VERSIONS))
    rng = np.random.default_rng([seed, step])
    names = list(TRAINED)
    clean, shown = [], []
    for _ in range(batch // VERSIONS):
        if pool is not None and rng.random() < DECODED_SHARE:
            k = int(rng.integers(len(pool.clean)))
            image, ladder = pool.clean[k], list(pool.shown[k])
            last = inpainted(image, ladder[rng.integers(len(ladder))], rng)
        else:
            image = next(source).image
            name = names[rng.integers(len(names))]
            mild, severe = sorted(rng.random(2))
            strokes = int(rng.integers(2**31))
            ladder = [TRAINED[name](image, float(level), np.random.default_rng(strokes)) for level in (mild, severe)]
            last = any_distortion(image, rng)
        shown += [image, *ladder, last]
        clean += [image] * VERSIONS
    opinion = pseudo_opinion(np.stack(clean), np.stack(shown))
    pictures = torch.from_numpy(np.stack(shown)).permute(0, 3, 1, 2).float() / 255
    return Batch(pictures, torch.from_numpy(opinion).float())


def train(
    workdir: Path, out: Path, vae: Path, start: Path | None = None, steps: int = 3000, batch: int = 16, seed: int = 4
) -> None:
    """Train, write the weights to `out` and their card (which measures `out` as the `quality` folder of its parent).

    `vae` is the folder of the generator's autoencoder; `start` one of earlier weights to begin with.
    """
    began = origin(start, WEIGHTS_FILE)
    pool = decoded_scenes(workdir, vae, seed + 1, DECODED_SCENES)
    network, seconds = fit(workdir, steps, batch, seed, pool, start)
    save(network, out)
    quality_card(out, vae, Recipe(steps, batch, seed, seconds, began))


def fit(
    workdir: Path, steps: int, batch: int, seed: int, pool: Decoded | None = None, start: Path | None = None
) -> tuple[nn.Module, float]:
    """Train for `steps` batches of `batch` pictures; returns the network and the seconds spent."""
    network = build(seed, start)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=1e-4)
    loop = Loop("quality", network, optimizer, steps, 1e-3, workdir, warmup=min(60, steps))

    def loss_of(step: int) -> tuple[Tensor, dict[str, float]]:
        data = make_batch(seed, step, batch, pool)
        chosen = np.random.default_rng([seed, step, 1]).permutation(data.opinion.shape[1])[:WINDOWS_SEEN]
        target_BN = data.opinion[:, chosen]
        guess_BN = network(windows(data.pictures)[:, chosen].flatten(0, 1)).view_as(target_BN)
        parts = losses(guess_BN, target_BN)
        error = (guess_BN.mean(1) - target_BN.mean(1)).abs().mean()
        return torch.stack(list(parts.values())).sum(), {
            **{name: value.item() for name, value in parts.items()},
            "error": error.item(),
        }

    loop.run(loss_of)
    return network, loop.seconds


def losses(guess_BN: Tensor, target_BN: Tensor) -> dict[str, Tensor]:
    """Smooth L1 of windows, of pictures, and of the differences between the versions of one scene."""
    guess_GV, target_GV = (x.mean(1).view(-1, VERSIONS) for x in (guess_BN, target_BN))
    guess_GVV, target_GVV = (x[:, :, None] - x[:, None, :] for x in (guess_GV, target_GV))
    return {
        "window": F.smooth_l1_loss(guess_BN, target_BN, beta=0.1),
        "picture": F.smooth_l1_loss(guess_GV, target_GV, beta=0.1),
        "difference": F.smooth_l1_loss(guess_GVV, target_GVV, beta=0.1),
    }


def save(network: nn.Module, out: Path) -> None:
    """Write the weights and the window geometry beside it."""
    out.mkdir(parents=True, exist_ok=True)
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, out / WEIGHTS_FILE)
    geometry = {"metric": "cnniqa", "window_px": WINDOW_PX, "stride_px": STRIDE_PX}
    (out / "quality.json").write_text(json.dumps(geometry, indent=2) + "\n")
