"""Interquartile means and paired differences against closed forms; intervals cover what they say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mobaigc_sim.errors import MobaigcError
from mobaigc_sim.training.report import comparison, markdown, verdict, verdicts
from mobaigc_sim.training.statistics import Resampler, iqm


def resampler(traces: int, variants: int = 1, resamples: int = 400) -> Resampler:
    return Resampler(np.arange(traces) % variants, resamples)


def scores(**rewards: np.ndarray) -> pd.DataFrame:
    rows = [
        {"agent": name, "kind": "learned" if name.startswith("a") else "rule", "seed": s, "variant": t % 2, "trace": t,
         "reward": reward}
        for name, reward_ST in rewards.items()
        for s, reward_T in enumerate(reward_ST)
        for t, reward in enumerate(reward_T)
    ]  # fmt: skip
    others = ("failed", "partial", "jpsq", "keep", "latency_p50_s", "latency_p95_s", "prb_s_per_image", "decision_us")
    return pd.DataFrame(rows).assign(**dict.fromkeys(others, 0.25))


def test_interquartile_mean_leaves_out_a_quarter_at_each_end() -> None:
    assert iqm([1000.0, 3, 5, 4, 6, -1000, 1, 8]) == pytest.approx((3 + 4 + 5 + 6) / 4)
    assert iqm(np.arange(12.0).reshape(3, 4)) == pytest.approx(5.5)


@pytest.mark.parametrize("luck", [1.0, 0.2])
@pytest.mark.parametrize("seeds", [1, 2, 3, 5, 10])
def test_intervals_cover_the_truth_about_as_often_as_they_say(seeds: int, luck: float) -> None:
    """Reward = 3 + seed + trace + noise, all normal; 150 intervals at 95 %: between 89 and 100 % must hold 3."""
    rng, held, traces = np.random.default_rng(1), 0, 24
    for _ in range(150):
        luck_S1, load_T = luck * (seeds > 1) * rng.normal(size=(seeds, 1)), rng.normal(size=traces)
        own_ST = 3 + luck_S1 + load_T + 0.5 * rng.normal(size=(seeds, traces))
        told = resampler(traces, 2, 200).one(own_ST)
        held += told.low <= 3 <= told.high
    assert held / 150 >= 0.89


def test_intervals_are_no_wider_than_they_must_be() -> None:
    """Noise alone, 400 values: the interval of the mean is about 2 · 1.96 / 20 wide, here at most twice that."""
    rng = np.random.default_rng(2)
    told = resampler(40).difference(rng.normal(size=(10, 40)), np.zeros((1, 40)))
    assert 0.15 < told.high - told.low < 0.4


def test_what_traces_share_does_not_widen_a_paired_difference() -> None:
    rng = np.random.default_rng(3)
    shared_T, first_ST = 100 * rng.normal(size=30), rng.normal(size=(5, 30))
    second_ST = rng.normal(size=(1, 30))
    alone = resampler(30).difference(first_ST, second_ST)
    together = resampler(30).difference(first_ST + shared_T, second_ST + shared_T)
    np.testing.assert_allclose([*vars(together).values()], [*vars(alone).values()], atol=1e-9)


def test_every_resample_has_as_many_traces_of_each_variant() -> None:
    own_ST = np.where(np.arange(12) % 3 == 0, 100.0, 0.0)[None]
    told = Resampler(np.arange(12) % 3, 200).difference(own_ST, np.zeros((1, 12)))
    assert (told.low, told.estimate, told.high) == pytest.approx((100 / 3,) * 3)


def test_every_variant_counts_in_the_interquartile_mean() -> None:
    """Quartiles of all traces together would be those of the second variant alone, half of its least left out."""
    variants_T = np.arange(24) % 3
    own_ST = np.array([0.0, 50.0, 90.0])[variants_T][None] + np.arange(24) // 3
    draw = Resampler(variants_T, 50)
    assert draw.one(own_ST).estimate == draw.middle(own_ST) == pytest.approx(140 / 3 + 3.5)
    unequal = Resampler(np.array([0, 0, 0, 1]))
    assert unequal.middle(np.array([[1.0, 1, 1, 5]])) == pytest.approx(2.0)


def test_probability_of_improvement_counts_ties_as_half() -> None:
    told = resampler(4).improvement(np.array([[1.0, 2, 3, 4], [0, 0, 0, 9]]), np.array([[0.0, 2, 3, 5]]))
    assert told.estimate == pytest.approx((1 + 0.5 + 0.5 + 0 + 0.5 + 0 + 0 + 1) / 8)


def test_equal_scores_tie_and_a_constant_lead_wins() -> None:
    rng = np.random.default_rng(4)
    base_T = rng.normal(size=20)
    one_1T = base_T[None]
    given = scores(champion=one_1T, random=one_1T - 4, a=np.tile(base_T, (3, 1)), a2=one_1T + 1)
    found = comparison(given, "champion")
    table = found.set_index("agent")
    assert table.loc["a", ["difference", "difference_low", "difference_high"]].tolist() == [0, 0, 0]
    assert table.loc["a2", ["difference", "difference_low", "difference_high"]].tolist() == pytest.approx([1, 1, 1])
    assert table.loc[["champion", "random", "a2"], "above_random"].tolist() == pytest.approx([1, 0, 1.25])
    said = verdicts(given, "champion")
    assert [" ".join(line.split(":")[0].split()) for line in said] == [
        "random loses to champion", "a ties with champion", "a2 beats champion", "a loses to a2",
    ]  # fmt: skip
    assert said[-1].endswith("no claim with fewer than 5 seeds: a has 3, a2 has 1")
    assert "claim" not in said[0]
    assert "| a2 | 1 |" in markdown(found, said, ["left out"])


def test_an_interval_that_ends_at_zero_is_a_tie() -> None:
    told = Resampler(np.zeros(20, np.int64)).difference(np.eye(20)[:1] * 5, np.zeros((1, 20)))
    assert told.low == 0
    assert verdict("a", "b", told).startswith("a ties with b: +0.250 [+0.000, ")


def test_missing_traces_and_a_missing_champion_are_told() -> None:
    table = scores(a=np.ones((2, 4)), b=np.ones((1, 4)))
    with pytest.raises(MobaigcError, match="no rows of c"):
        comparison(table, "c")
    with pytest.raises(MobaigcError, match="of a lack traces"):
        comparison(table.drop(index=5), "b")
