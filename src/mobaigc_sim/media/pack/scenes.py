"""Procedural scenes: sprites composed on painted backgrounds, with captions and exact object masks."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from . import backgrounds
from .sprites import sprite_array
from .vocabulary import PLACES, TIMES, Place, held_out, objects_of

TINT = {"day": (1.0, 1.0, 1.0), "sunset": (1.0, 0.84, 0.76), "night": (0.55, 0.58, 0.76)}
SELF_LIT = frozenset({"moon", "star"})


@dataclass(frozen=True)
class SceneSpec:
    """What a scene shows; `caption` says it in words."""

    mains: tuple[str, ...]
    place: Place
    time: str
    sky: str | None
    name_time: bool = True
    name_sides: bool = False

    @property
    def caption(self) -> str:
        """The scene in words."""
        if self.name_sides:
            what = f"a {self.mains[0]} on the left and a {self.mains[1]} on the right"
        else:
            what = " and ".join(f"{article(m)} {m}" for m in self.mains)
        parts = [what, self.place.phrase]
        if self.name_time:
            parts.append(dict(TIMES)[self.time])
        if self.sky:
            parts.append(f"with {article(self.sky)} {self.sky} in the sky")
        return " ".join(parts)


@dataclass(frozen=True)
class Scene:
    """A rendered scene.

    `image` (size, size, 3) uint8; `masks` object name → (size, size) bool, visible pixels only.
    """

    spec: SceneSpec
    image: NDArray[np.uint8]
    masks: dict[str, NDArray[np.bool_]] = field(default_factory=dict)


def article(noun: str) -> str:
    """The indefinite article of the noun."""
    return "an" if noun[0] in "aeiou" else "a"


def sample_spec(rng: np.random.Generator, *, two_share: float = 0.2, sky_share: float = 0.3) -> SceneSpec:
    """Draw a scene that training may see: combinations of `held_out` never come."""
    while True:
        kind = rng.choice(["ground", "water", "table"], p=[0.7, 0.13, 0.17])
        places = [p for p in PLACES if p.holds == kind]
        place = places[rng.integers(len(places))]
        time = TIMES[rng.integers(len(TIMES))][0]
        names = [o.name for o in objects_of(kind)]
        count = 2 if rng.random() < two_share else 1
        mains = tuple(str(n) for n in rng.choice(names, count, replace=False))
        if any(held_out(m, place.name, time) for m in mains):
            continue
        sky = None
        if place.holds != "table" and rng.random() < sky_share:
            skies = [o.name for o in objects_of("sky")]
            sky = skies[rng.integers(len(skies))]
        named = bool(rng.random() < 0.9) or time != "day"
        sides = count == 2 and bool(rng.random() < 0.5) and sky is None
        return SceneSpec(mains, place, time, sky, name_time=named, name_sides=sides)


def render(spec: SceneSpec, rng: np.random.Generator, size: int = 128) -> Scene:
    """Paint the scene; positions lie on a 16 × 16 grid so that the latent grid sees objects whole."""
    cell = size // 16
    canvas, horizon = backgrounds.paint(spec.place.name, spec.time, size, rng)
    masks: dict[str, NDArray[np.bool_]] = {}
    if spec.sky:
        height = cell * int(rng.integers(4, 6))
        left = cell * int(rng.integers(0, 16 - height // cell))
        _stamp(canvas, masks, spec.sky, spec.time, height, left, cell * int(rng.integers(0, 2)))
    for i, name in enumerate(spec.mains):
        low, high = (7, 10) if len(spec.mains) == 1 else (6, 8)
        height = cell * int(rng.integers(low, high))
        width = sprite_array(name, height).shape[1]
        bottom = min(size, max(horizon + 2 * cell, height + 2 * cell) + cell * int(rng.integers(0, 4)))
        if len(spec.mains) == 1:
            left = cell * int(rng.integers(1, max(2, (size - width) // cell)))
        else:
            left = i * size // 2 + cell * int(rng.integers(0, max(1, (size // 2 - width) // cell + 1)))
        _stamp(canvas, masks, name, spec.time, height, min(left, size - width), bottom - height, shadow=True)
    return Scene(spec, np.clip(canvas * 255 + 0.5, 0, 255).astype(np.uint8), masks)


def _stamp(
    canvas: NDArray[np.float32],
    masks: dict[str, NDArray[np.bool_]],
    name: str,
    time: str,
    height: int,
    left: int,
    top: int,
    *,
    shadow: bool = False,
) -> None:
    sprite = sprite_array(name, height)
    h, w = sprite.shape[:2]
    top += height - h
    size = canvas.shape[0]
    if shadow:
        yy, xx = np.mgrid[0:size, 0:size].astype(np.float32)
        reach = ((xx - left - w / 2) / (0.55 * w)) ** 2 + ((yy - top - h + 1) / (0.09 * h)) ** 2
        canvas *= (1 - 0.45 * np.clip(1.2 - reach, 0, 1))[..., None]
    rgb = sprite[..., :3] * (1.0 if name in SELF_LIT else np.asarray(TINT[time], np.float32))
    alpha = sprite[..., 3:]
    window = canvas[top : top + h, left : left + w]
    window += alpha * (rgb - window)
    covered = np.zeros((size, size), bool)
    covered[top : top + h, left : left + w] = alpha[..., 0] > 0.5
    for other in masks.values():
        other &= ~covered
    masks[name] = covered
