"""Correlated shadowing and line of sight over positions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri

from mobaigc_sim.kernel.streams import Streams
from mobaigc_sim.radio.config import RadioConfig
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
    bs_height = "10 m" if scenario == "umi" else "25 m"
    config = RadioConfig.model_validate({"bs_height": bs_height, "channel": {"scenario": scenario, "fading": "flat"}})
    return Tr38901(config.channel, config.setup(1), Streams(seed))


def los_margin(scenario: str, seed: int, position_m_N2, d2d_m_N):
    """How far the LOS field is below the quantile of the LOS probability, from a field made anew."""
    model = SCENARIOS[scenario]
    field = GaussianField(model.los_state_d_cor_m, Streams(seed).rng("radio.los.0"), smooth=True)
    return ndtri(model.los_probability(d2d_m_N)) - field.at(position_m_N2)


@pytest.mark.parametrize(("scenario", "d2d_m"), [("umi", 50.0), ("umi", 200.0), ("uma", 50.0), ("uma", 200.0)])
def test_los_fraction_and_deviation_follow_the_tables(scenario, d2d_m):
    angle_N = np.arange(8) * np.pi / 4
    ring_N2, d_N = d2d_m * np.stack([np.cos(angle_N), np.sin(angle_N)], axis=1), np.full(8, d2d_m)
    states = [build(scenario, seed).large_scale(np.zeros(8, int), ring_N2) for seed in range(500)]
    gain_db = np.concatenate([gain_NC[:, 0] for gain_NC, _ in states])
    los = np.concatenate([los_NC[:, 0] for _, los_NC in states])
    margin = np.concatenate([los_margin(scenario, seed, ring_N2, d_N) for seed in range(500)])
    model, geometry = SCENARIOS[scenario], Geometry(3.5e9, 10.0 if scenario == "umi" else 25.0, 1.5)
    assert los.mean() == pytest.approx(model.los_probability(d_N)[0], abs=0.035)
    assert np.array_equal(los, margin > 0)
    # the gain is a mixture where the state is about to change
    for state, deviation, loss in (
        (margin > 0.25, model.los, model.los_path_loss_db(d_N, geometry)[0]),
        (margin < -0.25, model.nlos, model.nlos_path_loss_db(d_N, geometry)[0]),
    ):
        assert gain_db[state].mean() == pytest.approx(-loss, abs=0.25 * deviation.sigma_db)
        assert gain_db[state].std() == pytest.approx(deviation.sigma_db, rel=0.1)


def test_the_gain_goes_from_one_state_to_the_other_over_metres():
    along_m = np.arange(-250.0, 250.0, 0.05)
    line_N2 = np.stack([along_m, np.full(along_m.size, 40.0)], axis=1)
    at_change_db, over_change_db = [], []
    for seed in range(30):
        gain_db_NC, los_NC = build("umi", seed).large_scale(np.zeros(along_m.size, int), line_N2)
        changes = np.flatnonzero(los_NC[1:, 0] != los_NC[:-1, 0])
        changes = changes[(changes > 200) & (changes < along_m.size - 200)]
        at_change_db += np.abs(gain_db_NC[changes + 1, 0] - gain_db_NC[changes, 0]).tolist()
        over_change_db += np.abs(gain_db_NC[changes + 200, 0] - gain_db_NC[changes - 200, 0]).tolist()
    assert len(at_change_db) > 50
    assert np.median(at_change_db) < 0.5 and max(at_change_db) < 3.0
    assert np.median(over_change_db) > 8.0


def test_cells_of_a_site_share_their_shadowing_and_sites_do_not():
    config = RadioConfig.model_validate({"layout": {"sites": 7, "sectors": 3, "isd": "200 m"}})
    position_m_N2 = np.random.default_rng(1).uniform(-100, 100, (300, 2))
    gain_db_NC, los_NC = Tr38901(config.channel, config.setup(1), Streams(1)).large_scale(
        np.zeros(300, int), position_m_N2
    )
    # omnidirectional elements: three cells of a site are the same link
    assert np.allclose(gain_db_NC.reshape(300, 7, 3), gain_db_NC[:, ::3, None])
    assert np.array_equal(los_NC.reshape(300, 7, 3), np.repeat(los_NC[:, ::3, None], 3, axis=2))
    assert len(np.unique(gain_db_NC[0])) == 7


def test_large_scale_gain_follows_the_user_in_small_steps():
    config = RadioConfig.model_validate({"channel": {"fading": "flat"}})
    model = Tr38901(config.channel, config.setup(1), Streams(3))
    step_m = 10.0 / 40
    exact_db, held_db = [], []
    for slot in range(2000):
        position_m_12 = np.array([[60.0 + 0.01 * slot, 20.0]])
        held_db.append(model.begin_slot(slot, position_m_12, np.zeros(1)).gain_db_UC[0, 0])
        exact_db.append(model.large_scale(np.zeros(1, int), position_m_12)[0][0, 0])
    held_db, exact_db = np.array(held_db), np.array(exact_db)
    # what is held is exact where it changes, a quarter of a metre apart, and never older than that
    changed = np.flatnonzero(np.diff(held_db)) + 1
    assert np.allclose(held_db[changed], exact_db[changed])
    assert np.diff(changed).min() >= step_m / 0.01 - 1 and np.diff(changed).max() <= step_m / 0.01 + 1
