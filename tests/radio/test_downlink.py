"""The downlink as a whole: common random numbers, link budget, who may send on what, the rows it tells."""

from __future__ import annotations

import numpy as np
import pytest

from mobaigc_sim.kernel.streams import Streams
from mobaigc_sim.radio.config import RadioConfig
from mobaigc_sim.radio.downlink import Downlink
from mobaigc_sim.radio.draws import Draws
from mobaigc_sim.radio.plain_downlink import PlainDownlink

BOTH = pytest.mark.parametrize("engine", [Downlink, PlainDownlink])


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
    sinr_db_UB = downlink.sinr_db(np.arange(4000))
    fading_UB = 10 ** ((sinr_db_UB - (prb_dbm + downlink.gain_db_UC - noise_dbm)) / 10)
    assert sinr_db_UB.shape == (4000, 5)
    mean_db_U = 10 * np.log10(np.mean(10 ** (sinr_db_UB / 10), axis=1))
    assert downlink.wideband_sinr_db(np.arange(4000)) == pytest.approx(mean_db_U)
    assert np.allclose(downlink.rsrp_dbm_UC, prb_dbm + downlink.gain_db_UC - 10 * np.log10(12), atol=1e-9)
    assert fading_UB[:, 0].mean() == pytest.approx(1.0, abs=0.05)
    assert np.allclose(fading_UB, fading_UB[:, :1], rtol=1e-5)


def test_rayleigh_channel_is_exponential_block_fading():
    config = RadioConfig.model_validate({"channel": {"kind": "rayleigh", "mean_snr": "10 dB", "block": "1 ms"}})
    downlink = Downlink(config, 50, Streams(1))
    power_TU = []
    for slot in range(1200):
        downlink.begin_slot(slot, np.zeros((50, 2)), np.zeros(50))
        sinr_db_UB = downlink.sinr_db(np.arange(50))
        assert (sinr_db_UB == sinr_db_UB[:, :1]).all()
        power_TU.append(10 ** (sinr_db_UB[:, 0] / 10 - 1))
    power_TU = np.array(power_TU)
    assert np.array_equal(power_TU[::2], power_TU[1::2])
    block_TU = power_TU[::2]
    assert block_TU.mean() == pytest.approx(1.0, abs=0.03)
    assert np.mean(block_TU < 0.1) == pytest.approx(1 - np.exp(-0.1), abs=0.01)
    assert abs(np.corrcoef(block_TU[:-1].ravel(), block_TU[1:].ravel())[0, 1]) < 0.03
    # the mean of the best of K is the harmonic number
    assert block_TU[:, :10].max(axis=1).mean() == pytest.approx(2.9290, abs=0.2)


def test_a_small_backlog_takes_few_blocks(drive):
    small = drive(RadioConfig(), 3, backlog_bits=400, share=1).run(200)
    assert len(small.sent) > 100
    for tb in small.sent:
        assert tb.tb_size_bits >= 400 or tb.n_prb > 40
    assert np.mean([tb.n_prb for tb in small.sent]) < 15


@BOTH
def test_users_send_at_most_once_a_slot_and_only_on_free_blocks(engine):
    config = RadioConfig.model_validate({"channel": {"kind": "rayleigh", "mean_snr": "20 dB"}, "csi": {"delay": 0}})
    downlink = engine(config, 2, Streams(4))
    for slot in range(2):
        downlink.begin_slot(slot, np.zeros((2, 2)), np.zeros(2))
    assert downlink.can_send_U.tolist() == [True, True]
    half_B = np.arange(51) < 25
    tb = downlink.send(0, half_B, 10**9)
    assert tb.prb_N.tolist() == list(range(25)) and (tb.ue, tb.cell, tb.slot, tb.n_prb) == (0, 0, 1, 25)
    assert downlink.can_send_U.tolist() == [False, True]
    assert np.array_equal(downlink.prb_owner_CB, np.where(half_B, 0, -1)[None])
    assert np.array_equal(downlink.prb_free_CB, ~half_B[None])
    with pytest.raises(ValueError, match="user 0 cannot send"):
        downlink.send(0, ~half_B, 10**9)
    with pytest.raises(ValueError, match="user 1 needs free resource blocks"):
        downlink.send(1, half_B, 10**9)
    with pytest.raises(ValueError, match="user 1 needs free resource blocks"):
        downlink.send(1, np.zeros(51, dtype=bool), 10**9)
    (row,) = downlink.end_slot()
    assert (row["tb"], row["n_prb"], row["tb_size_bits"]) == (tb.tb_id, 25, tb.tb_size_bits)
    assert list(row) == [
        *("slot", "time_ns", "ue", "cell", "tb", "harq_process", "transmission", "mcs_index", "n_prb"),
        *("tb_size_bits", "sinr_eff_db", "bler", "ack"),
    ]


