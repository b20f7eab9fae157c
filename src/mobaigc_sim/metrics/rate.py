"""Savings between rate–score curves: paired bootstrap over the pictures that all methods share.

Letters: N pictures, K settings of a method.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .stats import Interval

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """A method at K settings: `bytes_KN` and `score_KN` of every picture."""

    bytes_KN: Values
    score_KN: Values

    def bytes_at(self, score: float, chosen_N: NDArray[np.int64] | slice = slice(None)) -> float:
        """Mean bytes at which the mean score over the chosen pictures reaches `score`.

        Linear in log(bytes) between settings, along the settings that no shorter one beats. The bytes of the shortest
        setting where that is already good enough; infinity where none is.
        """
        x, y = self._best(chosen_N)
        if score > y[-1]:
            return float("inf")
        return float(np.exp(np.interp(score, y, x)))

    def score_at(self, size: float, chosen_N: NDArray[np.int64] | slice = slice(None)) -> float:
        """The mean score that `size` mean bytes buy along the same line; minus infinity below the shortest setting."""
        x, y = self._best(chosen_N)
        return float("-inf") if np.log(size) < x[0] else float(np.interp(np.log(size), x, y))

    def _best(self, chosen_N: NDArray[np.int64] | slice) -> tuple[Values, Values]:
        """Log of mean bytes and mean scores, both rising: the settings that no shorter one beats."""
        bytes_K = self.bytes_KN[:, chosen_N].mean(1)
        score_K = self.score_KN[:, chosen_N].mean(1)
        order = np.argsort(bytes_K, kind="stable")
        best = np.maximum.accumulate(score_K[order])
        rising = np.flatnonzero(np.diff(best, prepend=-np.inf) > 0)
        return np.log(bytes_K[order][rising]), best[rising]


def saving(ours_N: Values, reference_N: Values, rng: np.random.Generator, *, resamples: int = 4000) -> Interval:
    """1 − Σ ours / Σ reference with its 95 % percentile bootstrap interval over pictures."""
    n = len(ours_N)
    chosen_RN = rng.integers(0, n, (resamples, n))
    drawn_R = 1 - ours_N[chosen_RN].sum(1) / reference_N[chosen_RN].sum(1)
    low, high = np.quantile(drawn_R, (0.025, 0.975))
    return Interval(float(1 - ours_N.sum() / reference_N.sum()), float(low), float(high))


def saving_at_equal_score(
    ours_bytes_N: Values,
    ours_score_N: Values,
    others: Mapping[str, Curve],
    rng: np.random.Generator,
    *,
    resamples: int = 1000,
) -> tuple[str, Interval]:
    """Saving against whichever other method needs the fewest bytes for our mean score: its name and the saving.

    The choice of the best is made again in every resample, so the interval holds it. Negative where another method
    needs fewer bytes; 1 where none reaches the score at any setting.
    """

    def against(chosen_N: NDArray[np.int64] | slice) -> tuple[str, float]:
        score = float(ours_score_N[chosen_N].mean())
        needed = {name: curve.bytes_at(score, chosen_N) for name, curve in others.items()}
        best = min(needed, key=needed.__getitem__)
        return best, 1 - float(ours_bytes_N[chosen_N].mean()) / needed[best]

    n = len(ours_bytes_N)
    best, estimate = against(slice(None))
    drawn = [against(rng.integers(0, n, n))[1] for _ in range(resamples)]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return best, Interval(estimate, float(low), float(high))


def gain_at_equal_bytes(
    ours_bytes_N: Values, ours_score_N: Values, other: Curve, rng: np.random.Generator, *, resamples: int = 1000
) -> Interval:
    """Our mean score minus what the other method reaches with our mean bytes; infinite where it has none so short."""

    def gain(chosen_N: NDArray[np.int64] | slice) -> float:
        return float(ours_score_N[chosen_N].mean()) - other.score_at(float(ours_bytes_N[chosen_N].mean()), chosen_N)

    n = len(ours_bytes_N)
    drawn = [gain(rng.integers(0, n, n)) for _ in range(resamples)]
    low, high = np.quantile(drawn, (0.025, 0.975), method="nearest")
    return Interval(gain(slice(None)), float(low), float(high))
