"""Do two trainings of one recipe agree? Intervals over held-out content, of a figure and of its difference.

A table holds the values of each content in a row: (N, M), NaN where a content has fewer; (N, M, 2) for a rank
correlation, of pairs. Contents are resampled whole, as values of one content are alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap

from ..prompt_following import share_interval
from .figures import rank

RESAMPLES = 2000
Table = NDArray[np.float64]


@dataclass(frozen=True)
class Figure:
    """How the values of one measurement are summed up."""

    name: str
    kind: Literal["mean", "share", "rank"]
    tolerance: float
    """A difference that another seed alone may make, in the unit of the figure."""


@dataclass(frozen=True)
class Bounds:
    """An estimate with its 95 % interval."""

    estimate: float
    low: float
    high: float


def interval(figure: Figure, table: Table) -> Bounds:
    """The figure over all contents: Wilson's interval of a share, else the percentiles of the bootstrap."""
    if figure.kind == "share":
        content, _ = np.nonzero(~np.isnan(table))
        found = share_interval((table[~np.isnan(table)] > 0.5).tolist(), content.astype(str).tolist())
        return Bounds(found.share, found.low, found.high)
    return _resampled(lambda rows: _estimate(figure, table[rows]), len(table))


def difference(figure: Figure, first: Table, second: Table) -> Bounds:
    """First minus second, where row i of both is the same content; paired bootstrap.

    Raises ValueError when the two differ in shape.
    """
    if first.shape != second.shape:
        raise ValueError(f"expected tables of the same contents, got shapes {first.shape} and {second.shape}")
    return _resampled(lambda rows: _estimate(figure, first[rows]) - _estimate(figure, second[rows]), len(first))


def verdict(apart: Bounds, tolerance: float) -> str:
    """Of a difference and its interval: `agree` where all of it is within the tolerance, `differ` where all of it is
    beyond, else `undecided`."""
    if max(-apart.low, apart.high) <= tolerance:
        return "agree"
    return "differ" if apart.low > tolerance or apart.high < -tolerance else "undecided"


def _estimate(figure: Figure, table: Table) -> float:
    return rank(table[..., 0], table[..., 1]) if figure.kind == "rank" else float(np.nanmean(table))


def _resampled(statistic: Callable[[NDArray[np.int64]], float], count: int) -> Bounds:
    rows = np.arange(count)
    found = bootstrap(
        (rows,),
        statistic,
        n_resamples=RESAMPLES,
        vectorized=False,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return Bounds(statistic(rows), float(found.low), float(found.high))
