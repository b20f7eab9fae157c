"""Reports, outer loop and choice of the MCS."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobaigc_sim.kernel.streams import Streams
from mobaigc_sim.radio.adaptation import LinkAdaptation
from mobaigc_sim.radio.capacity import curve
from mobaigc_sim.radio.channel import RadioSetup
from mobaigc_sim.radio.config import RadioConfig
from mobaigc_sim.radio.csi import CsiReports
from mobaigc_sim.radio.link import mcs_formats
from mobaigc_sim.radio.olla import OuterLoop
from mobaigc_sim.radio.tables import MCS_TABLE_1
from mobaigc_sim.radio.tr38901 import Tr38901

N_PRB = 25


def information(sinr_db_B):
    return np.stack([curve(order).mutual_information(sinr_db_B) for order in (2, 4, 6)])


def expected_bler(choice, sinr_db_B):
    form = mcs_formats(N_PRB)[choice.mcs_index]
    mean = form.curve.mutual_information(sinr_db_B[choice.prb_N]).mean()
    return form.bler(form.curve.effective_sinr_db_of(float(mean)), len(choice.prb_N))


@settings(deadline=None, max_examples=60)
@given(
    sinr_db=st.lists(st.integers(-10, 28), min_size=N_PRB, max_size=N_PRB),
    offered=st.integers(1, 2**N_PRB - 1),
    backlog_bits=st.integers(1, 20_000),
)
def test_choice_meets_the_target_on_the_fewest_best_blocks(sinr_db, offered, backlog_bits):
    adaptation = LinkAdaptation(N_PRB, 0.1)
    sinr_db_B = np.array(sinr_db, dtype=float)
    prb_N = np.array([b for b in range(N_PRB) if offered >> b & 1])
    choice = adaptation.choose(prb_N, sinr_db_B, information(sinr_db_B), 0.0, backlog_bits)
    assert set(choice.prb_N) <= set(prb_N)
    assert choice.tb_size_bits == mcs_formats(N_PRB)[choice.mcs_index].tb_size_bits_N[len(choice.prb_N) - 1]
    if choice.mcs_index > 0:
        assert expected_bler(choice, sinr_db_B) <= 0.1 + 1e-6
    unused = sorted(set(prb_N) - set(choice.prb_N))
    if unused:
        assert choice.tb_size_bits >= backlog_bits
        assert sinr_db_B[unused].max() <= sinr_db_B[choice.prb_N].min()
        # one block fewer would not have carried the backlog
        fewer_N = choice.prb_N[np.argsort(-sinr_db_B[choice.prb_N])][: len(choice.prb_N) - 1]
        if len(fewer_N):
            less = adaptation.choose(np.sort(fewer_N), sinr_db_B, information(sinr_db_B), 0.0, 10**9)
            assert less.tb_size_bits < backlog_bits or expected_bler(less, sinr_db_B) > 0.1


def test_choice_is_the_largest_block_within_the_target():
    adaptation = LinkAdaptation(N_PRB, 0.1)
    for sinr_db in np.arange(-5.0, 27.0, 0.5):
        sinr_db_B = np.full(N_PRB, sinr_db)
        choice = adaptation.choose(np.arange(N_PRB), sinr_db_B, information(sinr_db_B), 0.0, 10**9)
        allowed = [form.tb_size_bits_N[-1] for form in mcs_formats(N_PRB) if form.bler(float(sinr_db), N_PRB) <= 0.1]
        assert choice.tb_size_bits == max(allowed)


def test_offset_shifts_the_choice_like_sinr():
    adaptation = LinkAdaptation(N_PRB, 0.1)
    at_db = {sinr_db: np.full(N_PRB, sinr_db) for sinr_db in (8.0, 11.0)}
    lowered = adaptation.choose(np.arange(N_PRB), at_db[11.0], information(at_db[11.0]), -3.0, 10**9)
    plain = adaptation.choose(np.arange(N_PRB), at_db[8.0], information(at_db[8.0]), 0.0, 10**9)
    assert lowered.mcs_index == plain.mcs_index


def test_rate_told_to_schedulers_grows_with_sinr_and_meets_the_mcs_table():
    adaptation = LinkAdaptation(N_PRB, 0.1)
    bits_N = adaptation.bits_per_prb(np.arange(-29.0, 44.0, 0.5))
    assert (np.diff(bits_N) >= 0).all() and bits_N[0] > 0
    assert bits_N[-1] == pytest.approx(132 * MCS_TABLE_1[28].efficiency)
    low, high = adaptation.bits_per_prb(np.array([-20.0, -10.0]))
    assert high == pytest.approx(10 * low, rel=0.03)


def test_reports_come_every_period_and_are_used_after_the_delay():
    csi = CsiReports(3, 4, period_slots=5, delay_slots=2)
    arrivals = {}
    for slot in range(20):
        for ue in csi.begin_slot(slot, np.full((3, 4), slot + 0.75)):
            arrivals.setdefault(int(ue), []).append(slot)
            assert csi.sinr_db_UB[ue].tolist() == [slot - 2.0] * 4
    assert arrivals == {ue: list(range(ue + 2, 20, 5)) for ue in range(3)}


def test_a_report_without_delay_is_used_at_once_and_an_unheard_user_has_cqi_zero():
    csi = CsiReports(2, 4, period_slots=1, delay_slots=0)
    assert csi.cqi_U.tolist() == [0, 0]
    assert csi.begin_slot(0, np.array([[30.0] * 4, [-20.0] * 4])).tolist() == [0, 1]
    assert csi.cqi_U.tolist() == [15, 0]


def test_outer_loop_rests_where_the_target_share_fails():
    rng = np.random.default_rng(1)
    loop = OuterLoop(1, 0.2, 0.3, 2.0)
    assert loop.offset_db_U[0] == 2.0
    failures = []
    for _ in range(20_000):
        # failures grow with the offset: logistic in dB, half at +1 dB
        fail = rng.random() < 1 / (1 + np.exp(-(loop.offset_db_U[0] - 1.0)))
        loop.observe(0, not fail, False, False)
        failures.append(fail)
    assert np.mean(failures[1000:]) == pytest.approx(0.2, rel=0.05)


def test_outer_loop_does_not_wind_up_at_the_ends():
    loop = OuterLoop(2, 0.1, 1.0, 0.0)
    for _ in range(1000):
        loop.observe(0, True, False, True)
        loop.observe(1, False, True, False)
    assert loop.offset_db_U.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("target", [0.1, 0.3])
def test_first_transmissions_fail_at_the_target_rate_in_the_whole_downlink(drive, target):
    config = RadioConfig.model_validate({"link_adaptation": {"bler_target": target}})
    setup = RadioSetup(10, config.grid(), config.tx_power, config.noise_figure, config.bs_height, config.ue_height)
    rng = np.random.default_rng(2)
    candidate_m_N2 = rng.uniform(-250, 250, (400, 2))
    gain_db_N, _ = Tr38901(Tr38901.Config(), setup, Streams(1)).large_scale(candidate_m_N2)
    snr_db_N = gain_db_N + setup.snr_without_loss_db
    position_m_U2 = candidate_m_N2[(snr_db_N > 6) & (snr_db_N < 14)][:10]
    cell = drive(config, 10, move=False, position_m_U2=position_m_U2, share=10).run(2600)
    outcome = [row["ack"] for row in cell.records if row["transmission"] == 1 and row["slot"] >= 600]
    assert len(outcome) > 10_000
    assert 1 - np.mean(outcome) == pytest.approx(target, rel=0.1)
