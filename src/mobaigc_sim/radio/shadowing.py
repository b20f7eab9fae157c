"""Spatially consistent Gaussian field with exponential autocorrelation, a deterministic function of position.

Shapes: N positions, W plane waves.

The field is a sum of plane waves of random phase and isotropic direction. In two dimensions the autocorrelation
exp(−d/d_cor) has the radial spectrum S(k) ∝ (d_cor⁻² + k²)^(−3/2), hence the wavenumber distribution
F(k) = 1 − (1 + k² d_cor²)^(−1/2), which is inverted below. Required by TR 38.901 V17 clause 7.4.4 (shadow fading)
and 7.6.3.3 (LOS state).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class GaussianField:
    """Zero mean, unit variance, autocorrelation exp(−distance/d_cor) over the ensemble of generators."""

    def __init__(self, d_cor_m: float, rng: np.random.Generator, waves: int = 400) -> None:
        u_W = (np.arange(waves) + rng.random(waves)) / waves
        k_W = np.sqrt((1.0 - u_W) ** -2 - 1.0) / d_cor_m
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
