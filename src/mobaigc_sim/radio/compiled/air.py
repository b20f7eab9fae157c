"""Power, interference and SINR of a link, compiled.

Shapes: U users, C cells, B resource blocks, Q modulation orders, G points of the SINR grid.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ...kernel.lean import lean, lean_inline, rows
from ..capacity import LOW_DB, STEP_DB
from ..decibels import COEFFICIENTS, DB_PER_OCTAVE, MANTISSA, ONE

C0, C1, C2, C3, C4, C5 = COEFFICIENTS
F1 = np.float32(1.0)
_BIAS, _MANTISSA_BITS = np.int32(127), np.int32(23)


@intrinsic
def _bits_of(typing_context: Any, number: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(32))

    return types.int32(types.float32), generate


@intrinsic
def _float_of(typing_context: Any, bits: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), generate


@lean_inline
def decibels(power: Any) -> Any:
    """`..decibels.decibels` of one number."""
    bits: Any = _bits_of(power)  # type: ignore[call-arg]
    exponent = np.float32((bits >> _MANTISSA_BITS) - _BIAS)
    t: Any = _float_of((bits & MANTISSA) | ONE) - F1
    p = ((((C5 * t + C4) * t + C3) * t + C2) * t + C1) * t + C0
    return DB_PER_OCTAVE * (exponent + (t + t * (F1 - t) * p))


@lean_inline
def power_row(air: Any, u: int, c: int, power_B: Any) -> None:
    """Received power on every block, in units of the noise."""
    row_a, row_b = int(air.place_a_UC[u, c]), int(air.place_b_UC[u, c])
    part_a = np.float32(air.place_a_UC[u, c] - row_a)
    part_b = np.float32(air.place_b_UC[u, c] - row_b)
    snr = air.snr_UC[u, c]
    real_a, imag_a = air.reel_a_R2B[row_a, 0], air.reel_a_R2B[row_a, 1]
    real_a2, imag_a2 = air.reel_a_R2B[row_a + 1, 0], air.reel_a_R2B[row_a + 1, 1]
    real_b, imag_b = air.reel_b_R2B[row_b, 0], air.reel_b_R2B[row_b, 1]
    real_b2, imag_b2 = air.reel_b_R2B[row_b + 1, 0], air.reel_b_R2B[row_b + 1, 1]
    for b in range(len(power_B)):
        real = real_a[b] + part_a * (real_a2[b] - real_a[b]) + (real_b[b] + part_b * (real_b2[b] - real_b[b]))
        imag = imag_a[b] + part_a * (imag_a2[b] - imag_a[b]) + (imag_b[b] + part_b * (imag_b2[b] - imag_b[b]))
        power_B[b] = snr * (real * real + imag * imag)


@lean_inline
def power_at(air: Any, u: int, c: int, b: int) -> Any:
    """`power_row` of one block."""
    row_a, row_b = int(air.place_a_UC[u, c]), int(air.place_b_UC[u, c])
    part_a = np.float32(air.place_a_UC[u, c] - row_a)
    part_b = np.float32(air.place_b_UC[u, c] - row_b)
    real_a, imag_a = air.reel_a_R2B[row_a, 0, b], air.reel_a_R2B[row_a, 1, b]
    real_b, imag_b = air.reel_b_R2B[row_b, 0, b], air.reel_b_R2B[row_b, 1, b]
    real = real_a + part_a * (air.reel_a_R2B[row_a + 1, 0, b] - real_a)
    real += real_b + part_b * (air.reel_b_R2B[row_b + 1, 0, b] - real_b)
    imag = imag_a + part_a * (air.reel_a_R2B[row_a + 1, 1, b] - imag_a)
    imag += imag_b + part_b * (air.reel_b_R2B[row_b + 1, 1, b] - imag_b)
    return air.snr_UC[u, c] * (real * real + imag * imag)


@lean_inline
def sinr_row(air: Any, active_CB: Any, u: int, c: int, sinr_B: Any, scratch_2B: Any) -> None:
    """Linear SINR on every block from cell c, while the blocks of `active_CB` are in use elsewhere."""
    power_row(air, u, c, sinr_B)
    if len(active_CB) > 1:
        _divide(air, active_CB, u, c, sinr_B, scratch_2B)


@lean
def _divide(air: Any, active_CB: Any, u: int, c: int, sinr_B: Any, scratch_2B: Any) -> None:
    """Divide the power by that of the noise and of the other cells."""
    unwanted_B, power_B = scratch_2B[0], scratch_2B[1]
    unwanted_B[:] = F1
    for other in range(len(active_CB)):
        if other == c:
            continue
        active_B = active_CB[other]
        power_row(air, u, other, power_B)
        for b in range(len(active_B)):
            unwanted_B[b] += active_B[b] * power_B[b]
    for b in range(len(sinr_B)):
        sinr_B[b] /= unwanted_B[b]


@lean
def sinr_rows(air: Any, active_CB: Any, ue_N: Any, cell_N: Any, sinr_NB: Any) -> None:
    """`sinr_row` of several users."""
    scratch_2B = rows(2, sinr_NB.shape[1], F1)
    for n in range(len(ue_N)):
        sinr_row(air, active_CB, ue_N[n], cell_N[n], sinr_NB[n], scratch_2B)


@lean
def sinr_at(air: Any, owner_CB: Any, u: int, c: int, b: int) -> Any:
    """Linear SINR on one block, while the blocks that have an owner are in use."""
    unwanted = F1
    for other in range(len(owner_CB)):
        if other != c and owner_CB[other, b] >= 0:
            unwanted += power_at(air, u, other, b)
    power = power_at(air, u, c, b)
    return power / unwanted if len(owner_CB) > 1 else power


@lean_inline
def on_grid(value_G: Any, sinr_db: float) -> float:
    """Linear interpolation of a curve over the SINR grid, constant beyond its ends."""
    place = min(max((sinr_db - LOW_DB) / STEP_DB, 0.0), len(value_G) - 1.001)
    low = int(place)
    return float(value_G[low] + (place - low) * (value_G[low + 1] - value_G[low]))


@lean
def effective_sinr_db(capacity_G: Any, full: int, bits: float) -> float:
    """`Curve.effective_sinr_db_of`: the SINR at which a modulation carries so many bits."""
    high, points = 0, full
    # halves without a branch: the comparison only decides what is added
    while points > 1:
        half = points >> 1
        high += half if capacity_G[high + half - 1] < bits else 0
        points -= half
    high += 1 if capacity_G[high] < bits else 0
    if high == 0:
        return LOW_DB
    if high == full:
        return LOW_DB + STEP_DB * (high - 1)
    return float(LOW_DB + STEP_DB * (high - (capacity_G[high] - bits) / (capacity_G[high] - capacity_G[high - 1])))


@lean_inline
def normal_bler(margin: float, spread: float, code_blocks: float) -> float:
    """Probability that at least one of the code blocks fails."""
    fail = 0.5 * math.erfc(margin / (math.sqrt(2.0) * spread))
    return fail if code_blocks == 1.0 else float(1.0 - (1.0 - fail) ** code_blocks)
