"""The compiled downlink against its plain twin: the same blocks, outcomes and rates, slot by slot."""

from __future__ import annotations

import numpy as np
import pytest

from mobaigc_sim.kernel.streams import Streams
from mobaigc_sim.radio.config import RadioConfig
from mobaigc_sim.radio.decibels import decibels
from mobaigc_sim.radio.downlink import Downlink
from mobaigc_sim.radio.plain_downlink import PlainDownlink

SECTORS = {"layout": {"sectors": 3, "isd": "200 m"}, "antenna": {"pattern": "sector"}}
CASES = {
    "default": {},
    "few blocks": {"slice": {"prb_ratio": 0.06}, "harq": {"processes": 2, "max_transmissions": 2}},
    "incremental redundancy": {"harq": {"combining": "ir"}, "link_adaptation": {"bler_target": 0.4}},
    "reports at once": {"csi": {"period": "0.5 ms", "delay": 0}},
    "reports late": {"csi": {"period": "1 ms", "delay": "6 ms"}, "harq": {"feedback_delay": 9}},
    "rayleigh": {"channel": {"kind": "rayleigh", "mean_snr": "6 dB", "block": "2 ms"}},
    "three sectors": SECTORS | {"tx_power": "30 dBm"},
    "seven sites": {"layout": {"sites": 7, "wrap_around": True}, "bandwidth": "5 MHz", "channel": {"scenario": "uma"}},
}


def play(link, n_ue: int, slots: int, small: bool) -> list:
    """Random allocations, small and endless backlogs, changes of cell; everything the link tells."""
    rng = np.random.default_rng(7)
    start_m_U2 = rng.uniform(-180, 180, (n_ue, 2))
    told: list = []
    slot = 0
    for _ in range(slots):
        travelled_m_U = np.full(n_ue, slot * 0.5e-3 * 12.0)
        told.append(link.begin_slot(slot, start_m_U2 + travelled_m_U[:, None] * [0.6, 0.8], travelled_m_U))
        for ue in np.flatnonzero(rng.random(n_ue) < (0.02 if link.n_cell > 1 and slot else slot == 0)):
            if link.n_cell > 1:
                told.append(link.attach(int(ue), int(rng.integers(-1, link.n_cell))))
        able_N = np.flatnonzero(link.can_send_U)
        told.append(able_N.tolist())
        told.append(link.expected_bits(able_N).round(9).tolist())
        wish_CB = np.full((link.n_cell, link.carrier.n_prb), -1)
        for c in range(link.n_cell):
            mine = able_N[link.serving_U[able_N] == c]
            if len(mine):
                wish_CB[c] = rng.choice(mine, link.carrier.n_prb)
        wish_CB[~link.prb_free_CB] = -1
        backlog_bits_U = rng.integers(100, 4000, n_ue) if small else np.full(n_ue, 10**9)
        told += [(*s[:-1], s.prb_N.tolist()) for s in link.send_all(wish_CB, backlog_bits_U, 64)]
        told.append(link.prb_owner_CB.tolist())
        told += [
            {**row, "sinr_eff_db": round(row["sinr_eff_db"], 8), "bler": round(row["bler"], 8)}
            for row in link.end_slot()
        ]
        told.append(link.outer_loop_db_U.round(9).tolist())
        slot += 1 if rng.random() < 0.97 else 3
    return told


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("small", [False, True])
def test_kernel_and_twin_tell_the_same(case, small):
    config = RadioConfig.model_validate(CASES[case])
    compiled = play(Downlink(config, 8, Streams(3)), 8, 250, small)
    plain = play(PlainDownlink(config, 8, Streams(3)), 8, 250, small)
    assert len(compiled) == len(plain)
    for a, b in zip(compiled, plain, strict=True):
        assert a == b
    sent = [each for each in compiled if isinstance(each, dict)]
    assert len(sent) > 200
    assert {row["ack"] for row in sent} == {True, False}
    assert max(row["transmission"] for row in sent) > 1


def test_decibels_by_the_bits_of_the_number():
    power = np.geomspace(1e-12, 1e12, 100_001).astype(np.float32)
    assert np.abs(decibels(power) - 10 * np.log10(power.astype(np.float64))).max() < 2e-5
    near_one = np.linspace(0.99, 1.01, 10_001).astype(np.float32)
    assert (np.diff(decibels(near_one)) >= 0).all()
