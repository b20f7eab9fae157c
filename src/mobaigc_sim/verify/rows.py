"""One check: what was expected, what was found, how far apart the two may be, and who says so.

A value that is not a number fails every check.
"""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

Curves = dict[str, pd.DataFrame]
"""What there is to draw, by the name of the figure; each topic adds its own."""


class Row(NamedTuple):
    """The outcome of one check."""

    check: str
    expected: float
    got: float
    tolerance: str
    source: str
    passed: bool
    topic: str = ""
    """Name of the topic it belongs to, filled in by `topics.run`."""


def near(check: str, expected: float, got: float, tolerance: float, unit: str, source: str) -> Row:
    """Within an absolute tolerance."""
    fits = bool(abs(got - expected) <= tolerance)
    return Row(check, float(expected), float(got), f"± {tolerance:g} {unit}".rstrip(), source, fits)


def close(check: str, expected: float, got: float, share: float, source: str) -> Row:
    """Within a share of the expected value."""
    fits = bool(abs(got - expected) <= share * abs(expected))
    return Row(check, float(expected), float(got), f"± {100.0 * share:g} %", source, fits)


def exact(check: str, expected: float, got: float, source: str) -> Row:
    """Equal, bit by bit."""
    return Row(check, float(expected), float(got), "exact", source, bool(got == expected))


def at_least(check: str, least: float, got: float, source: str) -> Row:
    """Not below."""
    return Row(check, float(least), float(got), "or more", source, bool(got >= least))


def between(check: str, expected: float, low: float, high: float, got: float, unit: str, source: str) -> Row:
    """Inside a range that need not be centred on the expected value."""
    fits = bool(low <= got <= high)
    return Row(check, float(expected), float(got), f"{low:g} … {high:g} {unit}".rstrip(), source, fits)
