"""Capacity and dispersion of bit-interleaved coded modulation on the Gaussian channel, on a grid of SINR.

Shapes: G points of the SINR grid, X symbols of the amplitude alphabet, Q quadrature nodes, K bits of a symbol.

A Gray-labelled square QAM is two equal Gray-labelled PAMs, so both moments are twice those of the PAM:
i(x; y) = Σ_k [1 + log2(Σ_{x' with bit k of x} p(y|x') / Σ_{x'} p(y|x'))], C = E[i], V = Var[i], by Gauss-Hermite
quadrature over the noise. Source: G. Caire, G. Taricco, E. Biglieri, "Bit-interleaved coded modulation", IEEE Trans.
Inf. Theory 44 (1998), for C; Y. Polyanskiy, H. V. Poor, S. Verdú, IEEE Trans. Inf. Theory 56 (2010), for V.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LOW_DB, HIGH_DB, STEP_DB = -30.0, 45.0, 0.05
_NODES = 40
_SATURATED_BITS = 1e-6


@dataclass(frozen=True)
class Curve:
    """One modulation: bits per symbol and their variance against SINR."""

    modulation_order: int
    sinr_db_G: Array
    capacity_G: Array
    dispersion_G: Array

    def mutual_information(self, sinr_db: Array) -> Array:
        """Bits per symbol at each SINR."""
        bits: Array = np.asarray(np.interp(sinr_db, self.sinr_db_G, self.capacity_G))
        return bits

    def effective_sinr_db(self, bits: Array) -> Array:
        """SINR at which the modulation carries so many bits; stops where it is full to a millionth of a bit."""
        full = self.full
        sinr_db: Array = np.asarray(np.interp(bits, self.capacity_G[:full], self.sinr_db_G[:full]))
        return sinr_db

    def effective_sinr_db_of(self, bits: float) -> float:
        """`effective_sinr_db` of one value, several times faster."""
        capacity = self._capacity
        high = bisect_left(capacity, bits, 0, self.full)
        if high == 0:
            return LOW_DB
        if high == self.full:
            return LOW_DB + STEP_DB * (high - 1)
        return LOW_DB + STEP_DB * (high - (capacity[high] - bits) / (capacity[high] - capacity[high - 1]))

    def moments_of(self, sinr_db: float) -> tuple[float, float]:
        """Capacity and dispersion at one SINR."""
        capacity, dispersion = self._capacity, self._dispersion
        place = min(max((sinr_db - LOW_DB) / STEP_DB, 0.0), len(capacity) - 1.001)
        low = int(place)
        part = place - low
        return (
            capacity[low] + part * (capacity[low + 1] - capacity[low]),
            dispersion[low] + part * (dispersion[low + 1] - dispersion[low]),
        )

    @cached_property
    def full(self) -> int:
        """Points of the grid up to which the modulation is not full."""
        return int(np.searchsorted(self.capacity_G, self.modulation_order - _SATURATED_BITS)) + 1

    @cached_property
    def _capacity(self) -> list[float]:
        values: list[float] = self.capacity_G.tolist()
        return values

    @cached_property
    def _dispersion(self) -> list[float]:
        values: list[float] = self.dispersion_G.tolist()
        return values


@cache
def curve(modulation_order: int) -> Curve:
    """The curve of QPSK (2), 16QAM (4) or 64QAM (6); the same object each time, not to be written to."""
    bits = modulation_order // 2
    size = 1 << bits
    amplitude_X = np.arange(1 - size, size, 2, dtype=np.float64)
    amplitude_X /= np.sqrt(2.0 * np.mean(amplitude_X**2))
    label_X = np.arange(size) ^ (np.arange(size) >> 1)
    bit_XK = (label_X[:, None] >> np.arange(bits)) & 1
    same_XXK = bit_XK[:, None, :] == bit_XK[None, :, :]
    node_Q, weight_Q = np.polynomial.hermite_e.hermegauss(_NODES)
    weight_Q = weight_Q / weight_Q.sum()

    sinr_db_G = np.linspace(LOW_DB, HIGH_DB, round((HIGH_DB - LOW_DB) / STEP_DB) + 1)
    mean_G, square_G = np.zeros_like(sinr_db_G), np.zeros_like(sinr_db_G)
    sigma_G = np.sqrt(0.5 * 10.0 ** (-sinr_db_G / 10.0))
    for x in range(size):
        # noise of the dimension in units of its deviation, then minus half the squared distance to each symbol
        offset_GX = (amplitude_X[x] - amplitude_X) / sigma_G[:, None]
        metric_GQX = -0.5 * (offset_GX[:, None, :] + node_Q[:, None]) ** 2
        metric_GQX = np.exp(metric_GQX - metric_GQX.max(axis=2, keepdims=True))
        share_GQK = (metric_GQX @ same_XXK[x].astype(np.float64)) / metric_GQX.sum(axis=2, keepdims=True)
        density_GQ = (1.0 + np.log2(np.maximum(share_GQK, 1e-300))).sum(axis=2)
        mean_G += density_GQ @ weight_Q / size
        square_G += density_GQ**2 @ weight_Q / size
    variance_G = np.maximum(square_G - mean_G**2, 1e-12)
    capacity_G = np.maximum.accumulate(2.0 * mean_G)
    return Curve(modulation_order, sinr_db_G, capacity_G, 2.0 * variance_G)
