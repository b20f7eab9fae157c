"""Interference between cells, from channel gains, tape powers and the blocks that are really in use."""

from __future__ import annotations

import numpy as np
import pytest

from mobaigc_sim.kernel.streams import Streams
from mobaigc_sim.radio.adaptation import LinkAdaptation
from mobaigc_sim.radio.capacity import curve
from mobaigc_sim.radio.config import RadioConfig
from mobaigc_sim.radio.csi import HIGHEST_DB, LOWEST_DB
from mobaigc_sim.radio.downlink import Downlink
from mobaigc_sim.radio.plain_downlink import PlainDownlink
from mobaigc_sim.radio.tables import MCS_TABLE_1

AT_ONCE = {"csi": {"period": "0.5 ms", "delay": 0}}
SECTORS = AT_ONCE | {"layout": {"sectors": 3}, "antenna": {"pattern": "sector"}}
SITES = AT_ONCE | {"layout": {"sites": 7, "isd": "200 m", "wrap_around": True}, "channel": {"fading": "tdl_c"}}
LAYOUTS = pytest.mark.parametrize("layout", [SECTORS, SITES], ids=["three sectors", "seven sites"])
BOTH = pytest.mark.parametrize("engine", [Downlink, PlainDownlink])
PER_CELL = 2


class Network:
    """Two users a cell, spread over the plane, which move along; every slot is played by hand."""

    def __init__(self, layout, engine=Downlink, seed=5):
        self.link = engine(RadioConfig.model_validate(layout), self.count(layout), Streams(seed))
        self.n_ue = self.count(layout)
        self.ue_U = np.arange(self.n_ue)
        self.cell_U = self.ue_U // PER_CELL
        self.position_m_U2 = np.random.default_rng(3).uniform(-120, 120, (self.n_ue, 2))
        self.slot = 0
        for ue, cell in enumerate(self.cell_U):
            self.link.attach(ue, int(cell))

    @staticmethod
    def count(layout) -> int:
        grid = layout["layout"]
        return PER_CELL * grid.get("sites", 1) * grid.get("sectors", 1)

    def begin(self):
        travelled_m_U = np.full(self.n_ue, 0.01 * self.slot)
        done = self.link.begin_slot(self.slot, self.position_m_U2 + travelled_m_U[:, None] * [1.0, 0.0], travelled_m_U)
        self.slot += 1
        return done

    def send(self, cells, part_B=slice(None)):
        """The first user of each of these cells that can takes the free blocks of a part of the band."""
        sent = []
        for cell in cells:
            offer_B = np.zeros(self.link.carrier.n_prb, dtype=bool)
            offer_B[part_B] = True
            offer_B &= self.link.prb_free_CB[cell]
            able_N = np.flatnonzero(self.link.can_send_U & (self.cell_U == cell))
            if able_N.size and offer_B.any():
                sent.append(self.link.send(int(able_N[0]), offer_B, 10**9))
        return sent

    def received_UCB(self):
        """Power over noise from every cell, by a link budget of its own."""
        carrier, state = self.link.carrier, self.link.channel
        budget_db = 33.0 - 10 * np.log10(51) - (-173.9752 + 10 * np.log10(360e3) + 9.0)
        flat = (state.place_a_UC.ravel(), state.place_b_UC.ravel())
        power_UCB = np.abs(state.tape.response(*flat)) ** 2
        return 10 ** ((state.gain_db_UC + budget_db) / 10)[..., None] * power_UCB.reshape(
            *state.gain_db_UC.shape, carrier.n_prb
        )

    def expected_sinr_db(self, active_CB):
        """SINR while the neighbours use these blocks."""
        received_UCB = self.received_UCB()
        wanted_UB = received_UCB[self.ue_U, self.cell_U]
        unwanted_UB = (received_UCB * active_CB).sum(axis=1) - wanted_UB * active_CB[self.cell_U]
        return 10 * np.log10(wanted_UB / (1 + unwanted_UB))


def effective_db(row, sinr_db_N):
    """Effective SINR of a first transmission on blocks of that SINR."""
    shape = curve(MCS_TABLE_1[row["mcs_index"]].modulation_order)
    return float(shape.effective_sinr_db(shape.mutual_information(sinr_db_N).mean()))


@BOTH
@LAYOUTS
def test_a_cell_that_transmits_alone_has_sinr_equal_to_snr(layout, engine):
    network = Network(layout, engine)
    network.begin()
    network.link.end_slot()
    for _ in range(6):
        network.begin()
        nobody_CB = np.zeros_like(network.link.prb_owner_CB)
        snr_db_UB = network.expected_sinr_db(nobody_CB)
        assert not (network.link.prb_owner_CB[1:] >= 0).any()
        found_db_UB = network.link.sinr_db(network.ue_U)
        # the slot before only cell 0 was on the air: its own users see no interference
        assert np.abs(found_db_UB - snr_db_UB)[:PER_CELL].max() < 2e-3
        network.send([0])
        owner_CB = network.link.prb_owner_CB.copy()
        for row in network.link.end_slot():
            if row["transmission"] == 1:
                expected_db = effective_db(row, snr_db_UB[row["ue"], owner_CB[0] == row["ue"]])
                assert row["sinr_eff_db"] == pytest.approx(expected_db, abs=2e-3)


