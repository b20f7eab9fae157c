"""Train the quality scorer: pyiqa's CNNIQA on pseudo-opinion scores of distorted scenes.

The network looks at windows of 32 px, as in Kang, Ye, Li, Doermann, CVPR 2014; a picture's score is the mean
over windows.
Letters: B pictures, N windows of a picture.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyiqa
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from .cards import Recipe, quality_card
from .common import Loop, scenes
from .distort import TRAINED, any_distortion
from .opinion import STRIDE_PX, WINDOW_PX, pseudo_opinion

VERSIONS = 4
WINDOWS_SEEN = 12


@dataclass(frozen=True)
class Batch:
    """Pictures (B, 3, H, W) in [0, 1] and the pseudo-opinion of their windows (B, N)."""

    pictures: Tensor
    opinion: Tensor


def build(seed: int) -> nn.Module:
    """CNNIQA with random weights, without dropout: the scenes never repeat, and a resumed run must not depend on it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network: nn.Module = pyiqa.create_metric(
            "cnniqa", pretrained=None, as_loss=True, device=torch.device("cpu")
        ).net
    network.get_submodule("dropout").p = 0.0  # type: ignore[assignment]
    return network


def windows(pictures: Tensor) -> Tensor:
    """(B, 3, H, W) → (B, N, 3, 32, 32), rows first."""
    tiles = pictures.unfold(2, WINDOW_PX, STRIDE_PX).unfold(3, WINDOW_PX, STRIDE_PX)
    return tiles.permute(0, 2, 3, 1, 4, 5).flatten(1, 2)


def make_batch(seed: int, step: int, batch: int) -> Batch:
    """Scenes in four versions each: clean and three random distortions; depends on (seed, step) only."""
    source = scenes(seed, step * (batch // VERSIONS))
    rng = np.random.default_rng([seed, step])
    names = list(TRAINED)
    clean, shown = [], []
    for _ in range(batch // VERSIONS):
        image = next(source).image
        name = names[rng.integers(len(names))]
        mild, severe = sorted(rng.random(2))
        strokes = int(rng.integers(2**31))
        ladder = [TRAINED[name](image, float(level), np.random.default_rng(strokes)) for level in (mild, severe)]
        shown += [image, *ladder, any_distortion(image, rng)]
        clean += [image] * VERSIONS
    opinion = pseudo_opinion(np.stack(clean), np.stack(shown))
    pictures = torch.from_numpy(np.stack(shown)).permute(0, 3, 1, 2).float() / 255
    return Batch(pictures, torch.from_numpy(opinion).float())


def train(workdir: Path, out: Path, steps: int = 1800, batch: int = 16, seed: int = 4) -> None:
    """Train, write the weights to `out` and their card (which measures `out` as the `quality` folder of its parent)."""
    network, seconds = fit(workdir, steps, batch, seed)
    save(network, out)
    quality_card(out, Recipe(steps, batch, seed, seconds))


def fit(workdir: Path, steps: int, batch: int, seed: int) -> tuple[nn.Module, float]:
    """Train for `steps` batches of `batch` pictures; returns the network and the seconds spent."""
    network = build(seed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=1e-4)
    loop = Loop("quality", network, optimizer, steps, 1e-3, workdir, warmup=min(60, steps))

    def loss_of(step: int) -> tuple[Tensor, dict[str, float]]:
        data = make_batch(seed, step, batch)
        chosen = np.random.default_rng([seed, step, 1]).permutation(data.opinion.shape[1])[:WINDOWS_SEEN]
        target_BN = data.opinion[:, chosen]
        guess_BN = network(windows(data.pictures)[:, chosen].flatten(0, 1)).view_as(target_BN)
        window = F.smooth_l1_loss(guess_BN, target_BN, beta=0.1)
        picture = F.smooth_l1_loss(guess_BN.mean(1), target_BN.mean(1), beta=0.1)
        error = (guess_BN.mean(1) - target_BN.mean(1)).abs().mean()
        return window + picture, {"window": window.item(), "picture": picture.item(), "error": error.item()}

    loop.run(loss_of)
    return network, loop.seconds


def save(network: nn.Module, out: Path) -> None:
    """Write `cnniqa.safetensors` and the window geometry beside it."""
    out.mkdir(parents=True, exist_ok=True)
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, out / "cnniqa.safetensors")
    geometry = {"metric": "cnniqa", "window_px": WINDOW_PX, "stride_px": STRIDE_PX}
    (out / "quality.json").write_text(json.dumps(geometry, indent=2) + "\n")
