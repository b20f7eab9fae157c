"""The closed world of the embedded model set: its objects, places, times of day and sentences.

Objects are pictures of Microsoft's Fluent Emoji (3D style, MIT licence), named here by their Unicode code point.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["ground", "water", "table", "sky"]


@dataclass(frozen=True)
class ObjectClass:
    """One thing that a scene can contain: its word(s), where it may stand, and its sprite."""

    name: str
    kind: Kind
    code_point: str
    paintable: bool = False
    """Whether it comes in the colours of COLOURS; otherwise only as it is."""


@dataclass(frozen=True)
class Place:
    """One background: its word(s), its preposition, and the kind of object that may stand in it."""

    name: str
    phrase: str
    holds: Kind


OBJECTS: tuple[ObjectClass, ...] = (
    ObjectClass("fox", "ground", "1f98a"),
    ObjectClass("lion", "ground", "1f981"),
    ObjectClass("elephant", "ground", "1f418"),
    ObjectClass("penguin", "ground", "1f427"),
    ObjectClass("panda", "ground", "1f43c"),
    ObjectClass("turtle", "ground", "1f422"),
    ObjectClass("pig", "ground", "1f416"),
    ObjectClass("frog", "ground", "1f438"),
    ObjectClass("dinosaur", "ground", "1f995", paintable=True),
    ObjectClass("cactus", "ground", "1f335"),
    ObjectClass("pine tree", "ground", "1f332"),
    ObjectClass("sunflower", "ground", "1f33b"),
    ObjectClass("snowman", "ground", "26c4"),
    ObjectClass("house", "ground", "1f3e0", paintable=True),
    ObjectClass("castle", "ground", "1f3f0", paintable=True),
    ObjectClass("car", "ground", "1f697", paintable=True),
    ObjectClass("tractor", "ground", "1f69c", paintable=True),
    ObjectClass("sailboat", "water", "26f5"),
    ObjectClass("whale", "water", "1f433"),
    ObjectClass("ship", "water", "1f6a2"),
    ObjectClass("apple", "table", "1f34e", paintable=True),
    ObjectClass("cake", "table", "1f382", paintable=True),
    ObjectClass("teddy bear", "table", "1f9f8", paintable=True),
    ObjectClass("camera", "table", "1f4f7"),
    ObjectClass("moon", "sky", "1f319"),
    ObjectClass("star", "sky", "2b50"),
    ObjectClass("balloon", "sky", "1f388", paintable=True),
    ObjectClass("rocket", "sky", "1f680", paintable=True),
)

PLACES: tuple[Place, ...] = (
    Place("meadow", "in a meadow", "ground"),
    Place("sandy beach", "on a sandy beach", "ground"),
    Place("snowy hill", "on a snowy hill", "ground"),
    Place("mountains", "in the mountains", "ground"),
    Place("city street", "on a city street", "ground"),
    Place("desert", "in the desert", "ground"),
    Place("sea", "on the sea", "water"),
    Place("wooden table", "on a wooden table", "table"),
)

TIMES: tuple[tuple[str, str], ...] = (("day", "during the day"), ("sunset", "at sunset"), ("night", "at night"))

COLOURS: tuple[str, ...] = ("red", "yellow", "green", "blue", "purple")
SIZES: tuple[str, ...] = ("small", "big")
WEATHERS: tuple[tuple[str, str], ...] = (("fog", "in fog"), ("rain", "in the rain"), ("snow", "in falling snow"))
"""Name and phrase; a scene without one has clear weather. Tables stand indoors and have none."""

STOP_WORDS = frozenset({"a", "an", "the", "in", "on", "at", "and", "with", "during"})
SIDE_WORDS = ("left", "right")


def objects_of(kind: Kind) -> tuple[ObjectClass, ...]:
    """All object classes of one kind."""
    return tuple(o for o in OBJECTS if o.kind == kind)


def words() -> tuple[str, ...]:
    """Every word of the closed vocabulary, sorted."""
    found = {*STOP_WORDS, *SIDE_WORDS, *COLOURS, *SIZES, "sky"}
    phrases = (*(o.name for o in OBJECTS), *(p.phrase for p in PLACES), *(t[1] for t in (*TIMES, *WEATHERS)))
    for phrase in phrases:
        found.update(phrase.split())
    return tuple(sorted(found))


def held_out(obj: str, place: str, time: str) -> bool:
    """Whether the combination is kept out of training (about one in ten), as the test of composition."""
    code = sum(ord(c) * (i + 1) for i, c in enumerate(f"{obj}|{place}|{time}"))
    return code % 10 == 3
