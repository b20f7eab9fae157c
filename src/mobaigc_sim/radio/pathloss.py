"""Path loss and line-of-sight probability of the urban scenarios, one class a scenario, `SCENARIOS` by name.

Shapes: N positions. Distances in m, carrier in Hz, results in dB.

Source: TR 38.901 V17 Table 7.4.1-1 (path loss, its standard deviations, Note 1 for the breakpoint),
Table 7.4.2-1 (LOS probability), Table 7.5-6 (decorrelation distances), Table 7.6.3.1-2 (LOS state).
V19 has the same values for UMi and UMa, and for users outdoors up to 13 m high, the only ones modelled here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MIN_DISTANCE_M = 10.0
"""Shortest horizontal distance the formulas hold for; nearer users are treated as if they stood there."""
MIN_UE_HEIGHT_M, MAX_UE_HEIGHT_M = 1.5, 13.0
"""Users higher up need a random environment height and a height term in the LOS probability."""
_EFFECTIVE_ENVIRONMENT_M = 1.0
_C_MPS = 3.0e8


class Deviation(NamedTuple):
    """Shadow fading of one propagation state."""

    sigma_db: float
    d_cor_m: float


class Geometry(NamedTuple):
    """What the formulas ask for: carrier frequency and antenna heights."""

    carrier_hz: float
    bs_height_m: float
    ue_height_m: float

    @property
    def fc_ghz(self) -> float:
        """Carrier in GHz, as the tables write it."""
        return self.carrier_hz / 1e9

    @property
    def breakpoint_m(self) -> float:
        """d'BP = 4 h'BS h'UT fc/c with 1 m of effective environment and c = 3·10⁸ m/s (Note 1)."""
        heights = (self.bs_height_m - _EFFECTIVE_ENVIRONMENT_M) * (self.ue_height_m - _EFFECTIVE_ENVIRONMENT_M)
        return 4.0 * heights * self.carrier_hz / _C_MPS

    def distance_3d_m(self, d2d_m_N: Array) -> Array:
        """Distance between the antennas."""
        return np.hypot(d2d_m_N, self.bs_height_m - self.ue_height_m)


class Scenario(ABC):
    """Large-scale propagation of one environment."""

    los: Deviation
    nlos: Deviation
    los_state_d_cor_m: float

    @abstractmethod
    def los_probability(self, d2d_m_N: Array) -> Array:
        """Probability of line of sight at a horizontal distance."""

    @abstractmethod
    def los_path_loss_db(self, d2d_m_N: Array, geometry: Geometry) -> Array:
        """Path loss with line of sight."""

    @abstractmethod
    def nlos_path_loss_db(self, d2d_m_N: Array, geometry: Geometry) -> Array:
        """Path loss without line of sight, never below the one with it."""


def _dual_slope_db(d2d_m_N: Array, geometry: Geometry, constant: float, slope: float, correction: float) -> Array:
    """PL1 up to the breakpoint distance, PL2 beyond it."""
    lg_d3d_N = np.log10(geometry.distance_3d_m(d2d_m_N))
    breakpoint_m = geometry.breakpoint_m
    frequency_db = constant + 20.0 * np.log10(geometry.fc_ghz)
    height_m = geometry.bs_height_m - geometry.ue_height_m
    beyond_db = 40.0 * lg_d3d_N - correction * np.log10(breakpoint_m**2 + height_m**2)
    loss_db_N: Array = frequency_db + np.where(d2d_m_N <= breakpoint_m, slope * lg_d3d_N, beyond_db)
    return loss_db_N


def _los_probability(d2d_m_N: Array, decay_m: float) -> Array:
    d_m_N = np.maximum(d2d_m_N, 18.0)
    probability_N: Array = 18.0 / d_m_N + np.exp(-d_m_N / decay_m) * (1.0 - 18.0 / d_m_N)
    return probability_N


class UrbanMacro(Scenario):
    """UMa: base station above the rooftops."""

    los = Deviation(4.0, 37.0)
    nlos = Deviation(6.0, 50.0)
    los_state_d_cor_m = 50.0

    def los_probability(self, d2d_m_N: Array) -> Array:
        """Probability of line of sight; the height term is nil for users up to 13 m."""
        return _los_probability(d2d_m_N, 63.0)

    def los_path_loss_db(self, d2d_m_N: Array, geometry: Geometry) -> Array:
        """PL1 and PL2 of UMa-LOS."""
        return _dual_slope_db(d2d_m_N, geometry, 28.0, 22.0, 9.0)

    def nlos_path_loss_db(self, d2d_m_N: Array, geometry: Geometry) -> Array:
        """PL of UMa-NLOS."""
        nlos_db_N = 13.54 + 39.08 * np.log10(geometry.distance_3d_m(d2d_m_N)) + 20.0 * np.log10(geometry.fc_ghz)
        nlos_db_N -= 0.6 * (geometry.ue_height_m - 1.5)
        loss_db_N: Array = np.maximum(self.los_path_loss_db(d2d_m_N, geometry), nlos_db_N)
        return loss_db_N


class UrbanMicro(Scenario):
    """UMi street canyon: base station below the rooftops."""

    los = Deviation(4.0, 10.0)
    nlos = Deviation(7.82, 13.0)
    los_state_d_cor_m = 50.0

    def los_probability(self, d2d_m_N: Array) -> Array:
        """Probability of line of sight."""
        return _los_probability(d2d_m_N, 36.0)

    def los_path_loss_db(self, d2d_m_N: Array, geometry: Geometry) -> Array:
        """PL1 and PL2 of UMi-LOS."""
        return _dual_slope_db(d2d_m_N, geometry, 32.4, 21.0, 9.5)

    def nlos_path_loss_db(self, d2d_m_N: Array, geometry: Geometry) -> Array:
        """PL of UMi-NLOS."""
        nlos_db_N = 22.4 + 35.3 * np.log10(geometry.distance_3d_m(d2d_m_N)) + 21.3 * np.log10(geometry.fc_ghz)
        nlos_db_N -= 0.3 * (geometry.ue_height_m - 1.5)
        loss_db_N: Array = np.maximum(self.los_path_loss_db(d2d_m_N, geometry), nlos_db_N)
        return loss_db_N


SCENARIOS: dict[str, Scenario] = {"uma": UrbanMacro(), "umi": UrbanMicro()}
