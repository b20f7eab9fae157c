"""Loss of links into buildings and cars, on top of the outdoor path loss.

Shapes: N users. Losses belong to a user, not to a link: one draw serves the links to all cells.

Building loss = wall + 0.5 dB a metre of depth + N(0, σ_P²). The depth d2D-in is the lesser of two independent draws.

Source: TR 38.901 clause 7.4.3.1 with Table 7.4.3-1 (materials) and Table 7.4.3-2 (low-loss and high-loss building),
clause 7.4.3.2 (car). V17 and V19 differ in the coated (IRR) glass of the high-loss building alone: 23 + 0.3 f in V17,
25.4 + 0.11 f in V19, f in GHz. Left out: the model of Table 7.4.3-3 for compatibility with TR 36.873 (one frequency
below 6 GHz) and the low-loss A building, which V19 has for suburban macro only.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import UnknownNameError

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Version = Literal[17, 19]
"""Version of TR 38.901."""

INDOOR_DISTANCE_MAX_M: dict[str, float] = {"umi": 25.0, "uma": 25.0, "rma": 10.0}
"""Upper end of each draw of the depth into the building, by scenario; the other scenarios have no such users."""
HIGH_LOSS_SCENARIOS = frozenset({"umi", "uma"})
"""Scenarios with high-loss buildings; in RMa every building is a low-loss one."""
LOW_LOSS_SIGMA_DB, HIGH_LOSS_SIGMA_DB = 4.4, 6.5
"""σ_P of the two buildings."""
CAR_MEAN_DB, CAR_METALLISED_MEAN_DB, CAR_SIGMA_DB = 9.0, 20.0, 5.0
"""A car with plain windows, one with metallised windows, and the deviation of both."""

_OBLIQUE_DB = 5.0
"""Added because waves do not arrive at right angles."""
_INSIDE_DB_PER_M = 0.5
_GLASS_DB, _CONCRETE_DB = (2.0, 0.2), (5.0, 4.0)
_COATED_GLASS_DB: dict[int, tuple[float, float]] = {17: (23.0, 0.3), 19: (25.4, 0.11)}
"""Loss of a material: a constant, and what a GHz adds."""


def wall_loss_db(carrier_hz: float, high_loss_N: Mask, version: Version) -> Array:
    """PL_tw of equation 7.4-3: what the outer wall of each user's building takes, without spread."""
    if version not in _COATED_GLASS_DB:
        raise UnknownNameError("version of TR 38.901", str(version), map(str, _COATED_GLASS_DB))
    fc_ghz = carrier_hz / 1e9
    glass, concrete, coated = (
        10.0 ** (-(constant_db + per_ghz_db * fc_ghz) / 10.0)
        for constant_db, per_ghz_db in (_GLASS_DB, _CONCRETE_DB, _COATED_GLASS_DB[version])
    )
    passed_N = np.where(high_loss_N, 0.7 * coated + 0.3 * concrete, 0.3 * glass + 0.7 * concrete)
    loss_db_N: Array = _OBLIQUE_DB - 10.0 * np.log10(passed_N)
    return loss_db_N


def draw_indoor_distance_m(scenario: str, n: int, rng: np.random.Generator) -> Array:
    """Depths d2D-in of users into their buildings: the lesser of two uniform draws for each."""
    if scenario not in INDOOR_DISTANCE_MAX_M:
        raise UnknownNameError("scenario with users in buildings", scenario, INDOOR_DISTANCE_MAX_M)
    depth_m_N: Array = rng.uniform(0.0, INDOOR_DISTANCE_MAX_M[scenario], (2, n)).min(axis=0)
    return depth_m_N


def building_loss_db(
    carrier_hz: float, high_loss_N: Mask, indoor_distance_m_N: Array, version: Version, normal_N: Array
) -> Array:
    """Loss of users in buildings from their depth and one standard normal number each."""
    spread_db_N = np.where(high_loss_N, HIGH_LOSS_SIGMA_DB, LOW_LOSS_SIGMA_DB) * normal_N
    loss_db_N: Array = wall_loss_db(carrier_hz, high_loss_N, version) + _INSIDE_DB_PER_M * indoor_distance_m_N
    return loss_db_N + spread_db_N


def car_loss_db(normal_N: Array, metallised: bool = False) -> Array:
    """Loss of users in cars from one standard normal number each; some draws are gains, as the report has it."""
    return (CAR_METALLISED_MEAN_DB if metallised else CAR_MEAN_DB) + CAR_SIGMA_DB * normal_N