@BOTH
@LAYOUTS
def test_with_all_cells_on_the_air_sinr_is_the_ratio_of_powers(layout, engine):
    network = Network(layout, engine)
    network.begin()
    network.link.end_slot()
    network.begin()
    network.send(range(network.link.n_cell))
    assert not network.link.prb_free_CB.any()
    expected_db_UB = network.expected_sinr_db(np.ones_like(network.link.prb_owner_CB))
    owner_CB = network.link.prb_owner_CB.copy()
    rows = network.link.end_slot()
    assert len(rows) == network.link.n_cell
    for row in rows:
        expected_db = effective_db(row, expected_db_UB[row["ue"], owner_CB[row["cell"]] == row["ue"]])
        assert row["sinr_eff_db"] == pytest.approx(expected_db, abs=2e-3)
    # the slot is over: now everyone sees what was on the air
    assert np.abs(network.link.sinr_db(network.ue_U) - expected_db_UB).max() < 2e-3
    snr_db_UB = network.expected_sinr_db(np.zeros_like(owner_CB))
    assert (expected_db_UB < snr_db_UB).all() and np.mean(snr_db_UB - expected_db_UB) > 3.0


@BOTH
@LAYOUTS
def test_every_block_counts_the_neighbours_that_use_it_and_no_others(layout, engine):
    network = Network(layout, engine)
    rng = np.random.default_rng(8)
    checked = 0
    for _ in range(12):
        network.begin()
        for cell in rng.permutation(network.link.n_cell):
            if rng.random() < 0.7:
                network.send([int(cell)], np.sort(rng.choice(51, rng.integers(3, 40), replace=False)))
        owner_CB = network.link.prb_owner_CB.copy()
        expected_db_UB = network.expected_sinr_db(owner_CB >= 0)
        for row in network.link.end_slot():
            assert row["cell"] == network.cell_U[row["ue"]]
            if row["transmission"] == 1:
                used_B = owner_CB[row["cell"]] == row["ue"]
                expected_db = effective_db(row, expected_db_UB[row["ue"], used_B])
                assert row["sinr_eff_db"] == pytest.approx(expected_db, abs=2e-3)
                checked += 1
        assert np.abs(network.link.sinr_db(network.ue_U) - expected_db_UB).max() < 2e-3
    assert checked > 8


@BOTH
@LAYOUTS
def test_the_fate_of_a_block_depends_on_what_neighbours_send_in_the_same_slot(layout, engine):
    fates = {}
    for others in (False, True):
        network = Network(layout, engine)
        network.begin()
        network.link.end_slot()
        network.begin()
        # the block is chosen alike in both, before the neighbours decide
        (mine,) = network.send([0])
        if others:
            network.send(range(1, network.link.n_cell))
        rows = network.link.end_slot()
        (row,) = (row for row in rows if row["tb"] == mine.tb_id)
        fates[others] = mine.mcs_index, mine.prb_N.tolist(), row["sinr_eff_db"], row["bler"]
    assert fates[False][:2] == fates[True][:2]
    assert fates[True][2] < fates[False][2] - 1.0
    assert fates[True][3] > fates[False][3]


@BOTH
@LAYOUTS
def test_reports_see_the_interference_of_the_slot_before(layout, engine):
    network = Network(layout, engine, seed=3)
    adaptation = LinkAdaptation(51, 0.1)
    rng = np.random.default_rng(4)
    before_CB = np.zeros((network.link.n_cell, 51), dtype=bool)
    quiet = loud = 0
    for slot in range(10):
        network.begin()
        expected_db_UB = network.expected_sinr_db(before_CB)
        level_UB = np.clip(np.floor(expected_db_UB), LOWEST_DB, HIGHEST_DB).astype(int) - LOWEST_DB
        bits_UB = adaptation.bits_per_prb(level_UB, network.link.outer_loop_db_U)
        found_UB = network.link.expected_bits(network.ue_U)
        heard_U = network.link.cqi_U > 0
        assert heard_U.sum() >= network.n_ue // 3
        # a SINR within 0.002 dB of a whole dB may fall on either side
        clear_UB = np.abs(expected_db_UB - np.round(expected_db_UB)) > 2e-3
        assert np.allclose(found_UB[heard_U], np.where(clear_UB, bits_UB, found_UB)[heard_U])
        assert clear_UB.mean() > 0.98
        if slot % 3:
            network.send(np.flatnonzero(rng.random(network.link.n_cell) < 0.8))
        before_CB = network.link.prb_owner_CB >= 0
        quiet, loud = quiet + (not before_CB.any()), loud + before_CB.any()
        network.link.end_slot()
    assert quiet and loud > 3


@LAYOUTS
def test_a_neighbour_leaves_the_air_when_its_only_user_leaves(layout):
    network = Network(layout)
    for _ in range(2):
        network.begin()
        network.link.end_slot()
    network.begin()
    network.send(range(network.link.n_cell))
    for ue in np.flatnonzero(network.cell_U > 0):
        network.link.attach(int(ue), -1)
    rows = network.link.end_slot()
    assert {row["cell"] for row in rows} == {0}
    snr_db_UB = network.expected_sinr_db(np.zeros_like(network.link.prb_owner_CB))
    found_db_UB = network.link.sinr_db(network.ue_U[:PER_CELL])
    assert np.abs(found_db_UB - snr_db_UB[:PER_CELL]).max() < 2e-3


@BOTH
def test_a_user_that_changes_cells_is_interfered_with_by_the_one_it_left(engine):
    network = Network(SECTORS, engine)
    network.begin()
    network.send([])
    network.link.end_slot()
    network.begin()
    network.send(range(3))
    network.link.end_slot()
    network.link.attach(0, 1)
    network.cell_U = network.cell_U.copy()
    network.cell_U[0] = 1
    expected_db_UB = network.expected_sinr_db(np.ones((3, 51)))
    assert np.abs(network.link.sinr_db(np.array([0]))[0] - expected_db_UB[0]).max() < 2e-3
