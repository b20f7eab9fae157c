"""A small driver that plays the cell: it offers free blocks to the users in turn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from mobaigc_sim.kernel.streams import Streams
from mobaigc_sim.radio.config import RadioConfig
from mobaigc_sim.radio.downlink import Downlink
from mobaigc_sim.radio.harq import Feedback, Sent


@dataclass
class Drive:
    """A link layer under full or limited load, with everything it reported."""

    config: RadioConfig
    n_ue: int
    seed: int = 1
    speed_mps: float = 30 / 3.6
    share: int = 5
    backlog_bits: int = 10**9
    move: bool = True
    position_m_U2: Any = None
    engine: Any = Downlink
    slot: int = 0
    sent: list[Sent] = field(default_factory=list)
    feedback: list[Feedback] = field(default_factory=list)
    known_at: dict[int, int] = field(default_factory=dict)
    records: list[dict[str, Any]] = field(default_factory=list)
    sinr_db_TUB: list[Any] = field(default_factory=list)
    owner_TCB: dict[int, Any] = field(default_factory=dict)
    sinr_db_at: dict[int, Any] = field(default_factory=dict)

    def __post_init__(self):
        self.downlink = self.engine(self.config, self.n_ue, Streams(self.seed))
        rng = np.random.default_rng(5)
        angle_U = rng.uniform(0, 2 * np.pi, self.n_ue)
        if self.position_m_U2 is None:
            radius_U = rng.uniform(40, 200, self.n_ue)
            self.position_m_U2 = np.stack([radius_U * np.cos(angle_U), radius_U * np.sin(angle_U)], axis=1)
        self.heading_U2 = np.stack([np.cos(angle_U + 1), np.sin(angle_U + 1)], axis=1)

    def begin(self) -> list[Feedback]:
        """Open the slot; in the first one every user joins its strongest cell."""
        dl = self.downlink
        travelled_m_U = np.full(self.n_ue, self.speed_mps * self.slot * dl.carrier.slot_ns * 1e-9)
        moved_m_U2 = self.heading_U2 * travelled_m_U[:, None] if self.move else 0.0
        done = dl.begin_slot(self.slot, self.position_m_U2 + moved_m_U2, travelled_m_U)
        self.feedback += done
        self.known_at |= {each.tb_id: self.slot for each in done}
        if self.slot == 0 and dl.n_cell > 1:
            for ue, cell in enumerate(dl.gain_db_UC.argmax(axis=1)):
                dl.attach(ue, int(cell))
        return done

    def load(self, share: int) -> None:
        """Offer the free blocks of each cell in turn to so many of its users."""
        dl = self.downlink
        able_N = np.roll(np.flatnonzero(dl.can_send_U), -self.slot)
        for cell in range(dl.n_cell):
            users = able_N[dl.serving_U[able_N] == cell][:share]
            free_N = np.flatnonzero(dl.prb_free_CB[cell])
            for i, ue in enumerate(users):
                offer_B = np.zeros(dl.carrier.n_prb, dtype=bool)
                offer_B[free_N[i :: len(users)]] = True
                if offer_B.any():
                    self.sent.append(dl.send(int(ue), offer_B, self.backlog_bits))

    def end(self, step: int = 1) -> list[dict[str, Any]]:
        """Close the slot and go on by `step` slots."""
        dl = self.downlink
        owner_CB = dl.prb_owner_CB.copy()
        rows = dl.end_slot()
        assert (owner_CB >= 0).sum() == sum(row["n_prb"] for row in rows)
        for row in rows:
            assert (owner_CB[row["cell"]] == row["ue"]).sum() == row["n_prb"]
        self.records += rows
        self.owner_TCB[self.slot] = owner_CB
        self.slot += step
        return rows

    def run(self, slots: int, load: bool = True, step: int = 1) -> Drive:
        """Advance so many slots; without load only retransmissions are sent."""
        for _ in range(slots):
            self.begin()
            if (self.downlink.serving_U >= 0).all():
                sinr_db_UB = self.downlink.sinr_db(np.arange(self.n_ue))
                self.sinr_db_TUB.append(sinr_db_UB)
                self.sinr_db_at[self.slot] = sinr_db_UB
            if load:
                self.load(self.share)
            self.end(step)
        return self


@pytest.fixture
def drive():
    """The driver class."""
    return Drive
