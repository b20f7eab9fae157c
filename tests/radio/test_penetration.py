"""Building and car loss against Tables 7.4.3-1 and 7.4.3-2 of TR 38.901."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobaigc_sim.errors import UnknownNameError
from mobaigc_sim.radio.pathloss import SCENARIOS
from mobaigc_sim.radio.penetration import (
    HIGH_LOSS_SCENARIOS,
    INDOOR_DISTANCE_MAX_M,
    building_loss_db,
    car_loss_db,
    draw_indoor_distance_m,
    wall_loss_db,
)

KINDS = np.array([False, True])


@pytest.mark.parametrize(("version", "low_db", "high_db"), [(17, 12.698, 26.850), (19, 12.698, 27.499)])
def test_walls_at_3_5_ghz(version, low_db, high_db):
    assert wall_loss_db(3.5e9, KINDS, version) == pytest.approx([low_db, high_db], abs=1e-3)


@pytest.mark.parametrize("version", [17, 19])
def test_at_high_carriers_the_glass_is_what_lets_waves_through(version):
    # concrete takes 405 dB at 100 GHz: 22 dB + 5 dB − 10 lg 0.3, and the coated glass + 5 dB − 10 lg 0.7
    coated_db = {17: 53.0, 19: 36.4}[version]
    walls_db = wall_loss_db(100e9, KINDS, version)
    assert walls_db == pytest.approx([27 - 10 * np.log10(0.3), coated_db + 5 - 10 * np.log10(0.7)], abs=1e-9)


@given(ghz=st.floats(0.5, 99.0), version=st.sampled_from([17, 19]))
def test_walls_grow_with_the_carrier_and_coating_always_costs(ghz, version):
    here_db, above_db = wall_loss_db(ghz * 1e9, KINDS, version), wall_loss_db((ghz + 1) * 1e9, KINDS, version)
    assert (above_db > here_db).all()
    assert here_db[1] > here_db[0]


def test_unknown_version_is_refused():
    with pytest.raises(UnknownNameError, match="unknown version of TR 38"):
        wall_loss_db(3.5e9, KINDS, 18)


@pytest.mark.parametrize(("scenario", "end_m"), [("umi", 25.0), ("uma", 25.0), ("rma", 10.0)])
def test_depth_is_the_lesser_of_two_uniform_draws(scenario, end_m):
    depth_m_N = draw_indoor_distance_m(scenario, 100_000, np.random.default_rng(5))
    assert depth_m_N.shape == (100_000,) and (depth_m_N >= 0).all() and (depth_m_N < end_m).all()
    # density 2 (1 − x/end)/end: mean end/3, second moment end²/6, and P(> end/2) = 1/4 where one draw has 1/2
    assert depth_m_N.mean() == pytest.approx(end_m / 3, rel=0.01)
    assert np.mean(depth_m_N**2) == pytest.approx(end_m**2 / 6, rel=0.02)
    assert np.mean(depth_m_N > end_m / 2) == pytest.approx(0.25, abs=0.006)


def test_only_scenarios_with_indoor_users_have_a_depth():
    assert set(INDOOR_DISTANCE_MAX_M) == {name for name, scenario in SCENARIOS.items() if scenario.o2i}
    assert set(INDOOR_DISTANCE_MAX_M) - HIGH_LOSS_SCENARIOS == {"rma"}
    with pytest.raises(UnknownNameError, match="expected one of: rma, uma, umi"):
        draw_indoor_distance_m("inh_open", 1, np.random.default_rng(0))


@pytest.mark.parametrize(("high", "mean_db", "sigma_db"), [(False, 12.698 + 25 / 6, 4.4), (True, 27.499 + 25 / 6, 6.5)])
def test_building_loss_has_the_mean_and_the_spread_of_its_parts(high, mean_db, sigma_db):
    n, rng = 100_000, np.random.default_rng(6)
    depth_m_N = draw_indoor_distance_m("uma", n, rng)
    loss_db_N = building_loss_db(3.5e9, np.full(n, high), depth_m_N, 19, rng.standard_normal(n))
    assert loss_db_N.mean() == pytest.approx(mean_db, abs=0.1)
    assert np.std(loss_db_N - 0.5 * depth_m_N) == pytest.approx(sigma_db, rel=0.01)


def test_each_user_has_a_building_of_its_own_kind():
    high_N, depth_m_N, normal_N = np.array([True, False, True]), np.array([0.0, 4.0, 10.0]), np.array([1.0, -1.0, 0.0])
    loss_db_N = building_loss_db(3.5e9, high_N, depth_m_N, 17, normal_N)
    assert loss_db_N == pytest.approx([26.850 + 6.5, 12.698 + 2.0 - 4.4, 26.850 + 5.0], abs=1e-3)


def test_cars():
    normal_N = np.random.default_rng(7).standard_normal(100_000)
    assert car_loss_db(normal_N).mean() == pytest.approx(9.0, abs=0.06)
    assert car_loss_db(normal_N).std() == pytest.approx(5.0, rel=0.01)
    assert car_loss_db(normal_N, metallised=True) - car_loss_db(normal_N) == pytest.approx(11.0)
