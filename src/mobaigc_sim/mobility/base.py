"""The contract of every mobility model, and the area in which users move.

Shapes: U users, 2 the coordinates x and y in metres; the base station, or the first site, stands at the origin.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Self, final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, model_validator

from ..errors import MobaigcError
from ..registry import FrozenConfig, Registry
from ..units import Metres

mobility = Registry("mobility")

FOREVER_NS = 2**63 - 1
_ALL = np.ones(0, np.bool_)


class MobilityError(MobaigcError):
    """A mobility model that does not fit the area or the users it is given."""


class AreaConfig(FrozenConfig):
    """The disc around the base station in which users move."""

    radius: Metres = 250.0
    """Greatest horizontal distance to the base station."""
    min_distance: Metres = 10.0
    """Least horizontal distance to the base station (10 m for UMi: TR 38.901, table 7.2-1)."""

    @model_validator(mode="after")
    def _ring_is_open(self) -> Self:
        if self.min_distance >= self.radius:
            raise ValueError(
                f"min_distance must be less than radius, got {self.min_distance:g} m and {self.radius:g} m"
            )
        return self


@dataclass(frozen=True)
class Area:
    """All points whose distance to the origin lies between `min_distance_m` and `radius_m`."""

    radius_m: float
    min_distance_m: float = 0.0

    @classmethod
    def of(cls, config: AreaConfig) -> Area:
        """The area that a configuration describes."""
        return cls(config.radius, config.min_distance)

    def uniform(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """One point (2,) with uniform density over the area (two draws)."""
        inner, outer = self.min_distance_m**2, self.radius_m**2
        distance_m = np.sqrt(inner + (outer - inner) * rng.random())
        angle = 2 * np.pi * rng.random()
        return np.array([distance_m * np.cos(angle), distance_m * np.sin(angle)])

    def contains(self, position_m_U2: NDArray[np.float64], tolerance_m: float = 1e-6) -> NDArray[np.bool_]:
        """Whether each point lies in the area, borders included."""
        distance_m_U = np.hypot(position_m_U2[:, 0], position_m_U2[:, 1])
        inside: NDArray[np.bool_] = (distance_m_U <= self.radius_m + tolerance_m) & (
            distance_m_U >= self.min_distance_m - tolerance_m
        )
        return inside

    def sees(self, start_m_2: NDArray[np.float64], end_m_2: NDArray[np.float64]) -> bool:
        """Whether the straight line between two points of the area stays in it."""
        way = end_m_2 - start_m_2
        length2 = float(way @ way)
        share = 0.0 if length2 == 0 else min(1.0, max(0.0, -float(start_m_2 @ way) / length2))
        nearest = start_m_2 + share * way
        return float(nearest @ nearest) >= self.min_distance_m**2 * (1 - 1e-12)


@dataclass(frozen=True)
class Kinematics:
    """Where all users are at one instant."""

    position_m_U2: NDArray[np.float64]
    velocity_mps_U2: NDArray[np.float64]
    """Right-hand derivative of the position."""
    travelled_m_U: NDArray[np.float64]
    """Length of the path since time zero; spatially correlated shadowing and fading follow it."""
    present_U: NDArray[np.bool_] = field(default_factory=lambda: _ALL)
    """Who is in the scene; all of them when left out. Who is not has speed zero, and the position where they were
    last seen, or will first be seen."""

    def __post_init__(self) -> None:
        if self.present_U is _ALL:
            object.__setattr__(self, "present_U", np.ones(len(self.travelled_m_U), np.bool_))


class MobilityModel(ABC):
    """Moves `n_ue` users from time zero on.

    The trajectory is a function of (config, area, generator) alone: it does not depend on when or how often it is
    asked. Each user draws from a generator of its own, a child of the one handed in, so that the path of user k is
    the same however many users there are.
    """

    def __init__(self, config: BaseModel, n_ue: int, area: Area, rng: np.random.Generator) -> None:
        self.config = config
        self.n_ue = n_ue
        self.area = area
        self._rng_U = rng.spawn(n_ue) if n_ue else []
        self._asked_ns = 0

    @final
    def advance(self, now_ns: int) -> Kinematics:
        """Kinematics at `now_ns`; raises ValueError when the time is before one already asked for."""
        if now_ns < self._asked_ns:
            raise ValueError(f"expected a time of at least {self._asked_ns} ns, got {now_ns} ns")
        self._asked_ns = now_ns
        return self._kinematics(now_ns)

    def presence_ns(self, ue: int) -> tuple[tuple[int, int], ...]:
        """Intervals [start, end) in which a user is in the scene, ascending; known before the first `advance`.

        `Kinematics.present_U` says the same for one instant. Only traces have users that are not always there.
        """
        if not 0 <= ue < self.n_ue:
            raise IndexError(f"expected a user from 0 to {self.n_ue - 1}, got {ue}")
        return ((0, FOREVER_NS),)

    @abstractmethod
    def _kinematics(self, now_ns: int) -> Kinematics:
        """Kinematics at a time that never decreases; the arrays belong to the caller."""
