"""Intervals against scipy, known values and simulated coverage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mobaigc_sim.metrics import Interval, bootstrap_mean, paired_bootstrap, wilson


@settings(deadline=None)
@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
def test_wilson_is_that_of_scipy(counts, level):
    successes, trials = counts
    found = wilson(successes, trials, level=level)
    told = stats.binomtest(successes, trials).proportion_ci(level, method="wilson")
    assert (found.low, found.high) == pytest.approx((told.low, told.high), abs=1e-12)
    assert found.low <= found.estimate <= found.high


def test_wilson_known_values():
    # R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3
    for successes, trials, low, high in [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611),
                                         (1, 29, 0.0061, 0.1718)]:  # fmt: skip
        found = wilson(successes, trials)
        assert (round(found.low, 4), round(found.high, 4)) == (low, high)
    nothing = wilson(0, 0)
    assert np.isnan(nothing.estimate) and (nothing.low, nothing.high) == (0, 1)
    with pytest.raises(ValueError, match="successes <= trials"):
        wilson(3, 2)


def test_bootstrap_is_the_percentile_one_for_many_values():
    values = np.random.default_rng(1).gamma(2.0, 1.0, 2000)
    found = bootstrap_mean(values, np.random.default_rng(2))
    told = stats.bootstrap((values,), np.mean, method="percentile", n_resamples=9999, rng=np.random.default_rng(3))
    width = told.confidence_interval.high - told.confidence_interval.low
    assert found.estimate == values.mean()
    assert abs(found.low - told.confidence_interval.low) < 0.05 * width
    assert abs(found.high - told.confidence_interval.high) < 0.05 * width


@pytest.mark.parametrize("level", [0.8, 0.95])
@pytest.mark.parametrize("replications", [2, 3, 10])
def test_bootstrap_coverage_with_few_replications(level, replications):
    rng = np.random.default_rng(4)
    samples = rng.normal(1.0, 1.0, (800, replications))
    hits = [_covers(bootstrap_mean(row, rng, level=level, resamples=1000), 1.0) for row in samples]
    coverage = float(np.mean(hits))
    assert abs(coverage - level) < 4 * np.sqrt(level * (1 - level) / 800)


def test_paired_bootstrap_uses_the_pairs():
    rng = np.random.default_rng(5)
    common = rng.normal(0, 10, 40)
    a, b = common + 1 + rng.normal(0, 0.1, 40), common + rng.normal(0, 0.1, 40)
    found = paired_bootstrap(a, b, rng)
    assert found.estimate == pytest.approx(np.mean(a - b))
    assert found.high - found.low < 0.2 < 1 - (found.high - found.low)
    assert found.low < 1 < found.high
    alone = bootstrap_mean(a, rng)
    assert alone.high - alone.low > 4


def test_bootstrap_edges():
    rng = np.random.default_rng(6)
    assert bootstrap_mean([2.5] * 5, rng) == Interval(2.5, 2.5, 2.5)
    assert bootstrap_mean([3.0], rng) == Interval(3.0, -np.inf, np.inf)
    assert np.isnan(bootstrap_mean([], rng).estimate)
    for bad in ([1.0, np.nan], [[1.0, 2.0]]):
        with pytest.raises(ValueError, match="finite"):
            bootstrap_mean(bad, rng)
    with pytest.raises(ValueError, match="pairs"):
        paired_bootstrap([1, 2], [1], rng)
    with pytest.raises(ValueError, match="level"):
        bootstrap_mean([1, 2], rng, level=95)


def test_same_generator_same_interval():
    values = np.arange(20.0)
    assert bootstrap_mean(values, np.random.default_rng(7)) == bootstrap_mean(values, np.random.default_rng(7))


def _covers(interval: Interval, truth: float) -> bool:
    return interval.low <= truth <= interval.high
