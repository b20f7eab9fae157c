"""How schedulers are compared: interquartile means, paired differences and their bootstrap intervals.

Source: R. Agarwal, M. Schwarzer, P. S. Castro, A. Courville, M. G. Bellemare, "Deep reinforcement learning at the edge
of the statistical precipice", NeurIPS 2021: interquartile mean, probability of improvement, and a percentile bootstrap
that is stratified. Here seeds (which agents do not share) and traces (which all share) are both drawn with
replacement, as in A. B. Owen, "The pigeonhole bootstrap", Ann. Appl. Stat. 1, 2007; the traces within their variant of
the scenario, so that every resample has as many of each. A single seed is kept: then the interval is about that one
policy. Few seeds make percentiles too narrow; they are widened as `metrics.stats.bootstrap_mean` does, by the seeds
where there are several, else by the traces.

Shapes: S seeds, T traces, R resamples, K thresholds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from ..metrics.stats import Interval

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

    def one(self, scores_ST: Scores, statistic: Callable[[Scores], float] = iqm) -> Interval:
        """A statistic of one contestant's scores."""
        return self._interval([scores_ST], lambda drawn: statistic(drawn[0]))

    def difference(self, first_ST: Scores, second_ST: Scores) -> Interval:
        """Mean difference of two contestants on the same traces."""
        return self._interval([first_ST, second_ST], lambda drawn: float(_differences(*drawn).mean()))

    def improvement(self, first_ST: Scores, second_ST: Scores) -> Interval:
        """Probability that the first has more than the second on a trace, ties counting half."""
        return self._interval([first_ST, second_ST], lambda drawn: _more(*drawn))

    def ratio(self, first_ST: Scores, second_ST: Scores, base_ST: Scores) -> Interval:
        """(first − base) / (second − base) of interquartile means."""
        return self._interval([first_ST, second_ST, base_ST], lambda drawn: _ratio(*map(iqm, drawn)))

    def ratio_to_group(self, first_ST: Scores, group: Sequence[Scores], base_ST: Scores, pool: Pool) -> Interval:
        """(first − base) / (pool of the group − base) of interquartile means, one for each contestant of the group.

        Seeds are drawn for each contestant by itself, traces for all together, and the pool is taken anew in every
        resample: with `max` each resample has its own best of the group. Everything is NaN if the group is not above
        the base; the ends alone are NaN if it is not in some resample.
        """

        def ratio(drawn: Sequence[Scores]) -> float:
            first, *others, base = map(iqm, drawn)
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
        shares_RK = np.array([_share_above(drawn, thresholds_K) for (drawn,) in self._draws([scores_ST])])
        tail = self._tail([scores_ST])
        return np.vstack([_share_above(scores_ST, thresholds_K), np.quantile(shares_RK, [tail, 1 - tail], axis=0)])

    def _interval(self, scores: list[Scores], statistic: Callable[[list[Scores]], float]) -> Interval:
        """Estimate and interval; equal calls draw the same."""
        values_R = np.array([statistic(drawn) for drawn in self._draws(scores)])
        tail = self._tail(scores)
        low, high = np.quantile(values_R, [tail, 1 - tail])
        return Interval(statistic(scores), float(low), float(high))

    def _draws(self, scores: Sequence[Scores]) -> Iterator[list[Scores]]:
        rng = np.random.default_rng(0)
        strata = [np.flatnonzero(self.variants_T == v) for v in np.unique(self.variants_T)]
        for _ in range(self.resamples):
            traces_T = np.concatenate([rng.choice(stratum, len(stratum)) for stratum in strata])
            yield [one[rng.integers(len(one), size=len(one))][:, traces_T] for one in scores]

    def _tail(self, scores: Sequence[Scores]) -> float:
        seeds = [len(one) for one in scores if len(one) > 1]
        return _tail(min(seeds, default=len(self.variants_T)), self.level)


def _tail(count: int, level: float) -> float:
    """Percentile at which the bootstrap of `count` values has the width of Student's t."""
    if count < 2:
        return (1 - level) / 2
    return float(stats.norm.cdf(-np.sqrt(count / (count - 1)) * stats.t.ppf(0.5 + level / 2, count - 1)))


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
