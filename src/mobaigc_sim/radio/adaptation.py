"""Choice of MCS and blocks from reported channel state, and the rate a scheduler is told.

Shapes: U users, B resource blocks, N numbers of blocks (entry 0 is one block), M MCS indices, Q modulation orders.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .capacity import HIGH_DB, LOW_DB, STEP_DB, curve
from .link import mcs_formats
from .tables import MCS_TABLE_1, MODULATION_ORDERS
from .tbs import RE_PER_PRB

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

_ORDER_INDEX_M = np.array([MODULATION_ORDERS.index(row.modulation_order) for row in MCS_TABLE_1])
_REFERENCE_PRB = 10

STEPS_PER_LEVEL = round(1.0 / STEP_DB)
"""Points of the SINR grid, which begins at the lowest level, from one level of a report to the next."""


class Choice(NamedTuple):
    """An MCS on a set of blocks."""

    mcs_index: int
    prb_N: Indices
    tb_size_bits: int


class LinkAdaptation:
    """Highest-rate MCS that meets a BLER target, for blocks of any number and quality."""

    def __init__(self, n_prb: int, bler_target: float) -> None:
        self._tb_size_bits_MN, self._threshold_db_MN = format_tables(n_prb, bler_target)
        self._curves = [curve(order) for order in MODULATION_ORDERS]
        self._bits_G = rate_curve(n_prb, bler_target)

    def choose(
        self, prb_N: Indices, sinr_db_B: Array, information_QB: Array, offset_db: float, backlog_bits: int
    ) -> Choice:
        """MCS for the blocks offered, on as few of them, best first, as carry the backlog.

        When no MCS meets the target the lowest one is taken on all blocks.
        """
        information_QN = information_QB[:, prb_N]
        n = len(prb_N)
        mcs_index, bits = self._best(np.add.reduce(information_QN, axis=1) / n, n, offset_db)
        if bits <= backlog_bits or n == 1:
            return Choice(mcs_index, prb_N, bits)
        best_first_N = np.argsort(-sinr_db_B[prb_N], kind="stable")
        mean_QN = np.cumsum(information_QN[:, best_first_N], axis=1) / np.arange(1, n + 1)
        bits_MN = self._within_target(mean_QN, offset_db)
        enough_N = bits_MN.max(axis=0) >= backlog_bits
        count = int(enough_N.argmax()) + 1 if enough_N.any() else n
        if count == n:
            return Choice(mcs_index, prb_N, bits)
        mcs_index = int(bits_MN[:, count - 1].argmax())
        return Choice(mcs_index, np.sort(prb_N[best_first_N[:count]]), int(bits_MN[mcs_index, count - 1]))

    def bits_per_prb(self, level_NB: Indices, offset_db_N: Array) -> Array:
        """Bits one block adds (N, B) at a reported level and an offset, which is rounded to the SINR grid."""
        steps_N = np.floor(offset_db_N / STEP_DB + 0.5).astype(np.int64)
        place_NB = level_NB * STEPS_PER_LEVEL + steps_N[:, None]
        bits_NB: Array = self._bits_G[np.clip(place_NB, 0, len(self._bits_G) - 1)]
        return bits_NB

    def _best(self, information_Q: Array, n: int, offset_db: float) -> tuple[int, int]:
        effective_db_Q = np.array(
            [
                shape.effective_sinr_db_of(bits) + offset_db
                for shape, bits in zip(self._curves, information_Q.tolist(), strict=True)
            ]
        )
        met_M = effective_db_Q[_ORDER_INDEX_M] >= self._threshold_db_MN[:, n - 1]
        bits_M = met_M * self._tb_size_bits_MN[:, n - 1]
        mcs_index = int(bits_M.argmax())
        return mcs_index, int(self._tb_size_bits_MN[mcs_index, n - 1])

    def _within_target(self, mean_QN: Array, offset_db: float) -> Indices:
        effective_db_QN = np.stack(
            [shape.effective_sinr_db(bits_N) for shape, bits_N in zip(self._curves, mean_QN, strict=True)]
        )
        n = mean_QN.shape[1]
        met_MN = effective_db_QN[_ORDER_INDEX_M] + offset_db >= self._threshold_db_MN[:, :n]
        return np.where(met_MN, self._tb_size_bits_MN[:, :n], 0)


@cache
def format_tables(n_prb: int, bler_target: float) -> tuple[Indices, Array]:
    """Sizes (M, N) and thresholds in dB (M, N) of every MCS; read-only."""
    formats = mcs_formats(n_prb)
    sizes_MN = np.stack([each.tb_size_bits_N for each in formats])
    return sizes_MN, np.stack([each.threshold_db_N(bler_target) for each in formats])


@cache
def rate_curve(n_prb: int, bler_target: float) -> Array:
    """Bits one block adds at each point of the SINR grid, read-only.

    Linear between the thresholds of the MCS, proportional to the SINR below.
    """
    n = min(_REFERENCE_PRB, n_prb)
    threshold_db_M = format_tables(n_prb, bler_target)[1][:, n - 1]
    order_M = np.argsort(threshold_db_M)
    efficiency_M = np.array([row.efficiency for row in MCS_TABLE_1])[order_M]
    sinr_db_G = np.linspace(LOW_DB, HIGH_DB, round((HIGH_DB - LOW_DB) / STEP_DB) + 1)
    efficiency_G = np.interp(sinr_db_G, threshold_db_M[order_M], np.maximum.accumulate(efficiency_M))
    below_db_G = np.minimum(sinr_db_G - threshold_db_M[order_M[0]], 0.0)
    bits_G: Array = RE_PER_PRB * efficiency_G * 10.0 ** (below_db_G / 10.0)
    return bits_G
