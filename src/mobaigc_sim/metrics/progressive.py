"""Does a picture only get better with every packet that arrives, and what does the loss of one packet cost?

Letters: R requests, n packets received.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from .stats import Interval, bootstrap_mean, wilson


@dataclass(frozen=True)
class Progress:
    """What the prefixes of many requests say."""

    monotone: Interval
    """Share of requests whose score never falls by more than the margin."""
    worst_drop: float
    """The largest fall of any request."""
    mean_by_packets: dict[int, Interval]
    """Mean score after n packets, over the requests that have so many."""


@dataclass(frozen=True)
class Losses:
    """What the loss of one enhancement does, over all requests that have one."""

    lost: Interval
    """Share of the requests in which some loss leaves no picture to show."""
    cost: Interval
    """Fall of the score against everything received: the mean over the enhancements of a request, then over requests;
    negative where a loss helps."""
    worst_cost: float
    """The largest fall."""
    below_base: Interval
    """Share of the requests in which some loss scores lower than the base packet alone, by more than the margin."""


def largest_drop(scores: ArrayLike) -> float:
    """How far a sequence falls below the best value before it; 0 for one that never falls, or has one value."""
    values = np.asarray(scores, np.float64)
    return float((np.maximum.accumulate(values) - values).max())


def progress(by_request: Sequence[NDArray[np.float64]], margin: float, rng: np.random.Generator) -> Progress:
    """Judge the scores of each request after 1, 2, … packets.

    Raises ValueError where there is no request, or one without a score.
    """
    if not by_request or any(len(scores) == 0 for scores in by_request):
        raise ValueError("expected one score or more for each of one request or more")
    drops = np.array([largest_drop(scores) for scores in by_request])
    longest = max(len(scores) for scores in by_request)
    means = {
        n: bootstrap_mean([scores[n - 1] for scores in by_request if len(scores) >= n], rng)
        for n in range(1, longest + 1)
    }
    return Progress(wilson(int((drops <= margin).sum()), len(drops)), float(drops.max()), means)


def prefixes(table: pd.DataFrame) -> list[NDArray[np.float64]]:
    """JPSQ of each (request, keep) after 1, 2, … packets.

    `table` has the columns request, keep, packets, received (bit i: packet i arrived), jpsq and lost.
    """
    received = table["received"]
    whole = table[(received & (received + 1)) == 0].sort_values(by="received")
    return [part["jpsq"].to_numpy(float) for _, part in whole.groupby(["request", "keep"])]


def single_losses(table: pd.DataFrame, margin: float, rng: np.random.Generator) -> Losses:
    """Judge the rows of `prefixes`' table in which just one enhancement is missing.

    Raises ValueError where there is none.
    """
    keys = ["request", "keep"]
    missing = np.exp2(table["packets"]).astype(np.int64) - 1 - table["received"]
    one = table[(missing > 1) & ((missing & (missing - 1)) == 0) & (table["received"] & 1 == 1)]
    if one.empty:
        raise ValueError("no row with just one enhancement missing")
    full = table[missing == 0].set_index(keys)["jpsq"]
    base = table[table["received"] == 1].set_index(keys)["jpsq"]
    paired = one.join(full.rename("full"), on=keys).join(base.rename("base"), on=keys)
    paired["cost"] = paired["full"] - paired["jpsq"]
    paired["below"] = paired["jpsq"] < paired["base"] - margin
    requests = paired.groupby(keys).agg({"lost": "any", "cost": "mean", "below": "any"})
    return Losses(
        wilson(int(requests["lost"].sum()), len(requests)),
        bootstrap_mean(requests["cost"].to_numpy(float), rng),
        float(paired["cost"].max()),
        wilson(int(requests["below"].sum()), len(requests)),
    )
