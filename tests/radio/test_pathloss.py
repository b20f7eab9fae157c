"""Path loss, LOS probability and shadow fading against vectors worked out from TR 38.901, and the noise floor."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobaigc_sim.radio.channel import THERMAL_NOISE_DBM_PER_HZ, noise_power_dbm
from mobaigc_sim.radio.pathloss import SCENARIOS, Deviation, Geometry

GEOMETRY = {
    "uma": Geometry(3.5e9, 25.0, 1.5),
    "umi": Geometry(3.5e9, 10.0, 1.5),
    "rma": Geometry(0.7e9, 35.0, 1.5),
    "inh_mixed": Geometry(3.5e9, 3.0, 1.0),
    "inh_open": Geometry(3.5e9, 3.0, 1.0),
}
OUTDOOR = ("uma", "umi", "rma")
STRIDES = {"uma": 5e3, "umi": 5e3, "rma": 5e3, "inh_mixed": 150.0, "inh_open": 150.0}


@pytest.mark.parametrize(
    ("name", "d2d_m", "los_db", "nlos_db"),
    [
        ("uma", 50, 77.2122, 92.5108),
        ("uma", 200, 89.5695, 114.4620),
        ("uma", 1000, 109.4119, 141.6660),
        ("umi", 50, 79.0896, 94.1807),
        ("umi", 200, 91.6112, 115.2288),
        ("umi", 1000, 119.1531, 139.8892),
        ("rma", 100, 70.2190, 78.6944),
        ("rma", 500, 84.6325, 104.8433),
    ],
)
def test_path_loss(name, d2d_m, los_db, nlos_db):
    d2d_m_N = np.array([float(d2d_m)])
    assert SCENARIOS[name].los_path_loss_db(d2d_m_N, GEOMETRY[name])[0] == pytest.approx(los_db, abs=1e-3)
    assert SCENARIOS[name].nlos_path_loss_db(d2d_m_N, GEOMETRY[name])[0] == pytest.approx(nlos_db, abs=1e-3)


@pytest.mark.parametrize("name", ["inh_mixed", "inh_open"])
@pytest.mark.parametrize(("d2d_m", "los_db", "nlos_db"), [(10, 60.6649, 69.3323), (50, 72.6769, 95.9253)])
def test_path_loss_in_an_office(name, d2d_m, los_db, nlos_db):
    geometry, d2d_m_N = Geometry(3.5e9, 3.0, 1.5), np.array([float(d2d_m)])
    assert SCENARIOS[name].los_path_loss_db(d2d_m_N, geometry)[0] == pytest.approx(los_db, abs=1e-3)
    assert SCENARIOS[name].nlos_path_loss_db(d2d_m_N, geometry)[0] == pytest.approx(nlos_db, abs=1e-3)


@pytest.mark.parametrize("name", ["inh_mixed", "inh_open"])
def test_antennas_in_an_office_are_treated_as_1_m_apart_at_least(name):
    level, d2d_m_N = Geometry(3.5e9, 1.5, 1.5), np.array([0.0, 0.5, 1.0])
    assert SCENARIOS[name].los_path_loss_db(d2d_m_N, level) == pytest.approx([32.4 + 20 * np.log10(3.5)] * 3)


@pytest.mark.parametrize(
    ("name", "d2d_m", "probability"),
    [
        ("uma", 50, 0.64940),
        ("uma", 200, 0.12805),
        ("uma", 10, 1.0),
        ("umi", 50, 0.51959),
        ("umi", 200, 0.09352),
        ("umi", 18, 1.0),
        ("rma", 500, 0.61263),
        ("rma", 10, 1.0),
        ("inh_mixed", 1.2, 1.0),
        ("inh_mixed", 5.9, np.exp(-1.0)),
        ("inh_mixed", 6.5, 0.32),
        ("inh_mixed", 10, 0.28742),
        ("inh_open", 5, 1.0),
        ("inh_open", 40.4, np.exp(-0.5)),
        ("inh_open", 260.7, 0.54 * np.exp(-1.0)),
    ],
)
def test_los_probability(name, d2d_m, probability):
    assert SCENARIOS[name].los_probability(np.array([float(d2d_m)]))[0] == pytest.approx(probability, abs=1e-4)


def test_users_above_13_m_see_further_in_uma_alone():
    d2d_m_N, height_m_H1 = np.array([10.0, 18.0, 50.0, 100.0, 200.0]), np.array([[1.5], [13.0], [16.5], [22.5]])
    p_HN = SCENARIOS["uma"].los_probability(d2d_m_N, height_m_H1)
    assert np.array_equal(p_HN[0], p_HN[1])
    assert (p_HN[:, :2] == 1.0).all()
    # C' (h = 22.5 m) = 0.95^1.5, times 5/4 · 2³ · exp(−4/3) at 200 m
    assert p_HN[3, 4] == pytest.approx(0.128049 * (1 + 0.95**1.5 * 10 * np.exp(-4 / 3)), abs=1e-4)
    assert (np.diff(p_HN[1:, 2:], axis=0) > 0).all()
    for name in ("umi", "rma", "inh_mixed", "inh_open"):
        p_HN = SCENARIOS[name].los_probability(d2d_m_N, height_m_H1)
        assert (p_HN == p_HN[0]).all()


@given(d2d_m=st.floats(0, 5000), ue_height_m=st.floats(1.5, 22.5), name=st.sampled_from(sorted(SCENARIOS)))
def test_los_probability_is_a_probability(d2d_m, ue_height_m, name):
    assert 0.0 < SCENARIOS[name].los_probability(np.array(d2d_m), ue_height_m) <= 1.0


@pytest.mark.parametrize(("name", "d2d_m"), [("uma", 80.0), ("umi", 80.0), ("rma", 700.0), ("inh_open", 60.0)])
def test_loss_follows_the_los_state_of_each_link(name, d2d_m):
    scenario, geometry, n = SCENARIOS[name], GEOMETRY[name], 20_000
    d2d_m_N = np.full(n, d2d_m)
    los_N = np.random.default_rng(1).random(n) < scenario.los_probability(d2d_m_N)
    loss_db_N = scenario.path_loss_db(d2d_m_N, los_N, geometry)
    los_db, nlos_db = (f(d2d_m_N[:1], geometry)[0] for f in (scenario.los_path_loss_db, scenario.nlos_path_loss_db))
    share = scenario.los_probability(d2d_m_N[:1])[0]
    assert 0.1 < share < 0.9
    assert loss_db_N.mean() == pytest.approx(share * los_db + (1 - share) * nlos_db, abs=0.02 * (nlos_db - los_db))
    assert set(loss_db_N) == {los_db, nlos_db}
    assert np.array_equal(scenario.sigma_db(d2d_m_N, ~los_N, geometry) == scenario.nlos.sigma_db, los_N)


@pytest.mark.parametrize(
    ("name", "breakpoint_m", "step_db"), [("uma", 560.0, 1e-6), ("umi", 210.0, 1e-6), ("rma", 769.690, 0.01)]
)
def test_the_slopes_meet_at_the_breakpoint(name, breakpoint_m, step_db):
    geometry = GEOMETRY[name]
    assert SCENARIOS[name].breakpoint_m(geometry) == pytest.approx(breakpoint_m)
    around_N = breakpoint_m + np.array([-1e-3, 1e-3])
    near, far = SCENARIOS[name].los_path_loss_db(around_N, geometry)
    # RMa has a step by design: it puts the horizontal breakpoint distance where the first slope wants the slant one
    assert -1e-9 < far - near < step_db + 2e-4
    near, far = SCENARIOS[name].los_path_loss_db(breakpoint_m * np.array([2.0, 20.0]), geometry)
    assert far - near == pytest.approx(40.0, abs=0.01)


def test_the_environment_height_moves_the_breakpoint():
    # hE = 21 m: 4 (25 − 21) (22.5 − 21) fc/c; hE = 1 m: 4 · 24 · 21.5 fc/c
    geometry = Geometry(3.5e9, 25.0, 22.5, np.array([21.0, 1.0]))
    assert geometry.breakpoint_m == pytest.approx([280.0, 24080.0])
    high_db, ground_db = SCENARIOS["uma"].los_path_loss_db(np.full(2, 2800.0), geometry)
    assert high_db - ground_db == pytest.approx(18.0, abs=1e-3)


def test_rma_shadowing_is_stronger_beyond_the_breakpoint():
    scenario, geometry = SCENARIOS["rma"], GEOMETRY["rma"]
    d2d_m_N, los_N = np.array([100.0, 769.0, 770.0, 770.0]), np.array([True, True, True, False])
    assert scenario.sigma_db(d2d_m_N, los_N, geometry).tolist() == [4.0, 4.0, 6.0, 8.0]


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_loss_and_los_probability_are_monotone_and_nlos_is_never_lighter(name):
    d2d_m_N = np.linspace(0, STRIDES[name], 4000)
    scenario, geometry = SCENARIOS[name], GEOMETRY[name]
    los_N, nlos_N = scenario.los_path_loss_db(d2d_m_N, geometry), scenario.nlos_path_loss_db(d2d_m_N, geometry)
    assert (np.diff(los_N) >= 0).all() and (np.diff(nlos_N) >= 0).all()
    assert (nlos_N >= los_N).all()
    # the two branches of the open office are 0.0029 apart where they meet
    assert (np.diff(scenario.los_probability(d2d_m_N)) <= (0.003 if name == "inh_open" else 0)).all()


@pytest.mark.parametrize("name", OUTDOOR)
def test_users_nearer_than_10_m_are_treated_as_if_they_stood_there(name):
    d2d_m_N, scenario, geometry = np.array([0.0, 5.0, 10.0]), SCENARIOS[name], GEOMETRY[name]
    for loss_db_N in (scenario.los_path_loss_db(d2d_m_N, geometry), scenario.nlos_path_loss_db(d2d_m_N, geometry)):
        assert (loss_db_N == loss_db_N[2]).all()


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_heights_broadcast_against_distances(name):
    scenario, base = SCENARIOS[name], GEOMETRY[name]
    height_m_U1, d2d_m_US = np.array([[1.5], [4.5], [9.0]]), np.array([[20.0, 90.0], [50.0, 400.0], [30.0, 120.0]])
    together = base._replace(ue_height_m=height_m_U1)
    for method in ("los_path_loss_db", "nlos_path_loss_db", "los_sigma_db"):
        loss_US = getattr(scenario, method)(d2d_m_US, together)
        assert loss_US.shape == (3, 2)
        for u in range(3):
            alone = base._replace(ue_height_m=float(height_m_U1[u, 0]))
            assert loss_US[u] == pytest.approx(getattr(scenario, method)(d2d_m_US[u], alone), abs=1e-12)
    assert scenario.los_probability(d2d_m_US, height_m_U1).shape == (3, 2)


def test_higher_users_lose_less_without_line_of_sight():
    # 0.6 dB a metre in UMa and 0.3 dB in UMi where the slant distance hardly changes
    for name, per_metre_db in (("uma", 0.6), ("umi", 0.3)):
        geometry = GEOMETRY[name]._replace(ue_height_m=np.array([1.5, 11.5]))
        low, high = SCENARIOS[name].nlos_path_loss_db(np.full(2, 4000.0), geometry)
        assert low - high == pytest.approx(10 * per_metre_db, abs=1e-3)


@pytest.mark.parametrize(("height_m", "heights_m"), [(13.5, (12,)), (16.5, (12, 15)), (22.5, (12, 15, 18, 21))])
def test_environment_height_of_high_users(height_m, heights_m):
    n, d2d_m = 100_000, 300.0
    drawn_N = SCENARIOS["uma"].draw_environment_height_m(np.full(n, d2d_m), height_m, np.random.default_rng(2))
    c = ((height_m - 13) / 10) ** 1.5 * 1.25 * 27 * np.exp(-2)
    assert np.mean(drawn_N == 1.0) == pytest.approx(1 / (1 + c), abs=0.006)
    assert set(drawn_N) == {1.0, *map(float, heights_m)}
    for roof_m in heights_m:
        assert np.mean(drawn_N == roof_m) == pytest.approx(c / (1 + c) / len(heights_m), abs=0.006)


@given(d2d_m=st.floats(0, 5e3), height_m=st.floats(1.5, 22.5), uniform=st.floats(0, 1, exclude_max=True))
def test_environment_is_below_the_user_and_random_only_for_high_users(d2d_m, height_m, uniform):
    d2d_m_N, uniform_N = np.array([d2d_m]), np.array([uniform])
    environment_m = SCENARIOS["uma"].environment_height_m(d2d_m_N, height_m, uniform_N)[0]
    assert 1.0 <= environment_m < height_m
    if height_m <= 13 or d2d_m <= 18:
        assert environment_m == 1.0
    assert SCENARIOS["umi"].environment_height_m(d2d_m_N, height_m, uniform_N).tolist() == [1.0]


def test_tables_of_shadow_fading_and_distances():
    tables = {n: (s.los, s.nlos, s.o2i, s.los_state_d_cor_m, s.least_distance_m) for n, s in SCENARIOS.items()}
    office = (Deviation(3.0, 10.0), Deviation(8.03, 6.0), None, 10.0, 0.0)
    assert tables == {
        "umi": (Deviation(4.0, 10.0), Deviation(7.82, 13.0), Deviation(7.0, 7.0), 50.0, 10.0),
        "uma": (Deviation(4.0, 37.0), Deviation(6.0, 50.0), Deviation(7.0, 7.0), 50.0, 35.0),
        "rma": (Deviation(4.0, 37.0), Deviation(8.0, 120.0), Deviation(8.0, 120.0), 60.0, 35.0),
        "inh_mixed": office,
        "inh_open": office,
    }


def test_noise():
    assert pytest.approx(-173.975, abs=1e-3) == THERMAL_NOISE_DBM_PER_HZ
    # with the rounded −174 dBm/Hz it would be −92.361
    assert noise_power_dbm(51 * 360e3, 9.0) == pytest.approx(-92.336, abs=1e-3)
