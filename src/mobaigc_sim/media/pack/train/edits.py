"""Scenes that can be changed in one thing at a time, and what each change should do to semantic similarity.

A `Drawing` fixes layout and background apart, so that an edit leaves the rest of the picture where it was.
`meaning` turns a drawing into the vector whose cosines are the similarities that the image tower is taught.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .. import backgrounds
from ..scenes import Scene, SceneSpec, _stamp, sample_spec
from ..sprites import sprite_array
from ..vocabulary import OBJECTS, PLACES, TIMES, held_out, objects_of

OBJECT_SHARE, PLACE_SHARE, TIME_SHARE, SKY_SHARE = 0.58, 0.10, 0.22, 0.10
"""Shares of the squared length of `meaning`: what a scene loses when that part is wrong."""
POSITION_SHARE = 0.6
"""Part of an object's share that depends on where it stands from left to right."""
_CENTRES = np.asarray((0.125, 0.375, 0.625, 0.875))
_OBJECT_INDEX = {o.name: i for i, o in enumerate(OBJECTS)}
_PLACE_INDEX = {p.name: i for i, p in enumerate(PLACES)}
_TIME_INDEX = {name: i for i, (name, _) in enumerate(TIMES)}


@dataclass(frozen=True)
class Item:
    """One sprite: its height, the left edge of its box and the top of its box, in pixels."""

    name: str
    height: int
    left: int
    top: int


@dataclass(frozen=True)
class Drawing:
    """A scene as a recipe: `mains` stand in the order of `spec.mains`; `paint_seed` fixes the background."""

    spec: SceneSpec
    horizon_cells: int
    paint_seed: int
    mains: tuple[Item, ...]
    sky: Item | None
    size: int = 128

    def render(self) -> Scene:
        """Paint it."""
        painter = np.random.default_rng(self.paint_seed)
        canvas, _ = backgrounds.paint(self.spec.place.name, self.spec.time, self.size, painter)
        masks: dict[str, NDArray[np.bool_]] = {}
        if self.sky:
            _stamp(canvas, masks, self.sky.name, self.spec.time, self.sky.height, self.sky.left, self.sky.top)
        for item in self.mains:
            _stamp(canvas, masks, item.name, self.spec.time, item.height, item.left, item.top, shadow=True)
        return Scene(self.spec, np.clip(canvas * 255 + 0.5, 0, 255).astype(np.uint8), masks)


