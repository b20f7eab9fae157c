"""Deviation and autocorrelation of shadow fading and of the LOS state.

Shapes: N pairs of places, L distances, F fields.

Source: TR 38.901 Table 7.4.1-1 (deviations), Table 7.5-6 (decorrelation distances), Table 7.6.3.1-2 (LOS state),
equation (7.4-5): R(Δx) = exp(−|Δx|/d_cor). The field of the LOS state is smooth instead: R(Δx) = exp(−(Δx/d_cor)²).
Clause 7.6.3.3 gives it the distance and leaves the shape open.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..radio.pathloss import SCENARIOS
from ..radio.shadowing import GaussianField
from .pathloss import GEOMETRY, LABELS
from .rows import Curves, Row, exact, near

SIGMA_DB = {"uma": (4.0, 6.0), "umi": (4.0, 7.82), "rma": (4.0, 8.0), "inh_mixed": (3.0, 8.03)}
"""Scenario → deviation with and without line of sight."""
D_COR_M = {"uma": (37.0, 50.0), "umi": (10.0, 13.0), "rma": (37.0, 120.0), "inh_mixed": (10.0, 6.0)}
LOS_STATE_D_COR_M = {"uma": 50.0, "umi": 50.0, "rma": 60.0}
LAGS = np.array([0.25, 0.5, 1.0, 2.0])
FIELDS, PAIRS = 400, 40
TOLERANCE = 0.03
"""Three standard errors of a correlation from so many fields and pairs."""


def rows(_: Curves) -> Iterator[Row]:
    """Constants exactly, correlations from fields of the distances the tables give."""
    for name, (los_db, nlos_db) in SIGMA_DB.items():
        scenario, source = SCENARIOS[name], "TR 38.901 Table 7.4.1-1"
        yield exact(f"deviation, {LABELS[name]} LOS", los_db, scenario.los.sigma_db, source)
        yield exact(f"deviation, {LABELS[name]} NLOS", nlos_db, scenario.nlos.sigma_db, source)
    rma, beyond_m = SCENARIOS["rma"], SCENARIOS["rma"].breakpoint_m(GEOMETRY["rma"]) + np.ones(1)
    yield exact(
        "deviation, RMa LOS beyond the breakpoint",
        6.0,
        rma.los_sigma_db(beyond_m, GEOMETRY["rma"])[0],
        "TR 38.901 Table 7.4.1-1",
    )
    rng = np.random.default_rng(1)
    for name, distances_m in D_COR_M.items():
        scenario = SCENARIOS[name]
        for state, d_cor_m, used in zip(("LOS", "NLOS"), distances_m, (scenario.los, scenario.nlos), strict=True):
            worst = worst_correlation(used.d_cor_m, d_cor_m, rng)
            check = f"max |R − exp(−Δx/{d_cor_m:g} m)|, {LABELS[name]} {state}"
            yield near(check, 0.0, worst, TOLERANCE, "", "TR 38.901 Table 7.5-6")
    for name, d_cor_m in LOS_STATE_D_COR_M.items():
        worst = worst_correlation(SCENARIOS[name].los_state_d_cor_m, d_cor_m, rng, smooth=True)
        check = f"max |R − exp(−(Δx/{d_cor_m:g} m)²)|, {LABELS[name]} LOS state"
        yield near(check, 0.0, worst, TOLERANCE, "", "TR 38.901 Table 7.6.3.1-2")


def worst_correlation(used_m: float, expected_m: float, rng: np.random.Generator, smooth: bool = False) -> float:
    """Greatest deviation from the autocorrelation expected of fields built for a distance `used_m`."""
    product_L, square = np.zeros(len(LAGS)), 0.0
    for _ in range(FIELDS):
        field = GaussianField(used_m, rng, smooth=smooth)
        here_m_N2 = rng.uniform(0.0, 60.0 * expected_m, (PAIRS, 2))
        angle_N = rng.uniform(0.0, 2.0 * np.pi, PAIRS)
        step_N2 = expected_m * np.stack([np.cos(angle_N), np.sin(angle_N)], axis=1)
        there_m_LN2 = here_m_N2 + LAGS[:, None, None] * step_N2
        value_N, there_LN = field.at(here_m_N2), field.at(there_m_LN2.reshape(-1, 2)).reshape(len(LAGS), PAIRS)
        product_L += (value_N * there_LN).mean(axis=1)
        square += float(np.mean(value_N**2))
    return float(np.abs(product_L / square - np.exp(-(LAGS**2 if smooth else LAGS))).max())
