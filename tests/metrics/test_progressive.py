"""Monotone shares and costs of losses on scores made by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobaigc_sim.metrics.progressive import largest_drop, prefixes, progress, single_losses
from mobaigc_sim.metrics.stats import wilson

RNG = np.random.default_rng
SCORES = st.lists(st.floats(0, 1), min_size=1, max_size=6)


def test_a_slow_slide_counts_as_a_whole():
    """Three steps of 0.008 are each within 0.01; what a fourth packet shows is 0.024 worse than the first."""
    assert largest_drop([0.5, 0.492, 0.484, 0.476]) == pytest.approx(0.024)
    assert largest_drop([0.5, 0.7, 0.6, 0.9, 0.85]) == pytest.approx(0.1)


@given(SCORES)
def test_the_drop_is_the_largest_over_all_pairs(scores):
    pairs = [scores[i] - scores[j] for i in range(len(scores)) for j in range(i, len(scores))]
    assert largest_drop(scores) == pytest.approx(max(pairs))


@given(SCORES)
def test_sorted_scores_never_fall(scores):
    assert largest_drop(sorted(scores)) == 0


def test_share_mean_and_worst_of_requests_with_unequal_packets():
    told = progress(
        [np.array([0.2, 0.4, 0.6]), np.array([0.4, 0.395, 0.5]), np.array([0.6, 0.5]), np.array([0.8])], 0.01, RNG(0)
    )
    assert told.monotone == wilson(3, 4)
    assert told.worst_drop == pytest.approx(0.1)
    assert [told.mean_by_packets[n].estimate for n in (1, 2, 3)] == pytest.approx([0.5, 1.295 / 3, 0.55])


@pytest.mark.parametrize("nothing", [[], [np.array([])]])
def test_nothing_to_judge_is_an_error(nothing):
    with pytest.raises(ValueError, match="one score or more"):
        progress(nothing, 0.01, RNG(0))


def table(jpsq_by_set: dict[int, float], packets: int, request: int = 0, lost: tuple[int, ...] = ()) -> pd.DataFrame:
    rows = [
        {"request": request, "keep": 0.5, "packets": packets, "received": r, "jpsq": x, "lost": r in lost}
        for r, x in jpsq_by_set.items()
    ]
    return pd.DataFrame(rows)


FIRST = {0b1111: 0.9, 0b0001: 0.3, 0b0111: 0.8, 0b0011: 0.5, 0b1101: 0.85, 0b1011: 0.2}
SECOND = {0b11: 0.7, 0b01: 0.6}


def test_prefixes_are_the_sets_without_a_gap_in_order():
    both = pd.concat([table(FIRST, 4), table(SECOND, 2, request=1)])
    assert [p.tolist() for p in prefixes(both)] == [[0.3, 0.5, 0.8, 0.9], [0.6, 0.7]]


def test_losses_are_the_sets_with_one_enhancement_missing():
    """First: 0.1 (the last), 0.05, 0.7 which is below the base; second: its only enhancement, 0.1."""
    found = single_losses(pd.concat([table(FIRST, 4), table(SECOND, 2, request=1)]), 0.01, RNG(0))
    assert found.cost.estimate == pytest.approx(((0.1 + 0.05 + 0.7) / 3 + 0.1) / 2)
    assert found.worst_cost == pytest.approx(0.7)
    assert found.below_base == wilson(1, 2)
    assert found.lost == wilson(0, 2)


def test_a_picture_that_cannot_be_shown_is_counted():
    found = single_losses(table({0b111: 0.8, 0b001: 0.4, 0b101: 0.0, 0b011: 0.6}, 3, lost=(0b101,)), 0.01, RNG(0))
    assert found.lost == wilson(1, 1)


def test_without_an_enhancement_there_is_nothing_to_lose():
    with pytest.raises(ValueError, match="no row"):
        single_losses(table({1: 0.5}, 1), 0.01, RNG(0))
