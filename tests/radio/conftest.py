"""A small driver that plays the cell: it offers free blocks to the users in turn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from mobaigc_sim.kernel.streams import Streams
from mobaigc_sim.radio.config import RadioConfig
from mobaigc_sim.radio.downlink import Downlink
from mobaigc_sim.radio.harq import Feedback, TransportBlock


@dataclass
class Drive:
    """A Downlink under full or limited load, with everything it reported."""

    config: RadioConfig
    n_ue: int
    seed: int = 1
    speed_mps: float = 30 / 3.6
    share: int = 5
    backlog_bits: int = 10**9
    move: bool = True
    position_m_U2: Any = None
    slot: int = 0
    sent: list[TransportBlock] = field(default_factory=list)
    feedback: list[Feedback] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)
    sinr_db_TUB: list[Any] = field(default_factory=list)

    def __post_init__(self):
        self.downlink = Downlink(self.config, self.n_ue, Streams(self.seed))
        rng = np.random.default_rng(5)
        angle_U = rng.uniform(0, 2 * np.pi, self.n_ue)
        if self.position_m_U2 is None:
            radius_U = rng.uniform(40, 200, self.n_ue)
            self.position_m_U2 = np.stack([radius_U * np.cos(angle_U), radius_U * np.sin(angle_U)], axis=1)
        self.heading_U2 = np.stack([np.cos(angle_U + 1), np.sin(angle_U + 1)], axis=1)

    def run(self, slots: int, load: bool = True) -> Drive:
        """Advance so many slots; without load only retransmissions are sent."""
        dl = self.downlink
        for _ in range(slots):
            travelled_m_U = np.full(self.n_ue, self.speed_mps * self.slot * dl.carrier.slot_ns * 1e-9)
            moved_m_U2 = self.heading_U2 * travelled_m_U[:, None] if self.move else 0.0
            self.feedback += dl.begin_slot(self.slot, self.position_m_U2 + moved_m_U2, travelled_m_U)
            free_B = dl.retransmit()
            users = np.flatnonzero(dl.can_send_U) if load else []
            users = np.roll(users, -self.slot)[: self.share]
            for i, ue in enumerate(users):
                offer_B = np.zeros(dl.carrier.n_prb, dtype=bool)
                offer_B[np.flatnonzero(free_B)[i :: len(users)]] = True
                if offer_B.any():
                    self.sent.append(dl.send(int(ue), offer_B, self.backlog_bits))
            assert dl.prb_used_B.sum() == sum(row["n_prb"] for row in dl.transmissions)
            self.records += dl.transmissions
            self.sinr_db_TUB.append(dl.sinr_db_UB)
            self.slot += 1
        return self


@pytest.fixture
def drive():
    """The driver class."""
    return Drive
