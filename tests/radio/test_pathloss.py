"""Path loss and LOS probability against vectors worked out from TR 38.901, and the noise floor."""

from __future__ import annotations

import numpy as np
import pytest

from mobaigc_sim.radio.channel import THERMAL_NOISE_DBM_PER_HZ, noise_power_dbm
from mobaigc_sim.radio.pathloss import SCENARIOS, Geometry

GEOMETRY = {"uma": Geometry(3.5e9, 25.0, 1.5), "umi": Geometry(3.5e9, 10.0, 1.5)}


@pytest.mark.parametrize(
    ("name", "d2d_m", "los_db", "nlos_db"),
    [
        ("uma", 50, 77.2122, 92.5108),
        ("uma", 200, 89.5695, 114.4620),
        ("uma", 1000, 109.4119, 141.6660),
        ("umi", 50, 79.0896, 94.1807),
        ("umi", 200, 91.6112, 115.2288),
        ("umi", 1000, 119.1531, 139.8892),
    ],
)
def test_path_loss(name, d2d_m, los_db, nlos_db):
    d2d_m_N = np.array([float(d2d_m)])
    assert SCENARIOS[name].los_path_loss_db(d2d_m_N, GEOMETRY[name])[0] == pytest.approx(los_db, abs=1e-3)
    assert SCENARIOS[name].nlos_path_loss_db(d2d_m_N, GEOMETRY[name])[0] == pytest.approx(nlos_db, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "d2d_m", "probability"),
    [("uma", 50, 0.64940), ("uma", 200, 0.12805), ("umi", 50, 0.51959), ("umi", 200, 0.09352), ("umi", 18, 1.0)],
)
def test_los_probability(name, d2d_m, probability):
    assert SCENARIOS[name].los_probability(np.array([float(d2d_m)]))[0] == pytest.approx(probability, abs=1e-4)


@pytest.mark.parametrize(("name", "breakpoint_m"), [("uma", 560.0), ("umi", 210.0)])
def test_the_slopes_meet_at_the_breakpoint(name, breakpoint_m):
    geometry = GEOMETRY[name]
    assert geometry.breakpoint_m == pytest.approx(breakpoint_m)
    near, far = SCENARIOS[name].los_path_loss_db(breakpoint_m + np.array([-1e-6, 1e-6]), geometry)
    # the correction 9 or 9.5 lg(...) of the second slope cancels the step up to the rounding of the published factor
    assert abs(far - near) < 0.02


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_loss_and_los_probability_are_monotone_and_nlos_is_never_lighter(name):
    d2d_m_N = np.linspace(10, 5000, 2000)
    scenario, geometry = SCENARIOS[name], GEOMETRY[name]
    los_N, nlos_N = scenario.los_path_loss_db(d2d_m_N, geometry), scenario.nlos_path_loss_db(d2d_m_N, geometry)
    assert (np.diff(los_N) > -0.02).all() and (np.diff(nlos_N) > -0.02).all()
    assert (nlos_N >= los_N).all()
    assert (np.diff(scenario.los_probability(d2d_m_N)) <= 0).all()


def test_noise():
    assert pytest.approx(-173.975, abs=1e-3) == THERMAL_NOISE_DBM_PER_HZ
    # with the rounded −174 dBm/Hz it would be −92.361
    assert noise_power_dbm(51 * 360e3, 9.0) == pytest.approx(-92.336, abs=1e-3)
