"""Users report in turn, also those who join a cell at the same time."""

from __future__ import annotations

import numpy as np
import pytest

from mobaigc_sim.kernel.streams import Streams
from mobaigc_sim.radio.config import RadioConfig
from mobaigc_sim.radio.downlink import Downlink
from mobaigc_sim.radio.plain_downlink import PlainDownlink

BOTH = pytest.mark.parametrize("engine", [Downlink, PlainDownlink])
N_UE = 23


def link_of(engine, delay="0 ms", mean_snr="40 dB"):
    # every slot has a channel of its own; at 40 dB every report is of some use
    config = RadioConfig.model_validate(
        {
            "layout": {"sectors": 3},
            "channel": {"kind": "rayleigh", "mean_snr": mean_snr, "block": "0.5 ms"},
            "csi": {"period": "5 ms", "delay": delay},
        }
    )
    return engine(config, N_UE, Streams(1))


def begin(link, slot):
    link.begin_slot(slot, np.zeros((N_UE, 2)), np.zeros(N_UE))


@BOTH
@pytest.mark.parametrize("joined", [0, 4, 13])
def test_those_who_join_together_report_one_after_the_other(engine, joined):
    link, first_slot_U = link_of(engine), np.full(N_UE, -1)
    for slot in range(joined + 11):
        begin(link, slot)
        heard_U = (link.cqi_U > 0) & (first_slot_U < 0)
        first_slot_U[heard_U] = slot
        if slot == joined:
            for ue in range(N_UE):
                link.attach(ue, ue % 3)
        link.end_slot()
    assert (first_slot_U > joined).all() and (first_slot_U <= joined + 10).all()
    assert ((first_slot_U - np.arange(N_UE)) % 10 == 0).all()
    assert np.ptp(np.bincount(first_slot_U - joined - 1, minlength=10)) == 1  # 23 users in ten slots


@BOTH
def test_every_user_keeps_its_turn_before_and_after_a_change_of_cells(engine):
    link, changed_U = link_of(engine, mean_snr="8 dB"), [set() for _ in range(N_UE)]
    for ue in range(N_UE):
        link.attach(ue, 0)
    before_UB = None
    for slot in range(65):
        begin(link, slot)
        bits_UB = link.expected_bits(np.arange(N_UE))
        if before_UB is not None:
            for ue in np.flatnonzero((bits_UB != before_UB).any(axis=1)):
                changed_U[ue].add(slot)
        if slot == 33:
            for ue in range(0, N_UE, 2):
                link.attach(ue, 1)
        before_UB = link.expected_bits(np.arange(N_UE))
        link.end_slot()
    for ue in range(N_UE):
        assert all((slot - ue) % 10 == 0 for slot in changed_U[ue])
    # a report may equal the one before
    assert np.mean([len(changed) for changed in changed_U]) > 5


@BOTH
def test_a_report_arrives_after_its_delay(engine):
    link = link_of(engine, "2 ms")
    begin(link, 0)
    for ue in range(N_UE):
        link.attach(ue, 0)
    link.end_slot()
    for slot in range(1, 16):
        begin(link, slot)
        # the report of the turn of slot 1 comes at slot 5
        assert (np.flatnonzero(link.cqi_U == 0) == [u for u in range(N_UE) if (u - 1) % 10 > slot - 5]).all()
        link.end_slot()
