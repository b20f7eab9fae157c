"""Manhattan: users walk or drive on a grid of streets and turn at crossings.

Source: ETSI TR 101 112 V3.2.0 (UMTS 30.03), annex B, mobility in the outdoor to indoor and pedestrian environment:
square blocks, and at a crossing straight on with probability 0.5, left and right with 0.25 each. Here each user keeps
one speed, and streets are lines without width.

Streets run along x and y at odd multiples of half a block, so that the origin is the middle of a block; they end at
the borders of the area, where users turn round. Where directed streets meet, the probabilities into each of them add
up to one, as those out of each do; turning round keeps this. Hence users uniform over the length of all streets, in
either direction, are the exact steady state, and the start.

Shapes: U users, 2 coordinates, S pieces of street.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from ..registry import PluginConfig
from ..units import NS_PER_S, Metres
from .base import Area, Kinematics, MobilityError, MobilityModel, mobility
from .speed import Speed, SpeedRange

TOLERANCE_M = 1e-6


class ManhattanConfig(PluginConfig):
    """Users on a grid of streets that turn at crossings, in steady state from time zero."""

    kind: Literal["manhattan"] = "manhattan"
    """Name of the model."""
    speed: Speed = SpeedRange.exactly(3 / 3.6)
    """Speed of a user; from a range it is drawn uniformly once for each user."""
    block: Annotated[Metres, Field(gt=0)] = 200.0
    """Distance between neighbouring parallel streets."""
    turn: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Probability to turn at a crossing, left and right alike."""


@mobility.register("manhattan")
class Manhattan(MobilityModel):
    """Users on a grid of streets that turn at crossings, in steady state from time zero."""

    Config = ManhattanConfig

    def __init__(self, config: ManhattanConfig, n_ue: int, area: Area, rng: np.random.Generator) -> None:
        super().__init__(config, n_ue, area, rng)
        self._block_m = config.block
        self._turn = config.turn
        self._speed_mps_U = np.array([config.speed.draw_mps(own) for own in self._rng_U])
        # A user is on the street of number `_street_U` and moves along coordinate `_axis_U` in direction `_sign_U`.
        self._axis_U = np.zeros(n_ue, np.int64)
        self._sign_U = np.ones(n_ue)
        self._street_U = np.zeros(n_ue, np.int64)
        self._from_m_U = np.zeros(n_ue)
        self._to_m_U = np.zeros(n_ue)
        self._since_s_U = np.zeros(n_ue)
        self._until_s_U = np.full(n_ue, np.inf)
        self._travelled_m_U = np.zeros(n_ue)
        self._begin()
        self._lay_out()

    def _begin(self) -> None:
        pieces = [(street, *ends) for street in self._streets() for ends in self._pieces(street)]
        if not pieces:
            raise MobilityError(
                f"users.mobility.block: expected less than twice the {self.area.radius_m:g} m of users.area.radius, or "
                f"no street meets the area; got {self._block_m:g} m"
            )
        start_m_S = np.concatenate([[0.0], np.cumsum([high - low for _, low, high in pieces])])
        for u, own in enumerate(self._rng_U):
            axis, sign, at_m = own.integers(2), own.integers(2) * 2 - 1, own.random() * start_m_S[-1]
            piece = min(int(np.searchsorted(start_m_S, at_m, side="right")) - 1, len(pieces) - 1)
            street, low_m, _ = pieces[piece]
            self._set_out(u, int(axis), int(sign), street, low_m + float(at_m - start_m_S[piece]), 0.0)

    def _offset_m(self, street: int) -> float:
        return (street + 0.5) * self._block_m

    def _streets(self) -> range:
        """Numbers of the streets that meet the area; those along x and along y are alike."""
        last = math.ceil(self.area.radius_m / self._block_m - 0.5)
        return range(-last, last)

    def _pieces(self, street: int) -> list[tuple[float, float]]:
        """Where a street lies in the area: one chord of the disc, or two when the inner disc cuts it."""
        offset_m = self._offset_m(street)
        outer_m = math.sqrt(max(0.0, self.area.radius_m**2 - offset_m**2))
        inner_m = math.sqrt(max(0.0, self.area.min_distance_m**2 - offset_m**2))
        if outer_m <= inner_m:
            return []
        return [(-outer_m, -inner_m), (inner_m, outer_m)] if inner_m > 0 else [(-outer_m, outer_m)]

    def _set_out(self, u: int, axis: int, sign: int, street: int, here_m: float, now_s: float) -> None:
        """Send user u from a place of a street to the next crossing or to the end of the street."""
        ends = [end for piece in self._pieces(street) for end in piece]
        ahead_m = min((end for end in ends if (end - here_m) * sign > TOLERANCE_M), key=lambda end: end * sign)
        step = here_m * sign / self._block_m - 0.5
        crossing = math.floor(step + TOLERANCE_M / self._block_m) + 1
        crossing_m = self._offset_m(crossing) * sign
        if (ahead_m - crossing_m) * sign > TOLERANCE_M:
            ahead_m = crossing_m
        self._axis_U[u], self._sign_U[u], self._street_U[u] = axis, sign, street
        self._from_m_U[u], self._to_m_U[u], self._since_s_U[u] = here_m, ahead_m, now_s
        if self._speed_mps_U[u] > 0:
            self._until_s_U[u] = now_s + abs(ahead_m - here_m) / self._speed_mps_U[u]

    def _arrive(self, u: int) -> None:
        """User u has come to a crossing, and draws where to go, or to the end of the street, and turns round."""
        axis, sign, street = int(self._axis_U[u]), int(self._sign_U[u]), int(self._street_U[u])
        here_m, now_s = float(self._to_m_U[u]), float(self._until_s_U[u])
        self._travelled_m_U[u] += abs(here_m - self._from_m_U[u])
        other = round(here_m / self._block_m - 0.5)
        if here_m != self._offset_m(other):
            self._set_out(u, axis, -sign, street, here_m, now_s)
            return
        draw = self._rng_U[u].random()
        if draw >= self._turn:
            self._set_out(u, axis, sign, street, here_m, now_s)
            return
        # Left of +x is +y, left of +y is −x.
        left = sign if axis == 0 else -sign
        self._set_out(u, 1 - axis, left if draw < self._turn / 2 else -left, other, self._offset_m(street), now_s)

    def _lay_out(self) -> None:
        """Start and velocity of the ways under way, in coordinates."""
        along_x_U = self._axis_U == 0
        across_m_U = (self._street_U + 0.5) * self._block_m
        speed_mps_U = self._sign_U * self._speed_mps_U
        self._start_m_U2 = np.stack(
            [np.where(along_x_U, self._from_m_U, across_m_U), np.where(along_x_U, across_m_U, self._from_m_U)], axis=1
        )
        self._velocity_mps_U2 = np.stack(
            [np.where(along_x_U, speed_mps_U, 0.0), np.where(along_x_U, 0.0, speed_mps_U)], axis=1
        )

    def _kinematics(self, now_ns: int) -> Kinematics:
        now_s = now_ns / NS_PER_S
        due_U = self._until_s_U <= now_s
        if due_U.any():
            for u in np.flatnonzero(due_U):
                while self._until_s_U[u] <= now_s:
                    self._arrive(int(u))
            self._lay_out()
        ahead_s_U = now_s - self._since_s_U
        return Kinematics(
            self._start_m_U2 + self._velocity_mps_U2 * ahead_s_U[:, None],
            self._velocity_mps_U2.copy(),
            self._travelled_m_U + self._speed_mps_U * ahead_s_U,
        )
