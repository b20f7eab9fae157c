"""Scenes as recipes: where each sprite stands and what seed paints the background, so that one thing can be changed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import backgrounds, weather
from .scenes import Scene, SceneSpec
from .sprites import sprite_array

TINT = {"day": (1.0, 1.0, 1.0), "sunset": (1.0, 0.84, 0.76), "night": (0.55, 0.58, 0.76)}
SELF_LIT = frozenset({"moon", "star"})
CELLS = 16
"""Positions lie on a 16 × 16 grid so that the latent grid sees objects whole."""
HEIGHT_CELLS = {None: (7, 10), "small": (4, 6), "big": (10, 12)}
"""Heights of a single main thing, low and one past high, by its size word."""
PAIR_CELLS, SKY_CELLS, HORIZON_CELLS = (6, 8), (4, 6), (7, 10)


@dataclass(frozen=True)
class Item:
    """One sprite: its height, the left edge of its box and the top of its box, in pixels."""

    name: str
    height: int
    left: int
    top: int

    @property
    def width(self) -> int:
        """Width of its box in pixels."""
        return int(sprite_array(self.name, self.height).shape[1])


@dataclass(frozen=True)
class Drawing:
    """A scene as a recipe: `mains` stand in the order of `spec.mains`; `paint_seed` fixes background and weather."""

    spec: SceneSpec
    horizon_cells: int
    paint_seed: int
    mains: tuple[Item, ...]
    sky: Item | None
    size: int = 128

    def render(self) -> Scene:
        """Paint it."""
        spec, horizon = self.spec, self.horizon_cells * (self.size // CELLS)
        painter = np.random.default_rng(self.paint_seed)
        canvas = backgrounds.paint(spec.place.name, spec.time, self.size, horizon, painter)
        if spec.weather:
            canvas = weather.behind(canvas, spec.weather, spec.time, horizon, painter)
        masks: dict[str, NDArray[np.bool_]] = {}
        if self.sky:
            _stamp(canvas, masks, self.sky, spec, shadow=False)
        for item in self.mains:
            _stamp(canvas, masks, item, spec, shadow=True)
        if spec.weather:
            canvas = weather.in_front(canvas, spec.weather, spec.time, painter)
        return Scene(spec, np.clip(canvas * 255 + 0.5, 0, 255).astype(np.uint8), masks)


def draw(spec: SceneSpec, rng: np.random.Generator, size: int = 128) -> Drawing:
    """Lay a scene out."""
    cell = size // CELLS
    horizon = int(rng.integers(*HORIZON_CELLS))
    sky = None
    if spec.sky:
        height = cell * int(rng.integers(*SKY_CELLS))
        sky = Item(
            spec.sky, height, cell * int(rng.integers(0, CELLS - height // cell)), cell * int(rng.integers(0, 2))
        )
    mains = []
    for i, name in enumerate(spec.mains):
        low, high = HEIGHT_CELLS[spec.size] if len(spec.mains) == 1 else PAIR_CELLS
        height = cell * int(rng.integers(low, high))
        width = Item(name, height, 0, 0).width
        bottom = min(size, max((horizon + 2) * cell, height + 2 * cell) + cell * int(rng.integers(0, 4)))
        if len(spec.mains) == 1:
            left = cell * int(rng.integers(1, max(2, (size - width) // cell)))
        else:
            left = i * size // 2 + cell * int(rng.integers(0, max(1, (size // 2 - width) // cell + 1)))
        mains.append(Item(name, height, max(0, min(left, size - width)), bottom - height))
    return Drawing(spec, horizon, int(rng.integers(2**31)), tuple(mains), sky, size)


def render(spec: SceneSpec, rng: np.random.Generator, size: int = 128) -> Scene:
    """Lay a scene out and paint it."""
    return draw(spec, rng, size).render()


def _stamp(
    canvas: NDArray[np.float32], masks: dict[str, NDArray[np.bool_]], item: Item, spec: SceneSpec, *, shadow: bool
) -> None:
    sprite = sprite_array(item.name, item.height, spec.colour_of(item.name))
    h, w = sprite.shape[:2]
    top, left = item.top + item.height - h, item.left
    size = canvas.shape[0]
    if shadow:
        yy, xx = np.mgrid[0:size, 0:size].astype(np.float32)
        reach = ((xx - left - w / 2) / (0.55 * w)) ** 2 + ((yy - top - h + 1) / (0.09 * h)) ** 2
        canvas *= (1 - 0.45 * np.clip(1.2 - reach, 0, 1))[..., None]
    rgb = sprite[..., :3] * (1.0 if item.name in SELF_LIT else np.asarray(TINT[spec.time], np.float32))
    alpha = sprite[..., 3:]
    window = canvas[top : top + h, left : left + w]
    window += alpha * (rgb - window)
    covered = np.zeros((size, size), bool)
    covered[top : top + h, left : left + w] = alpha[..., 0] > 0.5
    for other in masks.values():
        other &= ~covered
    masks[item.name] = covered
