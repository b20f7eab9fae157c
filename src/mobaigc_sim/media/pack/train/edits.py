"""Scenes that can be changed in one thing at a time, and what each change should do to semantic similarity.

An edit of a `Drawing` leaves the rest of the picture where it was.
`meaning` turns a drawing into the vector whose cosines are the similarities that the image tower is taught.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..drawing import Drawing, Item, draw
from ..scenes import PAINTABLE, SceneSpec, sample_spec
from ..vocabulary import COLOURS, OBJECTS, PLACES, TIMES, WEATHERS, held_out, objects_of

THING_SHARE, COLOUR_SHARE, SPOT_SHARE = 0.32, 0.16, 0.08
LAYOUT_SHARE, PLACE_SHARE, TIME_SHARE, WEATHER_SHARE, SKY_SHARE = 0.10, 0.07, 0.14, 0.05, 0.08
"""Shares of the squared length of `meaning`, in all 1: what a scene loses when that part is wrong.

The first three are divided among the main things: what a thing is, its colour, and where that very thing stands from
left to right; layout is where anything stands.
"""
_CENTRES = np.asarray((0.125, 0.375, 0.625, 0.875))
_OBJECT_INDEX = {o.name: i for i, o in enumerate(OBJECTS)}
_PLACE_INDEX = {p.name: i for i, p in enumerate(PLACES)}
_TIME_INDEX = {name: i for i, (name, _) in enumerate(TIMES)}
_WEATHER_INDEX = {None: 0} | {name: i + 1 for i, (name, _) in enumerate(WEATHERS)}
_COLOUR_INDEX = {None: 0} | {name: i + 1 for i, name in enumerate(COLOURS)}


def sample(rng: np.random.Generator, size: int = 128) -> Drawing:
    """A scene that training may see."""
    return draw(sample_spec(rng), rng, size)


def repaint(drawing: Drawing, rng: np.random.Generator) -> Drawing:
    """Background change, mild: the same words, another painting of the same place."""
    return replace(drawing, paint_seed=int(rng.integers(2**31)))


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
    room = drawing.size - item.width
    return replace(drawing, mains=(replace(item, left=room if 2 * item.left < room else 0),))


def other_colour(drawing: Drawing, rng: np.random.Generator) -> Drawing | None:
    """Attribute change: one of the main things in another colour; None where none of them can have one."""
    options = [t for t in drawing.spec.mains if t in PAINTABLE]
    if not options:
        return None
    thing = options[rng.integers(len(options))]
    colour = str(rng.choice([c for c in COLOURS if c != drawing.spec.colour_of(thing)]))
    rest = tuple(pair for pair in drawing.spec.colours if pair[0] != thing)
    return replace(drawing, spec=replace(drawing.spec, colours=(*rest, (thing, colour))))


def other_weather(drawing: Drawing, rng: np.random.Generator) -> Drawing | None:
    """Attribute change: another weather, clear among them; None indoors."""
    if drawing.spec.place.holds == "table":
        return None
    options = [w for w in _WEATHER_INDEX if w != drawing.spec.weather]
    return replace(drawing, spec=replace(drawing.spec, weather=options[rng.integers(len(options))]))


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
    "other weather": other_weather,
    "other position": other_position,
    "other colour": other_colour,
    "other time of day": other_time,
    "object swapped": other_object,
}
"""Edits from mild to severe; recompression is milder than all of them."""


def meaning(
    drawing: Drawing, object_seen: dict[str, float] | None = None, ground_seen: float = 1.0
) -> NDArray[np.float32]:
    """The unit vector whose cosines are the similarities taught.

    `object_seen` and `ground_seen` scale parts by the share of them that is visible (1 where not given).
    """
    seen, spec = object_seen or {}, drawing.spec
    things = np.zeros((len(OBJECTS), 1 + len(_COLOUR_INDEX) + len(_CENTRES)))
    layout = np.zeros(len(_CENTRES))
    for item in drawing.mains:
        where = _nearness(item, drawing.size)
        colour = np.eye(len(_COLOUR_INDEX))[_COLOUR_INDEX[spec.colour_of(item.name)]]
        parts = (np.sqrt(THING_SHARE), np.sqrt(COLOUR_SHARE) * colour, np.sqrt(SPOT_SHARE) * where)
        scale = seen.get(item.name, 1.0) / np.sqrt(len(drawing.mains))
        things[_OBJECT_INDEX[item.name]] += scale * np.hstack(parts)
        layout += seen.get(item.name, 1.0) * where
    layout *= np.sqrt(LAYOUT_SHARE) / max(1e-6, float(np.linalg.norm(layout)))
    places = np.eye(len(PLACES))[_PLACE_INDEX[spec.place.name]] * np.sqrt(PLACE_SHARE) * ground_seen
    times = np.eye(len(TIMES))[_TIME_INDEX[spec.time]] * np.sqrt(TIME_SHARE)
    weathers = np.eye(len(_WEATHER_INDEX))[_WEATHER_INDEX[spec.weather]] * np.sqrt(WEATHER_SHARE)
    skies = np.zeros(len(OBJECTS) + 1)
    skies[_OBJECT_INDEX[spec.sky] if spec.sky else -1] = np.sqrt(SKY_SHARE) * seen.get(spec.sky or "", 1.0)
    vector = np.concatenate((things.ravel(), layout, places, times, weathers, skies))
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def _nearness(item: Item, size: int) -> NDArray[np.float64]:
    """Unit vector over four columns."""
    centre = (item.left + item.width / 2) / size
    near = np.exp(-((centre - _CENTRES) ** 2) / (2 * 0.12**2))
    return np.asarray(near / np.linalg.norm(near))


def _allowed(specs: list[SceneSpec], rng: np.random.Generator) -> SceneSpec | None:
    seen = [s for s in specs if not any(held_out(m, s.place.name, s.time) for m in s.mains)]
    return seen[rng.integers(len(seen))] if seen else None


def _renamed(item: Item, name: str, size: int) -> Item:
    middle = item.left + item.width // 2
    width = Item(name, item.height, 0, 0).width
    return Item(name, item.height, int(np.clip(middle - width // 2, 0, size - width)), item.top)
