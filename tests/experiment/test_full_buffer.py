"""A full-buffer drop: geometry and published curve in closed form, bits of users and cells add up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mobaigc_sim.experiment.full_buffer import Case, geometry, link_curve, measure

ROOT = Path(__file__).parents[2]


def test_geometry_is_the_strongest_cell_over_all_others_and_noise() -> None:
    gain_db_UC = np.array([[-90.0, -100.0, -100.0], [-120.0, -110.0, -200.0]])
    sinr_U = geometry(gain_db_UC, 1e-10)
    assert sinr_U == pytest.approx([1e-9 / (2e-10 + 1e-10), 1e-11 / (1e-12 + 1e-10)])


def test_the_curve_is_attenuated_shannon_cut_at_both_ends() -> None:
    found = link_curve(np.array([-10.1, -10.0, 0.0, 10.0, 60.0]))
    assert found == pytest.approx([0.0, 0.6 * np.log2(1.1), 0.6, 0.6 * np.log2(11.0), 4.4])


def test_users_and_cells_of_a_run_got_the_same_bits() -> None:
    scenarios = ROOT / "scenarios"
    case = Case(scenarios / "pedestrian_micro.yaml", scenarios / "bank", "round_robin", 3, 3.0, 0.5, 1, 0, 0.2, 0.05)
    table = measure(case)
    users, cells = table[table["of"] == "user"], table[table["of"] == "cell"]
    assert len(users) == 3 * len(cells) - 1
    assert users["bps"].sum() == pytest.approx(cells["bps"].sum())
    assert (users["bps"] > 0).any()
    assert (cells["prb_used"] <= 1.0).all()
    hz = 12 * 12 * 30e3
    assert table["bps_hz"].to_numpy() == pytest.approx(table["bps"].to_numpy() / hz)
