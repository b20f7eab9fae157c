"""Ratios over groups, shares of the bound and profiles against hand calculation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mobaigc_sim.errors import MobaigcError
from mobaigc_sim.training.claims import (
    BEST_MLP,
    MLP_AGENTS,
    ablation,
    by_variant,
    comparison_with_bound,
    kept_untrained,
    profiles,
    ratios,
    read_bound,
)
from mobaigc_sim.training.report import MEANS
from mobaigc_sim.training.statistics import Resampler, mean_of


def scores(**rewards: list[list[float]]) -> pd.DataFrame:
    """Rewards of each seed and trace by agent, `_` in a name meaning `-`."""
    rows = [
        {"agent": name.replace("_", "-"), "kind": "rule" if name in ("priced", "random") else "learned", "seed": s,
         "variant": 0, "trace": t, "reward": reward, "requests": 10 + t}
        for name, own in rewards.items() for s, row in enumerate(own) for t, reward in enumerate(row)
    ]  # fmt: skip
    return pd.DataFrame(rows).assign(**dict.fromkeys(MEANS, 0.25))


LEVEL = scores(
    priced=[[9.0] * 4], random=[[1.0] * 4], add=[[10.0] * 4] * 2, sac_set=[[7.0] * 4], ppo=[[5.0] * 4] * 2,
    sac=[[3.0] * 4] * 5,
)  # fmt: skip


def test_mlp_agents_are_the_baselines_without_the_set_encoder() -> None:
    assert set(MLP_AGENTS) == {"dqn", "ddpg", "td3", "sac", "tqc", "ppo", "a2c"}


def test_ratios_put_random_at_zero_and_each_agent_counts_once() -> None:
    """(10 − 1) over ((5 + 3)/2 − 1), 5 − 1, 7 − 1, 9 − 1 and 13 − 1; no spread, so both ends are the estimate."""
    table, notes = ratios(LEVEL, "priced", np.full((1, 4), 13.0))
    assert table["over"].tolist() == ["mean of 2 MLP agents", "best of 2 MLP agents", "sac-set", "priced", "bound"]
    expected = [9 / 3, 9 / 4, 9 / 6, 9 / 8, 9 / 12]
    for name in ("ratio", "ratio_low", "ratio_high"):
        assert table[name].tolist() == pytest.approx(expected)
    assert table["difference"].tolist() == pytest.approx([6, 5, 3, 1, -3])
    assert table["members"].tolist()[:2] == ["ppo, sac", "ppo, sac"]
    assert not notes


def test_what_cannot_be_compared_is_left_out_and_said() -> None:
    table, notes = ratios(LEVEL[~LEVEL["agent"].isin(["sac-set", "ppo", "sac"])], "priced", None)
    assert table["over"].tolist() == ["priced"]
    assert len(notes) == 2 and "MLP" in notes[0] and "sac-set" in notes[1]
    table, notes = ratios(LEVEL[LEVEL["agent"] != "random"], "priced", None)
    assert table.empty and "random" in notes[0]


def test_a_group_that_is_not_above_random_has_no_ratio() -> None:
    weak = LEVEL.assign(reward=LEVEL["reward"].where(LEVEL["agent"] != "sac", -9.0))
    table, notes = ratios(weak, "priced", None)
    mean, best = table.set_index("over")["ratio"].iloc[:2]
    assert np.isnan(mean) and best == pytest.approx(9 / 4)
    assert len(notes) == 1 and notes[0].startswith("mean of 2 MLP agents: not above random")


def test_the_best_of_a_group_is_chosen_anew_in_every_resample() -> None:
    """Of two equal agents the better one of a resample is at least the mean of both, never less."""
    rng = np.random.default_rng(0)
    draw = Resampler(np.zeros(12, np.int64))
    own_ST, group = np.full((1, 12), 10.0), [rng.normal(5, 1, (12, 12)) for _ in range(2)]
    base_ST = np.zeros((1, 12))
    best, mean = (draw.ratio_to_group(own_ST, group, base_ST, pool) for pool in (max, mean_of))
    assert best.low < mean.low and best.high < mean.high
    lead = draw.difference_to_group(own_ST, group, mean_of)
    assert lead.estimate == pytest.approx(10 - np.mean(group))
    single = draw.difference_to_group(own_ST, group[:1], max)
    assert vars(single) == pytest.approx(vars(draw.difference(own_ST, group[0])))


def test_shares_of_the_bound() -> None:
    table = comparison_with_bound(LEVEL, "priced", np.full((1, 4), 13.0)).set_index("agent")
    assert table.loc[["random", "add", "priced"], "normalised"].tolist() == pytest.approx([0, 9 / 12, 8 / 12])
    assert table.loc["add", ["bound_share", "bound_share_low"]].tolist() == pytest.approx([10 / 13] * 2)
    assert "normalised" not in comparison_with_bound(LEVEL, "priced", None)


def test_policies_that_training_did_not_improve_are_counted() -> None:
    """Of agent a seed 0 ends best, 1 begins best and 2 is never better than at the start; b improves."""
    ends = {("a", 0): (0, 1, 2), ("a", 1): (2, -1, 0), ("a", 2): (1, 1, 0), ("b", 0): (-3, -1, -2)}
    rows = [(*run, 10 * k, value) for run, values in ends.items() for k, value in enumerate(values)]
    curves = pd.DataFrame(rows[::-1], columns=["agent", "seed", "steps", "difference"])
    assert kept_untrained(curves).to_dict() == {"a": 2, "b": 0}


def test_every_variant_is_told_by_itself() -> None:
    """ADD gains 4 and 8 on the traces of the first variant, 1 and 3 on those of the second."""
    given = scores(priced=[[1.0, 2.0, 3.0, 4.0]], add=[[5.0, 3.0, 11.0, 7.0]])
    given = given.assign(variant=given["trace"] % 2, requests=10 + 10 * (given["trace"] % 2), failed_harq=0.5)
    told = by_variant(given, "priced").set_index(["variant", "agent"])
    assert told["requests"].tolist() == [10, 10, 20, 20] and told["failed_harq"].eq(0.5).all()
    assert told["reward"].tolist() == [2, 8, 3, 5] and told["difference"].tolist() == [0, 6, 0, 2]


def test_a_profile_is_the_share_of_seeds_and_traces_above_a_normalised_score() -> None:
    """Random has 0, 2 and the bound 10, 4 on the two traces: normalised, add has 0.5, 1 and 0.8, 0."""
    given = scores(priced=[[5.0, 3.0]], random=[[0.0, 2.0]], add=[[5.0, 4.0], [8.0, 2.0]], ppo=[[1.0, 2.0]])
    table = profiles(given, "priced", np.array([[10.0, 4.0]]))
    assert set(table["measure"]) == {"normalised score"}
    own = table[table["agent"] == "add"]
    expected = [np.mean(np.array([0.5, 1.0, 0.8, 0.0]) > threshold) for threshold in own["threshold"]]
    assert own["share"].tolist() == pytest.approx(expected)
    assert (own["low"] <= own["share"]).all() and (own["share"] <= own["high"]).all()
    assert table.drop_duplicates("agent").set_index("agent")["role"].to_dict() == {
        "priced": "priced", "add": "add", "ppo": BEST_MLP,
    }  # fmt: skip
    without = profiles(given, "priced", None)
    assert set(without["agent"]) == {"add", "ppo"}
    lead = without[without["agent"] == "add"]
    assert lead["share"].tolist() == pytest.approx([np.mean(np.array([0, 1, 3, -1]) > x) for x in lead["threshold"]])


def test_bands_of_a_profile_hold_the_share_as_often_as_they_say() -> None:
    """Independent normal scores, threshold 0: 150 bands at 95 % must hold one half between 89 and 100 % of the time."""
    rng, held = np.random.default_rng(5), 0
    draw = Resampler(np.arange(24) % 2, 200)
    for _ in range(150):
        _, (low,), (high,) = draw.profile(rng.normal(size=(6, 24)), np.zeros(1))
        held += low <= 0.5 <= high
    assert held / 150 >= 0.89


def test_an_ablation_takes_what_it_lacks_from_the_same_traces() -> None:
    variants = scores(add_mlp=[[6.0] * 4])
    table = ablation(variants, LEVEL, "priced").set_index("agent")
    assert set(table.index) == {"priced", "random", "add", "add-mlp"}
    assert table.loc["add-mlp", ["to_add", "to_add_high", "difference"]].tolist() == pytest.approx([-4, -4, -3])
    assert np.isnan(table.loc["add", "to_add"])
    with pytest.raises(MobaigcError, match="not of the traces of the main scores"):
        ablation(variants.assign(requests=7), LEVEL, "priced")


def test_a_trace_without_a_bound_is_told(tmp_path: Path) -> None:
    path = tmp_path / "bound.parquet"
    bound = pd.DataFrame({"knows": ["fading"] * 3 + ["path"], "trace": [2, 1, 0, 3], "reward": [7.0, 6.0, 5.0, 8.0]})
    bound.to_parquet(path)
    with pytest.raises(MobaigcError, match=r"bound\.parquet: no bound that knows the fading for the traces 3"):
        read_bound(path, LEVEL)
    assert read_bound(path, LEVEL[LEVEL["trace"] < 3]).tolist() == [[5.0, 6.0, 7.0]]
