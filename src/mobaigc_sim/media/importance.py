"""Word maps of a generated picture → one importance map, and the share of it that the best patches hold.

Shapes: h, w latent grid; P patches. K words, one (h, w) map each.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..errors import MobaigcError, UnknownNameError
from ..registry import FrozenConfig

ROLES = ("object", "attribute", "place", "other")


class ImportanceConfig(FrozenConfig):
    """How much each kind of word counts (`media.importance`)."""

    object: float = Field(1.0, ge=0)
    """Weight of a word that names a thing ("castle")."""
    attribute: float = Field(0.3, ge=0)
    """Weight of a word that says what a thing is like ("red", "big")."""
    place: float = Field(0.15, ge=0)
    """Weight of a word that names the surroundings ("desert", "fog")."""
    other: float = Field(0.0, ge=0)
    """Weight of every other word ("a", "night")."""

    def weight(self, role: str) -> float:
        """Weight of a role; raises UnknownNameError with the nearest role."""
        if role not in ROLES:
            raise UnknownNameError("word role", role, ROLES)
        return float(getattr(self, role))


def importance_map(
    word_maps: Mapping[str, NDArray[np.floating]], roles: Mapping[str, str], config: ImportanceConfig
) -> NDArray[np.float64]:
    """One map (h, w) of mass 1 from K word maps; words without a role are "other".

    Every word's map is brought to mass 1 before it is weighted. Cross-attention is a softmax over words, so frequent
    or early words carry more mass whatever they show: mass 1 makes the weight alone decide how much a word counts.
    Min-max scaling would not do: it stretches the faint ripple of a word that is nowhere in the picture to the full
    range, as hot as an object, whereas a flat map of mass 1 adds the same to every patch and leaves their order alone.
    Where no word has weight and mass, nothing is known and the map is uniform.

    Raises MobaigcError for no maps, maps of unequal shape, or values that are negative or not finite.
    """
    if not word_maps:
        raise MobaigcError("importance needs the map of at least one word; got none")
    shapes = {word: np.shape(m) for word, m in word_maps.items()}
    first = next(iter(shapes.values()))
    total = np.zeros(first)
    for word, values in word_maps.items():
        map_hw = checked_map(values, f"the attention map of '{word}'")
        if map_hw.shape != first:
            raise MobaigcError(f"the attention map of '{word}' is {map_hw.shape}; expected {first} like the others")
        mass = map_hw.sum()
        if mass > 0:
            total += config.weight(roles.get(word, "other")) * (map_hw / mass)
    mass = total.sum()
    return total / mass if mass > 0 else np.full(first, 1.0 / total.size)


def mass_curve(importance: NDArray[np.floating], order_P: NDArray[np.int64]) -> NDArray[np.float64]:
    """Share of the mass inside the first n patches of an order, for n = 0 … P."""
    flat = np.asarray(importance, np.float64).ravel()[order_P]
    total = flat.sum()
    share = np.cumsum(flat) / total if total > 0 else np.arange(1, flat.size + 1) / flat.size
    return np.concatenate([[0.0], np.minimum(share, 1.0)])


def checked_map(values: NDArray[np.floating], what: str) -> NDArray[np.float64]:
    """The map as float64; raises MobaigcError unless it is 2-D, not empty, finite and nowhere negative."""
    map_hw = np.asarray(values, np.float64)
    if map_hw.ndim != 2 or map_hw.size == 0:
        raise MobaigcError(f"{what} has shape {map_hw.shape}; expected (rows, columns)")
    if not np.isfinite(map_hw).all() or (map_hw < 0).any():
        raise MobaigcError(f"{what} holds values that are negative or not finite; expected attention mass, 0 or more")
    return map_hw
