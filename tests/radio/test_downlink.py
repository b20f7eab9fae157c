"""The downlink as a whole: conservation, combining, common random numbers, link budget."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest

from mobaigc_sim.kernel.streams import Streams
from mobaigc_sim.radio.config import RadioConfig
from mobaigc_sim.radio.downlink import Downlink
from mobaigc_sim.radio.draws import Draws

POOR = {"channel": {"kind": "rayleigh", "mean_snr": "4 dB", "block": "2 ms"}}


def test_every_block_sent_is_finished_exactly_once_and_no_bit_is_lost(drive):
    config = RadioConfig.model_validate(POOR | {"harq": {"max_transmissions": 2}})
    cell = drive(config, 6).run(800).run(60, load=False)
    assert Counter(tb.tb_id for tb in cell.sent) == Counter(done.tb_id for done in cell.feedback)
    assert len(cell.sent) > 2500
    attempts = defaultdict(list)
    for row in cell.records:
        attempts[row["tb"]].append(row)
    done = {each.tb_id: each for each in cell.feedback}
    for tb in cell.sent:
        rows, fate = attempts[tb.tb_id], done[tb.tb_id]
        assert [row["transmission"] for row in rows] == list(range(1, fate.transmissions + 1))
        assert [row["ack"] for row in rows] == [False] * (len(rows) - 1) + [fate.delivered]
        assert {(row["ue"], row["mcs_index"], row["n_prb"], row["tb_size_bits"]) for row in rows} == {
            (fate.ue, tb.mcs_index, tb.n_prb, fate.tb_size_bits)
        }
        assert fate.delivered or fate.transmissions == 2
        assert rows[0]["slot"] == fate.slot
    lost = sum(not each.delivered for each in cell.feedback)
    assert 0 < lost < len(cell.sent)
    delivered_bits = sum(each.tb_size_bits for each in cell.feedback if each.delivered)
    lost_bits = sum(each.tb_size_bits for each in cell.feedback if not each.delivered)
    assert delivered_bits + lost_bits == sum(tb.tb_size_bits for tb in cell.sent)


def test_feedback_takes_the_configured_number_of_slots(drive):
    config = RadioConfig.model_validate(POOR | {"harq": {"feedback_delay": 7, "max_transmissions": 1}})
    cell = drive(config, 2)
    known_at = {}
    for slot in range(300):
        cell.run(1)
        for done in cell.feedback:
            known_at.setdefault(done.tb_id, (done.slot, slot))
    assert len(known_at) > 300
    assert {slot - sent for sent, slot in known_at.values()} == {7}


def test_a_process_is_held_until_its_block_is_finished(drive):
    config = RadioConfig.model_validate(POOR | {"harq": {"processes": 3, "feedback_delay": 8}})
    cell = drive(config, 2)
    open_by_process = {}
    for _ in range(400):
        before = len(cell.sent), len(cell.feedback)
        cell.run(1)
        for done in cell.feedback[before[1] :]:
            open_by_process = {key: tb for key, tb in open_by_process.items() if tb != done.tb_id}
        for tb in cell.sent[before[0] :]:
            assert (tb.ue, tb.harq_process) not in open_by_process
            open_by_process[tb.ue, tb.harq_process] = tb.tb_id
        assert len(open_by_process) <= 6
    assert {tb.harq_process for tb in cell.sent} == {0, 1, 2}


def test_chase_combining_adds_linear_sinr(drive):
    # a channel that stays the same for the whole run: k transmissions have k times the SINR of the first
    config = RadioConfig.model_validate({"channel": {"kind": "rayleigh", "mean_snr": "5 dB", "block": "10 s"}})
    cell = drive(config, 20).run(600)
    first_db = {row["tb"]: row["sinr_eff_db"] for row in cell.records if row["transmission"] == 1}
    again = [row for row in cell.records if row["transmission"] > 1]
    assert len(again) > 30
    for row in again:
        expected_db = first_db[row["tb"]] + 10 * np.log10(row["transmission"])
        assert row["sinr_eff_db"] == pytest.approx(expected_db, abs=1e-9)


def test_one_draw_of_slot_and_user_decides_a_transmission(drive):
    cell = drive(RadioConfig.model_validate(POOR), 6, seed=3).run(700)
    draws = Draws(6, Streams(3).rng("radio.harq"))
    for row in cell.records:
        assert row["ack"] == (draws.row(row["slot"])[row["ue"]] >= row["bler"])
    # the share that fails is the mean of the probabilities announced
    nack = np.array([not row["ack"] for row in cell.records])
    bler = np.array([row["bler"] for row in cell.records])
    assert abs(nack.sum() - bler.sum()) < 4 * np.sqrt((bler * (1 - bler)).sum())
    assert len({(row["slot"], row["ue"]) for row in cell.records}) == len(cell.records)


def test_channel_does_not_depend_on_who_is_scheduled(drive):
    one, other = drive(RadioConfig(), 4, share=1).run(200), drive(RadioConfig(), 4, share=4).run(200)
    assert np.array_equal(one.sinr_db_TUB, other.sinr_db_TUB)
    assert len(one.records) != len(other.records)
    assert not np.array_equal(one.sinr_db_TUB, drive(RadioConfig(), 4, seed=2).run(200).sinr_db_TUB)


def test_same_seed_gives_the_same_run(drive):
    assert drive(RadioConfig(), 5).run(300).records == drive(RadioConfig(), 5).run(300).records


def test_mean_sinr_is_the_link_budget():
    config = RadioConfig.model_validate({"channel": {"kind": "tr38901", "fading": "flat"}, "slice": {"prb_ratio": 0.1}})
    downlink = Downlink(config, 4000, Streams(1))
    angle_U = np.linspace(0, 2 * np.pi, 4000)
    downlink.begin_slot(0, 100 * np.stack([np.cos(angle_U), np.sin(angle_U)], axis=1), np.zeros(4000))
    prb_dbm = 33 - 10 * np.log10(51)
    noise_dbm = -173.9752 + 10 * np.log10(360e3) + 9
    fading_UB = 10 ** ((downlink.sinr_db_UB - (prb_dbm + downlink.gain_db_U[:, None] - noise_dbm)) / 10)
    assert downlink.sinr_db_UB.shape == (4000, 5)
    assert fading_UB[:, 0].mean() == pytest.approx(1.0, abs=0.05)
    assert np.allclose(fading_UB, fading_UB[:, :1])


def test_rayleigh_channel_is_exponential_block_fading():
    config = RadioConfig.model_validate({"channel": {"kind": "rayleigh", "mean_snr": "10 dB", "block": "1 ms"}})
    downlink = Downlink(config, 50, Streams(1))
    power_TU = []
    for slot in range(1200):
        downlink.begin_slot(slot, np.zeros((50, 2)), np.zeros(50))
        assert (downlink.sinr_db_UB == downlink.sinr_db_UB[:, :1]).all()
        power_TU.append(10 ** (downlink.sinr_db_UB[:, 0] / 10 - 1))
    power_TU = np.array(power_TU)
    assert np.array_equal(power_TU[::2], power_TU[1::2])
    block_TU = power_TU[::2]
    assert block_TU.mean() == pytest.approx(1.0, abs=0.03)
    assert np.mean(block_TU < 0.1) == pytest.approx(1 - np.exp(-0.1), abs=0.01)
    assert abs(np.corrcoef(block_TU[:-1].ravel(), block_TU[1:].ravel())[0, 1]) < 0.03
    # the mean of the best of K is the harmonic number
    assert block_TU[:, :10].max(axis=1).mean() == pytest.approx(2.9290, abs=0.2)


def test_retransmissions_go_oldest_first_on_the_best_free_blocks():
    # an offset of +15 dB makes every first transmission fail
    config = RadioConfig.model_validate({"tx_power": "-10 dBm", "link_adaptation": {"initial_offset": "15 dB"}})
    downlink = Downlink(config, 2, Streams(2))
    here_m_U2 = np.array([[60.0, 0.0], [60.0, 0.0]])

    def begin(slot):
        assert downlink.begin_slot(slot, here_m_U2, np.zeros(2)) == []
        return downlink.retransmit()

    for slot in range(10):
        assert begin(slot).all()
    worst_B = np.argsort(np.argsort(downlink.bits_per_prb_UB[0], kind="stable")) < 10
    first = downlink.send(0, worst_B, 10**9)
    begin(11)
    second = downlink.send(1, np.ones(51, dtype=bool), 10**9)
    assert [first.n_prb, second.n_prb] == [10, 51]
    # after a pause both failures are known; the younger one needs the whole band and waits
    free_B = begin(30)
    assert [row["tb"] for row in downlink.transmissions] == [first.tb_id]
    bits_B = downlink.bits_per_prb_UB[0]
    assert free_B.sum() == 41 and bits_B[~free_B].min() >= bits_B[free_B].max()
    assert not downlink.can_send_U[0]
    assert not begin(31).any()
    assert [(row["tb"], row["transmission"], row["n_prb"]) for row in downlink.transmissions] == [(second.tb_id, 2, 51)]


def test_a_small_backlog_takes_few_blocks(drive):
    small = drive(RadioConfig(), 3, backlog_bits=400, share=1).run(200)
    assert len(small.sent) > 100
    for tb in small.sent:
        assert tb.tb_size_bits >= 400 or tb.n_prb > 40
    assert np.mean([tb.n_prb for tb in small.sent]) < 15


def test_users_send_at_most_once_a_slot_and_only_on_free_blocks():
    config = RadioConfig.model_validate({"channel": {"kind": "rayleigh", "mean_snr": "20 dB"}, "csi": {"delay": 0}})
    downlink = Downlink(config, 2, Streams(4))
    for slot in range(2):
        downlink.begin_slot(slot, np.zeros((2, 2)), np.zeros(2))
    downlink.retransmit()
    assert downlink.can_send_U.tolist() == [True, True]
    half_B = np.arange(51) < 25
    tb = downlink.send(0, half_B, 10**9)
    assert tb.prb_N.tolist() == list(range(25))
    assert downlink.can_send_U.tolist() == [False, True]
    assert np.array_equal(downlink.prb_owner_B, np.where(half_B, 0, -1))
    with pytest.raises(ValueError, match="user 0 cannot send"):
        downlink.send(0, ~half_B, 10**9)
    with pytest.raises(ValueError, match="user 1 needs free resource blocks"):
        downlink.send(1, half_B, 10**9)
    with pytest.raises(ValueError, match="user 1 needs free resource blocks"):
        downlink.send(1, np.zeros(51, dtype=bool), 10**9)


def test_nobody_can_send_before_the_first_report_arrives():
    downlink = Downlink(RadioConfig(), 2, Streams(1))
    here_m_U2 = np.array([[20.0, 0.0], [0.0, 20.0]])
    able = []
    for slot in range(6):
        downlink.begin_slot(slot, here_m_U2, np.zeros(2))
        able.append(downlink.can_send_U.tolist())
        assert (downlink.bits_per_prb_UB.max(axis=1) > 0).tolist() == able[-1]
    assert able == [[False, False]] * 4 + [[True, False], [True, True]]


def test_draws_are_a_function_of_the_row_and_forget_old_rows():
    dense, sparse = Draws(3, Streams(1).rng("x")), Draws(3, Streams(1).rng("x"))
    rows = [dense.row(i) for i in range(1500)]
    for i in (0, 511, 512, 1499):
        assert np.array_equal(sparse.row(i), rows[i])
    with pytest.raises(ValueError, match="row 3 has gone"):
        sparse.row(3)
