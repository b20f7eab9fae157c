"""Hybrid ARQ with chase combining: parallel stop-and-wait processes, delayed feedback, a bounded number of attempts.

Chase combining adds the linear effective SINR of every transmission of a block. Source: D. Chase, "Code combining",
IEEE Trans. Commun. 33 (1985); TS 38.321 V17 clause 5.3.2 (processes), TS 38.214 V17 clause 5.1 (at most 16 in the
downlink), TS 38.213 V17 clause 9.2.3 (feedback after k1 slots).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


@dataclass(slots=True)
class TransportBlock:
    """A transport block under way; the fields after `slot` tell of its latest transmission."""

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
    transmissions: int = 0
    combined_sinr: float = 0.0
    """Linear effective SINR, summed over the transmissions."""
    ack: bool = False
    """Outcome, which the base station learns with the feedback."""


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


class FirstOutcome(NamedTuple):
    """Result of a first transmission, for the outer loop."""

    ue: int
    ack: bool
    mcs_index: int


class HarqEntity:
    """The HARQ processes of all users."""

    def __init__(self, n_ue: int, processes: int, max_transmissions: int, feedback_delay_slots: int) -> None:
        self._free = [deque(range(processes)) for _ in range(n_ue)]
        self._max_transmissions = max_transmissions
        self._delay = feedback_delay_slots
        self._awaited: deque[tuple[int, TransportBlock]] = deque()
        self.retransmissions: list[TransportBlock] = []
        """Blocks that wait to be sent again, oldest failure first."""
        self.has_free_process_U = np.ones(n_ue, dtype=np.bool_)

    def acquire(self, ue: int) -> int:
        """Take a process of a user that has a free one."""
        free = self._free[ue]
        process = free.popleft()
        self.has_free_process_U[ue] = bool(free)
        return process

    def sent(self, tb: TransportBlock, slot: int) -> None:
        """Note a transmission whose `ack` is set; its feedback arrives after the delay."""
        self._awaited.append((slot + self._delay, tb))

    def feedback(self, slot: int) -> tuple[list[Feedback], list[FirstOutcome]]:
        """Outcomes that are known by now: blocks finished, and results of first transmissions."""
        finished: list[Feedback] = []
        first: list[FirstOutcome] = []
        while self._awaited and self._awaited[0][0] <= slot:
            tb = self._awaited.popleft()[1]
            if tb.transmissions == 1:
                first.append(FirstOutcome(tb.ue, tb.ack, tb.mcs_index))
            if tb.ack or tb.transmissions >= self._max_transmissions:
                self._free[tb.ue].append(tb.harq_process)
                self.has_free_process_U[tb.ue] = True
                finished.append(Feedback(tb.tb_id, tb.ue, tb.tb_size_bits, tb.ack, tb.slot, tb.transmissions))
            else:
                self.retransmissions.append(tb)
        return finished, first
