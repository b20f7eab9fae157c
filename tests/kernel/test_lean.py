"""Room on the stack, and that it is given back."""

from __future__ import annotations

from typing import Any

import numpy as np

from mobaigc_sim.kernel.lean import copy, lean, numbers, rows


@lean
def backwards(values_N: Any) -> float:
    """The sum of i times the number at i, by way of a turned copy."""
    turned_N = numbers(len(values_N), 0.0)
    for n in range(len(values_N)):
        turned_N[len(values_N) - 1 - n] = values_N[n]
    copy(turned_N, values_N)
    total = 0.0
    for n in range(len(values_N)):
        total += n * values_N[n]
    return total


@lean
def many_times(values_N: Any, times: int) -> float:
    """`backwards` again and again: would take gigabytes if room were not given back."""
    total = 0.0
    for _ in range(times):
        total += backwards(values_N)
    return total


@lean
def table(count: int, length: int, corner_2: Any) -> int:
    """Fill rows with their places; the last place, and the first and the last number."""
    made = rows(count, length, 0)
    for i in range(count):
        for j in range(length):
            made[i, j] = i * length + j
    corner_2[0], corner_2[1] = made[0, 0], made[count - 1, length - 1]
    return int(made[count - 1, 0])


def test_numbers_hold_what_is_written() -> None:
    values = np.arange(5.0)
    assert backwards(values) == 0 * 4 + 1 * 3 + 2 * 2 + 3 * 1 + 4 * 0
    assert values.tolist() == [4, 3, 2, 1, 0]


def test_room_is_given_back_in_loops() -> None:
    values = np.ones(1000)
    assert many_times(values, 400_000) == 400_000 * 499_500.0


def test_rows_are_laid_out_one_after_the_other() -> None:
    corner = np.zeros(2, np.int64)
    assert table(7, 3, corner) == 18
    assert corner.tolist() == [0, 20]
