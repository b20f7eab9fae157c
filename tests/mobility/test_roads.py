"""Highway and train: places, flow, and what happens at the end of the road."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mobaigc_sim.mobility import Area, Highway, HighwayConfig, MobilityError, Train, TrainConfig

S = 10**9


def road(n_ue: int, area: Area = Area(250.0, 10.0), **keys: object) -> Highway:  # noqa: B008
    return Highway(HighwayConfig.model_validate(keys), n_ue, area, np.random.default_rng(9))


def train(n_ue: int, area: Area = Area(250.0, 10.0), **keys: object) -> Train:  # noqa: B008
    return Train(TrainConfig.model_validate(keys), n_ue, area, np.random.default_rng(9))


@pytest.mark.parametrize("now_s", [0, 77])
def test_density_is_uniform_over_road_and_lanes(now_s: int) -> None:
    model = road(6000, length="3 km", speed={"min": "20 m/s", "max": "40 m/s"}, lanes=2)
    x_m_U, y_m_U = model.advance(now_s * S).position_m_U2.T
    assert stats.kstest(x_m_U / 3000 + 0.5, "uniform").pvalue > 0.01
    lanes, counts = np.unique(y_m_U, return_counts=True)
    assert lanes.tolist() == [41.0, 45.0, 49.0, 53.0]
    assert stats.chisquare(counts).pvalue > 0.01


def test_users_drive_on_the_right() -> None:
    kinematics = road(300, distance="60 m").advance(0)
    forward_U = kinematics.velocity_mps_U2[:, 0] > 0
    np.testing.assert_array_equal(forward_U, kinematics.position_m_U2[:, 1] < 60)
    assert 0.3 < forward_U.mean() < 0.7


def test_flow_past_a_point_is_speed_over_length() -> None:
    """A user passes the origin once a lap: over a time T, v·T/L times but for less than one."""
    model = road(200, length="1 km", speed={"min": "20 m/s", "max": "40 m/s"})
    walk = [model.advance(t * S) for t in range(301)]
    x_m_TU = np.array([k.position_m_U2[:, 0] for k in walk])
    passed_TU = (np.sign(x_m_TU[1:]) != np.sign(x_m_TU[:-1])) & (np.abs(np.diff(x_m_TU, axis=0)) < 500)
    expected_U = np.abs(walk[0].velocity_mps_U2[:, 0]) * 300 / 1000
    assert (np.abs(passed_TU.sum(axis=0) - expected_U) < 1).all()


def test_after_one_length_of_the_road_a_user_is_where_it_was() -> None:
    model = road(100, length="1 km", speed="25 m/s")
    start, end = model.advance(0), model.advance(40 * S)
    np.testing.assert_allclose(end.position_m_U2, start.position_m_U2, atol=1e-9)
    np.testing.assert_array_equal(end.travelled_m_U, 1000.0)


def test_a_train_passes_with_everybody_in_it() -> None:
    model = train(400, line="1 km", speed="50 m/s", length="200 m", width="3 m", distance="50 m")
    seats_m_U2 = model.advance(0).position_m_U2 - np.array([-500.0, 50.0])
    assert stats.kstest(seats_m_U2[:, 0] / 200 + 0.5, "uniform").pvalue > 0.01
    assert stats.kstest(seats_m_U2[:, 1] / 3 + 0.5, "uniform").pvalue > 0.01
    for now_s, middle_m in [(4, -300.0), (10, 0.0), (15, 250.0), (20, -500.0), (30, 0.0)]:
        now = model.advance(now_s * S)
        np.testing.assert_allclose(now.position_m_U2, seats_m_U2 + np.array([middle_m, 50.0]), atol=1e-9)
        np.testing.assert_array_equal(now.velocity_mps_U2, np.tile([50.0, 0.0], (400, 1)))
        np.testing.assert_array_equal(now.travelled_m_U, 50.0 * now_s)


def test_lines_too_near_to_the_origin_are_refused() -> None:
    area = Area(250.0, 35.0)
    with pytest.raises(MobilityError, match=r"nearest lane is 30 m from the origin; expected at least the 35 m"):
        road(1, area, distance="40 m")
    with pytest.raises(MobilityError, match=r"nearest seat is 28\.5 m from the origin; expected at least the 35 m"):
        train(1, area, distance="30 m")
    assert road(3, Area(250.0), distance=0).advance(0).position_m_U2.shape == (3, 2)
