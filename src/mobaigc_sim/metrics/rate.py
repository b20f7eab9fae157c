"""Savings between rate–score curves: paired bootstrap over the pictures that all methods share.

Letters: N pictures, K settings of a method.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .stats import Interval, paired_bootstrap

Values = NDArray[np.float64]
Setting = tuple[str, float]
"""A method and its setting."""


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
        """The mean score that `size` mean bytes buy along the same line; NaN outside the settings tried."""
        x, y = self._best(chosen_N)
        return float(np.interp(np.log(size), x, y, left=np.nan, right=np.nan))

    def _best(self, chosen_N: NDArray[np.int64] | slice) -> tuple[Values, Values]:
        """Log of mean bytes and mean scores, both rising: the settings that no shorter one beats."""
        bytes_K = self.bytes_KN[:, chosen_N].mean(1)
        score_K = self.score_KN[:, chosen_N].mean(1)
        order = np.argsort(bytes_K, kind="stable")
        best = np.maximum.accumulate(score_K[order])
        rising = np.flatnonzero(np.diff(best, prepend=-np.inf) > 0)
        return np.log(bytes_K[order][rising]), best[rising]


class RateTable:
    """Curves of many methods over the same pictures.

    `table` has a row for each `method`, `setting` and `prompt`, with `bytes` and `jpsq`.
    """

    def __init__(self, table: pd.DataFrame) -> None:
        self.curves: dict[str, Curve] = {}
        self.settings: dict[str, list[float]] = {}
        for method, part in table.groupby("method", sort=False):
            sizes = part.pivot(index="setting", columns="prompt", values="bytes")
            scores = part.pivot(index="setting", columns="prompt", values="jpsq")
            self.settings[str(method)] = sizes.index.tolist()
            self.curves[str(method)] = Curve(sizes.to_numpy(float), scores.to_numpy(float))

    def at(self, setting: Setting) -> tuple[Values, Values]:
        """Bytes and JPSQ of every picture (N,)."""
        method, value = setting
        k, curve = self.settings[method].index(value), self.curves[method]
        return curve.bytes_KN[k], curve.score_KN[k]

    def mean(self, setting: Setting) -> tuple[float, float]:
        """Mean bytes and mean JPSQ."""
        sizes, scores = self.at(setting)
        return float(sizes.mean()), float(scores.mean())

    def best(self, settings: Iterable[Setting]) -> Setting:
        """The setting with the highest mean JPSQ."""
        return max(settings, key=lambda setting: self.mean(setting)[1])

    def shortest_within(
        self, methods: Iterable[str], reference: Setting, margin: float, rng: np.random.Generator
    ) -> Setting | None:
        """Of all settings, the one with the fewest bytes whose JPSQ is less than `margin` below the reference, with the
        whole 95 % interval of the difference; None where there is none."""
        every = [(method, value) for method in methods for value in self.settings[method]]
        wanted = self.at(reference)[1]
        good = [s for s in every if paired_bootstrap(self.at(s)[1], wanted, rng).low > -margin]
        return min(good, key=lambda s: self.mean(s)[0], default=None)


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
    """Our mean score minus what the other method reaches with our mean bytes; NaN where it was not tried there."""

    def gain(chosen_N: NDArray[np.int64] | slice) -> float:
        return float(ours_score_N[chosen_N].mean()) - other.score_at(float(ours_bytes_N[chosen_N].mean()), chosen_N)

    n = len(ours_bytes_N)
    drawn = [gain(rng.integers(0, n, n)) for _ in range(resamples)]
    low, high = np.nanquantile(drawn, (0.025, 0.975)) if np.isfinite(drawn).any() else (np.nan, np.nan)
    return Interval(gain(slice(None)), float(low), float(high))
