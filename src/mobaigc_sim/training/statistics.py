"""How schedulers are compared: interquartile means, paired differences and their bootstrap intervals.

Source: R. Agarwal, M. Schwarzer, P. S. Castro, A. Courville, M. G. Bellemare, "Deep reinforcement learning at the edge
of the statistical precipice", NeurIPS 2021: interquartile mean, probability of improvement, and a percentile bootstrap
that is stratified. Here seeds (which agents do not share) and traces (which all share) are both drawn with
replacement, as in A. B. Owen, "The pigeonhole bootstrap", Ann. Appl. Stat. 1, 2007; the traces within their variant of
the scenario, so that every resample has as many of each. A single seed is kept: then the interval is about that one
policy. Few seeds make percentiles too narrow; they are widened as `metrics.stats.bootstrap_mean` does, by the seeds
where there are several, else by the traces.

Shapes: S seeds, T traces, R resamples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from ..metrics.stats import Interval

Scores = NDArray[np.float64]


def iqm(values: ArrayLike) -> float:
    """Mean of the middle half of the values: a quarter of them is left out at each end, rounded down."""
    rising = np.sort(np.asarray(values, np.float64), axis=None)
    cut = len(rising) // 4
    return float(rising[cut : len(rising) - cut].mean())


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

    def _interval(self, scores: list[Scores], statistic: Callable[[list[Scores]], float]) -> Interval:
        """Estimate and interval; equal calls draw the same."""
        rng = np.random.default_rng(0)
        strata = [np.flatnonzero(self.variants_T == v) for v in np.unique(self.variants_T)]
        values_R = np.empty(self.resamples)
        for r in range(self.resamples):
            traces_T = np.concatenate([rng.choice(stratum, len(stratum)) for stratum in strata])
            values_R[r] = statistic([one[rng.integers(len(one), size=len(one))][:, traces_T] for one in scores])
        seeds = [len(one) for one in scores if len(one) > 1]
        tail = _tail(min(seeds, default=len(self.variants_T)), self.level)
        low, high = np.quantile(values_R, [tail, 1 - tail])
        return Interval(statistic(scores), float(low), float(high))


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


def _ratio(first: float, second: float, base: float) -> float:
    return (first - base) / (second - base) if second != base else float("nan")
