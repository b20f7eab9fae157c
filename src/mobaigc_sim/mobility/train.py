"""Train: all users sit in one train that passes the origin at constant speed.

Source of the defaults: 3GPP TS 36.141 (Release 17), annex B.3, table B.3-1, scenario 1 (open space): 350 km/h, 50 m
between track and base station.

The line runs along x from −line/2 to line/2. At time zero the middle of the train is at its beginning. When the middle
comes to the end, the train leaves and the next one enters with as many users in the same seats: the positions jump, the
length of the path goes on.

Shapes: U users, 2 coordinates.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from ..registry import PluginConfig
from ..units import NS_PER_S, Metres, MetresPerSecond
from .base import Area, Kinematics, MobilityModel, mobility
from .highway import around, check_distance


class TrainConfig(PluginConfig):
    """Users in one train that passes at constant speed, again and again."""

    kind: Literal["train"] = "train"
    """Name of the model."""
    speed: MetresPerSecond = 350 / 3.6
    """Speed of the train."""
    line: Annotated[Metres, Field(gt=0)] = 2000.0
    """Length of the line, half of it on each side of the origin; it may be longer than the area."""
    distance: Metres = 50.0
    """Distance between the origin and the middle of the track, along y."""
    length: Metres = 200.0
    """Length of the train, over which users are spread uniformly."""
    width: Metres = 3.0
    """Width of the train, over which users are spread uniformly."""


@mobility.register("train")
class Train(MobilityModel):
    """Users in one train that passes at constant speed, again and again."""

    Config = TrainConfig

    def __init__(self, config: TrainConfig, n_ue: int, area: Area, rng: np.random.Generator) -> None:
        super().__init__(config, n_ue, area, rng)
        check_distance(area, max(0.0, config.distance - config.width / 2), "seat")
        self._line_m = config.line
        self._speed_mps = config.speed
        seat_U2 = np.array([own.random(2) for own in self._rng_U]).reshape(n_ue, 2) - 0.5
        self._seat_m_U2 = seat_U2 * [config.length, config.width] + [0.0, config.distance]

    def _kinematics(self, now_ns: int) -> Kinematics:
        way_m_U = np.full(self.n_ue, self._speed_mps * (now_ns / NS_PER_S))
        position_m_U2 = self._seat_m_U2.copy()
        position_m_U2[:, 0] += around(way_m_U, self._line_m)
        return Kinematics(position_m_U2, np.tile([self._speed_mps, 0.0], (self.n_ue, 1)), way_m_U)
