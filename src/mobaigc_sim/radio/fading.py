"""Fast fading as a tape: a long stationary random channel response, sampled over metres of travel and resource blocks.

Shapes: R rows of a reel, B resource blocks, L taps, F lines of the Doppler spectrum.

The response of a link is the sum of what two reels hold at its place on each. A user moves along both by the distance
it travels, so the Doppler spectrum follows any speed, and a user who stands keeps its channel. Links start at places of
their own. The reels close on themselves after 512 wavelengths (256 or 128 for wide carriers), where half of the
response comes back; their lengths are chosen so that both halves together do not within a kilometre at 3.5 GHz.
Between rows, 1/32 of a wavelength apart, the response is linear.

Each tap has the Doppler spectrum of Clarke: lines of fixed amplitude and random phase, 1/128 of the greatest Doppler
shift apart or closer, whose powers are the integral of the spectrum around them. Its autocorrelation over a reel is
therefore J0(2π d/λ) up to the spacing of the lines. TDL-D and TDL-E add one line at 0.7 of the greatest Doppler shift.

Source: R. H. Clarke, "A statistical theory of mobile-radio reception", Bell Syst. Tech. J. 47 (1968); TR 38.901 V17
clause 7.7.2 (Doppler spectrum of the taps, and of the specular ray).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..units import SPEED_OF_LIGHT_MPS
from .tdl import Profile

Array = NDArray[np.float64]
Single = NDArray[np.float32]

ROWS_PER_WAVELENGTH = 32
_SPECULAR_DOPPLER = 0.7
_REELS = (16384, 15750), (8192, 6804), (4096, 3645)
_WIDEST_PRB = 64


@dataclass(frozen=True)
class Tape:
    """Two reels: real and imaginary part on every block, with the first row repeated behind the last one."""

    reel_a_R2B: Single
    reel_b_R2B: Single

    @property
    def rows(self) -> tuple[int, int]:
        """Rows of either reel after which it starts anew."""
        return len(self.reel_a_R2B) - 1, len(self.reel_b_R2B) - 1

    def response(self, place_a_N: Array, place_b_N: Array) -> NDArray[np.complex64]:
        """Complex amplitude (N, B) at places in rows; single precision, the arithmetic of the compiled kernel."""
        part_N2B = self._parts(place_a_N, place_b_N)
        response_NB: NDArray[np.complex64] = part_N2B[:, 0] + np.complex64(1j) * part_N2B[:, 1]
        return response_NB

    def power(self, place_a_N: Array, place_b_N: Array) -> Single:
        """Power gain (N, B) at places in rows."""
        part_N2B = self._parts(place_a_N, place_b_N)
        power_NB: Single = part_N2B[:, 0] * part_N2B[:, 0] + part_N2B[:, 1] * part_N2B[:, 1]
        return power_NB

    def _parts(self, place_a_N: Array, place_b_N: Array) -> Single:
        part_N2B: Single = _between(self.reel_a_R2B, place_a_N) + _between(self.reel_b_R2B, place_b_N)
        return part_N2B


def _closed(response_RB: NDArray[np.complex64]) -> Single:
    """A reel with its first row behind the last one."""
    reel_R2B = np.stack([response_RB.real, response_RB.imag], axis=1)
    return np.concatenate([reel_R2B, reel_R2B[:1]])


def _between(reel_R2B: Single, place_N: Array) -> Single:
    row_N = place_N.astype(np.int64)
    share_N = (place_N - row_N).astype(np.float32)[:, None, None]
    low_N2B = reel_R2B[row_N]
    value_N2B: Single = low_N2B + share_N * (reel_R2B[row_N + 1] - low_N2B)
    return value_N2B


def flat_tape(power_RB: Array) -> Tape:
    """A tape whose rows have the powers given and no phase; places on it are row numbers."""
    reel_a_R2B = _closed(np.sqrt(power_RB).astype(np.complex64))
    return Tape(reel_a_R2B, np.zeros_like(reel_a_R2B[:2]))


def record_tape(profile: Profile, delay_spread_s: float, prb_offset_hz_B: Array, rng: np.random.Generator) -> Tape:
    """A tape of mean power one over travel on every block, for a delay profile scaled to an RMS delay spread."""
    lengths = _REELS[min((len(prb_offset_hz_B) - 1) // _WIDEST_PRB, len(_REELS) - 1)]
    power_L, specular = profile.powers()
    turns_LB = np.outer(np.array(profile.delay_L) * delay_spread_s, prb_offset_hz_B)
    # half of the diffuse power on each reel, all of the specular power on the first
    tap_to_block_LB = (np.sqrt(power_L / 2)[:, None] * np.exp(-2j * np.pi * turns_LB)).astype(np.complex64)
    found: list[Single] = []
    for reel, rows in enumerate(lengths):
        response_RB = _taps(rows, len(power_L), rng) @ tap_to_block_LB
        if specular and reel == 0:
            line = round(_SPECULAR_DOPPLER * rows / ROWS_PER_WAVELENGTH)
            ray_R = np.exp(2j * np.pi * (line * np.arange(rows) / rows + rng.random()))
            response_RB += (np.sqrt(specular) * ray_R).astype(np.complex64)[:, None]
        share = (1.0 - specular) / 2 + (specular if reel == 0 else 0.0)
        response_RB *= np.sqrt(share / np.mean(np.abs(response_RB) ** 2, axis=0))
        found.append(_closed(response_RB))
    return Tape(*found)


def _taps(rows: int, taps: int, rng: np.random.Generator) -> NDArray[np.complex64]:
    """Independent Clarke processes (R, L) of mean power one."""
    greatest = rows / ROWS_PER_WAVELENGTH
    line_F = np.arange(-int(greatest) - 1, int(greatest) + 2)
    edge = np.clip((np.append(line_F, line_F[-1] + 1) - 0.5) / greatest, -1.0, 1.0)
    power_F = np.diff(np.arcsin(edge)) / np.pi
    spectrum_RL = np.zeros((rows, taps), np.complex128)
    phase_FL = rng.random((len(line_F), taps))
    spectrum_RL[line_F] = np.sqrt(power_F)[:, None] * np.exp(2j * np.pi * phase_FL)
    process_RL: NDArray[np.complex64] = (np.fft.ifft(spectrum_RL, axis=0) * rows).astype(np.complex64)
    return process_RL


def wavelength_m(carrier_hz: float) -> float:
    """Length of a wave."""
    return SPEED_OF_LIGHT_MPS / carrier_hz
