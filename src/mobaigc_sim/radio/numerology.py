"""Numerology and resource grid: slot length, resource blocks of the carrier, and the slice's share of them.

Shapes: B resource blocks of the slice.

Source: TS 38.211 clause 4.2 and 4.3.2 (subcarrier spacing, slots), TS 38.101-1 V17 Table 5.3.2-1 (N_RB in FR1),
TS 38.101-2 V17 Table 5.3.2-1 (N_RB in FR2-1), TS 38.104 Table 5.1-1 (frequency ranges),
TS 28.541 rRMPolicyDedicatedRatio (share of a slice).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SUBCARRIERS_PER_PRB = 12
_MHZ = 1e6

# megahertz → N_RB, by (frequency range, numerology)
_N_RB: dict[tuple[str, int], dict[int, int]] = {
    ("FR1", 0): {5: 25, 10: 52, 15: 79, 20: 106, 25: 133, 30: 160, 35: 188, 40: 216, 45: 242, 50: 270},
    ("FR1", 1): {
        **{5: 11, 10: 24, 15: 38, 20: 51, 25: 65, 30: 78, 35: 92, 40: 106, 45: 119, 50: 133},
        **{60: 162, 70: 189, 80: 217, 90: 245, 100: 273},
    },
    ("FR1", 2): {
        **{10: 11, 15: 18, 20: 24, 25: 31, 30: 38, 35: 44, 40: 51, 45: 58, 50: 65},
        **{60: 79, 70: 93, 80: 107, 90: 121, 100: 135},
    },
    ("FR2", 2): {50: 66, 100: 132, 200: 264},
    ("FR2", 3): {50: 32, 100: 66, 200: 132, 400: 264},
}
_RANGES_HZ = {"FR1": (410e6, 7.125e9), "FR2": (24.25e9, 52.6e9)}


def frequency_range(carrier_hz: float) -> str:
    """`FR1` or `FR2` of a carrier frequency; raises ValueError outside both."""
    for name, (low_hz, high_hz) in _RANGES_HZ.items():
        if low_hz <= carrier_hz <= high_hz:
            return name
    raise ValueError(
        f"a carrier at {carrier_hz / 1e9:g} GHz lies in no NR range; expected 0.41 to 7.125 GHz (FR1) "
        "or 24.25 to 52.6 GHz (FR2)"
    )


def resource_blocks(carrier_hz: float, numerology: int, bandwidth_hz: float) -> int:
    """N_RB of a channel bandwidth; raises ValueError that lists what is possible there."""
    name = frequency_range(carrier_hz)
    table = _N_RB.get((name, numerology))
    if table is None:
        possible = ", ".join(str(mu) for fr, mu in _N_RB if fr == name)
        raise ValueError(f"numerology {numerology} is not defined in {name}; expected one of: {possible}")
    n_rb = table.get(round(bandwidth_hz / _MHZ)) if bandwidth_hz % _MHZ == 0 else None
    if n_rb is None:
        possible = ", ".join(f"{mhz} MHz" for mhz in table)
        raise ValueError(
            f"a bandwidth of {bandwidth_hz / _MHZ:g} MHz does not exist at numerology {numerology} in {name}; "
            f"expected one of: {possible}"
        )
    return n_rb


@dataclass(frozen=True)
class Carrier:
    """The grid one slice of a carrier works on; `of` derives it from frequency, numerology, bandwidth and share."""

    frequency_hz: float
    numerology: int
    n_prb_carrier: int
    """Resource blocks of the whole carrier, over which the transmit power is spread evenly."""
    prb_index_B: NDArray[np.int64]
    """Where the slice's blocks lie in the carrier, ascending."""

    @classmethod
    def of(cls, frequency_hz: float, numerology: int, bandwidth_hz: float, prb_ratio: float = 1.0) -> Carrier:
        """Grid of the share `prb_ratio` of a carrier, at least one block, spread evenly over the band."""
        n_carrier = resource_blocks(frequency_hz, numerology, bandwidth_hz)
        n_prb = max(1, math.floor(prb_ratio * n_carrier + 1e-9))
        index_B = np.floor((np.arange(n_prb) + 0.5) * n_carrier / n_prb).astype(np.int64)
        return cls(frequency_hz, numerology, n_carrier, index_B)

    @property
    def n_prb(self) -> int:
        """Resource blocks of the slice."""
        return len(self.prb_index_B)

    @property
    def slot_ns(self) -> int:
        """Length of a slot of 14 symbols."""
        return 1_000_000 >> self.numerology

    @property
    def prb_bandwidth_hz(self) -> float:
        """Width of one resource block."""
        return SUBCARRIERS_PER_PRB * 15e3 * (1 << self.numerology)

    @property
    def prb_offset_hz_B(self) -> NDArray[np.float64]:
        """Centre of each block of the slice, relative to the centre of the carrier."""
        middle = np.float64(self.n_prb_carrier - 1) / 2
        offset_hz_B: NDArray[np.float64] = (self.prb_index_B - middle) * self.prb_bandwidth_hz
        return offset_hz_B

    def slots(self, duration_ns: int) -> int:
        """Whole slots that cover a duration, rounded up."""
        return -(-duration_ns // self.slot_ns)
