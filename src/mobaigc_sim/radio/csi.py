"""Channel state information: reports every period, usable by the base station after a delay.

Shapes: U users, R users who report, B resource blocks, Q modulation orders (QPSK, 16QAM, 64QAM), C CQI, L SINR levels.

A report holds the SINR of every block, rounded down to whole dB between −30 and 45, and the wideband CQI over all
blocks. This is finer in frequency than the subband CQI of TS 38.214 clause 5.2.1.4 and about as fine in level;
error-free feedback is assumed. The users report in turn: user u first in slot u mod period. The wideband CQI is the
highest index whose modulation and rate stay within an error probability of 0.1 (TS 38.214 V17 clause 5.2.2.1); 0 is out
of range, such a user cannot be served.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from .capacity import Curve, curve
from .link import cqi_threshold_db
from .tables import CQI_TABLE_1, MODULATION_ORDERS

Array = NDArray[np.float64]

LOWEST_DB, HIGHEST_DB = -30, 45
_ORDER_INDEX_C = np.array([MODULATION_ORDERS.index(row.modulation_order) for row in CQI_TABLE_1])

_CQI_C = np.arange(1, len(CQI_TABLE_1) + 1)


def wideband_cqi(effective_sinr_db_UQ: Array, n_prb: int) -> NDArray[np.int64]:
    """CQI from the effective SINR under each modulation; a SINR equal to a threshold reaches that index."""
    met_UC = effective_sinr_db_UQ[:, _ORDER_INDEX_C] >= cqi_threshold_db(n_prb)
    cqi_U: NDArray[np.int64] = (met_UC * _CQI_C).max(axis=1)
    return cqi_U


class CsiReports:
    """What the base station knows of the channel."""

    def __init__(self, n_ue: int, n_prb: int, period_slots: int, delay_slots: int) -> None:
        self._curves: list[Curve] = [curve(order) for order in MODULATION_ORDERS]
        level_db_L = np.arange(LOWEST_DB, HIGHEST_DB + 1, dtype=np.float64)
        self._information_LQ = np.stack([each.mutual_information(level_db_L) for each in self._curves], axis=1)
        self._period = period_slots
        self._delay = delay_slots
        self._next_U = np.arange(n_ue) % period_slots
        self._under_way: deque[tuple[int, NDArray[np.int64], NDArray[np.int64]]] = deque()
        self.level_UB = np.zeros((n_ue, n_prb), dtype=np.int64)
        """Reported SINR in whole dB above the lowest; without meaning before the first usable report."""
        self.information_UQB = np.zeros((n_ue, len(self._curves), n_prb))
        """Mutual information of the reported SINR, bits per symbol."""
        self.cqi_U = np.zeros(n_ue, dtype=np.int64)

    def due_U(self, slot: int) -> NDArray[np.bool_]:
        """Users whose next report is due."""
        due_U: NDArray[np.bool_] = self._next_U <= slot
        return due_U

    def measure(self, slot: int, ue_R: NDArray[np.int64], sinr_db_RB: Array) -> None:
        """Put the reports of some users on their way."""
        self._next_U[ue_R] = slot + self._period
        level_RB = np.clip(np.floor(sinr_db_RB), LOWEST_DB, HIGHEST_DB).astype(np.int64) - LOWEST_DB
        self._under_way.append((slot + self._delay, ue_R, level_RB))

    def take_in(self, slot: int) -> None:
        """Use every report that has arrived by a slot."""
        while self._under_way and self._under_way[0][0] <= slot:
            _, ue_R, level_RB = self._under_way.popleft()
            self._take_in(ue_R, level_RB)

    def forget(self, ue: int, next_slot: int) -> None:
        """A new cell serves the user: nothing is known, the next report is due in a slot."""
        self._next_U[ue] = next_slot
        self.cqi_U[ue] = 0
        kept = ((when, ue_R[ue_R != ue], level_RB[ue_R != ue]) for when, ue_R, level_RB in self._under_way)
        self._under_way = deque(each for each in kept if each[1].size)

    def _take_in(self, ue_R: NDArray[np.int64], level_RB: NDArray[np.int64]) -> None:
        self.level_UB[ue_R] = level_RB
        information_RQB = self._information_LQ[level_RB].transpose(0, 2, 1)
        self.information_UQB[ue_R] = information_RQB
        mean_RQ = np.add.reduce(information_RQB, axis=2) / level_RB.shape[1]
        effective_db_RQ = [
            [shape.effective_sinr_db_of(bits) for shape, bits in zip(self._curves, mean_Q, strict=True)]
            for mean_Q in mean_RQ.tolist()
        ]
        self.cqi_U[ue_R] = wideband_cqi(np.array(effective_db_RQ), level_RB.shape[1])
