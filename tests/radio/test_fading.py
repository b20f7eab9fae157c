"""Fast fading against Clarke's and Rice's closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import j0

from mobaigc_sim.radio.fading import PROFILES, Fading
from mobaigc_sim.units import SPEED_OF_LIGHT_MPS

CARRIER_HZ = 3.5e9
WAVELENGTH_M = SPEED_OF_LIGHT_MPS / CARRIER_HZ


def fading(profile: str, n_ue: int, offsets_hz=(0.0,), delay_spread_s: float = 100e-9) -> Fading:
    rng = np.random.default_rng(11)
    return Fading(PROFILES[profile], delay_spread_s, CARRIER_HZ, np.asarray(offsets_hz), n_ue, rng)


@pytest.mark.parametrize(("speed_kmh", "doppler_hz", "samples"), [(30, 97.2, 500), (120, 388.9, 250)])
def test_autocorrelation_is_bessel(speed_kmh, doppler_hz, samples):
    speed_mps = speed_kmh / 3.6
    assert speed_mps / WAVELENGTH_M == pytest.approx(doppler_hz, rel=1e-3)
    links = fading("flat", 4000)
    lags = 20
    step_m = speed_mps * 1e-3
    trace_TU = np.stack([links.response_UB(np.full(4000, step_m * t))[:, 0] for t in range(samples + lags)])
    power = np.mean(np.abs(trace_TU) ** 2)
    assert power == pytest.approx(1.0, abs=0.01)
    worst = 0.0
    for lag in range(1, lags + 1):
        found = np.mean(trace_TU[:samples] * trace_TU[lag : samples + lag].conj()) / power
        worst = max(worst, abs(found - j0(2 * np.pi * lag * step_m / WAVELENGTH_M)))
    assert worst <= 0.005


def test_level_crossings_and_fade_durations_at_minus_ten_db():
    links, step, wavelengths = 100, 0.005, 100
    flat = fading("flat", links)
    steps = round(wavelengths / step)
    gain_db_TU = np.stack([flat.gain_db_UB(np.full(links, step * t * WAVELENGTH_M))[:, 0] for t in range(steps)])
    below_TU = gain_db_TU < -10.0
    crossings = np.count_nonzero(below_TU[:-1] & ~below_TU[1:])
    rate = crossings / (links * wavelengths)
    duration = np.count_nonzero(below_TU) * step / crossings
    rho = 10 ** (-10 / 20)
    assert rate == pytest.approx(np.sqrt(2 * np.pi) * rho * np.exp(-(rho**2)), rel=0.05)
    assert duration == pytest.approx((np.exp(rho**2) - 1) / (rho * np.sqrt(2 * np.pi)), rel=0.05)
    assert below_TU.mean() == pytest.approx(1 - np.exp(-(rho**2)), rel=0.05)


@pytest.mark.parametrize("profile", sorted(set(PROFILES) - {"flat"}))
@pytest.mark.parametrize("delay_spread_s", [30e-9, 363e-9])
def test_rms_delay_spread_is_as_requested(profile, delay_spread_s):
    taps = fading(profile, 1, delay_spread_s=delay_spread_s)
    assert taps.power_L.sum() + taps.specular_power == pytest.approx(1.0)
    mean_s = np.sum(taps.power_L * taps.delay_s_L)
    found_s = np.sqrt(np.sum(taps.power_L * taps.delay_s_L**2) - mean_s**2)
    assert found_s == pytest.approx(delay_spread_s, rel=0.01)


def test_correlation_over_frequency_is_that_of_the_delay_profile():
    offset_hz_B = np.array([0.0, 0.36e6, 1.08e6, 3.6e6, 10e6])
    links = fading("tdl_c", 10000, offset_hz_B)
    response_UB = links.response_UB(np.zeros(10000))
    found_B = np.mean(response_UB[:, :1] * response_UB.conj(), axis=0)
    expected_B = (links.power_L[:, None] * np.exp(2j * np.pi * links.delay_s_L[:, None] * offset_hz_B)).sum(axis=0)
    assert np.abs(found_B - expected_B).max() < 0.025


@pytest.mark.parametrize(("profile", "k_db"), [("tdl_d", 13.3), ("tdl_e", 22.0)])
def test_first_tap_of_the_los_profiles_is_rician(profile, k_db):
    taps = fading(profile, 1)
    assert 10 * np.log10(taps.specular_power / taps.power_L[0]) == pytest.approx(k_db, abs=0.01)
    response_U = fading(profile, 20000).response_UB(np.zeros(20000))[:, 0]
    # the total K-factor fixes the variance of the power: E|h|⁴ = 2 − (specular share)²
    assert np.mean(np.abs(response_U) ** 4) == pytest.approx(2 - taps.specular_power**2, abs=0.03)


def test_users_who_stand_keep_their_channel_and_links_differ():
    links = fading("tdl_a", 3, (0.0, 1e6))
    still_UB = links.gain_db_UB(np.zeros(3))
    moved_UB = links.gain_db_UB(np.array([0.0, 0.02, 0.0]))
    assert np.array_equal(moved_UB[[0, 2]], still_UB[[0, 2]])
    assert not np.allclose(moved_UB[1], still_UB[1], atol=0.1)
    assert len(np.unique(still_UB[:, 0])) == 3
