"""Gauss-Markov: a velocity with memory, reflected at the borders of the area.

Source: B. Liang, Z. J. Haas, "Predictive distance-based mobility management for PCS networks", IEEE INFOCOM 1999,
in two dimensions and without a preferred direction. At every update interval

    v[n] = α · v[n−1] + σ · sqrt(1 − α²) · w[n],    w standard normal in each coordinate

so the autocorrelation over k intervals is α^k. The speed has a Rayleigh law; σ = m · sqrt(2/π) makes its mean m.
Between updates the velocity is constant but for specular reflection at both circles. Reflection keeps lengths and
the isotropic law of v, hence uniform positions with that law are the exact steady state, and the start.

    | here   | memory | speed            | update_interval |
    | paper  | α      | mean of |v| → σ  | Δt              |

Shapes: U users, 2 coordinates, N updates drawn ahead.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..registry import PluginConfig
from ..units import NS_PER_S, PositiveNanoseconds
from .base import Area, Kinematics, MobilityModel, mobility
from .speed import Speed, SpeedRange

AHEAD_N = 128
LEAST_INWARD = 1e-3


class GaussMarkovConfig(PluginConfig):
    """Velocity with memory, reflected at the border, in steady state from time zero."""

    kind: Literal["gauss_markov"] = "gauss_markov"
    """Name of the model."""
    speed: Speed = SpeedRange.exactly(30 / 3.6)
    """Mean speed of a user; from a range it is drawn uniformly once for each user."""
    memory: Annotated[float, Field(ge=0, le=1)] = 0.9
    """Correlation α of the velocity over one update interval: 0 forgets, 1 keeps straight on."""
    update_interval: PositiveNanoseconds = NS_PER_S
    """Time between two changes of velocity."""


@mobility.register("gauss_markov")
class GaussMarkov(MobilityModel):
    """Velocity with memory, reflected at the border, in steady state from time zero."""

    Config = GaussMarkovConfig

    def __init__(self, config: GaussMarkovConfig, n_ue: int, area: Area, rng: np.random.Generator) -> None:
        super().__init__(config, n_ue, area, rng)
        self._memory = config.memory
        self._interval_ns = config.update_interval
        mean_mps_U = np.array([config.speed.draw_mps(own) for own in self._rng_U])
        self._sigma_mps_U1 = (mean_mps_U * math.sqrt(2 / math.pi)).reshape(n_ue, 1)
        self._position_m_U2 = np.array([area.uniform(own) for own in self._rng_U]).reshape(n_ue, 2)
        start = np.array([own.standard_normal(2) for own in self._rng_U]).reshape(n_ue, 2)
        self._velocity_mps_U2 = self._sigma_mps_U1 * start
        self._travelled_m_U = np.zeros(n_ue)
        # The state above holds at `_since_s_U` seconds after update number `_update`.
        self._update = 0
        self._since_s_U = np.zeros(n_ue)
        self._noise_UN2 = np.zeros((n_ue, 0, 2))
        self._hit_s_U = self._time_to_border_s_U()

    def _kinematics(self, now_ns: int) -> Kinematics:
        while (self._update + 1) * self._interval_ns <= now_ns:
            self._move(self._interval_ns / NS_PER_S)
            self._change_velocity()
        self._reflect_until((now_ns - self._update * self._interval_ns) / NS_PER_S)
        ahead_s_U = (now_ns - self._update * self._interval_ns) / NS_PER_S - self._since_s_U
        return Kinematics(
            self._position_m_U2 + self._velocity_mps_U2 * ahead_s_U[:, None],
            self._velocity_mps_U2.copy(),
            self._travelled_m_U + self._speed_mps_U() * ahead_s_U,
        )

    def _speed_mps_U(self) -> NDArray[np.float64]:
        speed_mps_U: NDArray[np.float64] = np.hypot(self._velocity_mps_U2[:, 0], self._velocity_mps_U2[:, 1])
        return speed_mps_U

    def _change_velocity(self) -> None:
        n = self._update % AHEAD_N
        if n == 0:
            drawn = [own.standard_normal((AHEAD_N, 2)) for own in self._rng_U]
            self._noise_UN2 = np.array(drawn).reshape(self.n_ue, AHEAD_N, 2)
        spread = math.sqrt(1 - self._memory**2)
        noise_U2 = self._noise_UN2[:, n] * self._sigma_mps_U1
        self._velocity_mps_U2 = self._memory * self._velocity_mps_U2 + spread * noise_U2
        self._update += 1
        self._since_s_U = np.zeros(self.n_ue)
        self._hit_s_U = self._time_to_border_s_U()

    def _move(self, until_s: float) -> None:
        """Carry the state itself to `until_s` after the update; only at events, so that asking leaves no trace."""
        self._reflect_until(until_s)
        ahead_s_U = until_s - self._since_s_U
        self._position_m_U2 = self._position_m_U2 + self._velocity_mps_U2 * ahead_s_U[:, None]
        self._travelled_m_U = self._travelled_m_U + self._speed_mps_U() * ahead_s_U

    def _time_to_border_s_U(self) -> NDArray[np.float64]:
        """Seconds until each user meets a circle: the roots of |p + v t|² = r²; infinite for one that stands."""
        v2_U = (self._velocity_mps_U2**2).sum(axis=1)
        pv_U = (self._position_m_U2 * self._velocity_mps_U2).sum(axis=1)
        p2_U = (self._position_m_U2**2).sum(axis=1)
        to_outer_U = np.sqrt(np.maximum(pv_U**2 - v2_U * (p2_U - self.area.radius_m**2), 0.0)) - pv_U
        under_U = pv_U**2 - v2_U * (p2_U - self.area.min_distance_m**2)
        meets_inner_U = (pv_U < 0) & (under_U > 0) & (self.area.min_distance_m > 0)
        to_inner_U = np.where(meets_inner_U, -pv_U - np.sqrt(np.maximum(under_U, 0.0)), np.inf)
        nearest_U = np.maximum(np.minimum(to_outer_U, to_inner_U), 0.0)
        seconds_U = np.full(self.n_ue, np.inf)
        np.divide(nearest_U, v2_U, out=seconds_U, where=v2_U > 0)
        return seconds_U

    def _reflect_until(self, until_s: float) -> None:
        """Process every reflection up to `until_s` seconds after the update.

        The inward part of the velocity is at least 0.1 % of the speed, or a user that grazes the outer circle would
        bounce without end.
        """
        while (due_U := self._since_s_U + self._hit_s_U <= until_s).any():
            p_U2, v_U2 = self._position_m_U2[due_U], self._velocity_mps_U2[due_U]
            ahead_U, speed_U = self._hit_s_U[due_U], np.hypot(v_U2[:, 0], v_U2[:, 1])
            p_U2 = p_U2 + v_U2 * ahead_U[:, None]
            distance_m_U = np.hypot(p_U2[:, 0], p_U2[:, 1])
            normal_U2 = p_U2 / distance_m_U[:, None]
            outward_mps_U = (v_U2 * normal_U2).sum(axis=1)
            tangent_U2 = np.stack([-normal_U2[:, 1], normal_U2[:, 0]], axis=1)
            along_mps_U = (v_U2 * tangent_U2).sum(axis=1)
            back_mps_U = np.maximum(np.abs(outward_mps_U), LEAST_INWARD * speed_U)
            along_mps_U = np.copysign(np.sqrt(np.maximum(speed_U**2 - back_mps_U**2, 0.0)), along_mps_U)
            at_outer_U = distance_m_U > (self.area.radius_m + self.area.min_distance_m) / 2
            back_mps_U = np.where(at_outer_U, -back_mps_U, back_mps_U)
            border_m_U = np.where(at_outer_U, self.area.radius_m, self.area.min_distance_m)
            self._position_m_U2[due_U] = normal_U2 * border_m_U[:, None]
            self._velocity_mps_U2[due_U] = normal_U2 * back_mps_U[:, None] + tangent_U2 * along_mps_U[:, None]
            self._travelled_m_U[due_U] += speed_U * ahead_U
            self._since_s_U[due_U] += ahead_U
            self._hit_s_U = self._time_to_border_s_U()
