"""Bits that one resource block carries to a user at most, or on average, from the trace of a cell.

Shapes: T slots, U users, B resource blocks, N numbers of blocks (entry 0 is one block), M MCS indices, G points of a
grid of SINR, D levels of luck.

With the fading known: a bound for every way to choose MCS and blocks and to send again. A transport block on n blocks,
sent k ≤ K times with effective SINRs γ_1 … γ_k (linear) of sum x, is decoded if the error rate of its MCS at x is at
most the draw d of the last slot (chase combining); its first transmission carries a header at least. Let G_d(x) be the
most bits without header decoded so, e a fixed error rate, 0 ≤ β < 1/K, and (·)+ what is positive. The shares
(γ_i − βx)+ / Σ_j (γ_j − βx)+ add up to 1, and none is above (γ_i/x − β)+ / (1 − Kβ). With

    H(γ) = max over x ≥ γ of G_e(x) · min(1, (γ/x − β)+ / (1 − Kβ))
    L(γ, d) = max over x ≥ γ of [G_d(x) − max over y ≥ x of G_e(y) · (x/y − Kβ)+ / (1 − Kβ)], at least 0

the sum of the H(γ_i) is not below the second term of L at the x of the block, hence G_d(x) ≤ Σ_i H(γ_i) + L(γ_k, d). A
slot of SINR γ and draw d counts for H(γ) + L(γ, d) bits: no block, however often sent, carries more than its slots
count for together. Any e and β are valid; of each user those with the fewest bits are taken. Relaxed are: link
adaptation (the MCS may be any), when a block is sent again, the delays of reports and of feedback, the number of
processes, headers beside the first.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtri

from ..radio.capacity import LOW_DB, STEP_DB
from ..radio.state import Tables
from .compiled.state import Trace
from .rlc import SEGMENT_HEADER_BYTES

Array = NDArray[np.float64]

_BASE_LEVELS = (0.01, 0.1, 0.3, 0.5, 0.7, 0.9)
_SHARES = (0.0, 0.4, 0.7, 0.9)
"""Values of Kβ."""
_LUCK_STEP = 0.05
"""Draws are rounded up to levels this far apart, in deviations of the normal distribution."""
_LUCK_LEVELS = 200
_GUARD = 0.05
"""Part of a step of the SINR grid that covers what `radio.decibels` rounds."""
_FADING_QUANTILES = 200


def most_bits_TU(tables: Tables, trace: Trace, transmissions: int) -> Array:
    """Upper bound of the bits that a block counts for in each slot (T, U), by the trace's own fading and draws.

    `transmissions` is the most that HARQ makes of one block.
    """
    n_ue, n_prb = trace.snr_TU.shape[1], trace.reel_a_R2B.shape[2]
    luck_D = ndtri(trace.draw_TU.max()) + _LUCK_STEP * np.arange(1 - _LUCK_LEVELS, 2)
    place_TU = np.clip(np.ceil((ndtri(trace.draw_TU) - luck_D[0]) / _LUCK_STEP), 0, len(luck_D) - 1).astype(np.int64)
    sinr_db_TUN = np.stack([_best_blocks_db_TN(tables, fading_power_TB(trace, u)) for u in range(n_ue)], axis=1)
    rate_TU: Array = np.zeros(trace.snr_TU.shape)
    for n in range(n_prb):
        bits_M, error_MG = _formats(tables, n)
        at_TU = np.ceil((sinr_db_TUN[:, :, n] - LOW_DB) / STEP_DB + _GUARD)
        at_TU = np.clip(at_TU, 1, error_MG.shape[1] - 1).astype(np.int64)
        lucky_DG = np.stack([_decoded_bits_G(bits_M, error_MG, log_ndtr(z)) for z in luck_D])
        best_TU = np.full(rate_TU.shape, np.inf)
        for level, part in product(_BASE_LEVELS, _SHARES):
            base_G, extra_DG = _split(_decoded_bits_G(bits_M, error_MG, np.log(level)), lucky_DG, part, transmissions)
            found_TU = base_G[at_TU] + extra_DG[place_TU, at_TU]
            best_TU = np.where(found_TU.sum(axis=0) < best_TU.sum(axis=0), found_TU, best_TU)
        rate_TU = np.maximum(rate_TU, best_TU / (n + 1))
    return rate_TU


def mean_bits_TU(tables: Tables, trace: Trace) -> Array:
    """Expected bits of a block in each slot (T, U) over the fading, of which only the distribution is known.

    The distribution is that of all slots, users and blocks of the trace; the best MCS of each SINR is taken, on all
    blocks. No bound: a scheduler that sees the fading of the moment chooses the users who are well off.
    """
    n_ue, n_prb = trace.snr_TU.shape[1], trace.reel_a_R2B.shape[2]
    gain = np.concatenate([(fading_power_TB(trace, u) / trace.snr_TU[:, u, None]).ravel() for u in range(n_ue)])
    gain_db = 10 * np.log10(np.quantile(gain, (np.arange(_FADING_QUANTILES) + 0.5) / _FADING_QUANTILES))
    bits_M, error_MG = _formats(tables, n_prb - 1)
    mean_G = (bits_M[:, None] * -np.expm1(error_MG)).max(axis=0) / n_prb
    sinr_db_G = LOW_DB + STEP_DB * np.arange(len(mean_G))
    faded_G = np.mean([np.interp(sinr_db_G + each, sinr_db_G, mean_G) for each in gain_db], axis=0)
    rate_TU: Array = np.asarray(np.interp(10 * np.log10(trace.snr_TU), sinr_db_G, faded_G))
    return rate_TU


def fading_power_TB(trace: Trace, ue: int) -> Array:
    """Received power of one user on every block and slot, in units of the noise; as `radio.compiled.air.power_row`."""
    parts = []
    for reel_R2B, place_TU in ((trace.reel_a_R2B, trace.place_a_TU), (trace.reel_b_R2B, trace.place_b_TU)):
        row_T = place_TU[:, ue].astype(np.int64)
        part_T = (place_TU[:, ue] - row_T).astype(np.float32)[:, None, None]
        parts.append(reel_R2B[row_T] + part_T * (reel_R2B[row_T + 1] - reel_R2B[row_T]))
    amplitude_T2B = parts[0] + parts[1]
    power_TB: Array = trace.snr_TU[:, ue, None] * (amplitude_T2B.astype(np.float64) ** 2).sum(axis=1)
    return power_TB


def _best_blocks_db_TN(tables: Tables, power_TB: Array) -> Array:
    """Effective SINR on the best 1 … N blocks, by the modulation that makes the most of them."""
    sinr_db_TB = 10 * np.log10(np.maximum(np.sort(power_TB, axis=1)[:, ::-1], 1e-9))
    if sinr_db_TB.shape[1] == 1:
        return sinr_db_TB
    grid_db_G = LOW_DB + STEP_DB * np.arange(tables.capacity_QG.shape[1])
    effective_db_TN = np.full(sinr_db_TB.shape, -np.inf)
    for capacity_G, full in zip(tables.capacity_QG, tables.full_Q, strict=True):
        mean_TN = np.cumsum(np.interp(sinr_db_TB, grid_db_G, capacity_G), axis=1) / np.arange(1, len(power_TB[0]) + 1)
        effective_db_TN = np.maximum(effective_db_TN, np.interp(mean_TN, capacity_G[:full], grid_db_G[:full]))
    return effective_db_TN


def _formats(tables: Tables, n: int) -> tuple[Array, Array]:
    """Bits of each MCS on n + 1 blocks without a header (M), and the logarithm of its error rate at each SINR (M, G).

    Error rates are made to fall with SINR; as `radio.compiled.blocks.decide` has them, up to rounding.
    """
    bits_M = 8.0 * np.maximum(tables.tb_size_bits_NM[n] // 8 - SEGMENT_HEADER_BYTES, 0)
    grid_db_G = LOW_DB + STEP_DB * np.arange(tables.capacity_QG.shape[1])
    error_MG: Any = np.empty((len(bits_M), len(grid_db_G)))
    for m, q in enumerate(tables.order_M):
        reduced_db_G = grid_db_G - tables.loss_db_M[m]
        symbols = tables.symbols_MN[m, n]
        capacity_G = np.interp(reduced_db_G, grid_db_G, tables.capacity_QG[q])
        spread_G = np.sqrt(symbols * np.interp(reduced_db_G, grid_db_G, tables.dispersion_QG[q]))
        margin_G = symbols * capacity_G - tables.code_bits_MN[m, n] + 0.5 * np.log2(symbols)
        good_G = log_ndtr(margin_G / spread_G) * tables.code_blocks_MN[m, n]
        error_MG[m] = np.log(np.maximum(-np.expm1(good_G), 1e-300))
    return bits_M, np.minimum.accumulate(error_MG, axis=1)


def _decoded_bits_G(bits_M: Array, error_MG: Array, log_level: float) -> Array:
    """Most bits of the MCS whose error rate is at most a level."""
    most_G: Array = np.where(error_MG <= log_level, bits_M[:, None], 0.0).max(axis=0)
    return most_G


def _split(base_G: Array, lucky_DG: Array, part: float, transmissions: int) -> tuple[Array, Array]:
    """H (G) and L (D, G) with Kβ = `part`; at each point of the grid valid for every SINR down to the point before."""
    size = len(base_G)
    ratio_G = 10.0 ** (STEP_DB * np.arange(size) / 10.0)
    share_G = np.clip((ratio_G[1] / ratio_G - part / transmissions) / (1.0 - part), 0.0, 1.0)
    whole_G = np.clip((1.0 / (ratio_G * ratio_G[1]) - part) / (1.0 - part), 0.0, 1.0)
    most_G, least_G = np.zeros(size), np.concatenate([[0.0], base_G[:-1]])
    for above in range(np.count_nonzero(share_G)):
        most_G[: size - above] = np.maximum(most_G[: size - above], base_G[above:] * share_G[above])
        least_G[: size - above] = np.maximum(least_G[: size - above], base_G[above:] * whole_G[above])
    extra_DG = np.maximum(lucky_DG - least_G, 0.0)
    return most_G, np.maximum.accumulate(extra_DG[:, ::-1], axis=1)[:, ::-1]
