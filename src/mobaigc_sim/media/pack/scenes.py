"""What a scene shows, in words, and the draw of scenes that training may see; `drawing` paints them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .vocabulary import COLOURS, OBJECTS, PLACES, SIZES, TIMES, WEATHERS, Place, held_out, objects_of

NOBODY, BACKGROUND = -1, 0
PAINTABLE = frozenset(o.name for o in OBJECTS if o.paintable)


@dataclass(frozen=True)
class SceneSpec:
    """What a scene shows; `caption` says it in words."""

    mains: tuple[str, ...]
    place: Place
    time: str
    sky: str | None = None
    weather: str | None = None
    colours: tuple[tuple[str, str], ...] = ()
    """(thing, colour) of every thing that has one."""
    size: str | None = None
    """Of a single main thing."""
    name_time: bool = True
    name_sides: bool = False

    @property
    def things(self) -> tuple[str, ...]:
        """Main things, then what is in the sky."""
        return (*self.mains, *((self.sky,) if self.sky else ()))

    def colour_of(self, thing: str) -> str | None:
        """The colour that a thing is painted in."""
        return dict(self.colours).get(thing)

    @property
    def owned_words(self) -> list[tuple[str, int]]:
        """The words of the caption and whom each describes: NOBODY, BACKGROUND, or 1 + the index in `things`."""
        parts: list[tuple[str, int]] = []
        for i, thing in enumerate(self.mains):
            parts += [("and", NOBODY)] if i else []
            parts += self._noun_phrase(thing, i + 1)
            if self.name_sides:
                parts += [(w, NOBODY) for w in ("on", "the", ("left", "right")[i])]
        phrases = [(self.place.phrase, self.place.name)]
        if self.name_time:
            phrases.append((dict(TIMES)[self.time], self.time))
        if self.weather:
            phrases.append((dict(WEATHERS)[self.weather], self.weather))
        for phrase, name in phrases:
            parts += [(w, BACKGROUND if w in name.split() else NOBODY) for w in phrase.split()]
        if self.sky:
            parts += [("with", NOBODY), *self._noun_phrase(self.sky, len(self.things))]
            parts += [(w, NOBODY) for w in ("in", "the", "sky")]
        return parts

    @property
    def caption(self) -> str:
        """The scene in words."""
        return " ".join(word for word, _ in self.owned_words)

    def _noun_phrase(self, thing: str, owner: int) -> list[tuple[str, int]]:
        colour = self.colour_of(thing)
        size = self.size if thing in self.mains else None
        words = [*((size,) if size else ()), *((colour,) if colour else ()), *thing.split()]
        return [(article(words[0]), NOBODY), *((w, owner) for w in words)]


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


def sample_spec(
    rng: np.random.Generator,
    *,
    two_share: float = 0.3,
    sky_share: float = 0.3,
    attribute_share: float = 0.4,
    allow_held_out: bool = False,
) -> SceneSpec:
    """Draw a scene that training may see: combinations of `held_out` never come, unless allowed (judges need them).

    `attribute_share` is the chance of a colour for a thing that can have one; half of it that of a size for a thing
    that is alone, and of a weather outdoors.
    """
    while True:
        kind = rng.choice(["ground", "water", "table"], p=[0.7, 0.13, 0.17])
        places = [p for p in PLACES if p.holds == kind]
        place = places[rng.integers(len(places))]
        time = TIMES[rng.integers(len(TIMES))][0]
        names = [o.name for o in objects_of(kind)]
        count = 2 if rng.random() < two_share else 1
        mains = tuple(str(n) for n in rng.choice(names, count, replace=False))
        if allow_held_out or not any(held_out(m, place.name, time) for m in mains):
            break
    outdoors = place.holds != "table"
    skies = [o.name for o in objects_of("sky")]
    sky = skies[rng.integers(len(skies))] if outdoors and rng.random() < sky_share else None
    weather = WEATHERS[rng.integers(len(WEATHERS))][0] if outdoors and rng.random() < attribute_share / 2 else None
    painted = [t for t in (*mains, sky) if t in PAINTABLE and rng.random() < attribute_share]
    colours = tuple((t, COLOURS[rng.integers(len(COLOURS))]) for t in painted if t)
    size = SIZES[rng.integers(len(SIZES))] if count == 1 and rng.random() < attribute_share / 2 else None
    named = bool(rng.random() < 0.9) or time != "day"
    sides = count == 2 and bool(rng.random() < 0.5) and sky is None
    return SceneSpec(mains, place, time, sky, weather, colours, size, name_time=named, name_sides=sides)
