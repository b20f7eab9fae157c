"""Hybrid ARQ: parallel stop-and-wait processes, delayed feedback, a bounded number of attempts.

Chase combining adds the linear effective SINR of every transmission of a block. Incremental redundancy adds their
mutual information as long as there are coded bits not yet sent, up to the mother code of rate 1/3 or 1/5: T
transmissions at code rate r make a code word of D = min(T, r/r_mother) times the length, every bit of it sent T/D
times. Source: D. Chase, "Code combining", IEEE Trans. Commun. 33 (1985); P. Frenger, S. Parkvall, E. Dahlman,
"Performance comparison of HARQ with Chase combining and incremental redundancy for HSDPA", VTC Fall 2001; TS 38.321 V17
clause 5.3.2 (processes), TS 38.214 V17 clause 5.1 (at most 16 in the downlink), TS 38.213 V17 clause 9.2.3 (feedback
after k1 slots).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Sent(NamedTuple):
    """A new transport block on its way."""

    tb_id: int
    ue: int
    cell: int
    harq_process: int
    mcs_index: int
    n_prb: int
    tb_size_bits: int
    slot: int
    prb_N: NDArray[np.int64]
    """Blocks used, as indices into the slice, ascending."""


class Feedback(NamedTuple):
    """A transport block whose fate has become known."""

    tb_id: int
    ue: int
    tb_size_bits: int
    delivered: bool
    """False when every transmission allowed was used up."""
    slot: int
    """Slot of the first transmission."""
    transmissions: int


@dataclass(slots=True, eq=False)
class TransportBlock:
    """A transport block under way, as the plain twin keeps it; fields after `slot` tell of its latest transmission."""

    tb_id: int
    ue: int
    harq_process: int
    mcs_index: int
    n_prb: int
    tb_size_bits: int
    slot: int
    """Slot of the first transmission."""
    prb_N: NDArray[np.int64]
    """Blocks used, as indices into the slice, ascending."""
    is_lowest: bool = False
    """Whether no lower MCS could have been used."""
    transmissions: int = 0
    combined: float = 0.0
    """Linear effective SINR, or mean mutual information, summed over the transmissions."""
    ack: bool = False
    """Outcome, which the base station learns with the feedback."""


class FirstOutcome(NamedTuple):
    """Result of a first transmission, for the outer loop."""

    ue: int
    ack: bool
    mcs_index: int
    is_lowest: bool


class HarqEntity:
    """The HARQ processes of all users."""

    def __init__(self, n_ue: int, processes: int, max_transmissions: int, feedback_delay_slots: int) -> None:
        self._open: list[dict[int, TransportBlock]] = [{} for _ in range(n_ue)]
        self._processes = processes
        self._max_transmissions = max_transmissions
        self._delay = feedback_delay_slots
        self._awaited: deque[tuple[int, TransportBlock]] = deque()
        self.retransmissions: list[TransportBlock] = []
        """Blocks that wait to be sent again, oldest failure first."""
        self.has_free_process_U = np.ones(n_ue, dtype=np.bool_)

    def free_process(self, ue: int) -> int:
        """Lowest free process of a user that has one."""
        return min(set(range(self._processes)) - self._open[ue].keys())

    def hold(self, tb: TransportBlock) -> None:
        """Take the process of a new block."""
        self._open[tb.ue][tb.harq_process] = tb
        self.has_free_process_U[tb.ue] = len(self._open[tb.ue]) < self._processes

    def sent(self, tb: TransportBlock, slot: int) -> None:
        """Note a transmission; its feedback arrives after the delay."""
        self._awaited.append((slot + self._delay, tb))

    def feedback(self, slot: int) -> tuple[list[Feedback], list[FirstOutcome]]:
        """Outcomes known by now, in order of slot and user: blocks finished, results of first transmissions."""
        finished: list[Feedback] = []
        first: list[FirstOutcome] = []
        due = [(when, tb) for when, tb in self._awaited if when <= slot]
        self._awaited = deque(self._awaited[i] for i in range(len(due), len(self._awaited)))
        for _, tb in sorted(due, key=lambda each: (each[0], each[1].ue)):
            if tb.transmissions == 1:
                first.append(FirstOutcome(tb.ue, tb.ack, tb.mcs_index, tb.is_lowest))
            if tb.ack or tb.transmissions >= self._max_transmissions:
                del self._open[tb.ue][tb.harq_process]
                self.has_free_process_U[tb.ue] = True
                finished.append(Feedback(tb.tb_id, tb.ue, tb.tb_size_bits, tb.ack, tb.slot, tb.transmissions))
            else:
                self.retransmissions.append(tb)
        return finished, first

    def flush(self, ue: int) -> list[int]:
        """Give up every block of a user; returns their numbers in order of process."""
        given_up = [self._open[ue][h].tb_id for h in sorted(self._open[ue])]
        self._open[ue].clear()
        self.has_free_process_U[ue] = True
        self._awaited = deque(each for each in self._awaited if each[1].ue != ue)
        self.retransmissions = [tb for tb in self.retransmissions if tb.ue != ue]
        return given_up