@BOTH
def test_a_block_below_the_least_size_is_not_sent(engine):
    config = RadioConfig.model_validate({"channel": {"kind": "rayleigh", "mean_snr": "20 dB"}, "csi": {"delay": 0}})
    downlink = engine(config, 1, Streams(4))
    downlink.begin_slot(0, np.zeros((1, 2)), np.zeros(1))
    one_B = np.arange(51) == 7
    assert downlink.send(0, one_B, 10**9, least_bits=2000) is None
    assert downlink.prb_free_CB.all() and downlink.can_send_U.all()
    wish_CB = np.where(one_B, 0, -1)[None]
    assert downlink.send_all(wish_CB, np.array([10**9]), least_bits=2000) == []
    (tb,) = downlink.send_all(wish_CB, np.array([10**9]), least_bits=24)
    assert tb.tb_id == 0 and tb.harq_process == 0 and tb.prb_N.tolist() == [7]
    assert len(downlink.end_slot()) == 1


@BOTH
def test_send_all_is_send_in_order_of_user(engine):
    def able(config):
        downlink = engine(config, 5, Streams(4))
        for slot in range(5):
            downlink.begin_slot(slot, np.zeros((5, 2)), np.zeros(5))
        return downlink

    config = RadioConfig.model_validate({"channel": {"kind": "rayleigh", "mean_snr": "20 dB"}, "csi": {"delay": 0}})
    one, other = able(config), able(config)
    wish_CB = np.random.default_rng(1).integers(-1, 5, (1, 51))
    backlog_bits_U = np.array([10**9, 500, 10**9, 2000, 40])
    together = one.send_all(wish_CB, backlog_bits_U)
    in_turn = [other.send(ue, wish_CB[0] == ue, int(backlog_bits_U[ue])) for ue in range(5)]
    assert [(*a[:-1], a.prb_N.tolist()) for a in together] == [(*b[:-1], b.prb_N.tolist()) for b in in_turn]
    assert one.end_slot() == other.end_slot()


@BOTH
def test_nobody_can_send_before_the_first_report_arrives(engine):
    downlink = engine(RadioConfig(), 2, Streams(1))
    here_m_U2 = np.array([[20.0, 0.0], [0.0, 20.0]])
    able = []
    for slot in range(6):
        downlink.begin_slot(slot, here_m_U2, np.zeros(2))
        able.append(downlink.can_send_U.tolist())
        assert (downlink.expected_bits(np.arange(2)).max(axis=1) > 0).tolist() == able[-1]
        assert (downlink.cqi_U > 0).tolist() == able[-1]
        downlink.end_slot()
    assert able == [[False, False]] * 4 + [[True, False], [True, True]]


def test_a_user_without_a_cell_sends_and_reports_nothing():
    config = RadioConfig.model_validate({"layout": {"sectors": 3}, "csi": {"delay": 0, "period": "0.5 ms"}})
    downlink = Downlink(config, 2, Streams(1))
    here_m_U2 = np.array([[20.0, 0.0], [0.0, 20.0]])
    for slot in range(4):
        downlink.begin_slot(slot, here_m_U2, np.zeros(2))
        downlink.attach(0, 0)
        assert downlink.serving_U.tolist() == [0, -1] and not downlink.can_send_U[1] and downlink.cqi_U[1] == 0
        downlink.end_slot()
    downlink.begin_slot(4, here_m_U2, np.zeros(2))
    assert downlink.can_send_U.tolist() == [True, False]
    downlink.attach(0, -1)
    assert downlink.can_send_U.tolist() == [False, False]
    downlink.end_slot()
    downlink.begin_slot(5, here_m_U2, np.zeros(2))
    assert downlink.cqi_U.tolist() == [0, 0]


