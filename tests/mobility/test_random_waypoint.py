"""Random waypoint: the law at time zero is the steady state of Navidi and Camp (2004), and stays it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from mobaigc_sim.mobility import Area, RandomWaypoint, RandomWaypointConfig

LOW, HIGH = 2.0, 20.0


def crowd(area: Area, n_ue: int = 4000, seed: int = 3, pause: str = "0 s") -> RandomWaypoint:
    speed = {"min": f"{LOW} m/s", "max": f"{HIGH} m/s"}
    config = RandomWaypointConfig.model_validate({"speed": speed, "pause": pause})
    return RandomWaypoint(config, n_ue, area, np.random.default_rng(seed))


@pytest.mark.parametrize("now_s", [0, 25, 400])
def test_speed_has_the_harmonic_law_from_the_start(now_s: int) -> None:
    kinematics = crowd(Area(250.0)).advance(now_s * 10**9)
    speed_mps_U = np.linalg.norm(kinematics.velocity_mps_U2, axis=1)
    assert speed_mps_U.mean() == pytest.approx((HIGH - LOW) / math.log(HIGH / LOW), rel=0.03)
    share_U = np.log(speed_mps_U / LOW) / math.log(HIGH / LOW)
    assert stats.kstest(share_U, "uniform").pvalue > 0.01


def test_mean_distance_walked_follows_the_mean_speed() -> None:
    travelled_m_U = crowd(Area(250.0)).advance(400 * 10**9).travelled_m_U
    assert travelled_m_U.mean() / 400 == pytest.approx((HIGH - LOW) / math.log(HIGH / LOW), rel=0.03)


def test_share_at_rest_without_an_inner_disc() -> None:
    """E[length] between uniform points of a disc is 128 R / (45 π); rest has probability P / (P + E[L] E[1/v])."""
    leg_s = 128 * 250 / (45 * math.pi) * math.log(HIGH / LOW) / (HIGH - LOW)
    expected = 30 / (30 + leg_s)
    model = crowd(Area(250.0), pause="30 s")
    for now_s in (0, 150):
        velocity_mps_U2 = model.advance(now_s * 10**9).velocity_mps_U2
        assert (velocity_mps_U2 == 0).all(axis=1).mean() == pytest.approx(expected, abs=0.025)


@pytest.mark.parametrize("hole_m", [0.0, 120.0])
def test_law_of_the_distance_does_not_drift(hole_m: float) -> None:
    model = crowd(Area(250.0, hole_m), pause="5 s")
    distance_m = [np.linalg.norm(model.advance(t * 10**9).position_m_U2, axis=1) for t in (0, 300)]
    assert stats.ks_2samp(distance_m[0], distance_m[1]).pvalue > 0.01


def test_users_are_denser_in_the_middle_than_uniform() -> None:
    """Known bias of the model: the mean squared distance is far below R²/2."""
    position_m_U2 = crowd(Area(250.0)).advance(0).position_m_U2
    assert (position_m_U2**2).sum(axis=1).mean() / 250**2 < 0.42
