"""Indoor office of TR 38.901, mixed and open: base stations under the ceiling of the users' own floor.

Shapes: N links.

Source: TR 38.901 Table 7.4.1-1 (path loss, standard deviations), Table 7.4.2-1 (LOS probability), Table 7.5-6
(decorrelation distances), Table 7.6.3.1-2 (LOS state), Table 7.2-2 (least distance). Every number here is the same in
V17 and V19. The path loss holds for 1 m to 150 m between the antennas and carriers of 0.5 GHz to 100 GHz; the table
sets no bounds on the users' height. The optional NLOS formula is not used.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from .base import Array, Deviation, Geometry, Metres, Scenario

_MIN_D3D_M = 1.0
"""Nearer antennas are treated as if they were so far apart."""


class _Office(Scenario):
    """What the two kinds of office share: everything but the LOS probability."""

    los = Deviation(3.0, 10.0)
    nlos = Deviation(8.03, 6.0)
    o2i = None
    los_state_d_cor_m = 10.0
    least_distance_m = 0.0
    ue_height_range_m = (0.0, np.inf)

    def los_probability(self, d2d_out_m_N: Array, ue_height_m: Metres = 1.0) -> Array:
        """Probability of line of sight at a horizontal distance, all of it indoors, the same at every height."""
        return self._los_probability(np.broadcast_arrays(d2d_out_m_N, ue_height_m)[0])

    @abstractmethod
    def _los_probability(self, d2d_m_N: Array) -> Array:
        """One of the two rows of Table 7.4.2-1."""

    def los_path_loss_db(self, d2d_m_N: Array, geometry: Geometry) -> Array:
        """PL of InH-LOS, one slope."""
        lg_d3d_N = np.log10(np.maximum(geometry.distance_3d_m(d2d_m_N), _MIN_D3D_M))
        loss_db_N: Array = 32.4 + 17.3 * lg_d3d_N + 20.0 * np.log10(geometry.fc_ghz)
        return loss_db_N

    def _obstructed_db(self, d2d_m_N: Array, geometry: Geometry) -> Array:
        lg_d3d_N = np.log10(np.maximum(geometry.distance_3d_m(d2d_m_N), _MIN_D3D_M))
        loss_db_N: Array = 17.3 + 38.3 * lg_d3d_N + 24.9 * np.log10(geometry.fc_ghz)
        return loss_db_N


class MixedOffice(_Office):
    """InH mixed: cubicles, closed offices, corridors."""

    def _los_probability(self, d2d_m_N: Array) -> Array:
        near_N = np.exp(-np.maximum(d2d_m_N - 1.2, 0.0) / 4.7)
        return np.where(d2d_m_N < 6.5, near_N, 0.32 * np.exp(-(d2d_m_N - 6.5) / 32.6))


class OpenOffice(_Office):
    """InH open: one large room."""

    def _los_probability(self, d2d_m_N: Array) -> Array:
        near_N = np.exp(-np.maximum(d2d_m_N - 5.0, 0.0) / 70.8)
        return np.where(d2d_m_N <= 49.0, near_N, 0.54 * np.exp(-(d2d_m_N - 49.0) / 211.7))