class Rows:
    """Stands in for a generator: hands out the draws that the link layer itself would take in these slots."""

    def __init__(self, n_ue, seed, first):
        self._draws, self._first = Draws(n_ue, Streams(seed).rng("radio.harq")), first

    def random(self, shape):
        rows = np.stack([self._draws.row(self._first + t) for t in range(shape[0])])
        assert rows.shape == shape
        return rows


@pytest.mark.parametrize("layout", [{}, {"layout": {"sectors": 3}, "antenna": {"pattern": "sector"}}])
def test_full_buffer_in_one_call_is_proportional_fair_slot_by_slot(layout):
    config, n_ue, slots, forget, rows_per_slot = RadioConfig.model_validate(layout), 9, 400, 0.02, 0.25
    angle_U = np.linspace(0, 2 * np.pi, n_ue, endpoint=False)
    here_m_U2 = 90 * np.stack([np.cos(angle_U), np.sin(angle_U)], axis=1)
    row_m = 299_792_458 / 3.5e9 / 32

    def joined(engine):
        link = engine(config, n_ue, Streams(6))
        link.begin_slot(0, here_m_U2, np.zeros(n_ue))
        if link.n_cell > 1:
            for ue, cell in enumerate(link.gain_db_UC.argmax(axis=1)):
                link.attach(ue, int(cell))
        link.end_slot()
        return link

    compiled, plain = joined(Downlink), joined(PlainDownlink)
    # the first slot in the kernel is still at the place of the slot before
    mean_bps_U, found_bps_U = np.full(n_ue, 1e5), np.full(n_ue, 1e5)
    found_bits_U = compiled.full_buffer(slots, np.full(n_ue, rows_per_slot), forget, found_bps_U, Rows(n_ue, 6, 1))
    expected_bits_U = np.zeros(n_ue, int)
    for slot in range(1, slots + 1):
        for done in plain.begin_slot(slot, here_m_U2, np.full(n_ue, (slot - 1) * rows_per_slot * row_m)):
            expected_bits_U[done.ue] += done.tb_size_bits * done.delivered
        wish_CB = np.full(plain.prb_owner_CB.shape, -1)
        able_N = np.flatnonzero(plain.can_send_U)
        metric_NB = plain.expected_bits(able_N) / np.maximum(mean_bps_U[able_N], 1.0)[:, None]
        for cell in range(plain.n_cell):
            mine_N = np.flatnonzero(plain.serving_U[able_N] == cell)
            if mine_N.size:
                wish_CB[cell] = able_N[mine_N[metric_NB[mine_N].argmax(axis=0)]]
        wish_CB[~plain.prb_free_CB] = -1
        granted_U = np.zeros(n_ue)
        for tb in plain.send_all(wish_CB, np.full(n_ue, 1 << 60), 1):
            granted_U[tb.ue] = tb.tb_size_bits
        mean_bps_U += forget * (granted_U / 0.5e-3 - mean_bps_U)
        plain.end_slot()
    assert found_bits_U.sum() > 1_000_000
    assert found_bits_U.tolist() == expected_bits_U.tolist()
    assert found_bps_U == pytest.approx(mean_bps_U)
    assert np.array_equal(compiled.prb_owner_CB, plain.prb_owner_CB)
    assert compiled.outer_loop_db_U == pytest.approx(plain.outer_loop_db_U)


def test_full_buffer_leaves_the_rayleigh_channel_as_it_was():
    # a place on its tape is the number of a link: to move along would be to become another link
    config = RadioConfig.model_validate({"channel": {"kind": "rayleigh"}})
    downlink = Downlink(config, 4, Streams(1))
    downlink.begin_slot(0, np.zeros((4, 2)), np.zeros(4))
    before_UC = downlink.channel.place_a_UC.copy()
    downlink.end_slot()
    downlink.full_buffer(3, np.full(4, 0.3), 0.02, np.full(4, 1e5), np.random.default_rng(1))
    downlink.begin_slot(4, np.zeros((4, 2)), np.zeros(4))
    assert np.array_equal(downlink.channel.place_a_UC, before_UC)


def test_draws_are_a_function_of_the_row_and_forget_old_rows():
    dense, sparse = Draws(3, Streams(1).rng("x")), Draws(3, Streams(1).rng("x"))
    rows = [dense.row(i) for i in range(1500)]
    for i in (0, 511, 512, 1499):
        assert np.array_equal(sparse.row(i), rows[i])
    with pytest.raises(ValueError, match="row 3 has gone"):
        sparse.row(3)
