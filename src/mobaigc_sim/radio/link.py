"""From SINR to block error rate, for any modulation, code rate and code-block size.

A code block of k bits on n symbols of SINR γ fails with the probability of the normal approximation
ε = Q((n C(γ') − k + ½ log2 n) / √(n V(γ'))), γ' = γ − loss, with capacity C and dispersion V of bit-interleaved coded
modulation (`capacity`); a transport block of C equal code blocks fails with 1 − (1 − ε)^C. The loss stands for a real
LDPC code and decoder. Blocks of unequal SINR count by their mean mutual information.

Source: Y. Polyanskiy, H. V. Poor, S. Verdú, "Channel coding rate in the finite blocklength regime", IEEE Trans. Inf.
Theory 56 (2010), equation (296); mutual-information effective SINR as in K. Brueninghaus et al., "Link performance
models for system level simulations of broadband radio access systems", PIMRC 2005.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from .capacity import Curve, curve
from .tables import CQI_TABLE_1, MCS_TABLE_1, CodedModulation, mother_code_rate
from .tbs import RE_PER_PRB, segment, transport_block_size_bits

Array = NDArray[np.float64]

LOSS_AT_MCS = {3: 0.98, 4: 0.96, 9: 0.78, 14: 0.89, 20: 1.02}
"""Loss in dB, fitted to the 10 % points of a Monte-Carlo of the NR LDPC chain at code blocks of 2000 bits; linear in
the MCS index between these, constant beyond the first and the last, where nothing was measured."""

IMPLEMENTATION_LOSS_DB = tuple(
    float(np.interp(mcs, list(LOSS_AT_MCS), list(LOSS_AT_MCS.values()))) for mcs in range(len(MCS_TABLE_1))
)


def implementation_loss_db(scheme: CodedModulation) -> float:
    """Loss of the MCS of the same modulation whose code rate is nearest."""
    same = [i for i, row in enumerate(MCS_TABLE_1) if row.modulation_order == scheme.modulation_order]
    return IMPLEMENTATION_LOSS_DB[min(same, key=lambda i: abs(MCS_TABLE_1[i].rate_1024 - scheme.rate_1024))]


def block_error_rate(
    sinr_db: Any, scheme: CodedModulation, code_block_bits: Any, symbols: Any, blocks: Any = 1
) -> Array:
    """BLER of `blocks` equal code blocks, each of so many bits on so many symbols; arguments broadcast."""
    shape = curve(scheme.modulation_order)
    reduced_db = np.asarray(sinr_db, dtype=np.float64) - implementation_loss_db(scheme)
    capacity = shape.mutual_information(reduced_db)
    dispersion = np.interp(reduced_db, shape.sinr_db_G, shape.dispersion_G)
    margin = (symbols * capacity - code_block_bits + 0.5 * np.log2(symbols)) / np.sqrt(symbols * dispersion)
    bler: Array = -np.expm1(np.asarray(blocks) * log_ndtr(margin))
    return bler


class Format:
    """One modulation and coding scheme on 1 … N blocks: sizes, and a fast error rate.

    Shapes: N numbers of resource blocks, entry 0 stands for one block.
    """

    def __init__(self, scheme: CodedModulation, n_prb_max: int) -> None:
        self.scheme = scheme
        self.curve: Curve = curve(scheme.modulation_order)
        self.tb_size_bits_N = np.array(
            [transport_block_size_bits(RE_PER_PRB * n, scheme) for n in range(1, n_prb_max + 1)], dtype=np.int64
        )
        pieces = [segment(int(size), scheme.rate) for size in self.tb_size_bits_N]
        self.blocks_N = np.array([piece.code_blocks for piece in pieces])
        self.bits_N = np.array([piece.code_block_bits for piece in pieces])
        self.symbols_N = RE_PER_PRB * np.arange(1, n_prb_max + 1) / self.blocks_N
        self.loss_db = implementation_loss_db(scheme)
        self._blocks_of: list[tuple[float, float, int]] = list(
            zip(self.symbols_N.tolist(), self.bits_N.tolist(), self.blocks_N.tolist(), strict=True)
        )

    def bler_N(self, sinr_db_N: Array) -> Array:
        """Error rate of each size at its own effective SINR."""
        return block_error_rate(sinr_db_N, self.scheme, self.bits_N, self.symbols_N, self.blocks_N)

    @property
    def redundancy(self) -> float:
        """Transmissions until incremental redundancy has sent every coded bit once."""
        return self.scheme.rate / mother_code_rate(self.scheme.rate)

    def bler(self, sinr_db: float, n_prb: int, distinct: float = 1.0) -> float:
        """Error rate of one transport block on `n_prb` blocks; the scalar twin of `bler_N`, several times faster.

        `distinct` transmissions of different coded bits make the code word so many times as long.
        """
        capacity, dispersion = self.curve.moments_of(sinr_db - self.loss_db)
        symbols, bits, blocks = self._blocks_of[n_prb - 1]
        symbols *= distinct
        margin = symbols * capacity - bits + 0.5 * math.log2(symbols)
        fail = 0.5 * math.erfc(margin / math.sqrt(2.0 * symbols * dispersion))
        return float(1.0 - (1.0 - fail) ** blocks)

    def threshold_db_N(self, bler_target: float) -> Array:
        """Lowest SINR at which each size meets the target, by bisection; the upper end is returned."""
        low_N = np.full(len(self.tb_size_bits_N), -25.0)
        high_N = np.full(len(self.tb_size_bits_N), 40.0)
        for _ in range(34):
            middle_N = 0.5 * (low_N + high_N)
            met_N = self.bler_N(middle_N) <= bler_target
            high_N = np.where(met_N, middle_N, high_N)
            low_N = np.where(met_N, low_N, middle_N)
        return high_N


@cache
def mcs_formats(n_prb_max: int) -> tuple[Format, ...]:
    """Format of every MCS of table 1 on up to so many blocks."""
    return tuple(Format(scheme, n_prb_max) for scheme in MCS_TABLE_1)


CQI_BLER_TARGET = 0.1
"""TS 38.214 clause 5.2.2.1: a CQI means at most this error probability."""


@cache
def cqi_threshold_db(n_prb: int) -> Array:
    """Lowest effective SINR of CQI 1 … 15 on so many blocks."""
    return np.array([Format(row, n_prb).threshold_db_N(CQI_BLER_TARGET)[-1] for row in CQI_TABLE_1])
