"""Decibels of single-precision powers, by the bits of the number: the arithmetic that kernel and twin share.

For x = 2^e (1 + t) with t in [0, 1): log2 x = e + t + t (1 − t) P(t), P a polynomial fitted to 2·10⁻⁶ dB, so that the
result is continuous where the exponent changes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Single = NDArray[np.float32]

DB_PER_OCTAVE = np.float32(10.0 * np.log10(2.0))
COEFFICIENTS = tuple(np.float32(c) for c in (0.44266276, -0.27782506, 0.19509052, -0.1288813, 0.06244901, -0.0148654))
MANTISSA, ONE = np.int32(0x7FFFFF), np.int32(0x3F800000)


def decibels(power: Single) -> Single:
    """10 log10 of positive, normal numbers, within 2·10⁻⁵ dB."""
    bits = power.view(np.int32)
    exponent = ((bits >> 23) - 127).astype(np.float32)
    t = ((bits & MANTISSA) | ONE).view(np.float32) - np.float32(1.0)
    p = np.full_like(t, COEFFICIENTS[-1])
    for coefficient in COEFFICIENTS[-2::-1]:
        p = p * t + coefficient
    db: Single = DB_PER_OCTAVE * (exponent + (t + t * (np.float32(1.0) - t) * p))
    return db
