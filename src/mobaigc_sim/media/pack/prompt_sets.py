"""Fixed sets of prompts, each of which asks for one ability.

| set | prompts |
|---|---|
| trained | one thing; (thing, place, time) combinations that training saw |
| held out | one thing; every combination kept out of training, several seeds each |
| two | two things; half of the prompts name their sides |
| sky | one thing, and one in the sky |
| colour | one thing with a colour word |
| two colours | two things, each with its own colour |
| size | one thing, small or big |
| weather | one thing in fog, rain or falling snow |
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ...errors import UnknownNameError
from .scenes import PAINTABLE, SceneSpec, sample_spec
from .vocabulary import PLACES, TIMES, held_out, objects_of

SETS = ("trained", "held out", "two", "sky", "colour", "two colours", "size", "weather")
LEAST_SEEDS = 2
"""Pictures of each held-out combination, at least."""
_STREAM = 0x50524F4D


def prompt_set(name: str, count: int, seed: int = 0) -> list[SceneSpec]:
    """The prompts of a set as scenes: `count`, or for `held out` whole rounds of at least that many.

    The same arguments give the same prompts; no set but `held out` has a combination kept out of training. Raises
    UnknownNameError.
    """
    if name not in SETS:
        raise UnknownNameError("prompt set", name, SETS)
    if name == "held out":
        combinations = held_out_combinations()
        return combinations * max(LEAST_SEEDS, -(-count // len(combinations)))
    shares = {"two_share": 0.0, "sky_share": 0.0, "attribute_share": 0.0, **_SHARES.get(name, {})}
    rng = np.random.default_rng([_STREAM, seed, SETS.index(name)])
    found: list[SceneSpec] = []
    while len(found) < count:
        spec = sample_spec(
            rng,
            two_share=shares["two_share"],
            sky_share=shares["sky_share"],
            attribute_share=shares["attribute_share"],
        )
        if _FITS.get(name, _any)(spec):
            found.append(_only(name, replace(spec, name_time=True)))
    return found


def held_out_combinations() -> list[SceneSpec]:
    """One scene for each (thing, place, time of day) kept out of training."""
    return [
        SceneSpec((thing.name,), place, time)
        for place in PLACES
        for thing in objects_of(place.holds)
        for time, _ in TIMES
        if held_out(thing.name, place.name, time)
    ]


def _only(name: str, spec: SceneSpec) -> SceneSpec:
    """The scene without attributes that the set is not about."""
    return replace(
        spec,
        colours=spec.colours if name in ("colour", "two colours") else (),
        size=spec.size if name == "size" else None,
        weather=spec.weather if name == "weather" else None,
        name_sides=spec.name_sides and name == "two",
    )


def _any(spec: SceneSpec) -> bool:
    return True


def _two_colours(spec: SceneSpec) -> bool:
    return all(m in PAINTABLE for m in spec.mains) and len({c for _, c in spec.colours}) == 2


_SHARES: dict[str, dict[str, float]] = {
    "two": {"two_share": 1},
    "sky": {"sky_share": 1},
    "colour": {"attribute_share": 1},
    "two colours": {"two_share": 1, "attribute_share": 1},
    "size": {"attribute_share": 1},
    "weather": {"attribute_share": 1},
}
_FITS: dict[str, Callable[[SceneSpec], bool]] = {
    "sky": lambda spec: spec.sky is not None,
    "colour": lambda spec: bool(spec.colours),
    "two colours": _two_colours,
    "size": lambda spec: spec.size is not None,
    "weather": lambda spec: spec.weather is not None,
}
