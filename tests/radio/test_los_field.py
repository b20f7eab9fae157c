"""The smooth Gaussian field: its autocorrelation, and how often it crosses a level (Rice), hence the LOS state."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri

from mobaigc_sim.kernel.streams import Streams
from mobaigc_sim.radio.config import RadioConfig
from mobaigc_sim.radio.pathloss import SCENARIOS
from mobaigc_sim.radio.shadowing import GaussianField
from mobaigc_sim.radio.tr38901 import Tr38901


def crossings_per_m(d_cor_m: float, level: float) -> float:
    """Crossings of a level in both directions by a Gaussian process of unit variance, ρ(d) = exp(−(d/d_cor)²).

    Rice: √(−ρ''(0))/π · exp(−u²/2), and ρ''(0) = −2/d_cor².
    """
    return float(np.sqrt(2.0) / (np.pi * d_cor_m) * np.exp(-0.5 * level**2))


def count(smooth: bool, d_cor_m: float, level: float, steps_per_d_cor: int, fields: int = 60) -> float:
    """Crossings per metre along straight lines of 60 correlation distances, each through a field of its own."""
    rng, length_m = np.random.default_rng(5), 60 * d_cor_m
    along_m = np.linspace(0.0, length_m, 60 * steps_per_d_cor + 1)
    total = 0
    for _ in range(fields):
        angle = rng.uniform(0.0, 2.0 * np.pi)
        line_m_N2 = along_m[:, None] * [np.cos(angle), np.sin(angle)] + rng.uniform(-1e3, 1e3, 2)
        above_N = GaussianField(d_cor_m, rng, smooth=smooth).at(line_m_N2) > level
        total += np.count_nonzero(above_N[1:] != above_N[:-1])
    return total / (fields * length_m)


@pytest.mark.parametrize("d_cor_m", [10.0, 50.0])
def test_autocorrelation_of_the_smooth_field_is_gaussian_in_every_direction(d_cor_m):
    rng = np.random.default_rng(3)
    lags_L = np.array([0.1, 0.3, 0.7, 1.0, 2.0]) * d_cor_m
    base_N2 = rng.uniform(0, 40 * d_cor_m, (24, 2))
    product_L, square, fields = np.zeros(len(lags_L)), 0.0, 350
    for _ in range(fields):
        field = GaussianField(d_cor_m, rng, smooth=True)
        value_N = field.at(base_N2)
        square += np.mean(value_N**2) / fields
        angle_N = rng.uniform(0, 2 * np.pi, len(base_N2))
        for i, lag_m in enumerate(lags_L):
            shift_N2 = lag_m * np.stack([np.cos(angle_N), np.sin(angle_N)], axis=1)
            product_L[i] += np.mean(value_N * field.at(base_N2 + shift_N2)) / fields
    assert square == pytest.approx(1.0, abs=0.03)
    assert np.abs(product_L - np.exp(-((lags_L / d_cor_m) ** 2))).max() < 0.03


@pytest.mark.parametrize("level", [0.0, 1.0])
@pytest.mark.parametrize("d_cor_m", [10.0, 50.0])
def test_a_smooth_field_crosses_a_level_as_often_as_rice_says(level, d_cor_m):
    assert count(True, d_cor_m, level, 20) == pytest.approx(crossings_per_m(d_cor_m, level), rel=0.08)


def test_a_closer_look_finds_no_more_crossings_of_the_smooth_field_and_ever_more_of_the_rough_one():
    smooth = [count(True, 10.0, 0.0, steps, 10) for steps in (15, 60)]
    assert smooth[1] == pytest.approx(smooth[0], rel=0.05)
    # a step of δ changes the sign with probability arccos(exp(−δ/d_cor))/π
    for steps in (15, 60):
        expected = np.arccos(np.exp(-1.0 / steps)) / np.pi * steps / 10.0
        assert count(False, 10.0, 0.0, steps) == pytest.approx(expected, rel=0.1)
        assert expected > 3 * smooth[0]


@pytest.mark.parametrize(("scenario", "d2d_m"), [("umi", 60.0), ("uma", 150.0)])
def test_the_state_of_a_user_on_a_circle_changes_as_often_as_rice_says(scenario, d2d_m):
    config = RadioConfig.model_validate({"bs_height": "25 m", "channel": {"scenario": scenario, "fading": "flat"}})
    model, steps, seeds = SCENARIOS[scenario], 400, 120
    angle_N = np.linspace(0.0, 2.0 * np.pi, steps + 1)
    ring_N2 = d2d_m * np.stack([np.cos(angle_N), np.sin(angle_N)], axis=1)
    changes = 0
    for seed in range(seeds):
        channel = Tr38901(config.channel, config.setup(1), Streams(seed))
        _, los_NC = channel.large_scale(np.zeros(steps + 1, int), ring_N2)
        changes += np.count_nonzero(los_NC[1:, 0] != los_NC[:-1, 0])
    level = float(ndtri(model.los_probability(np.array([d2d_m]), 1.5)[0]))
    expected = crossings_per_m(model.los_state_d_cor_m, level)
    assert abs(level) < 1.5
    assert changes / (seeds * 2.0 * np.pi * d2d_m) == pytest.approx(expected, rel=0.12)
