"""Highway: a straight road of several lanes in both directions, one constant speed for each user.

Source of the defaults: 3GPP TR 36.885 V14.0.0, annex A, freeway case: three lanes in each direction, 4 m wide, a road
of 2 km or more, 140 km/h, the base station 35 m beside the road. Users are spread uniformly over road and lanes, so the
number of them in a stretch is binomial, and the flow past a point is the sum of their speeds divided by the length of
the road. This law is the steady state, and the start.

The road runs along x from −length/2 to length/2 and may leave the area. A user that comes to its end leaves and another
one, of the same speed, enters at the other end of the lane in the same instant: the position jumps, the length of the
path goes on.

Shapes: U users, 2 coordinates.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..registry import PluginConfig
from ..units import NS_PER_S, Metres
from .base import Area, Kinematics, MobilityError, MobilityModel, mobility
from .speed import Speed, SpeedRange


class HighwayConfig(PluginConfig):
    """A straight road along x with lanes in both directions; users keep their lanes and speeds."""

    kind: Literal["highway"] = "highway"
    """Name of the model."""
    speed: Speed = SpeedRange.exactly(140 / 3.6)
    """Speed of a user; from a range it is drawn uniformly once for each user."""
    length: Annotated[Metres, Field(gt=0)] = 2000.0
    """Length of the road, half of it on each side of the origin; it may be longer than the area."""
    distance: Metres = 47.0
    """Distance between the origin and the middle of the road, along y."""
    lanes: Annotated[int, Field(ge=1)] = 3
    """Lanes in each direction; users drive on the right."""
    lane_width: Metres = 4.0
    """Distance between the middles of neighbouring lanes."""


@mobility.register("highway")
class Highway(MobilityModel):
    """A straight road along x with lanes in both directions; users keep their lanes and speeds."""

    Config = HighwayConfig

    def __init__(self, config: HighwayConfig, n_ue: int, area: Area, rng: np.random.Generator) -> None:
        super().__init__(config, n_ue, area, rng)
        lanes_m = config.distance + (np.arange(2 * config.lanes) + 0.5 - config.lanes) * config.lane_width
        check_distance(area, float(np.abs(lanes_m).min()), "lane")
        self._length_m = config.length
        speed_mps_U = np.array([config.speed.draw_mps(own) for own in self._rng_U])
        lane_U = np.array([own.integers(2 * config.lanes) for own in self._rng_U], np.int64)
        forward_U = lane_U < config.lanes
        self._start_m_U = np.array([own.random() * config.length for own in self._rng_U]).reshape(n_ue)
        self._y_m_U = lanes_m[lane_U]
        self._speed_mps_U = speed_mps_U.reshape(n_ue)
        self._velocity_mps_U2 = np.zeros((n_ue, 2))
        self._velocity_mps_U2[:, 0] = np.where(forward_U, self._speed_mps_U, -self._speed_mps_U)

    def _kinematics(self, now_ns: int) -> Kinematics:
        now_s = now_ns / NS_PER_S
        x_m_U = around(self._start_m_U + self._velocity_mps_U2[:, 0] * now_s, self._length_m)
        return Kinematics(
            np.stack([x_m_U, self._y_m_U], axis=1), self._velocity_mps_U2.copy(), self._speed_mps_U * now_s
        )


def around(way_m: NDArray[np.float64], length_m: float) -> NDArray[np.float64]:
    """Place on a line from −length/2 to length/2 after a way from its beginning; past the end it begins again."""
    place_m: NDArray[np.float64] = np.mod(way_m, length_m) - length_m / 2
    return place_m


def check_distance(area: Area, nearest_m: float, what: str) -> None:
    """Raise MobilityError when users on a line along x come nearer to the origin than the area allows."""
    if nearest_m < area.min_distance_m:
        raise MobilityError(
            f"users.mobility.distance: the nearest {what} is {nearest_m:g} m from the origin; expected at least the "
            f"{area.min_distance_m:g} m of users.area.min_distance"
        )
