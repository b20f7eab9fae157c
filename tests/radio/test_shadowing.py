"""Correlated shadowing and line of sight over positions."""

from __future__ import annotations

import numpy as np
import pytest

from mobaigc_sim.kernel.streams import Streams
from mobaigc_sim.radio.channel import RadioSetup
from mobaigc_sim.radio.numerology import Carrier
from mobaigc_sim.radio.pathloss import SCENARIOS, Geometry
from mobaigc_sim.radio.shadowing import GaussianField
from mobaigc_sim.radio.tr38901 import Tr38901


@pytest.mark.parametrize("d_cor_m", [10.0, 50.0])
def test_autocorrelation_is_exponential_in_every_direction(d_cor_m):
    rng = np.random.default_rng(3)
    lags_L = np.array([0.1, 0.3, 0.7, 1.0, 2.0]) * d_cor_m
    base_N2 = rng.uniform(0, 40 * d_cor_m, (24, 2))
    product_L, square = np.zeros(len(lags_L)), 0.0
    fields = 350
    for _ in range(fields):
        field = GaussianField(d_cor_m, rng)
        value_N = field.at(base_N2)
        square += np.mean(value_N**2) / fields
        angle_N = rng.uniform(0, 2 * np.pi, len(base_N2))
        for i, lag_m in enumerate(lags_L):
            shift_N2 = lag_m * np.stack([np.cos(angle_N), np.sin(angle_N)], axis=1)
            product_L[i] += np.mean(value_N * field.at(base_N2 + shift_N2)) / fields
    assert square == pytest.approx(1.0, abs=0.03)
    assert np.abs(product_L - np.exp(-lags_L / d_cor_m)).max() < 0.03


def test_values_are_gaussian_and_depend_on_position_only():
    rng = np.random.default_rng(4)
    value_N = np.concatenate([GaussianField(10.0, rng).at(rng.uniform(0, 2000, (200, 2))) for _ in range(100)])
    assert abs(value_N.mean()) < 0.03
    assert np.mean(value_N**4) == pytest.approx(3.0, abs=0.15)
    field = GaussianField(10.0, rng)
    here_N2 = np.array([[3.0, 4.0], [50.0, -7.0]])
    assert np.array_equal(field.at(here_N2)[::-1], field.at(here_N2[::-1]))


def build(scenario: str, seed: int) -> Tr38901:
    setup = RadioSetup(1, Carrier.of(3.5e9, 1, 20e6), 33.0, 9.0, 10.0 if scenario == "umi" else 25.0, 1.5)
    return Tr38901(Tr38901.Config(scenario=scenario, fading="flat"), setup, Streams(seed))


@pytest.mark.parametrize(("scenario", "d2d_m"), [("umi", 50.0), ("umi", 200.0), ("uma", 50.0), ("uma", 200.0)])
def test_los_fraction_and_deviation_follow_the_tables(scenario, d2d_m):
    angle_N = np.arange(8) * np.pi / 4
    ring_N2 = d2d_m * np.stack([np.cos(angle_N), np.sin(angle_N)], axis=1)
    states = [build(scenario, seed).large_scale(ring_N2) for seed in range(500)]
    gain_db = np.concatenate([gain for gain, _ in states])
    los = np.concatenate([los for _, los in states])
    model, d_N = SCENARIOS[scenario], np.array([d2d_m])
    geometry = Geometry(3.5e9, 10.0 if scenario == "umi" else 25.0, 1.5)
    assert los.mean() == pytest.approx(model.los_probability(d_N)[0], abs=0.035)
    for state, deviation, loss in (
        (los, model.los, model.los_path_loss_db(d_N, geometry)[0]),
        (~los, model.nlos, model.nlos_path_loss_db(d_N, geometry)[0]),
    ):
        assert gain_db[state].mean() == pytest.approx(-loss, abs=0.25 * deviation.sigma_db)
        assert gain_db[state].std() == pytest.approx(deviation.sigma_db, rel=0.1)
