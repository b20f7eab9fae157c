"""Spatially consistent Gaussian fields, deterministic functions of position.

Shapes: N positions, W plane waves.

The field is a sum of plane waves of random phase and isotropic direction. In two dimensions the autocorrelation
exp(−d/d_cor) has the radial spectrum S(k) ∝ (d_cor⁻² + k²)^(−3/2), hence the wavenumber distribution
F(k) = 1 − (1 + k² d_cor²)^(−1/2), which is inverted below. TR 38.901 V17 clause 7.4.4 requires it of shadow fading.

Such a field is rough: compared with a threshold it chatters. The smooth kind, autocorrelation exp(−(d/d_cor)²) and
F(k) = 1 − exp(−k² d_cor²/4), crosses a threshold a finite number of times; the LOS state is made from it. Clause
7.6.3.3 gives that state a correlation distance (Table 7.6.3.1-2) and leaves the shape open.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class GaussianField:
    """Zero mean, unit variance, autocorrelation exp(−distance/d_cor), or exp(−(distance/d_cor)²) for a smooth one."""

    def __init__(self, d_cor_m: float, rng: np.random.Generator, waves: int = 400, smooth: bool = False) -> None:
        u_W = (np.arange(waves) + rng.random(waves)) / waves
        k_W = (2.0 * np.sqrt(-np.log1p(-u_W)) if smooth else np.sqrt((1.0 - u_W) ** -2 - 1.0)) / d_cor_m
        direction_W = rng.uniform(0.0, 2.0 * np.pi, waves)
        self._turns_per_m_2W = np.stack([k_W * np.cos(direction_W), k_W * np.sin(direction_W)]) / (2.0 * np.pi)
        self._turns_W = rng.random(waves)
        self._scale = np.sqrt(2.0 / waves)

    def at(self, position_m_N2: NDArray[np.float64]) -> NDArray[np.float64]:
        """Value of the field at each position."""
        turns_NW = position_m_N2 @ self._turns_per_m_2W + self._turns_W
        # whole turns go in double precision, so that the cosine may be taken in single precision
        turns_NW -= np.rint(turns_NW)
        wave_NW = np.cos((2.0 * np.pi * turns_NW).astype(np.float32))
        field_N: NDArray[np.float64] = self._scale * wave_NW.sum(axis=1, dtype=np.float64)
        return field_N
