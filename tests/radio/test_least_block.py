"""A weak user's block is made as large as it must be to carry anything, and the outer loop learns from its fate."""

from __future__ import annotations

import numpy as np
import pytest

from mobaigc_sim.kernel.streams import Streams
from mobaigc_sim.radio.config import RadioConfig
from mobaigc_sim.radio.downlink import Downlink
from mobaigc_sim.radio.plain_downlink import PlainDownlink
from mobaigc_sim.radio.tables import MCS_TABLE_1
from mobaigc_sim.radio.tbs import RE_PER_PRB, transport_block_size_bits

BOTH = pytest.mark.parametrize("engine", [Downlink, PlainDownlink])
LEAST_BITS = 64


def link_of(engine, mean_snr_db, seed=1, **more):
    channel = {"kind": "rayleigh", "mean_snr": f"{mean_snr_db} dB", "block": "4 ms"}
    config = RadioConfig.model_validate({"bandwidth": "10 MHz", "channel": channel, "csi": {"delay": 0}} | more)
    return engine(config, 12, Streams(seed))


def begin(link, slot):
    link.begin_slot(slot, np.zeros((12, 2)), np.zeros(12))


def size_bits(n_prb, mcs):
    return transport_block_size_bits(RE_PER_PRB * n_prb, MCS_TABLE_1[mcs])


@BOTH
@pytest.mark.parametrize("n_prb", [1, 2, 3])
@pytest.mark.parametrize("mean_snr_db", [-3, 6])
def test_the_mcs_is_raised_to_the_first_that_carries_the_least_block_and_no_further(engine, n_prb, mean_snr_db):
    plain, raised = link_of(engine, mean_snr_db), link_of(engine, mean_snr_db)
    for slot in range(10):
        for link in (plain, raised):
            begin(link, slot)
            if slot < 9:
                link.end_slot()
    lowest = next(mcs for mcs in range(29) if size_bits(n_prb, mcs) >= LEAST_BITS)
    able_N = np.flatnonzero(plain.can_send_U)[: plain.carrier.n_prb // n_prb]
    changed = 0
    for i, ue in enumerate(able_N.tolist()):
        part_B = np.arange(plain.carrier.n_prb) // n_prb == i
        free, bound = plain.send(ue, part_B, 10**9), raised.send(ue, part_B, 10**9, LEAST_BITS)
        assert bound.mcs_index == max(free.mcs_index, lowest)
        assert bound.tb_size_bits == size_bits(n_prb, bound.mcs_index) >= LEAST_BITS
        assert bound.prb_N.tolist() == free.prb_N.tolist()
        changed += bound.mcs_index != free.mcs_index
    if mean_snr_db > 0:
        assert changed < len(able_N) / 2
    else:
        assert changed > 0 or n_prb == 3


@BOTH
def test_the_outer_loop_stays_where_the_lowest_usable_mcs_fails_and_follows_everything_else(engine):
    link = link_of(engine, -1, slice={"prb_ratio": 0.05}, harq={"max_transmissions": 1})
    assert link.carrier.n_prb == 1
    lowest = next(mcs for mcs in range(29) if size_bits(1, mcs) >= LEAST_BITS)
    assert lowest > 0
    rows = []
    for slot in range(6000):
        begin(link, slot)
        able_N = np.flatnonzero(link.can_send_U)
        if able_N.size and slot < 5980:
            link.send(int(np.roll(able_N, -slot)[0]), np.ones(1, bool), 10**9, LEAST_BITS)
        rows += link.end_slot()
    step_db, offset_db_U = RadioConfig().link_adaptation.step, np.zeros(12)
    for row in rows:
        if row["ack"]:
            offset_db_U[row["ue"]] += step_db * 0.1 / 0.9
        elif row["mcs_index"] > lowest:
            offset_db_U[row["ue"]] -= step_db
    assert link.outer_loop_db_U == pytest.approx(offset_db_U)
    at_lowest = [row["ack"] for row in rows if row["mcs_index"] == lowest]
    above = [row["ack"] for row in rows if row["mcs_index"] > lowest]
    assert min(map(sum, (at_lowest, above))) > 20 and not all(at_lowest) and not all(above)
    assert {row["tb_size_bits"] for row in rows if row["mcs_index"] <= lowest} == {size_bits(1, lowest)}
