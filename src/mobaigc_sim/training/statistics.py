"""How schedulers are compared: interquartile means, paired differences and their bootstrap intervals.

Source: R. Agarwal, M. Schwarzer, P. S. Castro, A. Courville, M. G. Bellemare, "Deep reinforcement learning at the edge
of the statistical precipice", NeurIPS 2021: interquartile mean, probability of improvement, and a percentile bootstrap
that is stratified. Here seeds (which agents do not share) and traces (which all share) are both drawn with
replacement, as in A. B. Owen, "The pigeonhole bootstrap", Ann. Appl. Stat. 1, 2007; the traces within their variant of
the scenario, so that every resample has as many of each.

Rewards of variants differ by much more than those of schedulers: quartiles of all traces together would leave out
other variants for one scheduler than for another. So the interquartile mean is taken within each variant, over seeds
and traces, and averaged over the variants by their traces.

Few seeds make percentiles too narrow. The variance of the resamples is split into that of traces, which resamples with
the seeds kept have, and the rest, of seeds; both are enlarged by n / (n − 1), and the interval has the width of
Student's t with the degrees of freedom of their sum (F. E. Satterthwaite, Biometrics Bulletin 2, 1946). A single seed
is kept: then the interval is about that one policy.

Shapes: S seeds, T traces, R resamples, K thresholds; traces of drawn scores stand together by variant.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from ..metrics.stats import Interval, expanded_percentiles

Scores = NDArray[np.float64]
Pool = Callable[[Sequence[float]], float]
"""How one number of each of several contestants becomes one of the group, for example `mean_of` or `max`."""


def iqm(values: ArrayLike) -> float:
    """Mean of the middle half of the values: a quarter of them is left out at each end, rounded down."""
    rising = np.sort(np.asarray(values, np.float64), axis=None)
    cut = len(rising) // 4
    return float(rising[cut : len(rising) - cut].mean())


def mean_of(values: Sequence[float]) -> float:
    """Mean, each value counting the same."""
    return float(np.mean(values))


@dataclass(frozen=True)
class Resampler:
    """Draws of traces that all contestants share; `variants_T` are the strata."""

    variants_T: NDArray[np.int64]
    resamples: int = 2000
    level: float = 0.95

    def middle(self, scores_ST: Scores) -> float:
        """Interquartile mean of each variant, averaged over them."""
        return self._middle(scores_ST[:, np.concatenate(self._strata)])

    def one(self, scores_ST: Scores) -> Interval:
        """Interquartile mean of one contestant's scores."""
        return self._interval([scores_ST], lambda drawn: self._middle(drawn[0]))

    def difference(self, first_ST: Scores, second_ST: Scores) -> Interval:
        """Mean difference of two contestants on the same traces."""
        return self._interval([first_ST, second_ST], lambda drawn: float(_differences(*drawn).mean()))

    def improvement(self, first_ST: Scores, second_ST: Scores) -> Interval:
        """Probability that the first has more than the second on a trace, ties counting half."""
        told = self._interval([first_ST, second_ST], lambda drawn: _more(*drawn))
        return Interval(told.estimate, max(told.low, 0.0), min(told.high, 1.0))

    def ratio(self, first_ST: Scores, second_ST: Scores, base_ST: Scores) -> Interval:
        """(first − base) / (second − base) of interquartile means."""
        return self._interval([first_ST, second_ST, base_ST], lambda drawn: _ratio(*map(self._middle, drawn)))

    def ratio_to_group(self, first_ST: Scores, group: Sequence[Scores], base_ST: Scores, pool: Pool) -> Interval:
        """(first − base) / (pool of the group − base) of interquartile means, one for each contestant of the group.

        Seeds are drawn for each contestant by itself, traces for all together, and the pool is taken anew in every
        resample: with `max` each resample has its own best of the group. Everything is NaN if the group is not above
        the base; the ends alone are NaN if it is not in some resample.
        """

        def ratio(drawn: Sequence[Scores]) -> float:
            first, *others, base = map(self._middle, drawn)
            pooled = pool(others)
            return _ratio(first, pooled, base) if pooled > base else float("nan")

        return self._interval([first_ST, *group, base_ST], ratio)

    def difference_to_group(self, first_ST: Scores, group: Sequence[Scores], pool: Pool) -> Interval:
        """Mean of the first − pool of the means of a group, on the same traces; drawn as for `ratio_to_group`."""

        def difference(drawn: Sequence[Scores]) -> float:
            first, *others = (float(one.mean()) for one in drawn)
            return first - pool(others)

        return self._interval([first_ST, *group], difference)

    def profile(self, scores_ST: Scores, thresholds_K: Scores) -> NDArray[np.float64]:
        """Share of seeds and traces with more than each threshold, and the ends of its interval: (3, K).

        Intervals are those of each threshold by itself, not of the whole curve.
        """
        told_K = _share_above(scores_ST, thresholds_K)
        all_RK, kept_RK = self._resampled([scores_ST], lambda drawn: _share_above(drawn[0], thresholds_K))
        ends = [
            self._ends(told, all_R, kept_R, [scores_ST])
            for told, all_R, kept_R in zip(told_K, all_RK.T, kept_RK.T, strict=True)
        ]
        return np.vstack([told_K, np.clip(np.transpose(ends), 0, 1)])

    def _interval(self, scores: list[Scores], statistic: Callable[[list[Scores]], float]) -> Interval:
        """Estimate and interval; equal calls draw the same."""
        told = statistic([one[:, np.concatenate(self._strata)] for one in scores])
        return Interval(told, *self._ends(told, *self._resampled(scores, statistic), scores))

    def _resampled(
        self, scores: Sequence[Scores], statistic: Callable[[list[Scores]], ArrayLike]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """A statistic of resamples (R, …), and of some whose seeds are kept."""
        values_R = np.array([statistic(drawn) for drawn in self._draws(scores, self.resamples)])
        if max(map(len, scores)) == 1:
            return values_R, values_R
        kept = self._draws(scores, max(self.resamples // 4, 2), keep_seeds=True)
        return values_R, np.array([statistic(drawn) for drawn in kept])

    def _ends(
        self, told: float, values_R: NDArray[np.float64], kept_R: NDArray[np.float64], scores: Sequence[Scores]
    ) -> tuple[float, float]:
        of_all, of_traces = float(values_R.var()), float(min(kept_R.var(), values_R.var()))
        traces, seeds = min(map(len, self._strata)), min((len(one) for one in scores if len(one) > 1), default=1)
        parts = [
            (of_traces * traces / max(traces - 1, 1), max(len(self.variants_T) - len(self._strata), 1)),
            ((of_all - of_traces) * seeds / max(seeds - 1, 1), max(seeds - 1, 1)),
        ]
        total = sum(variance for variance, _ in parts)
        if total == 0 or math.isnan(total):
            return (told, told) if total == 0 else (math.nan, math.nan)
        freedom = total**2 / sum(variance**2 / count for variance, count in parts)
        wide = stats.t.ppf(0.5 + self.level / 2, freedom) * math.sqrt(total / of_all)
        return expanded_percentiles(told, values_R, float(wide))

    @cached_property
    def _strata(self) -> list[NDArray[np.intp]]:
        """The traces of each variant."""
        return [np.flatnonzero(self.variants_T == v) for v in np.unique(self.variants_T)]

    def _middle(self, drawn_ST: Scores) -> float:
        ends = np.cumsum([len(stratum) for stratum in self._strata])
        parts = (drawn_ST[:, end - len(stratum) : end] for stratum, end in zip(self._strata, ends, strict=True))
        return float(sum(iqm(part) * part.shape[1] for part in parts) / drawn_ST.shape[1])

    def _draws(self, scores: Sequence[Scores], count: int, keep_seeds: bool = False) -> Iterator[list[Scores]]:
        rng = np.random.default_rng(0)
        for _ in range(count):
            traces_T = np.concatenate([rng.choice(stratum, len(stratum)) for stratum in self._strata])
            seeds = [np.arange(len(one)) if keep_seeds else rng.integers(len(one), size=len(one)) for one in scores]
            yield [one[own][:, traces_T] for one, own in zip(scores, seeds, strict=True)]


def _differences(first_ST: Scores, second_ST: Scores) -> NDArray[np.float64]:
    """Of every seed of the first and every one of the second (S, S, T); equal scores differ by exactly 0."""
    differences_SST: NDArray[np.float64] = first_ST[:, None] - second_ST[None]
    return differences_SST


def _more(first_ST: Scores, second_ST: Scores) -> float:
    difference_SST = _differences(first_ST, second_ST)
    return float(((difference_SST > 0) + 0.5 * (difference_SST == 0)).mean())


def _share_above(scores_ST: Scores, thresholds_K: Scores) -> NDArray[np.float64]:
    rising = np.sort(scores_ST, axis=None)
    return 1 - np.searchsorted(rising, thresholds_K, side="right") / len(rising)


def _ratio(first: float, second: float, base: float) -> float:
    return (first - base) / (second - base) if second != base else float("nan")
