"""Urban micro (street canyon) and urban macro of TR 38.901.

Shapes: N links.

Source: TR 38.901 Table 7.4.1-1 (path loss, standard deviations; Note 1: breakpoint and environment height), Table
7.4.2-1 (LOS probability), Table 7.5-6 (decorrelation distances, O2I shadow fading), Table 7.6.3.1-2 (LOS state), Table
7.2-1 (least distances). Every number here is the same in V17 and V19. The path loss holds for horizontal distances of
10 m to 5 km and carriers of 0.5 GHz to 100 GHz. The optional NLOS formulas are not used.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from .base import GROUND_M, MIN_DISTANCE_M, Array, Deviation, Geometry, Metres, Scenario

_FLAT_UP_TO_M = 13.0
"""Users higher up see over the first rows of buildings."""


class _Urban(Scenario):
    """Two slopes with the breakpoint d'BP."""

    o2i = Deviation(7.0, 7.0)
    los_state_d_cor_m = 50.0
    ue_height_range_m = (1.5, 22.5)

    _los_decay_m: float
    _constant_db: float
    _slope_db: float
    _correction_db: float

    def los_probability(self, d2d_out_m_N: Array, ue_height_m: Metres = 1.5) -> Array:
        """Probability of line of sight at a horizontal distance outdoors; the height term may not take it above 1."""
        d_m_N = np.maximum(d2d_out_m_N, 18.0)
        street_N = 18.0 / d_m_N + np.exp(-d_m_N / self._los_decay_m) * (1.0 - 18.0 / d_m_N)
        probability_N: Array = np.minimum(street_N * (1.0 + self._height_term(d2d_out_m_N, ue_height_m)), 1.0)
        return probability_N

    @abstractmethod
    def _height_term(self, d2d_m_N: Array, ue_height_m: Metres) -> Array:
        """What a user gains by standing high."""

    def breakpoint_m(self, geometry: Geometry) -> Metres:
        """d'BP of Note 1."""
        return geometry.breakpoint_m

    def los_path_loss_db(self, d2d_m_N: Array, geometry: Geometry) -> Array:
        """PL1 up to the breakpoint distance, PL2 beyond it; the two meet there."""
        d2d_m_N = np.maximum(d2d_m_N, MIN_DISTANCE_M)
        lg_d3d_N = np.log10(geometry.distance_3d_m(d2d_m_N))
        breakpoint_m = geometry.breakpoint_m
        height_m = geometry.bs_height_m - geometry.ue_height_m
        near_db_N = self._slope_db * lg_d3d_N
        far_db_N = 40.0 * lg_d3d_N - self._correction_db * np.log10(np.square(breakpoint_m) + np.square(height_m))
        slopes_db_N = np.where(d2d_m_N <= breakpoint_m, near_db_N, far_db_N)
        loss_db_N: Array = self._constant_db + 20.0 * np.log10(geometry.fc_ghz) + slopes_db_N
        return loss_db_N


class UrbanMacro(_Urban):
    """UMa: base station above the rooftops, 25 m high in the reference layout."""

    los = Deviation(4.0, 37.0)
    nlos = Deviation(6.0, 50.0)
    least_distance_m = 35.0

    _los_decay_m = 63.0
    _constant_db, _slope_db, _correction_db = 28.0, 22.0, 9.0

    def _height_term(self, d2d_m_N: Array, ue_height_m: Metres) -> Array:
        """C(d2D, hUT) of Note 1, which is also the height term of the LOS probability."""
        above = np.power(np.maximum(np.asarray(ue_height_m) - _FLAT_UP_TO_M, 0.0) / 10.0, 1.5)
        reach_N = np.where(d2d_m_N <= 18.0, 0.0, 1.25 * (d2d_m_N / 100.0) ** 3 * np.exp(-d2d_m_N / 150.0))
        term_N: Array = above * reach_N
        return term_N

    def _obstructed_db(self, d2d_m_N: Array, geometry: Geometry) -> Array:
        lg_d3d_N = np.log10(geometry.distance_3d_m(np.maximum(d2d_m_N, MIN_DISTANCE_M)))
        height_db = 0.6 * (geometry.ue_height_m - 1.5)
        loss_db_N: Array = 13.54 + 39.08 * lg_d3d_N + 20.0 * np.log10(geometry.fc_ghz) - height_db
        return loss_db_N

    def environment_height_m(self, d2d_m_N: Array, ue_height_m: Metres, uniform_N: Array) -> Array:
        """hE of links: 1 m with probability 1/(1 + C), else 12 m, 15 m, … up to 1.5 m below the user, equally likely.

        The heights fit users on floors 3 m apart; a user between two floors gets those of the floor below, and from
        13 m to 13.5 m the only choice is 12 m.
        """
        ground_N = 1.0 / (1.0 + self._height_term(d2d_m_N, ue_height_m))
        floors = np.maximum(np.floor((np.asarray(ue_height_m) - 1.5 - 12.0) / 3.0 + 1e-9) + 1.0, 1.0)
        on_roofs_N = uniform_N >= ground_N
        share_N = np.where(on_roofs_N, uniform_N - ground_N, 0.0) / np.where(on_roofs_N, 1.0 - ground_N, 1.0)
        floor_N = np.minimum(np.floor(share_N * floors), floors - 1.0)
        return np.where(on_roofs_N, 12.0 + 3.0 * floor_N, GROUND_M)


class UrbanMicro(_Urban):
    """UMi street canyon: base station below the rooftops, 10 m high in the reference layout."""

    los = Deviation(4.0, 10.0)
    nlos = Deviation(7.82, 13.0)
    least_distance_m = 10.0

    _los_decay_m = 36.0
    _constant_db, _slope_db, _correction_db = 32.4, 21.0, 9.5

    def _height_term(self, d2d_m_N: Array, ue_height_m: Metres) -> Array:
        return np.zeros(np.broadcast(d2d_m_N, ue_height_m).shape)

    def _obstructed_db(self, d2d_m_N: Array, geometry: Geometry) -> Array:
        lg_d3d_N = np.log10(geometry.distance_3d_m(np.maximum(d2d_m_N, MIN_DISTANCE_M)))
        height_db = 0.3 * (geometry.ue_height_m - 1.5)
        loss_db_N: Array = 22.4 + 35.3 * lg_d3d_N + 21.3 * np.log10(geometry.fc_ghz) - height_db
        return loss_db_N