def draw(spec: SceneSpec, rng: np.random.Generator, size: int = 128) -> Drawing:
    """Lay a scene out by the rules of `scenes.render`."""
    cell = size // 16
    horizon = int(rng.integers(7, 10))
    sky = None
    if spec.sky:
        height = cell * int(rng.integers(4, 6))
        sky = Item(spec.sky, height, cell * int(rng.integers(0, 16 - height // cell)), cell * int(rng.integers(0, 2)))
    mains = []
    for i, name in enumerate(spec.mains):
        low, high = (7, 10) if len(spec.mains) == 1 else (6, 8)
        height = cell * int(rng.integers(low, high))
        width = _width(name, height)
        bottom = min(size, max((horizon + 2) * cell, height + 2 * cell) + cell * int(rng.integers(0, 4)))
        if len(spec.mains) == 1:
            left = cell * int(rng.integers(1, max(2, (size - width) // cell)))
        else:
            left = i * size // 2 + cell * int(rng.integers(0, max(1, (size // 2 - width) // cell + 1)))
        mains.append(Item(name, height, min(left, size - width), bottom - height))
    return Drawing(spec, horizon, _paint_seed(horizon, rng), tuple(mains), sky, size)


def sample(rng: np.random.Generator, size: int = 128) -> Drawing:
    """A scene that training may see."""
    return draw(sample_spec(rng, two_share=0.3), rng, size)


def repaint(drawing: Drawing, rng: np.random.Generator) -> Drawing:
    """Background change, mild: the same words, another painting of the same place."""
    return replace(drawing, paint_seed=_paint_seed(drawing.horizon_cells, rng))


def other_place(drawing: Drawing, rng: np.random.Generator) -> Drawing | None:
    """Background change: another place around the same things; None where no other place holds them."""
    here = drawing.spec.place
    options = [p for p in PLACES if p.holds == here.holds and p is not here]
    specs = [replace(drawing.spec, place=p) for p in options]
    spec = _allowed(specs, rng)
    return replace(repaint(drawing, rng), spec=spec) if spec else None


def other_time(drawing: Drawing, rng: np.random.Generator) -> Drawing | None:
    """Attribute change: another time of day, which tints everything; the paint strokes stay."""
    specs = [replace(drawing.spec, time=t, name_time=True) for t, _ in TIMES if t != drawing.spec.time]
    spec = _allowed(specs, rng)
    return replace(drawing, spec=spec) if spec else None


def other_position(drawing: Drawing, rng: np.random.Generator) -> Drawing:
    """Position change: two things swap sides, one thing goes to the other side of the picture."""
    if len(drawing.mains) == 2:
        first, second = drawing.mains
        mains = (_renamed(first, second.name, drawing.size), _renamed(second, first.name, drawing.size))
        return replace(drawing, mains=mains, spec=replace(drawing.spec, mains=(second.name, first.name)))
    item = drawing.mains[0]
    cell, room = drawing.size // 16, drawing.size - _width(item.name, item.height)
    left = room - cell if 2 * item.left < room else cell
    return replace(drawing, mains=(replace(item, left=max(0, left)),))


def other_object(drawing: Drawing, rng: np.random.Generator) -> Drawing | None:
    """Object swap: another thing of the same kind in the place of one of the things."""
    which = int(rng.integers(len(drawing.mains)))
    specs = []
    for option in objects_of(drawing.spec.place.holds):
        if option.name not in drawing.spec.mains:
            mains = list(drawing.spec.mains)
            mains[which] = option.name
            specs.append(replace(drawing.spec, mains=tuple(mains)))
    spec = _allowed(specs, rng)
    if spec is None:
        return None
    mains_new = list(drawing.mains)
    mains_new[which] = _renamed(mains_new[which], spec.mains[which], drawing.size)
    return replace(drawing, spec=spec, mains=tuple(mains_new))


EDITS: dict[str, Callable[[Drawing, np.random.Generator], Drawing | None]] = {
    "background repainted": repaint,
    "other place": other_place,
    "other time of day": other_time,
    "other position": other_position,
    "object swapped": other_object,
}
"""Edits from mild to severe; recompression is milder than all of them."""


def meaning(
    drawing: Drawing, object_seen: dict[str, float] | None = None, ground_seen: float = 1.0
) -> NDArray[np.float32]:
    """The unit vector whose cosines are the similarities taught.

    `object_seen` and `ground_seen` scale parts by the share of them that is visible (1 where not given).
    """
    seen = object_seen or {}
    things = np.zeros((len(OBJECTS), 1 + len(_CENTRES)))
    for item in drawing.mains:
        where = _nearness(item, drawing.size)
        share = OBJECT_SHARE / len(drawing.mains)
        scale = np.sqrt(share) * seen.get(item.name, 1.0)
        parts = (np.sqrt(1 - POSITION_SHARE), np.sqrt(POSITION_SHARE) * where / np.linalg.norm(where))
        things[_OBJECT_INDEX[item.name]] += scale * np.hstack(parts)
    places, times = np.zeros(len(PLACES)), np.zeros(len(TIMES))
    places[_PLACE_INDEX[drawing.spec.place.name]] = np.sqrt(PLACE_SHARE) * ground_seen
    times[_TIME_INDEX[drawing.spec.time]] = np.sqrt(TIME_SHARE)
    skies = np.zeros(len(OBJECTS) + 1)
    sky = drawing.spec.sky
    skies[_OBJECT_INDEX[sky] if sky else -1] = np.sqrt(SKY_SHARE) * (seen.get(sky, 1.0) if sky else 1.0)
    vector = np.concatenate((things.ravel(), places, times, skies))
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def _nearness(item: Item, size: int) -> NDArray[np.float64]:
    centre = (item.left + _width(item.name, item.height) / 2) / size
    return np.asarray(np.exp(-((centre - _CENTRES) ** 2) / (2 * 0.15**2)))


def _allowed(specs: list[SceneSpec], rng: np.random.Generator) -> SceneSpec | None:
    seen = [s for s in specs if not any(held_out(m, s.place.name, s.time) for m in s.mains)]
    return seen[rng.integers(len(seen))] if seen else None


def _width(name: str, height: int) -> int:
    return int(sprite_array(name, height).shape[1])


def _renamed(item: Item, name: str, size: int) -> Item:
    middle = item.left + _width(item.name, item.height) // 2
    width = _width(name, item.height)
    return Item(name, item.height, int(np.clip(middle - width // 2, 0, size - width)), item.top)


def _paint_seed(horizon_cells: int, rng: np.random.Generator) -> int:
    """A seed whose painting has that horizon, which `backgrounds.paint` draws first."""
    while True:
        seed = int(rng.integers(2**31))
        if int(np.random.default_rng(seed).integers(7, 10)) == horizon_cells:
            return seed
