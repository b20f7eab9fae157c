"""Fast fading: tapped delay lines with Clarke taps, driven by the distance each user has travelled.

Shapes: U users, L taps, M sinusoids a tap, B resource blocks.

Each tap is a sum of sinusoids of equal amplitude whose angles of arrival are uniform (one in each of M equal sectors)
and whose phases are uniform, so that its ensemble autocorrelation is J0(2π d/λ) over a distance d: the Doppler
spectrum follows any speed profile, and a user who stands keeps its channel. TDL-D and TDL-E add one specular ray.

Source: TR 38.901 V17 Tables 7.7.2-1 to 7.7.2-5, equation (7.7-1) for the delay spread; R. H. Clarke, "A statistical
theory of mobile-radio reception", Bell Syst. Tech. J. 47 (1968).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..units import SPEED_OF_LIGHT_MPS, db_to_linear

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Profile:
    """Rayleigh taps (delay normalised to the RMS delay spread, power in dB) and a specular ray at delay zero."""

    delay_L: tuple[float, ...]
    power_db_L: tuple[float, ...]
    specular_db: float | None = None

    def powers(self) -> tuple[Array, float]:
        """Linear power of the taps and of the specular ray, together one."""
        tap_L = db_to_linear(np.array(self.power_db_L))
        specular = 0.0 if self.specular_db is None else float(db_to_linear(self.specular_db))
        total = tap_L.sum() + specular
        return tap_L / total, specular / total


def _row(*lines: str) -> tuple[float, ...]:
    return tuple(float(number) for line in lines for number in line.split())


PROFILES: dict[str, Profile] = {
    "flat": Profile((0.0,), (0.0,)),
    "tdl_a": Profile(
        _row(
            "0 0.3819 0.4025 0.5868 0.461 0.5375 0.6708 0.575 0.7618 1.5375 1.8978 2.2242",
            "2.1718 2.4942 2.5119 3.0582 4.081 4.4579 4.5695 4.7966 5.0066 5.3043 9.6586",
        ),
        _row(
            "-13.4 0 -2.2 -4 -6 -8.2 -9.9 -10.5 -7.5 -15.9 -6.6 -16.7",
            "-12.4 -15.2 -10.8 -11.3 -12.7 -16.2 -18.3 -18.9 -16.6 -19.9 -29.7",
        ),
    ),
    "tdl_b": Profile(
        _row(
            "0 0.1072 0.2155 0.2095 0.287 0.2986 0.3752 0.5055 0.3681 0.3697 0.57 0.5283",
            "1.1021 1.2756 1.5474 1.7842 2.0169 2.8294 3.0219 3.6187 4.1067 4.279 4.7834",
        ),
        _row(
            "0 -2.2 -4 -3.2 -9.8 -1.2 -3.4 -5.2 -7.6 -3 -8.9 -9",
            "-4.8 -5.7 -7.5 -1.9 -7.6 -12.2 -9.8 -11.4 -14.9 -9.2 -11.3",
        ),
    ),
    "tdl_c": Profile(
        _row(
            "0 0.2099 0.2219 0.2329 0.2176 0.6366 0.6448 0.656 0.6584 0.7935 0.8213 0.9336",
            "1.2285 1.3083 2.1704 2.7105 4.2589 4.6003 5.4902 5.6077 6.3065 6.6374 7.0427 8.6523",
        ),
        _row(
            "-4.4 -1.2 -3.5 -5.2 -2.5 0 -2.2 -3.9 -7.4 -7.1 -10.7 -11.1",
            "-5.1 -6.8 -8.7 -13.2 -13.9 -13.9 -15.8 -17.1 -16 -15.7 -21.6 -22.8",
        ),
    ),
    "tdl_d": Profile(
        _row(
            "0 0.035 0.612 1.363 1.405 1.804 2.596 1.775 4.042 7.937 9.424 9.708",
            "12.525",
        ),
        _row(
            "-13.5 -18.8 -21 -22.8 -17.9 -20.1 -21.9 -22.9 -27.8 -23.6 -24.8 -30",
            "-27.7",
        ),
        specular_db=-0.2,
    ),
    "tdl_e": Profile(
        _row(
            "0 0.5133 0.544 0.563 0.544 0.7112 1.9092 1.9293 1.9589 2.6426 3.7136 5.4524",
            "12.0034 20.6519",
        ),
        _row(
            "-22.03 -15.8 -18.1 -19.8 -22.9 -22.4 -18.6 -20.8 -22.6 -22.3 -25.6 -20.2",
            "-29.8 -29.2",
        ),
        specular_db=-0.03,
    ),
}

_SINUSOIDS = 16
_SINUSOIDS_FLAT = 64


class Fading:
    """Frequency response of one link a user."""

    def __init__(
        self,
        profile: Profile,
        delay_spread_s: float,
        carrier_hz: float,
        prb_offset_hz_B: Array,
        n_ue: int,
        rng: np.random.Generator,
    ) -> None:
        taps = len(profile.delay_L)
        sinusoids = _SINUSOIDS_FLAT if taps == 1 else _SINUSOIDS
        shape = (n_ue, taps, sinusoids)
        angle_ULM = 2.0 * np.pi * (np.arange(sinusoids) + rng.random(shape)) / sinusoids
        wavelength_m = SPEED_OF_LIGHT_MPS / carrier_hz
        self._turns_per_m_ULM = np.cos(angle_ULM) / wavelength_m
        self._turns_ULM = rng.random(shape)
        self._specular_turns_per_m_U = np.cos(2.0 * np.pi * rng.random(n_ue)) / wavelength_m
        self._specular_turns_U = rng.random(n_ue)

        power_L, specular = profile.powers()
        self.delay_s_L = np.array(profile.delay_L) * delay_spread_s
        self.power_L = power_L
        self.specular_power = specular
        rotation_LB = np.exp(-2j * np.pi * self.delay_s_L[:, None] * prb_offset_hz_B)
        self._response_LB = (np.sqrt(power_L / sinusoids)[:, None] * rotation_LB).astype(np.complex64)

    def response_UB(self, travelled_m_U: Array) -> NDArray[np.complex64]:
        """Complex amplitude at the centre of each block, of mean power one, after so many metres of travel."""
        turns_ULM = self._turns_per_m_ULM * travelled_m_U[:, None, None]
        turns_ULM += self._turns_ULM
        tap_UL = _phasors(turns_ULM).sum(axis=2)
        response_UB: NDArray[np.complex64] = tap_UL @ self._response_LB
        if self.specular_power:
            turns_U = self._specular_turns_per_m_U * travelled_m_U + self._specular_turns_U
            response_UB += (np.sqrt(np.float32(self.specular_power)) * _phasors(turns_U))[:, None]
        return response_UB

    def gain_db_UB(self, travelled_m_U: Array) -> Array:
        """Power gain in dB at the centre of each block."""
        response_UB = self.response_UB(travelled_m_U)
        power_UB = response_UB.real**2 + response_UB.imag**2
        gain_db_UB: Array = 10.0 * np.log10(np.maximum(power_UB, np.float32(1e-12))).astype(np.float64)
        return gain_db_UB


def _phasors(turns: Array) -> NDArray[np.complex64]:
    """exp(2πj·turns) in single precision; whole turns are removed in double precision first."""
    angle = ((turns - np.rint(turns)) * (2.0 * np.pi)).astype(np.float32)
    phasors = np.empty(angle.shape, dtype=np.complex64)
    np.cos(angle, out=phasors.real)
    np.sin(angle, out=phasors.imag)
    return phasors
