"""No bit is lost or made: generated = delivered + dropped + queued, in every slot and for every user.

Packets arrive at random on a poor channel with two transmissions a block, so that many blocks are given up. The books
are kept twice: from what was put into transport blocks, and from what HARQ reports of them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .drive import link_of
from .rows import Curves, Row, at_least, exact

USERS, SLOTS, DRAIN = 8, 2500, 100
PACKET_BITS = 9000
SOURCE = "conservation"


def rows(_: Curves) -> Iterator[Row]:
    """Balances of a run that is cut off, then of the same run after everything on its way has come back."""
    books = Books()
    worst = max(books.play(slot, True) for slot in range(SLOTS))
    yield exact("largest |generated − delivered − dropped − queued| of a slot, bits", 0, worst, SOURCE)
    yield at_least("bits queued at the end of the run", 1, int(books.queued_bits_U.sum()), "the check is not empty")
    worst = max(books.play(slot, False) for slot in range(SLOTS, SLOTS + DRAIN))
    yield exact("the same while blocks on their way come back, bits", 0, worst, SOURCE)
    yield exact("transport blocks not heard of again", 0, len(books.on_air), SOURCE)
    yield exact("transport blocks heard of twice or never sent", 0, books.strange, SOURCE)
    yield at_least(
        "bits dropped after the last transmission", 1, int(books.dropped_bits_U.sum()), "the check is not empty"
    )


class Books:
    """A cell of users with random packets, and what became of every bit."""

    def __init__(self) -> None:
        poor = {"kind": "rayleigh", "mean_snr": "4 dB", "block": "2 ms"}
        self._link = link_of({"channel": poor, "harq": {"max_transmissions": 2}}, USERS)
        self._rng = np.random.default_rng(1)
        self.generated_bits_U, self.delivered_bits_U, self.dropped_bits_U, self.waiting_bits_U = np.zeros(
            (4, USERS), np.int64
        )
        self.on_air: dict[int, tuple[int, int]] = {}
        """Number of a transport block → user and data bits in it."""
        self.strange = 0

    @property
    def queued_bits_U(self) -> np.ndarray:
        """Bits that wait, or are on the air with their fate unknown."""
        queued_bits_U = self.waiting_bits_U.copy()
        for ue, bits in self.on_air.values():
            queued_bits_U[ue] += bits
        return queued_bits_U

    def play(self, slot: int, load: bool) -> int:
        """One slot, with new packets and new blocks or without; returns the largest imbalance of a user in bits."""
        link = self._link
        for done in link.begin_slot(slot, np.zeros((USERS, 2)), np.zeros(USERS)):
            ue, bits = self.on_air.pop(done.tb_id, (-1, 0))
            self.strange += ue != done.ue
            (self.delivered_bits_U if done.delivered else self.dropped_bits_U)[done.ue] += bits
        if load:
            self._load(slot)
        link.end_slot()
        balance_U = self.generated_bits_U - self.delivered_bits_U - self.dropped_bits_U - self.queued_bits_U
        return int(np.abs(balance_U).max())

    def _load(self, slot: int) -> None:
        link = self._link
        new_bits_U = PACKET_BITS * self._rng.poisson(0.12, USERS)
        self.generated_bits_U += new_bits_U
        self.waiting_bits_U += new_bits_U
        able_N = np.roll(np.flatnonzero(link.can_send_U & (self.waiting_bits_U > 0)), -slot)
        wish_CB = np.full((1, link.carrier.n_prb), -1)
        if len(able_N):
            wish_CB[0] = able_N[np.arange(link.carrier.n_prb) % len(able_N)]
        for block in link.send_all(np.where(link.prb_free_CB, wish_CB, -1), self.waiting_bits_U, 1):
            bits = min(block.tb_size_bits, int(self.waiting_bits_U[block.ue]))
            self.waiting_bits_U[block.ue] -= bits
            self.strange += block.tb_id in self.on_air
            self.on_air[block.tb_id] = (block.ue, bits)
