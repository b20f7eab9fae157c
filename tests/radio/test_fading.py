"""Fast fading against the closed forms of Clarke and Rice: profiles, recorded tapes, and the channel."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import j0

from mobaigc_sim.kernel.streams import Streams
from mobaigc_sim.radio.config import RadioConfig
from mobaigc_sim.radio.fading import ROWS_PER_WAVELENGTH, Tape, record_tape
from mobaigc_sim.radio.tdl import PROFILES
from mobaigc_sim.radio.tr38901 import Tr38901
from mobaigc_sim.units import SPEED_OF_LIGHT_MPS

CARRIER_HZ = 3.5e9
WAVELENGTH_M = SPEED_OF_LIGHT_MPS / CARRIER_HZ
TDL = sorted(set(PROFILES) - {"flat"})


def record(profile: str, seed: int, offsets_hz=(0.0,), delay_spread_s: float = 100e-9) -> Tape:
    return record_tape(PROFILES[profile], delay_spread_s, np.asarray(offsets_hz), np.random.default_rng(seed))


def along(tape: Tape, start: np.ndarray, row_N: np.ndarray) -> np.ndarray:
    """Response (N, B) of a link while it travels; rows are counted from its start."""
    rows_a, rows_b = tape.rows
    return tape.response((start[0] + row_N) % rows_a, (start[1] + row_N) % rows_b)


def reels(tape: Tape) -> tuple[np.ndarray, np.ndarray]:
    return tuple((reel[:, 0] + 1j * reel[:, 1])[:-1] for reel in (tape.reel_a_R2B, tape.reel_b_R2B))


def starts(tape: Tape, links: int, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).random((links, 2)) * tape.rows


def channel(n_ue: int, **change) -> Tr38901:
    config = RadioConfig.model_validate({"bandwidth": "5 MHz", "channel": {"fading": "flat"}} | change)
    return Tr38901(config.channel, config.setup(n_ue), Streams(1))


def played(model: Tr38901, travelled_m_U: np.ndarray) -> np.ndarray:
    """Response (U, C, B) after so much travel."""
    state = model.begin_slot(0, np.full((len(travelled_m_U), 2), 50.0), travelled_m_U)
    response_NB = state.tape.response(state.place_a_UC.ravel(), state.place_b_UC.ravel())
    return response_NB.reshape(*state.place_a_UC.shape, -1)


@pytest.mark.parametrize(("speed_kmh", "doppler_hz", "samples"), [(30, 97.2, 500), (120, 388.9, 250)])
def test_autocorrelation_is_bessel(speed_kmh, doppler_hz, samples):
    speed_mps = speed_kmh / 3.6
    assert speed_mps / WAVELENGTH_M == pytest.approx(doppler_hz, rel=1e-3)
    model, lags, step_m = channel(4000), 20, speed_mps * 1e-3
    trace_TU = np.stack([played(model, np.full(4000, step_m * t))[:, 0, 0] for t in range(samples + lags)])
    power = np.mean(np.abs(trace_TU) ** 2)
    assert power == pytest.approx(1.0, abs=0.01)
    worst = 0.0
    for lag in range(1, lags + 1):
        found = np.mean(trace_TU[:samples] * trace_TU[lag : samples + lag].conj()) / power
        worst = max(worst, abs(found - j0(2 * np.pi * lag * step_m / WAVELENGTH_M)))
    assert worst <= 0.005


def test_every_tap_of_a_long_tape_keeps_to_bessel_over_whole_reels():
    # over a whole reel the autocorrelation is a property of the lines alone, whatever their phases
    tape = record("flat", 1)
    expected_R = 0.5 * j0(2 * np.pi * np.arange(640) / ROWS_PER_WAVELENGTH)
    for reel_RB in reels(tape):
        found_R = np.fft.ifft(np.abs(np.fft.fft(reel_RB[:, 0])) ** 2)[:640] / len(reel_RB)
        assert np.abs(found_R - expected_R).max() < 0.0025


def test_level_crossings_and_fade_durations_at_minus_ten_db():
    step, wavelengths, links, tapes = 0.005, 100, 30, 4
    row_N = ROWS_PER_WAVELENGTH * step * np.arange(round(wavelengths / step))
    crossings = below = 0
    for seed in range(tapes):
        tape = record("flat", seed)
        for start in starts(tape, links, seed):
            power_N = np.abs(along(tape, start, row_N)[:, 0]) ** 2
            below_N = power_N < 0.1
            crossings += np.count_nonzero(below_N[:-1] & ~below_N[1:])
            below += np.count_nonzero(below_N)
    rho = 10 ** (-10 / 20)
    assert crossings / (tapes * links * wavelengths) == pytest.approx(
        np.sqrt(2 * np.pi) * rho * np.exp(-(rho**2)), rel=0.05
    )
    assert below * step / crossings == pytest.approx((np.exp(rho**2) - 1) / (rho * np.sqrt(2 * np.pi)), rel=0.05)
    assert below / (tapes * links * len(row_N)) == pytest.approx(1 - np.exp(-(rho**2)), rel=0.05)


def test_power_is_exponential_at_every_depth():
    power = np.concatenate([np.abs(played(channel(20_000), np.full(20_000, m))[:, 0, 0]) ** 2 for m in (0.0, 7.7)])
    assert power.mean() == pytest.approx(1.0, abs=0.02)
    for rho_squared in (0.01, 0.1, 0.5, 1.0, 3.0):
        share = 1 - np.exp(-rho_squared)
        # 40 000 links, but a tape of 1024 wavelengths in all
        assert np.mean(power < rho_squared) == pytest.approx(share, abs=0.012, rel=0.1)


@pytest.mark.parametrize("profile", TDL)
def test_rms_delay_spread_of_the_tables_is_one(profile):
    power_L, specular = PROFILES[profile].powers()
    delay_L = np.array(PROFILES[profile].delay_L)
    assert power_L.sum() + specular == pytest.approx(1.0)
    mean = np.sum(power_L * delay_L)
    assert np.sqrt(np.sum(power_L * delay_L**2) - mean**2) == pytest.approx(1.0, rel=0.01)


@pytest.mark.parametrize("profile", TDL)
@pytest.mark.parametrize("delay_spread_s", [30e-9, 363e-9])
def test_rms_delay_spread_of_the_tape_is_as_requested(profile, delay_spread_s):
    # near zero the correlation over frequency is |R|² = 1 − (2π Δf σ)², whatever the profile; the specular ray and
    # the taps share one line of the spectrum, which is left out, and the ray is put back with its power
    offset_hz = 0.01 / (2 * np.pi * delay_spread_s)
    specular = PROFILES[profile].powers()[1]
    power_B, cross = np.zeros(2), 0.0
    for seed in range(24):
        tape = record(profile, seed, (0.0, offset_hz), delay_spread_s)
        for reel, reel_RB in enumerate(reels(tape)):
            line_FB = np.fft.fft(reel_RB.astype(np.complex128), axis=0) / len(reel_RB)
            if specular and reel == 0:
                peak = int((np.abs(line_FB) ** 2).sum(axis=1).argmax())
                assert abs(line_FB[peak, 0] / line_FB[peak, 1] - 1) < 0.01
                line_FB[peak] = np.sqrt(specular)
            cross += np.sum(line_FB[:, 0] * line_FB[:, 1].conj())
            power_B += np.sum(np.abs(line_FB) ** 2, axis=0)
    loss = 1 - abs(cross) ** 2 / power_B.prod()
    assert np.sqrt(loss) / (2 * np.pi * offset_hz) == pytest.approx(delay_spread_s, rel=0.01)


def test_correlation_over_frequency_is_that_of_the_delay_profile():
    offset_hz_B, spread_s = np.array([0.0, 0.36e6, 1.08e6, 3.6e6, 10e6]), 100e-9
    power_L, _ = PROFILES["tdl_c"].powers()
    delay_s_L = spread_s * np.array(PROFILES["tdl_c"].delay_L)
    expected_B = (power_L[:, None] * np.exp(2j * np.pi * delay_s_L[:, None] * offset_hz_B)).sum(axis=0)
    found_B = np.zeros(5, complex)
    for seed in range(16):
        tape = record("tdl_c", seed, offset_hz_B, spread_s)
        response_NB = along(tape, np.zeros(2), np.arange(0.0, 16000.0, 4.0))
        found_B += np.mean(response_NB[:, :1] * response_NB.conj(), axis=0) / 16
    assert np.abs(found_B - expected_B).max() < 0.02


@pytest.mark.parametrize(("profile", "k_db"), [("tdl_d", 13.3), ("tdl_e", 22.0)])
def test_first_tap_of_the_los_profiles_is_rician(profile, k_db):
    power_L, specular = PROFILES[profile].powers()
    assert 10 * np.log10(specular / power_L[0]) == pytest.approx(k_db, abs=0.01)
    response_NB = np.concatenate(
        [
            along(tape, starts(tape, 1)[0], np.arange(0.0, 16000.0, 4.0))
            for tape in (record(profile, s) for s in range(16))
        ]
    )
    # the share of the specular ray fixes the spread of the power: E|h|⁴ = 2 − share²
    assert np.mean(np.abs(response_NB) ** 2) == pytest.approx(1.0, abs=0.02)
    assert np.mean(np.abs(response_NB) ** 4) == pytest.approx(2 - specular**2, abs=0.03)


@pytest.mark.parametrize("profile", ["tdl_d", "tdl_e"])
def test_specular_ray_stands_out_at_seven_tenths_of_the_doppler_shift(profile):
    tape = record(profile, 4)
    wavelengths = tape.rows[0] // ROWS_PER_WAVELENGTH
    response_N = along(tape, starts(tape, 1)[0], np.arange(float(tape.rows[0])))[:, 0]
    power_F = np.abs(np.fft.fft(response_N) / len(response_N)) ** 2
    frequency_F = np.fft.fftfreq(len(response_N), 1 / ROWS_PER_WAVELENGTH)
    peak = int(power_F.argmax())
    assert frequency_F[peak] == pytest.approx(0.7, abs=1 / wavelengths)
    assert power_F[peak] == pytest.approx(PROFILES[profile].powers()[1], rel=0.03)
    # nothing moves faster than the user
    assert power_F[np.abs(frequency_F) > 1.0 + 2 / wavelengths].sum() < 1e-3


def test_users_who_stand_keep_their_channel_and_the_others_do_not():
    model = channel(3, channel={"fading": "tdl_a"})
    still_UB = played(model, np.zeros(3))[:, 0]
    moved_UB = played(model, np.array([0.0, 0.02, 0.0]))[:, 0]
    assert np.array_equal(moved_UB[[0, 2]], still_UB[[0, 2]])
    assert not np.allclose(moved_UB[1], still_UB[1], atol=0.1)
    assert len(np.unique(still_UB[:, 0])) == 3
    # the way back leads through the same channel
    assert np.array_equal(played(model, np.zeros(3))[:, 0], still_UB)


def test_links_fade_independently_of_each_other():
    model = channel(15, layout={"sectors": 3})
    way_m = np.linspace(0.0, 40.0, 1500)
    power_TL = np.stack([np.abs(played(model, np.full(15, m))[..., 0].ravel()) ** 2 for m in way_m])
    pairs = np.corrcoef(power_TL.T)[np.triu_indices(45, 1)]
    # 40 m are about 1000 independent fades
    assert abs(pairs.mean()) < 0.005
    assert pairs.std() < 0.05
    assert np.quantile(np.abs(pairs), 0.99) < 0.15


@pytest.mark.parametrize("n_prb", [1, 65, 129])
def test_no_period_shows_within_a_kilometre(n_prb):
    # one of the reels may begin anew, with the other more than a wavelength off: half of the response returns
    tape = record("flat", 5, np.zeros(n_prb))
    step = 8
    row_N = np.arange(0.0, 2 * 1000.0 / WAVELENGTH_M * ROWS_PER_WAVELENGTH, step)
    response_N = along(tape, starts(tape, 1)[0], row_N)[:, 0].astype(np.complex128)
    lags, n = len(row_N) // 2, len(row_N)
    far = 10 * ROWS_PER_WAVELENGTH // step

    def correlation(trace_N):
        spectrum_F = np.abs(np.fft.fft(trace_N, 2 * n)) ** 2
        return np.fft.ifft(spectrum_F)[:lags] / (n - np.arange(lags)) / np.mean(np.abs(trace_N) ** 2)

    assert np.abs(correlation(response_N)[far:]).max() < 0.7
    power_N = np.abs(response_N) ** 2
    assert np.abs(correlation(power_N - power_N.mean())[far:]).max() < 0.45


@pytest.mark.parametrize("profile", sorted(PROFILES))
@pytest.mark.parametrize("mhz", [20, 100])
def test_mean_power_over_all_links_is_one(profile, mhz):
    carrier = RadioConfig.model_validate({"bandwidth": f"{mhz} MHz"}).grid()
    power_TB = []
    for seed in range(6):
        a_RB, b_RB = reels(record(profile, seed, carrier.prb_offset_hz_B))
        # every place of one reel goes with every place of the other
        power_B = np.mean(np.abs(a_RB) ** 2, axis=0) + np.mean(np.abs(b_RB) ** 2, axis=0)
        power_TB.append(power_B + 2 * (a_RB.mean(axis=0) * b_RB.mean(axis=0).conj()).real)
    assert np.mean(power_TB) == pytest.approx(1.0, abs=0.015)
    # taps that share lines of the spectrum make a block better than another on one tape
    assert np.std(power_TB) < 0.07


def test_power_is_the_square_of_the_response_and_reels_close_on_themselves():
    tape = record("tdl_b", 6, (0.0, 1e6, 5e6))
    a_N, b_N = np.random.default_rng(1).random((2, 500)) * np.array(tape.rows)[:, None]
    assert np.allclose(tape.power(a_N, b_N), np.abs(tape.response(a_N, b_N)) ** 2, rtol=1e-4, atol=1e-6)
    end_a, end_b = (np.array([rows - 1e-6]) for rows in tape.rows)
    assert np.allclose(tape.response(end_a, end_b), tape.response(np.zeros(1), np.zeros(1)), atol=1e-3)
