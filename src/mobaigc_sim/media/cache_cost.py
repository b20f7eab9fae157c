"""What a request costs when the cache holds all of it, beside what it costs the first time."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .config import CacheConfig, MediaConfig
from .stack import Delivery, MediaStack


@dataclass(frozen=True)
class CacheCost:
    """Wall times of this machine, a picture, in seconds: draw, encode, recover and score together."""

    first_s: float
    """Nothing is in the cache; the models are loaded before the clock starts."""
    hit_s: float
    """Everything is."""


def measure_cache(
    config: MediaConfig, prompts: Sequence[str], seeds: Sequence[int], keep: float = 0.5, repeats: int = 5
) -> CacheCost:
    """Serve the requests once without and `repeats` times with what the cache holds; the best repeat counts.

    The cache of `config` is left alone: a folder of its own is made and removed.
    """
    with tempfile.TemporaryDirectory() as folder:
        cached = config.model_copy(update={"cache": CacheConfig(folder=str(Path(folder) / "cache"))})
        stack = MediaStack(cached)
        stack.check_prompts(prompts)
        first_s = _serve(stack, prompts, seeds, keep)
        hit_s = min(_serve(stack, prompts, seeds, keep) for _ in range(repeats))
        return CacheCost(first_s, hit_s)


def _serve(stack: MediaStack, prompts: Sequence[str], seeds: Sequence[int], keep: float) -> float:
    started = time.perf_counter()
    pictures = stack.generate(prompts, seeds)
    for picture in pictures:
        stack.content_curve(picture)
    stack.finish([Delivery(picture, stack.offer(picture, keep)) for picture in pictures])
    return (time.perf_counter() - started) / len(prompts)
