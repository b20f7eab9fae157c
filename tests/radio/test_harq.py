"""HARQ: combining against its closed form, one draw a transmission, feedback, processes, order, change of cell."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np
import pytest

from mobaigc_sim.kernel.streams import Streams
from mobaigc_sim.radio.capacity import curve
from mobaigc_sim.radio.config import RadioConfig
from mobaigc_sim.radio.downlink import Downlink
from mobaigc_sim.radio.draws import Draws
from mobaigc_sim.radio.link import block_error_rate, mcs_formats
from mobaigc_sim.radio.plain_downlink import PlainDownlink
from mobaigc_sim.radio.tables import MCS_TABLE_1, mother_code_rate
from mobaigc_sim.radio.tbs import RE_PER_PRB, segment

POOR = {"channel": {"kind": "rayleigh", "mean_snr": "4 dB", "block": "2 ms"}}
LASTING = {"channel": {"kind": "rayleigh", "mean_snr": "5 dB", "block": "10 s"}}
BOTH = pytest.mark.parametrize("engine", [Downlink, PlainDownlink])


def config_of(*parts) -> RadioConfig:
    return RadioConfig.model_validate({key: value for part in parts for key, value in part.items()})


def attempts_of(records) -> dict[int, list[dict]]:
    attempts = defaultdict(list)
    for row in records:
        attempts[row["tb"]].append(row)
    return attempts


@pytest.mark.parametrize("step", [1, 3, 9])
def test_every_block_sent_is_finished_exactly_once_and_no_bit_is_lost(drive, step):
    cell = drive(config_of(POOR, {"harq": {"max_transmissions": 2}}), 6).run(800, step=step).run(60, False, step)
    assert Counter(tb.tb_id for tb in cell.sent) == Counter(done.tb_id for done in cell.feedback)
    assert len(cell.sent) > 2500
    attempts = attempts_of(cell.records)
    done = {each.tb_id: each for each in cell.feedback}
    for tb in cell.sent:
        rows, fate = attempts[tb.tb_id], done[tb.tb_id]
        assert [row["transmission"] for row in rows] == list(range(1, fate.transmissions + 1))
        assert [row["ack"] for row in rows] == [False] * (len(rows) - 1) + [fate.delivered]
        assert {(row["ue"], row["mcs_index"], row["n_prb"], row["tb_size_bits"]) for row in rows} == {
            (fate.ue, tb.mcs_index, tb.n_prb, fate.tb_size_bits)
        }
        assert {row["harq_process"] for row in rows} == {tb.harq_process} and {row["cell"] for row in rows} == {0}
        assert fate.delivered or fate.transmissions == 2
        assert rows[0]["slot"] == fate.slot == tb.slot
        assert all(row["time_ns"] == row["slot"] * 500_000 for row in rows)
    lost = sum(not each.delivered for each in cell.feedback)
    assert 0 < lost < len(cell.sent)
    delivered_bits = sum(each.tb_size_bits for each in cell.feedback if each.delivered)
    lost_bits = sum(each.tb_size_bits for each in cell.feedback if not each.delivered)
    assert delivered_bits + lost_bits == sum(tb.tb_size_bits for tb in cell.sent)


@BOTH
@pytest.mark.parametrize(("delay", "step", "expected"), [(7, 1, 7), (1, 1, 1), (7, 3, 9), (4, 10, 10)])
def test_feedback_is_known_in_the_first_slot_after_its_delay(drive, engine, delay, step, expected):
    config = config_of(POOR, {"harq": {"feedback_delay": delay, "max_transmissions": 1}})
    cell = drive(config, 2, engine=engine).run(300, step=step)
    assert len(cell.known_at) > 280
    assert {cell.known_at[done.tb_id] - done.slot for done in cell.feedback} == {expected}


@BOTH
def test_a_block_is_sent_again_no_earlier_than_its_failure_is_known(drive, engine):
    cell = drive(config_of(POOR, {"harq": {"feedback_delay": 5}}), 4, engine=engine).run(250)
    gaps = [b["slot"] - a["slot"] for rows in attempts_of(cell.records).values() for a, b in pairwise(rows)]
    assert len(gaps) > 50 and min(gaps) == 5


def test_a_process_is_held_until_its_block_is_finished(drive):
    cell = drive(config_of(POOR, {"harq": {"processes": 3, "feedback_delay": 8}}), 2)
    open_by_process = {}
    for _ in range(400):
        before = len(cell.sent), len(cell.feedback)
        cell.run(1)
        for done in cell.feedback[before[1] :]:
            open_by_process = {key: tb for key, tb in open_by_process.items() if tb != done.tb_id}
        for tb in cell.sent[before[0] :]:
            assert (tb.ue, tb.harq_process) not in open_by_process
            # the lowest free one is taken
            assert all((tb.ue, lower) in open_by_process for lower in range(tb.harq_process))
            open_by_process[tb.ue, tb.harq_process] = tb.tb_id
        assert len(open_by_process) <= 6
    assert {tb.harq_process for tb in cell.sent} == {0, 1, 2}


def test_in_a_lasting_channel_chase_combining_multiplies_the_sinr(drive):
    # k transmissions have k times the SINR of the first
    cell = drive(config_of(LASTING), 20).run(600)
    first_db = {row["tb"]: row["sinr_eff_db"] for row in cell.records if row["transmission"] == 1}
    again = [row for row in cell.records if row["transmission"] > 1]
    assert len(again) > 30
    for row in again:
        expected_db = first_db[row["tb"]] + 10 * np.log10(row["transmission"])
        assert row["sinr_eff_db"] == pytest.approx(expected_db, abs=1e-9)


@pytest.mark.parametrize("combining", ["chase", "ir"])
def test_combined_sinr_and_error_rate_follow_from_what_was_received(drive, combining):
    # selective fading at speed: every transmission of a block meets another channel on other resource blocks
    config = config_of({"harq": {"combining": combining}, "link_adaptation": {"bler_target": 0.5}})
    cell = drive(config, 8, speed_mps=30.0).run(300)
    received = defaultdict(list)
    worst_db = worst_bler = 0.0
    highest = 0
    for row in cell.records:
        scheme, ue, count = MCS_TABLE_1[row["mcs_index"]], row["ue"], row["transmission"]
        shape = curve(scheme.modulation_order)
        sinr_db_N = cell.sinr_db_at[row["slot"]][ue, cell.owner_TCB[row["slot"]][0] == ue]
        received[row["tb"]].append(float(shape.mutual_information(sinr_db_N).mean()))
        assert len(received[row["tb"]]) == count
        bits = np.array(received[row["tb"]])
        if combining == "chase":
            length = 1.0
            expected_db = 10 * np.log10(np.sum(10 ** (shape.effective_sinr_db(bits) / 10)))
        else:
            length = max(1.0, min(count, scheme.rate / mother_code_rate(scheme.rate)))
            expected_db = float(shape.effective_sinr_db(bits.mean())) + 10 * np.log10(count / length)
        pieces = segment(row["tb_size_bits"], scheme.rate)
        symbols = length * RE_PER_PRB * row["n_prb"] / pieces.code_blocks
        bler = block_error_rate(expected_db, scheme, pieces.code_block_bits, symbols, pieces.code_blocks)
        worst_db = max(worst_db, abs(row["sinr_eff_db"] - expected_db))
        worst_bler = max(worst_bler, abs(row["bler"] - float(bler)))
        highest = max(highest, count)
    assert worst_db < 1e-3 and worst_bler < 1e-3
    assert highest >= 3


def test_redundancy_is_worth_no_less_than_repetition():
    for form in mcs_formats(25):
        for count in (2, 3, 4):
            distinct = max(1.0, min(float(count), form.redundancy))
            chase_db_N = np.arange(-25.0, 25.0, 0.05) + 10 * np.log10(count)
            chase_N = np.array([form.bler(each, 25) for each in chase_db_N])
            redundant_N = np.array([form.bler(each - 10 * np.log10(distinct), 25, distinct) for each in chase_db_N])
            assert (redundant_N <= chase_N + 1e-9).all()
            # from the mother code on there is nothing new to send
            assert np.array_equal(redundant_N, chase_N) == (form.redundancy <= 1.0)


def test_redundancy_gains_grow_with_the_code_rate_within_a_modulation():
    for order in (2, 4, 6):
        gains_db = []
        for form in mcs_formats(10):
            if form.scheme.modulation_order != order or form.scheme.rate <= 0.25:
                continue
            distinct = max(1.0, min(2.0, form.redundancy))
            sinr_db_N = np.arange(-10.0, 30.0, 0.01)
            chase_N = [form.bler(each + 10 * np.log10(2), 10) for each in sinr_db_N]
            redundant_N = [form.bler(each + 10 * np.log10(2 / distinct), 10, distinct) for each in sinr_db_N]
            at_db = [sinr_db_N[np.argmax(np.array(each) <= 0.1)] for each in (chase_N, redundant_N)]
            gains_db.append(at_db[0] - at_db[1])
        assert (np.diff(gains_db) > -0.06).all()
        assert gains_db[-1] > gains_db[0] + 0.5


def test_code_word_stops_growing_at_the_mother_code():
    for form in mcs_formats(25):
        mother = 1 / 5 if form.scheme.rate <= 0.25 else 1 / 3
        assert form.redundancy == pytest.approx(form.scheme.rate / mother)
    # the lowest rates of QPSK and 16QAM have no bits left to send
    assert [i for i, form in enumerate(mcs_formats(25)) if form.redundancy <= 1.0] == [0, 1, 2, 4, 10]


def test_in_a_lasting_channel_the_same_block_fails_less_often_with_redundancy(drive):
    second = {}
    for combining in ("chase", "ir"):
        config = config_of(LASTING, {"harq": {"combining": combining}, "link_adaptation": {"initial_offset": "6 dB"}})
        cell = drive(config, 12, seed=4).run(30)
        # up to the first outcome of a retransmission both runs are the same
        second[combining] = {row["tb"]: row for row in cell.records if row["transmission"] == 2 and row["slot"] < 15}
    chase, ir = second["chase"], second["ir"]
    common = chase.keys() & ir.keys()
    assert len(common) > 10
    for tb in common:
        assert (chase[tb]["mcs_index"], chase[tb]["n_prb"]) == (ir[tb]["mcs_index"], ir[tb]["n_prb"])
        form = mcs_formats(51)[ir[tb]["mcs_index"]]
        distinct = max(1.0, min(2.0, form.redundancy))
        assert ir[tb]["sinr_eff_db"] == pytest.approx(chase[tb]["sinr_eff_db"] - 10 * np.log10(distinct), abs=1e-6)
        assert ir[tb]["bler"] <= chase[tb]["bler"] + 1e-9
    assert np.mean([ir[tb]["bler"] for tb in common]) < 0.8 * np.mean([chase[tb]["bler"] for tb in common])


def test_one_draw_of_slot_and_user_decides_a_transmission(drive):
    cell = drive(config_of(POOR), 6, seed=3).run(700)
    draws = Draws(6, Streams(3).rng("radio.harq"))
    for row in cell.records:
        assert row["ack"] == (draws.row(row["slot"])[row["ue"]] >= row["bler"])
    # the share that fails is the mean of the probabilities announced
    nack = np.array([not row["ack"] for row in cell.records])
    bler = np.array([row["bler"] for row in cell.records])
    assert abs(nack.sum() - bler.sum()) < 4 * np.sqrt((bler * (1 - bler)).sum())
    assert len({(row["slot"], row["ue"]) for row in cell.records}) == len(cell.records)


def failing(engine, n_ue: int, **harq):
    """A link layer whose first transmissions fail: the offset of +15 dB is far too hopeful."""
    config = config_of(
        {
            "tx_power": "-10 dBm",
            "link_adaptation": {"initial_offset": "15 dB"},
            "harq": {"max_transmissions": 32} | harq,
        }
    )
    downlink = engine(config, n_ue, Streams(2))
    here_m_U2 = np.tile([60.0, 0.0], (n_ue, 1))

    def begin(slot):
        assert downlink.begin_slot(slot, here_m_U2, np.zeros(n_ue)) == []

    for slot in range(12):
        begin(slot)
        assert downlink.prb_free_CB.all() and downlink.end_slot() == []
    assert downlink.can_send_U.all()
    return downlink, begin


@BOTH
def test_retransmissions_take_the_best_free_blocks_and_wait_when_they_do_not_fit(engine):
    downlink, begin = failing(engine, 2)
    begin(12)
    level_B = downlink.expected_bits(np.array([0]))[0]
    worst_B = np.argsort(np.argsort(level_B, kind="stable")) < 10
    first = downlink.send(0, worst_B, 10**9)
    assert downlink.end_slot()[0]["ack"] is False
    begin(13)
    second = downlink.send(1, np.ones(51, dtype=bool), 10**9)
    assert [first.n_prb, second.n_prb] == [10, 51]
    downlink.end_slot()
    # after a pause both failures are known; the younger one needs the whole band and waits
    begin(30)
    free_B = downlink.prb_free_CB[0]
    bits_B = downlink.expected_bits(np.array([0]))[0]
    assert free_B.sum() == 41 and bits_B[~free_B].min() >= bits_B[free_B].max()
    assert not downlink.can_send_U[0]
    assert [row["tb"] for row in downlink.end_slot()] == [first.tb_id]
    begin(31)
    assert not downlink.prb_free_CB.any()
    assert [(row["tb"], row["transmission"], row["n_prb"]) for row in downlink.end_slot()] == [(second.tb_id, 2, 51)]


@BOTH
def test_the_oldest_failure_goes_first_and_a_user_sends_one_block_a_slot(engine):
    downlink, begin = failing(engine, 3)
    order = []
    # users 2, 0, 1 fail in this order, user 2 twice; each block needs the whole band
    for slot, ue in enumerate([2, 0, 2, 1], start=12):
        begin(slot)
        order.append(downlink.send(ue, np.ones(51, dtype=bool), 10**9).tb_id)
        downlink.end_slot()
    again = []
    for slot in range(30, 34):
        begin(slot)
        rows = downlink.end_slot()
        assert len(rows) == 1 and rows[0]["transmission"] == 2
        again.append(rows[0]["tb"])
    assert again == order


@BOTH
def test_two_failed_blocks_of_a_user_wait_for_each_other(engine):
    downlink, begin = failing(engine, 1)
    half_B = np.arange(51) < 20
    blocks = []
    for slot in (12, 13):
        begin(slot)
        blocks.append(downlink.send(0, half_B, 10**9))
        downlink.end_slot()
    sent = []
    for slot in (30, 31):
        begin(slot)
        sent += [(slot, row["tb"]) for row in downlink.end_slot()]
    assert sent == [(30, blocks[0].tb_id), (31, blocks[1].tb_id)]


@BOTH
def test_a_change_of_cell_gives_up_exactly_the_open_blocks_and_starts_anew(drive, engine):
    config = config_of(
        POOR, {"harq": {"processes": 6, "feedback_delay": 8}, "link_adaptation": {"initial_offset": "1.5 dB"}}
    )
    cell = drive(config, 4, engine=engine).run(150)
    downlink = cell.downlink
    assert downlink.outer_loop_db_U[1] != 1.5 and downlink.cqi_U[1] > 0
    for _ in range(20):
        cell.begin()
        cell.load(4)
        if (downlink.prb_owner_CB[0] == 1).any():
            break
        cell.end()
    open_by_ue = defaultdict(set)
    for tb in cell.sent:
        open_by_ue[tb.ue].add(tb.tb_id)
    for done in cell.feedback:
        open_by_ue[done.ue].discard(done.tb_id)
    others = {ue: (downlink.cqi_U[ue], downlink.outer_loop_db_U[ue]) for ue in (0, 2, 3)}
    busy_B = downlink.prb_owner_CB[0] == 1
    assert busy_B.any() and len(open_by_ue[1]) > 2
    given_up = downlink.attach(1, 0)
    assert set(given_up) == open_by_ue[1] and len(given_up) == len(set(given_up))
    assert downlink.prb_free_CB[0, busy_B].all()
    assert not downlink.can_send_U[1] and downlink.cqi_U[1] == 0
    assert downlink.outer_loop_db_U[1] == 1.5
    assert (downlink.expected_bits(np.array([1])) == 0).all()
    assert others == {ue: (downlink.cqi_U[ue], downlink.outer_loop_db_U[ue]) for ue in (0, 2, 3)}
    assert 1 not in {row["ue"] for row in cell.end()}
    assert downlink.attach(1, 0) == []
    attached = cell.slot - 1
    # what was given up is never heard of again, everything else is finished; all six processes are free
    sent = len(cell.sent)
    cell.run(40).run(80, load=False)
    fresh = [tb for tb in cell.sent[sent:] if tb.ue == 1]
    assert min(tb.slot for tb in fresh) >= attached + 1 + downlink.carrier.slots(config.csi.delay)
    assert fresh[0].harq_process == 0 and {tb.harq_process for tb in fresh} == set(range(6))
    assert {row["tb"] for row in cell.records if row["slot"] > attached}.isdisjoint(given_up)
    assert {done.tb_id for done in cell.feedback} == {tb.tb_id for tb in cell.sent} - set(given_up)
