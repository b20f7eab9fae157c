"""Rural macro of TR 38.901 with buildings 5 m high along streets 20 m wide.

Shapes: N links.

Source: TR 38.901 Table 7.4.1-1 (path loss, standard deviations; Note 5: breakpoint), Table 7.4.2-1 (LOS probability),
Table 7.5-6 (decorrelation distances, O2I shadow fading), Table 7.6.3.1-2 (LOS state), Table 7.2-3 (least distance).
Every number here is the same in V17 and V19. The path loss holds for horizontal distances of 10 m to 10 km (5 km
without line of sight), base stations of 10 m to 150 m and carriers of 0.5 GHz to 30 GHz.
"""

from __future__ import annotations

import numpy as np

from .base import C_MPS, MIN_DISTANCE_M, Array, Deviation, Geometry, Metres, Scenario

_BUILDING_M = 5.0
_STREET_M = 20.0
_SIGMA_BEYOND_DB = 6.0


class RuralMacro(Scenario):
    """RMa: base station far above the rooftops, 35 m high in the reference layout."""

    los = Deviation(4.0, 37.0)
    nlos = Deviation(8.0, 120.0)
    o2i = Deviation(8.0, 120.0)
    los_state_d_cor_m = 60.0
    least_distance_m = 35.0
    ue_height_range_m = (1.0, 10.0)

    def los_probability(self, d2d_out_m_N: Array, ue_height_m: Metres = 1.5) -> Array:
        """Probability of line of sight at a horizontal distance outdoors, the same at every height."""
        d2d_m_N = np.broadcast_arrays(d2d_out_m_N, ue_height_m)[0]
        probability_N: Array = np.exp(-np.maximum(d2d_m_N - 10.0, 0.0) / 1000.0)
        return probability_N

    def breakpoint_m(self, geometry: Geometry) -> Metres:
        """dBP = 2π hBS hUT fc/c (Note 5)."""
        return 2.0 * np.pi * geometry.bs_height_m * geometry.ue_height_m * geometry.carrier_hz / C_MPS

    def los_path_loss_db(self, d2d_m_N: Array, geometry: Geometry) -> Array:
        """PL1 up to the breakpoint distance, 40 dB a decade beyond it."""
        d2d_m_N = np.maximum(d2d_m_N, MIN_DISTANCE_M)
        d3d_m_N = geometry.distance_3d_m(d2d_m_N)
        breakpoint_m = self.breakpoint_m(geometry)
        beyond_N = d2d_m_N > breakpoint_m
        near_db_N = _first_slope_db(np.where(beyond_N, breakpoint_m, d3d_m_N), geometry.fc_ghz)
        loss_db_N: Array = near_db_N + np.where(beyond_N, 40.0 * np.log10(d3d_m_N / breakpoint_m), 0.0)
        return loss_db_N

    def _obstructed_db(self, d2d_m_N: Array, geometry: Geometry) -> Array:
        lg_d3d_N = np.log10(geometry.distance_3d_m(np.maximum(d2d_m_N, MIN_DISTANCE_M)))
        lg_bs = np.log10(geometry.bs_height_m)
        town_db = 161.04 - 7.1 * np.log10(_STREET_M) + 7.5 * np.log10(_BUILDING_M)
        bs_db = (24.37 - 3.7 * np.square(_BUILDING_M / geometry.bs_height_m)) * lg_bs
        ue_db = 3.2 * np.square(np.log10(11.75 * geometry.ue_height_m)) - 4.97
        distance_db_N = (43.42 - 3.1 * lg_bs) * (lg_d3d_N - 3.0)
        loss_db_N: Array = town_db - bs_db + distance_db_N + 20.0 * np.log10(geometry.fc_ghz) - ue_db
        return loss_db_N

    def los_sigma_db(self, d2d_m_N: Array, geometry: Geometry) -> Array:
        """4 dB up to the breakpoint distance, 6 dB from there on."""
        return np.where(d2d_m_N < self.breakpoint_m(geometry), self.los.sigma_db, _SIGMA_BEYOND_DB)


def _first_slope_db(d_m_N: Array, fc_ghz: float) -> Array:
    """PL1 of RMa-LOS."""
    power = _BUILDING_M**1.72
    loss_db_N: Array = 20.0 * np.log10(40.0 * np.pi * d_m_N * fc_ghz / 3.0)
    loss_db_N += min(0.03 * power, 10.0) * np.log10(d_m_N) - min(0.044 * power, 14.77)
    loss_db_N += 0.002 * np.log10(_BUILDING_M) * d_m_N
    return loss_db_N
