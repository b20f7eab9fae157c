"""What the environments of TR 38.901 have in common: geometry, shadow fading, and the interface of a scenario.

Shapes: N links or positions. Distances, heights, loss of one call broadcast against each other, so a (U, 1) array of
user heights goes with (U, S) distances to sites. Carrier in Hz, results in dB.

Source: TR 38.901 clauses 7.4.1 (distances, Note 1 of Table 7.4.1-1) and 7.4.3.1. The same in V17 and V19.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Metres = float | Array
"""Heights: one for all, or one a user."""

C_MPS = 3.0e8
"""Speed of light as the report rounds it; the breakpoints depend on it."""
MIN_DISTANCE_M = 10.0
"""Shortest horizontal distance the outdoor formulas hold for; nearer users are treated as if they stood there."""
GROUND_M = 1.0
"""Effective environment height of UMi, and of UMa users up to 13 m."""


class Deviation(NamedTuple):
    """Shadow fading of one propagation state."""

    sigma_db: float
    d_cor_m: float


class Geometry(NamedTuple):
    """What the formulas ask for: carrier frequency, antenna heights, and the environment height hE of each link."""

    carrier_hz: float
    bs_height_m: Metres
    ue_height_m: Metres
    environment_height_m: Metres = GROUND_M

    @property
    def fc_ghz(self) -> float:
        """Carrier in GHz, as the tables write it."""
        return self.carrier_hz / 1e9

    @property
    def breakpoint_m(self) -> Metres:
        """d'BP = 4 h'BS h'UT fc/c of UMi and UMa (Note 1); RMa has its own, see `Scenario.breakpoint_m`."""
        bs_m, ue_m = self.bs_height_m - self.environment_height_m, self.ue_height_m - self.environment_height_m
        return 4.0 * bs_m * ue_m * self.carrier_hz / C_MPS

    def distance_3d_m(self, d2d_m_N: Array) -> Array:
        """Distance between the antennas."""
        distance_m_N: Array = np.hypot(d2d_m_N, self.bs_height_m - self.ue_height_m)
        return distance_m_N


class Scenario(ABC):
    """Large-scale propagation of one environment.

    Users indoors: path loss takes d2D = d2D-out + d2D-in (equation 7.4-1), the LOS probability takes d2D-out alone, and
    `o2i` is their shadow fading in place of `los` and `nlos`. Penetration loss comes on top, see `radio.penetration`.
    """

    los: Deviation
    """Shadow fading with line of sight."""
    nlos: Deviation
    """Shadow fading without line of sight."""
    o2i: Deviation | None
    """Shadow fading of users inside a building under an outdoor base station; None where there is no such link."""
    los_state_d_cor_m: float
    """Correlation distance of the LOS state."""
    least_distance_m: float
    """Least horizontal distance of a user from a base station when users are dropped."""
    ue_height_range_m: tuple[float, float]
    """User heights the formulas hold for."""

    @abstractmethod
    def los_probability(self, d2d_out_m_N: Array, ue_height_m: Metres = 1.5) -> Array:
        """Probability of line of sight at a horizontal distance; the part outdoors for users in a building."""

    @abstractmethod
    def los_path_loss_db(self, d2d_m_N: Array, geometry: Geometry) -> Array:
        """Path loss with line of sight."""

    @abstractmethod
    def _obstructed_db(self, d2d_m_N: Array, geometry: Geometry) -> Array:
        """PL' of the NLOS row, before the maximum with the LOS path loss."""

    def breakpoint_m(self, geometry: Geometry) -> Metres:
        """Horizontal distance where the second slope of the LOS path loss begins; infinite with one slope."""
        return np.inf

    def nlos_path_loss_db(self, d2d_m_N: Array, geometry: Geometry) -> Array:
        """Path loss without line of sight, never below the one with it."""
        loss_db_N: Array = np.maximum(self.los_path_loss_db(d2d_m_N, geometry), self._obstructed_db(d2d_m_N, geometry))
        return loss_db_N

    def path_loss_db(self, d2d_m_N: Array, los_N: Mask, geometry: Geometry) -> Array:
        """Path loss of links whose LOS state is known."""
        los_db_N = self.los_path_loss_db(d2d_m_N, geometry)
        return np.where(los_N, los_db_N, np.maximum(los_db_N, self._obstructed_db(d2d_m_N, geometry)))

    def los_sigma_db(self, d2d_m_N: Array, geometry: Geometry) -> Array:
        """Standard deviation of the shadow fading with line of sight; it may change at the breakpoint."""
        return np.full(np.broadcast(d2d_m_N, geometry.ue_height_m).shape, self.los.sigma_db)

    def sigma_db(self, d2d_m_N: Array, los_N: Mask, geometry: Geometry) -> Array:
        """Standard deviation of the shadow fading of users who are not in a building."""
        return np.where(los_N, self.los_sigma_db(d2d_m_N, geometry), self.nlos.sigma_db)

    def environment_height_m(self, d2d_m_N: Array, ue_height_m: Metres, uniform_N: Array) -> Array:
        """Effective environment height hE of links, from a number in [0, 1) for each; it may be random in UMa only."""
        return np.full(np.broadcast(d2d_m_N, ue_height_m, uniform_N).shape, GROUND_M)

    def draw_environment_height_m(self, d2d_m_N: Array, ue_height_m: Metres, rng: np.random.Generator) -> Array:
        """Environment heights hE of links that have nothing in common."""
        shape = np.broadcast(d2d_m_N, ue_height_m).shape
        return self.environment_height_m(d2d_m_N, ue_height_m, rng.random(shape))
