"""Reports, outer loop and choice of the MCS."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobaigc_sim.kernel.streams import Streams
from mobaigc_sim.radio.adaptation import LinkAdaptation
from mobaigc_sim.radio.capacity import curve
from mobaigc_sim.radio.config import RadioConfig
from mobaigc_sim.radio.csi import HIGHEST_DB, LOWEST_DB, CsiReports
from mobaigc_sim.radio.downlink import Downlink
from mobaigc_sim.radio.link import mcs_formats
from mobaigc_sim.radio.olla import OuterLoop
from mobaigc_sim.radio.plain_downlink import PlainDownlink
from mobaigc_sim.radio.tables import MCS_TABLE_1
from mobaigc_sim.radio.tr38901 import Tr38901

N_PRB = 25
BOTH = pytest.mark.parametrize("engine", [Downlink, PlainDownlink])


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
    levels = HIGHEST_DB - LOWEST_DB + 1
    (bits_L,) = adaptation.bits_per_prb(np.arange(levels)[None], np.zeros(1))
    assert (np.diff(bits_L) >= 0).all() and bits_L[0] > 0
    assert bits_L[-1] == pytest.approx(132 * MCS_TABLE_1[28].efficiency)
    low, high = bits_L[np.array([-20, -10]) - LOWEST_DB]
    assert high == pytest.approx(10 * low, rel=0.03)
    # at the threshold of an MCS on ten blocks the rate is that of the MCS
    for mcs_index in (0, 5, 9, 12, 20, 28):
        threshold_db = mcs_formats(N_PRB)[mcs_index].threshold_db_N(0.1)[9]
        level = int(np.floor(threshold_db)) - LOWEST_DB
        at = adaptation.bits_per_prb(np.array([[level]]), np.array([threshold_db - np.floor(threshold_db)]))
        assert at.item() == pytest.approx(132 * MCS_TABLE_1[mcs_index].efficiency, rel=0.01)


def test_the_offset_moves_the_rate_like_sinr_on_a_grid_and_stays_within_it():
    adaptation = LinkAdaptation(N_PRB, 0.1)
    level_NB = np.arange(10, 60).reshape(5, 10)
    plain_NB = adaptation.bits_per_prb(level_NB, np.zeros(5))
    for offset_db in (-3, 1, 4):
        found_NB = adaptation.bits_per_prb(level_NB, np.full(5, float(offset_db)))
        assert np.array_equal(found_NB, adaptation.bits_per_prb(level_NB + offset_db, np.zeros(5)))
    mixed_NB = adaptation.bits_per_prb(level_NB, np.array([0.0, 2.0, 0.0, -2.0, 0.02]))
    assert np.array_equal(mixed_NB[[0, 2, 4]], plain_NB[[0, 2, 4]])
    assert (mixed_NB[1] > plain_NB[1]).all() and (mixed_NB[3] < plain_NB[3]).all()
    ends = adaptation.bits_per_prb(np.array([[0], [75]]), np.array([-15.0, 15.0]))
    assert np.array_equal(ends, adaptation.bits_per_prb(np.array([[0], [75]]), np.zeros(2)))


def exchange(csi, slot, sinr_db_UB):
    """What the base station does with the reports of a slot; returns the users who reported."""
    csi.take_in(slot)
    ue_R = np.flatnonzero(csi.due_U(slot))
    if ue_R.size:
        csi.measure(slot, ue_R, sinr_db_UB[ue_R])
    csi.take_in(slot)
    return ue_R.tolist()


def test_reports_come_every_period_and_are_used_after_the_delay():
    csi = CsiReports(3, 4, period_slots=5, delay_slots=2)
    arrivals, latest = {}, {}
    for slot in range(20):
        exchange(csi, slot, np.full((3, 4), slot + 0.75))
        for ue in np.flatnonzero(csi.cqi_U):
            level_B = csi.level_UB[ue].tolist()
            if latest.get(ue) != level_B:
                arrivals.setdefault(int(ue), []).append(slot)
                # rounded down to whole dB, as old as the delay
                assert level_B == [slot - 2 - LOWEST_DB] * 4
            latest[ue] = level_B
    assert arrivals == {ue: list(range(ue + 2, 20, 5)) for ue in range(3)}


def test_a_report_without_delay_is_used_at_once_and_an_unheard_user_has_cqi_zero():
    csi = CsiReports(2, 4, period_slots=1, delay_slots=0)
    assert csi.cqi_U.tolist() == [0, 0]
    assert exchange(csi, 0, np.array([[30.0] * 4, [-20.0] * 4])) == [0, 1]
    assert csi.cqi_U.tolist() == [15, 0]


def test_reports_stay_within_the_levels_and_carry_their_mutual_information():
    csi = CsiReports(1, 4, period_slots=1, delay_slots=0)
    exchange(csi, 0, np.array([[-99.0, -30.0, 12.999, 99.0]]))
    assert csi.level_UB.tolist() == [[0, 0, 12 - LOWEST_DB, HIGHEST_DB - LOWEST_DB]]
    assert csi.information_UQB[0] == pytest.approx(information(np.array([-30.0, -30.0, 12.0, 45.0])))


def test_a_user_that_changes_cells_is_unheard_until_its_next_report_arrives():
    csi = CsiReports(2, 4, period_slots=5, delay_slots=3)
    cqi = []
    for slot in range(14):
        exchange(csi, slot, np.full((2, 4), 30.0))
        cqi.append(csi.cqi_U.tolist())
        if slot == 6:
            # the report of slot 5 is under way and lost
            csi.forget(0, slot + 1)
            assert csi.cqi_U.tolist() == [0, 15]
    # user 0 reports in slots 0, 5, then in 7 and 12; user 1 goes on with its report of slot 6
    assert [each[0] for each in cqi] == [0] * 3 + [15] * 4 + [0] * 3 + [15] * 4
    assert [each[1] for each in cqi] == [0] * 4 + [15] * 10


@BOTH
def test_reports_of_the_link_layer_come_every_period_after_the_delay(engine):
    # a channel that changes in every slot tells the slot a report was measured in
    config = RadioConfig.model_validate(
        {"channel": {"kind": "rayleigh", "mean_snr": "25 dB", "block": "0.5 ms"}, "csi": {"delay": "1.5 ms"}}
    )
    link = engine(config, 12, Streams(2))
    adaptation = LinkAdaptation(51, 0.1)
    measured_UB, told = np.full((12, 51), -1), 0
    level_TUB = []
    for slot in range(45):
        link.begin_slot(slot, np.zeros((12, 2)), np.zeros(12))
        level_TUB.append(np.clip(np.floor(link.sinr_db(np.arange(12))), LOWEST_DB, HIGHEST_DB).astype(int) - LOWEST_DB)
        for ue in range(12):
            if slot >= 3 and slot - 3 >= ue % 10 and (slot - 3 - ue) % 10 == 0:
                measured_UB[ue] = level_TUB[slot - 3][ue]
                told += 1
        known_U = measured_UB[:, 0] >= 0
        assert ((link.cqi_U > 0) <= known_U).all()
        bits_UB = link.expected_bits(np.arange(12))
        for ue in np.flatnonzero(link.cqi_U):
            assert np.array_equal(bits_UB[ue], adaptation.bits_per_prb(measured_UB[ue][None], np.zeros(1))[0])
        link.end_slot()
    assert told > 45


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
    setup = config.setup(10)
    rng = np.random.default_rng(2)
    candidate_m_N2 = rng.uniform(-250, 250, (400, 2))
    gain_db_NC, _ = Tr38901(config.channel, setup, Streams(1)).large_scale(np.zeros(400, int), candidate_m_N2)
    snr_db_N = gain_db_NC[:, 0] + setup.snr_without_loss_db
    position_m_U2 = candidate_m_N2[(snr_db_N > 6) & (snr_db_N < 14)][:10]
    cell = drive(config, 10, move=False, position_m_U2=position_m_U2, share=10).run(2600)
    outcome = [row["ack"] for row in cell.records if row["transmission"] == 1 and row["slot"] >= 600]
    assert len(outcome) > 10_000
    assert 1 - np.mean(outcome) == pytest.approx(target, rel=0.1)
