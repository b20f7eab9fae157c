"""What is drawn for a user is its own: more users or cells change nothing of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mobaigc_sim.kernel.streams import Streams
from mobaigc_sim.radio.config import RadioConfig
from mobaigc_sim.radio.downlink import Downlink
from mobaigc_sim.radio.draws import Draws
from mobaigc_sim.radio.handover import A3Monitor, HandoverConfig
from mobaigc_sim.radio.plain_downlink import PlainDownlink

BOTH = pytest.mark.parametrize("engine", [Downlink, PlainDownlink])
START_M_U2 = np.random.default_rng(2).uniform(-90, 90, (9, 2))
SEVEN = {"layout": {"sites": 7}}
MIXED = {"channel": {"indoor": 0.4, "in_car": 0.5}}
RAYLEIGH = {"channel": {"kind": "rayleigh", "block": "5 ms"}}


def links(data: dict[str, Any], n_ue: int, cells: int, slots: int = 60) -> list[tuple[Any, ...]]:
    """Gain, LOS state and fading of some users' links to the first cells, slot by slot, while they move."""
    link = Downlink(RadioConfig.model_validate(data), n_ue, Streams(3))
    told = []
    for slot in range(slots):
        way_m_U = np.full(n_ue, 0.2 * slot)
        link.begin_slot(slot, START_M_U2[:n_ue] + way_m_U[:, None] * [0.6, 0.8], way_m_U)
        state = link.channel
        places = (state.place_a_UC[:4, :cells].ravel(), state.place_b_UC[:4, :cells].ravel())
        power = np.abs(state.tape.response(*places)) ** 2
        told.append((state.gain_db_UC[:4, :cells].tolist(), state.los_UC[:4, :cells].tolist(), power.tolist()))
        link.end_slot()
    assert told[0] != told[-1]
    return told


@pytest.mark.parametrize("data", [{}, SEVEN, MIXED, RAYLEIGH], ids=["one cell", "seven sites", "indoors", "rayleigh"])
def test_links_of_a_user_do_not_depend_on_other_users(data):
    assert links(data, 4, 7) == links(data, 5, 7) == links(data, 9, 7)


def test_links_to_a_cell_do_not_depend_on_other_cells():
    assert links({}, 4, 1) == links(SEVEN, 4, 1)
    assert links(SEVEN, 4, 7) == links({"layout": {"sites": 19}}, 4, 7)


def test_users_and_cells_differ_from_each_other():
    *_, power = links(SEVEN, 4, 7, slots=40)[0]
    assert len({tuple(power_B) for power_B in power}) == 28


def fates(engine: Any, data: dict[str, Any], n_ue: int) -> list[Any]:
    """Blocks of user 2, who alone sends, on every free block."""
    link = engine(RadioConfig.model_validate({"tx_power": "18 dBm"} | data), n_ue, Streams(3))
    for ue in range(n_ue):
        link.attach(ue, 0)
    told = []
    for slot in range(1100):
        way_m_U = np.full(n_ue, 0.005 * slot)
        link.begin_slot(slot, START_M_U2[:n_ue] + way_m_U[:, None] * [0.6, 0.8], way_m_U)
        if link.can_send_U[2] and link.prb_free_CB[0].any():
            link.send(2, link.prb_free_CB[0], 10**9)
        told += link.end_slot()
    assert {row["ack"] for row in told} == {True, False}
    return told


@BOTH
def test_fates_of_a_users_blocks_do_not_depend_on_other_users_and_cells(engine):
    alone = fates(engine, {}, 3)
    assert alone == fates(engine, {}, 4) == fates(engine, {}, 9)
    assert alone == fates(engine, SEVEN, 5)


def test_draws_of_a_user_do_not_depend_on_other_users():
    few, many = Draws(3, Streams(1).rng("x")), Draws(7, Streams(1).rng("x"))
    for index in (0, 1, 511, 512, 1300):
        assert np.array_equal(few.row(index), many.row(index)[:3])
    assert len(set(many.row(1301).tolist())) == 7


def filtered_dbm(n_ue: int, samples: int = 5) -> Any:
    monitor = A3Monitor(HandoverConfig.model_validate({"measurement_error": "2 dB"}), n_ue, 3, Streams(1).rng("x"))
    for sample in range(samples):
        monitor.measure(sample * 40_000_000, np.zeros((n_ue, 3)), np.zeros(n_ue, int), np.ones(n_ue, bool))
    return monitor.filtered_dbm_UC


def test_measurement_errors_of_a_user_do_not_depend_on_other_users():
    assert np.array_equal(filtered_dbm(4), filtered_dbm(9)[:4])
    assert len(np.unique(filtered_dbm(4))) == 12
