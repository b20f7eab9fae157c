"""What every training stage shares: endless scenes, resumable loops, exponential moving averages."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ..drawing import render
from ..scenes import Scene, sample_spec

log = logging.getLogger("mobaigc_sim.train")


def scenes(seed: int, start: int = 0, size: int = 128) -> Iterator[Scene]:
    """Endless scenes; the k-th depends on (seed, k) only, so a resumed run continues the same sequence."""
    k = start
    while True:
        rng = np.random.default_rng([seed, k])
        yield render(sample_spec(rng), rng, size)
        k += 1


def to_tensor(images: list[np.ndarray]) -> Tensor:
    """(B, 3, H, W) in [-1, 1] from uint8 pictures."""
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 127.5 - 1


class Ema:
    """Exponential moving average of a module's parameters with a warm-up of the decay."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.shadow = {k: v.detach().clone() for k, v in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Move the averages towards the module after `step` optimizer steps."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for key, value in module.state_dict().items():
            if value.dtype.is_floating_point:
                self.shadow[key].lerp_(value, 1 - decay)
            else:
                self.shadow[key].copy_(value)


@dataclass
class Loop:
    """A training loop that checkpoints by wall time, resumes, and follows a warm-up + cosine rate to `steps`."""

    name: str
    module: nn.Module
    optimizer: torch.optim.Optimizer
    steps: int
    peak_lr: float
    workdir: Path
    warmup: int = 200
    ema_decay: float = 0.999
    checkpoint_every_s: float = 120.0

    def __post_init__(self) -> None:
        self.ema = Ema(self.module, self.ema_decay)
        self.step = 0
        self.seconds = 0.0
        self.path = self.workdir / f"{self.name}.ckpt"
        if self.path.exists():
            state = torch.load(self.path, weights_only=True)
            self.module.load_state_dict(state["module"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.ema.shadow = state["ema"]
            self.step, self.seconds = state["step"], state["seconds"]
            log.info("%s: resumed at step %d", self.name, self.step)

    def rate(self) -> float:
        """Learning rate of the coming step."""
        ramp = min(1.0, (self.step + 1) / self.warmup)
        progress = min(1.0, self.step / self.steps)
        return self.peak_lr * ramp * (0.02 + 0.98 * 0.5 * (1 + float(np.cos(np.pi * progress))))

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        state = {
            "module": self.module.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "ema": self.ema.shadow,
            "step": self.step,
            "seconds": self.seconds,
        }
        part = self.path.with_suffix(".part")
        torch.save(state, part)
        os.replace(part, self.path)

    def run(self, loss_of: Callable[[int], tuple[Tensor, dict[str, float]]]) -> None:
        """Call `loss_of(step)` for loss and logged values until `steps`; ends with the averaged weights loaded."""
        saved = started = time.monotonic()
        base = self.seconds
        sums: dict[str, float] = {}
        while self.step < self.steps:
            for group in self.optimizer.param_groups:
                group["lr"] = self.rate() * group.get("scale", 1.0)
            loss, values = loss_of(self.step)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self.module.parameters(), 1.0)
            self.optimizer.step()
            self.step += 1
            self.ema.update(self.module, self.step)
            for key, value in values.items():
                sums[key] = sums.get(key, 0.0) + value
            now = time.monotonic()
            self.seconds = base + now - started
            if self.step % 100 == 0:
                mean = {k: round(v / 100, 5) for k, v in sums.items()}
                log.info("%s %s", self.name, json.dumps({"step": self.step, "s": round(self.seconds), **mean}))
                sums = {}
            if now - saved > self.checkpoint_every_s:
                self.save()
                saved = now
        self.save()
        self.module.load_state_dict(self.ema.shadow)
