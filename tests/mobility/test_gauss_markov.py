"""Gauss-Markov: memory, speed law, steady state and reflection."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mobaigc_sim.mobility import Area, GaussMarkov, GaussMarkovConfig

S = 10**9


def crowd(area: Area, n_ue: int, seed: int = 4, **keys: object) -> GaussMarkov:
    return GaussMarkov(GaussMarkovConfig.model_validate(keys), n_ue, area, np.random.default_rng(seed))


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.9])
def test_autocorrelation_of_velocity_is_memory_to_the_power_of_the_lag(memory: float) -> None:
    model = crowd(Area(1e7), 3000, memory=memory, speed="10 m/s", update_interval="0.5 s")
    velocity_TU2 = np.array([model.advance(n * S // 2).velocity_mps_U2 for n in range(40)])
    power = (velocity_TU2**2).mean()
    for lag in range(1, 8):
        assert (velocity_TU2[lag:] * velocity_TU2[:-lag]).mean() / power == pytest.approx(memory**lag, abs=0.02)


def test_mean_speed_is_the_one_asked_for() -> None:
    model = crowd(Area(100.0, 20.0), 4000, speed="36 km/h")
    for now_s in (0, 60):
        speed_mps_U = np.linalg.norm(model.advance(now_s * S).velocity_mps_U2, axis=1)
        assert speed_mps_U.mean() == pytest.approx(10.0, rel=0.03)
        assert stats.kstest(speed_mps_U, "rayleigh", args=(0, 10 * np.sqrt(2 / np.pi))).pvalue > 0.01


def test_mean_speeds_of_a_range_are_uniform_over_users() -> None:
    model = crowd(Area(1e6), 400, speed={"min": "5 m/s", "max": "25 m/s"}, memory=0.0, update_interval="0.1 s")
    mean_mps_U = model.advance(100 * S).travelled_m_U / 100
    assert mean_mps_U.mean() == pytest.approx(15.0, abs=1.2)
    assert stats.kstest((mean_mps_U - 5) / 20, "uniform").pvalue > 0.01


@pytest.mark.parametrize("memory", [0.7, 1.0])
def test_uniform_positions_stay_uniform_under_reflection(memory: float) -> None:
    model = crowd(Area(100.0, 40.0), 5000, speed="20 m/s", memory=memory)
    for now_s in (0, 45):
        position_m_U2 = model.advance(now_s * S).position_m_U2
        share_U = ((position_m_U2**2).sum(axis=1) - 40**2) / (100**2 - 40**2)
        assert stats.kstest(share_U, "uniform").pvalue > 0.01


def test_full_memory_without_a_border_is_a_straight_line() -> None:
    model = crowd(Area(1e6), 5, memory=1.0)
    start, end = model.advance(0), model.advance(90 * S)
    np.testing.assert_allclose(end.position_m_U2, start.position_m_U2 + 90 * start.velocity_mps_U2, atol=1e-6)


def test_full_memory_keeps_the_speed_through_every_reflection() -> None:
    model = crowd(Area(30.0, 10.0), 200, memory=1.0, speed="30 m/s")
    speed_mps_U = np.linalg.norm(model.advance(0).velocity_mps_U2, axis=1)
    end = model.advance(60 * S)
    np.testing.assert_allclose(np.linalg.norm(end.velocity_mps_U2, axis=1), speed_mps_U, rtol=1e-9)
    np.testing.assert_allclose(end.travelled_m_U, 60 * speed_mps_U, rtol=1e-9)


def test_reflection_reverses_the_normal_part_only() -> None:
    """In a disc without a hole a straight billiard keeps |position x velocity|, whatever the number of bounces."""
    model = crowd(Area(30.0), 200, memory=1.0, speed="30 m/s")

    def momentum_U(now_s: int) -> np.ndarray:
        k = model.advance(now_s * S)
        (x, y), (vx, vy) = k.position_m_U2.T, k.velocity_mps_U2.T
        return np.asarray(x * vy - y * vx)

    start_U, end_U = momentum_U(0), momentum_U(20)
    kept_U = np.isclose(start_U, end_U, rtol=1e-6)
    assert kept_U.mean() > 0.99


def test_a_user_of_speed_zero_stands() -> None:
    model = crowd(Area(30.0), 3, speed=0)
    np.testing.assert_array_equal(model.advance(0).position_m_U2, model.advance(50 * S).position_m_U2)
