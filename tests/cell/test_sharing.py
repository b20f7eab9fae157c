"""Weak users beside a good one on few resource blocks: nobody who can send is shut out, and no block is left unused."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from mobaigc_sim.cell.background import EndlessBuffer
from mobaigc_sim.cell.connection import Connections
from mobaigc_sim.cell.network import Network
from mobaigc_sim.kernel.clock import Clock
from mobaigc_sim.kernel.probes import Probes
from mobaigc_sim.kernel.streams import Streams
from mobaigc_sim.mobility import Area, mobility
from mobaigc_sim.radio.channel import ChannelState
from mobaigc_sim.radio.config import RadioConfig
from mobaigc_sim.radio.downlink import Downlink
from mobaigc_sim.radio.fading import flat_tape
from mobaigc_sim.radio.harq import Feedback
from mobaigc_sim.radio.rayleigh import Rayleigh
from mobaigc_sim.scenario.service import ResultsConfig, ServiceConfig
from mobaigc_sim.scheduling.base import schedulers

GOOD_DB = 15.0
ONE, TWO, THREE = 0.05, 0.09, 0.13
"""Shares of 24 blocks that make so many."""


class Slot(NamedTuple):
    """Who could send on the blocks that retransmissions left, who did, and the blocks nobody used."""

    able: set[int]
    sent: set[int]
    idle: int


class Block(NamedTuple):
    """A transport block that HARQ is done with."""

    ue: int
    delivered: bool


class Watched(Network):
    """A network that writes down what comes of each slot."""

    seen: list[Slot]
    done: list[Block]

    def _settle(self, feedback: list[Feedback]) -> int:
        self.done += [Block(block.ue, block.delivered) for block in feedback]
        return super()._settle(feedback)

    def _schedule(self) -> NDArray[np.float64]:
        able = np.flatnonzero(self.link.can_send_U & self.link.prb_free_CB.any())
        granted_bits_U = super()._schedule()
        idle = int(np.count_nonzero(self.link.prb_owner_CB < 0))
        self.seen.append(Slot(set(able.tolist()), set(np.flatnonzero(granted_bits_U).tolist()), idle))
        return granted_bits_U


def play(monkeypatch: pytest.MonkeyPatch, kind: str, share: float, snr_db: list[float], slots: int = 2000) -> Watched:
    """Endless data for users of one constant SNR each; what comes after the first half of the slots is kept."""
    config = RadioConfig.model_validate(
        {"bandwidth": "10 MHz", "slice": {"prb_ratio": share}, "channel": {"kind": "rayleigh"}}
    )
    n_ue, link = len(snr_db), Downlink(config, len(snr_db), Streams(1))
    snr_U1 = 10.0 ** (np.array(snr_db)[:, None] / 10.0)
    tape = flat_tape(np.ones((n_ue, link.carrier.n_prb)))
    place_a_U1, zero_U1 = np.arange(n_ue, dtype=np.float64)[:, None], np.zeros((n_ue, 1))
    state = ChannelState(zero_U1, snr_U1.astype(np.float32), zero_U1 > 0, tape, place_a_U1, zero_U1)
    monkeypatch.setattr(Rayleigh, "begin_slot", lambda *_: state)
    static, scheduler, clock = mobility.get("static"), schedulers.get(kind), Clock()
    network = Watched(
        clock,
        link,
        Connections(config, link, n_ue, np.random.default_rng(1)),
        static(static.Config(), n_ue, Area(200.0, 10.0), np.random.default_rng(1)),
        [scheduler(scheduler.Config())],
        ServiceConfig(),
        ResultsConfig(),
        Probes(),
        n_ue,
    )
    network.seen, network.done = [], []
    for ue in range(n_ue):
        network.set_buffer(ue, EndlessBuffer())
    clock.run(until=slots * link.carrier.slot_ns)
    network.seen, network.done = network.seen[slots // 2 :], network.done[len(network.done) // 2 :]
    return network


CASES = [
    *((TWO, [GOOD_DB, weak_db]) for weak_db in (-4.0, -2.5, -1.0)),
    *((ONE, [GOOD_DB, weak_db]) for weak_db in (-3.0, -1.0, 1.0)),
    (THREE, [GOOD_DB, -3.0]),
    (TWO, [GOOD_DB, -4.0, -2.5, -2.0, -1.0]),
    (THREE, [-2.5, -2.0, -1.5]),
]


@pytest.mark.parametrize("kind", ["proportional_fair", "round_robin"])
@pytest.mark.parametrize(("share", "snr_db"), CASES)
def test_everybody_sends_and_gets_something_through(
    monkeypatch: pytest.MonkeyPatch, kind: str, share: float, snr_db: list[float]
) -> None:
    network = play(monkeypatch, kind, share, snr_db)
    able = [slot for slot in network.seen if slot.able]
    assert len(able) > 0.5 * len(network.seen)  # the others are those of a retransmission on every block
    assert all(slot.sent and slot.idle == 0 for slot in able)
    n_able = np.mean([len(slot.able) for slot in able])
    for ue in range(len(snr_db)):
        could = [slot for slot in able if ue in slot.able]
        assert sum(ue in slot.sent for slot in could) > 0.7 * len(could) / n_able
        fates = [block.delivered for block in network.done if block.ue == ue]
        assert np.mean(fates) > 0.9


def test_a_user_out_of_range_costs_the_good_user_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = play(monkeypatch, "proportional_fair", TWO, [GOOD_DB])
    beside = play(monkeypatch, "proportional_fair", TWO, [GOOD_DB, -12.0])
    assert {ue for slot in beside.seen for ue in slot.able} == {0}
    assert beside.seen == alone.seen


def test_small_shares_of_a_band_are_all_used(monkeypatch: pytest.MonkeyPatch) -> None:
    # each of 12 users at −2 dB gets two of 24 blocks, which carry less than a header at the MCS of its reports
    network = play(monkeypatch, "round_robin", 1.0, [-2.0] * 12, slots=600)
    assert {ue for slot in network.seen for ue in slot.sent} == set(range(12))
    assert all(slot.idle == 0 for slot in network.seen if slot.able)
    assert np.mean([block.delivered for block in network.done]) > 0.95
