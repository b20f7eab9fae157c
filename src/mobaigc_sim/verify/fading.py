"""Fast fading of the real channel against Clarke's closed forms, and delay spreads of recorded tapes.

Shapes: T times, U links, N places, L delays, B frequencies, R rows of a reel.

    R(τ) = J0(2π f_D τ);  level-crossing rate √(2π) f_D ρ e^{−ρ²};  average fade duration (e^{ρ²} − 1) / (ρ f_D √(2π));
    outage 1 − e^{−ρ²};  ρ the amplitude threshold relative to its RMS.

Source: R. H. Clarke, Bell Syst. Tech. J. 47 (1968); W. C. Jakes, "Microwave Mobile Communications", Wiley 1974,
sections 1.1 and 1.3; TR 38.901 clause 7.7.2.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import j0

from ..kernel.streams import Streams
from ..radio.channel import Channel, ChannelState, channels
from ..radio.config import RadioConfig
from ..radio.fading import ROWS_PER_WAVELENGTH, record_tape
from ..radio.tdl import PROFILES
from ..units import SPEED_OF_LIGHT_MPS
from .rows import Curves, Row, close, near

Array = NDArray[np.float64]

CLARKE, JAKES = "Clarke 1968", "Jakes 1974, section 1.3"
LINKS = 4000
LAGS = 20
DOPPLER_HZ = {3: 9.72, 30: 97.2, 120: 388.9}
"""Speed in km/h → greatest Doppler shift at 3.5 GHz, to about a thousandth."""
CARRIER_HZ = 3.5e9
STEP_MS = {3: 14.0, 30: 1.0, 120: 1.0}
SAMPLES = {3: 250, 30: 500, 120: 250}
"""Speed → spacing of the samples, of which so many start a pair. The autocorrelation is compared up to 20 of them."""

CROSSING_LINKS, WAVELENGTHS, STEPS_PER_WAVELENGTH = 100, 100, 200
LEVEL_DB = -10.0
LCR_OVER_DOPPLER, AFD_TIMES_DOPPLER = 0.7172, 0.13268
_LEVELS_DB = np.arange(-30.0, 6.0, 2.5)

SPREAD_S = 100e-9
_FREQUENCIES, _BAND_HZ = 64, 4e9


def rows(curves: Curves) -> Iterator[Row]:
    """Autocorrelation and Doppler shift at three speeds, fades at one level, delay spread of five profiles."""
    drawn = []
    for speed_kmh, doppler_hz in DOPPLER_HZ.items():
        power, found_L = autocorrelation(speed_kmh)
        delay_s_L = 1e-3 * STEP_MS[speed_kmh] * np.arange(LAGS + 1, dtype=np.float64)
        exact_hz = speed_kmh / 3.6 * CARRIER_HZ / SPEED_OF_LIGHT_MPS
        closed_L = j0(2.0 * np.pi * exact_hz * delay_s_L)
        if speed_kmh == 30:
            yield near("mean power of the fading", 1.0, power, 0.01, "", "unit mean power")
        if speed_kmh >= 30:
            check = f"max |R − J0|, {speed_kmh} km/h, {LINKS} links, up to 20 ms"
            yield near(check, 0.0, float(np.abs(found_L - closed_L).max()), 0.005, "", CLARKE)
        got_hz = fitted_doppler_hz(delay_s_L, found_L.real.astype(np.float64), doppler_hz)
        yield close(f"Doppler shift seen at {speed_kmh} km/h", doppler_hz, got_hz, 0.01, "v f/c at 3.5 GHz")
        drawn.append(pd.DataFrame({"speed_kmh": speed_kmh, "shifts": exact_hz * delay_s_L, "found": found_L.real}))
    curves["autocorrelation"] = pd.concat(drawn, ignore_index=True)
    shifts = np.linspace(0.0, curves["autocorrelation"]["shifts"].max(), 800)
    curves["autocorrelation_closed"] = pd.DataFrame({"shifts": shifts, "closed": j0(2.0 * np.pi * shifts)})
    yield from _fade_rows(curves)
    for name, profile in PROFILES.items():
        if name != "flat":
            got_ns = 1e9 * tape_delay_spread_s(name)
            source = f"TR 38.901 Table 7.7.2-{'abcde'.index(name[-1]) + 1}"
            label = f"delay spread of a tape, TDL-{name[-1].upper()}, {len(profile.delay_L)} taps, ns"
            yield close(label, 1e9 * SPREAD_S, got_ns, 0.01, source)


def flat_channel() -> Channel:
    """The channel of TR 38.901 with one Clarke tap on one resource block."""
    config = RadioConfig.model_validate({"channel": {"fading": "flat"}, "slice": {"prb_ratio": 0.01}})
    channel: Channel = channels.get("tr38901")(config.channel, config.setup(LINKS), Streams(1))
    return channel


def autocorrelation(speed_kmh: int) -> tuple[float, NDArray[np.complex128]]:
    """Mean power, and autocorrelation (LAGS + 1) of the complex response of moving users, over links and time."""
    channel, here_m_U2 = flat_channel(), np.full((LINKS, 2), 50.0)
    samples, step_m = SAMPLES[speed_kmh], speed_kmh / 3.6 * 1e-3 * STEP_MS[speed_kmh]
    response_TU = np.stack(
        [_response_U(channel.begin_slot(t, here_m_U2, np.full(LINKS, t * step_m))) for t in range(samples + LAGS)]
    )
    power = float(np.mean(np.abs(response_TU) ** 2, dtype=np.float64))
    found_L = [np.vdot(response_TU[:samples], response_TU[lag : lag + samples]) for lag in range(LAGS + 1)]
    return power, np.array(found_L, np.complex128) / found_L[0].real


def fitted_doppler_hz(delay_s_L: Array, found_L: Array, guess_hz: float) -> float:
    """The shift whose J0 comes closest to an autocorrelation, within a fifth of a guess."""
    found = minimize_scalar(
        lambda shift_hz: float(np.sum((found_L - j0(2.0 * np.pi * shift_hz * delay_s_L)) ** 2)),
        bounds=(0.8 * guess_hz, 1.2 * guess_hz),
        method="bounded",
        options={"xatol": 1e-5 * guess_hz},
    )
    return float(found.x)


def _response_U(state: ChannelState) -> NDArray[np.complex64]:
    return state.tape.response(state.place_a_UC[:, 0], state.place_b_UC[:, 0])[:, 0]


def _fade_rows(curves: Curves) -> Iterator[Row]:
    crossings_N, duration_N, share_N = fades(np.array([LEVEL_DB, *_LEVELS_DB]))
    told = "at −10 dB"
    yield close(f"level-crossing rate / f_D {told}", LCR_OVER_DOPPLER, crossings_N[0], 0.05, JAKES)
    yield close(f"average fade duration · f_D {told}", AFD_TIMES_DOPPLER, duration_N[0], 0.05, JAKES)
    yield close(f"outage {told}", -np.expm1(-(10.0 ** (LEVEL_DB / 10.0))), share_N[0], 0.05, "Rayleigh amplitude")
    curves["fades"] = pd.DataFrame({"level_db": _LEVELS_DB, "rate": crossings_N[1:], "duration": duration_N[1:]})
    level_db_N = np.linspace(_LEVELS_DB[0], _LEVELS_DB[-1], 200)
    rho_N = 10.0 ** (level_db_N / 20.0)
    rate_N = np.sqrt(2.0 * np.pi) * rho_N * np.exp(-(rho_N**2))
    duration_N = np.expm1(rho_N**2) / (rho_N * np.sqrt(2.0 * np.pi))
    curves["fades_closed"] = pd.DataFrame({"level_db": level_db_N, "rate": rate_N, "duration": duration_N})


def fades(level_db_N: Array) -> tuple[Array, Array, Array]:
    """Crossings a wavelength, wavelengths a fade, and share of the way below, at each level."""
    channel, here_m_U2 = flat_channel(), np.full((LINKS, 2), 50.0)
    state = channel.begin_slot(0, here_m_U2, np.zeros(LINKS))
    rows_a, rows_b = state.tape.rows
    start_a_U, start_b_U = state.place_a_UC[:CROSSING_LINKS, 0], state.place_b_UC[:CROSSING_LINKS, 0]
    level_N = 10.0 ** (level_db_N / 10.0)
    crossings_N, below_N = np.zeros(len(level_N)), np.zeros(len(level_N))
    for start_a, start_b in zip(start_a_U, start_b_U, strict=True):
        step_T = np.arange(WAVELENGTHS * STEPS_PER_WAVELENGTH + 1) * (ROWS_PER_WAVELENGTH / STEPS_PER_WAVELENGTH)
        power_T = state.tape.power((start_a + step_T) % rows_a, (start_b + step_T) % rows_b)[:, 0]
        below_TN = power_T[:, None] < level_N
        crossings_N += np.count_nonzero(below_TN[:-1] & ~below_TN[1:], axis=0)
        below_N += np.count_nonzero(below_TN[1:], axis=0)
    wavelengths = CROSSING_LINKS * WAVELENGTHS
    return (
        crossings_N / wavelengths,
        below_N / STEPS_PER_WAVELENGTH / crossings_N,
        below_N / STEPS_PER_WAVELENGTH / wavelengths,
    )


def tape_delay_spread_s(name: str) -> float:
    """RMS delay spread of what a tape holds: the response at many frequencies solved for the taps of the profile."""
    rng = np.random.default_rng(1)
    offset_hz_B = rng.uniform(-0.5, 0.5, _FREQUENCIES) * _BAND_HZ
    tape = record_tape(PROFILES[name], SPREAD_S, offset_hz_B, rng)
    delay_s_L = np.unique(PROFILES[name].delay_L) * SPREAD_S
    solve_BL = np.linalg.pinv(np.exp(-2j * np.pi * np.outer(delay_s_L, offset_hz_B)))
    power_L = np.zeros(len(delay_s_L))
    for reel_R2B in (tape.reel_a_R2B, tape.reel_b_R2B):
        real_RB, imag_RB = reel_R2B[:, 0], reel_R2B[:, 1]
        power_L += np.mean(np.abs((real_RB[:-1:4] + 1j * imag_RB[:-1:4]) @ solve_BL) ** 2, axis=0)
    power_L /= power_L.sum()
    mean_s = float(power_L @ delay_s_L)
    return float(np.sqrt(power_L @ (delay_s_L - mean_s) ** 2))
