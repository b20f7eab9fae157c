"""Random waypoint: walk straight to a random point, rest, choose the next.

Source: W. Navidi, T. Camp, "Stationary distributions for the random waypoint mobility model", IEEE Trans. Mobile
Computing 3(1), 2004. A walk that starts at a waypoint needs hundreds of seconds to reach its steady state; this one
starts in it. Over time (not over legs) the law of the leg under way is its law at waypoints, weighted by duration:

    speed      density of v proportional to 1/v on [min, max]: v = min · (max/min)^U, mean (max − min) / ln(max/min)
    end points density proportional to their distance, the user uniform in between
    at rest    with probability pause / (pause + E[length] · E[1/v]); E[1/v] = ln(max/min) / (max − min)

A leg may not cross the inner disc: the next waypoint is uniform over the part of the area that is in sight. That
chain is reversible (the flow from x to y is 1 where they see each other), so in its steady state the two ends of a
leg are uniform over all pairs in sight, which is what the start below draws by rejection.

Shapes: U users, 2 coordinates.
"""

from __future__ import annotations

import math
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from ..registry import PluginConfig
from ..units import NS_PER_S, Nanoseconds
from .base import Area, Kinematics, MobilityModel, mobility
from .speed import Speed, SpeedRange

Point = NDArray[np.float64]


class RandomWaypointConfig(PluginConfig):
    """Straight legs between random points, in steady state from time zero."""

    kind: Literal["random_waypoint"] = "random_waypoint"
    """Name of the model."""
    speed: Speed = SpeedRange.exactly(30 / 3.6)
    """Speed of a leg; from a range it is drawn uniformly anew for each leg."""
    pause: Nanoseconds = 0
    """Rest at each waypoint."""

    @model_validator(mode="after")
    def _speed_has_a_steady_state(self) -> Self:
        if self.speed.min <= 0:
            raise ValueError("speed must be greater than zero: with slower and slower legs there is no steady state")
        return self


@mobility.register("random_waypoint")
class RandomWaypoint(MobilityModel):
    """Straight legs between random points, in steady state from time zero."""

    Config = RandomWaypointConfig

    def __init__(self, config: RandomWaypointConfig, n_ue: int, area: Area, rng: np.random.Generator) -> None:
        super().__init__(config, n_ue, area, rng)
        self._speed = config.speed
        self._pause_s = config.pause / NS_PER_S
        self._from_m_U2 = np.zeros((n_ue, 2))
        self._to_m_U2 = np.zeros((n_ue, 2))
        self._velocity_mps_U2 = np.zeros((n_ue, 2))
        self._speed_mps_U = np.zeros(n_ue)
        self._start_s_U = np.zeros(n_ue)
        self._arrive_s_U = np.zeros(n_ue)
        self._leave_s_U = np.zeros(n_ue)
        self._travelled_m_U = np.zeros(n_ue)
        for u in range(n_ue):
            self._begin(u)

    def _begin(self, u: int) -> None:
        """Put user u into the steady state: moving with mass E[length] · E[1/v], resting with mass `pause`."""
        rng, low, high = self._rng_U[u], self._speed.min, self._speed.max
        slowness = math.log(high / low) / (high - low) if high > low else 1 / low
        longest_m = 2 * self.area.radius_m
        moving_share = longest_m * slowness / (longest_m * slowness + self._pause_s)
        while True:
            start, end = self._pair_in_sight(rng)
            if rng.random() >= moving_share:
                self._set_leg(u, start, start, low, 0.0)
                self._leave_s_U[u] = self._pause_s * rng.random()
                return
            if rng.random() * longest_m < math.dist(start, end):
                here = start + rng.random() * (end - start)
                self._set_leg(u, here, end, low * (high / low) ** rng.random(), 0.0)
                return

    def _pair_in_sight(self, rng: np.random.Generator) -> tuple[Point, Point]:
        while True:
            start, end = self.area.uniform(rng), self.area.uniform(rng)
            if self.area.sees(start, end):
                return start, end

    def _set_leg(self, u: int, start: Point, end: Point, speed_mps: float, now_s: float) -> None:
        length_m = math.dist(start, end)
        self._from_m_U2[u], self._to_m_U2[u] = start, end
        self._velocity_mps_U2[u] = (end - start) * (speed_mps / length_m) if length_m > 0 else 0.0
        self._speed_mps_U[u] = speed_mps if length_m > 0 else 0.0
        self._start_s_U[u] = now_s
        self._arrive_s_U[u] = now_s + length_m / speed_mps
        self._leave_s_U[u] = self._arrive_s_U[u] + self._pause_s

    def _next_leg(self, u: int) -> None:
        rng = self._rng_U[u]
        here = self._to_m_U2[u].copy()
        self._travelled_m_U[u] += math.dist(self._from_m_U2[u], here)
        end = self.area.uniform(rng)
        while not self.area.sees(here, end):
            end = self.area.uniform(rng)
        self._set_leg(u, here, end, self._speed.draw_mps(rng), float(self._leave_s_U[u]))

    def _kinematics(self, now_ns: int) -> Kinematics:
        now_s = now_ns / NS_PER_S
        for u in np.flatnonzero(self._leave_s_U <= now_s):
            while self._leave_s_U[u] <= now_s:
                self._next_leg(int(u))
        moving_U = now_s < self._arrive_s_U
        since_s_U = now_s - self._start_s_U
        on_the_way_U2 = self._from_m_U2 + self._velocity_mps_U2 * since_s_U[:, None]
        leg_m_U = self._speed_mps_U * np.minimum(since_s_U, self._arrive_s_U - self._start_s_U)
        return Kinematics(
            np.where(moving_U[:, None], on_the_way_U2, self._to_m_U2),
            np.where(moving_U[:, None], self._velocity_mps_U2, 0.0),
            self._travelled_m_U + leg_m_U,
        )
