"""The comparison of schedulers from stored scores: what it writes, what it leaves out, what it refuses."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mobaigc_sim.training import claims, report
from mobaigc_sim.training.statistics import Resampler, iqm

from .synthetic import LEARNED, RULES, scores, write_scenario, write_scores

SCRIPT = Path(__file__).parents[2] / "analysis/scheduler_comparison.py"


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    full = report.resampler_of
    for module in (report, claims):
        monkeypatch.setattr(module, "resampler_of", lambda table: Resampler(full(table).variants_T, 20))


def call(monkeypatch: pytest.MonkeyPatch, *words: Path | str) -> None:
    monkeypatch.setattr("sys.argv", [str(SCRIPT), *map(str, words)])
    runpy.run_path(str(SCRIPT), run_name="__main__")


def test_a_whole_folder_gives_every_table_and_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_scenario(tmp_path / "one")
    write_scenario(tmp_path / "bare", whole=False)
    call(monkeypatch, tmp_path)
    out = tmp_path / "out"
    assert {path.name for path in (out / "figures").iterdir()} == {
        f"{name}.{kind}"
        for name in ("rewards", "differences", "profiles", "reward_parts", "learning_curves", "generalisation")
        for kind in ("pdf", "png")
    }
    tables = {"table.md", "table.csv", "by_variant.csv", "ratios.csv"}
    assert {path.name for path in (out / "one").iterdir()} == tables | {"generalisation.csv", "ablation.csv"}
    assert {path.name for path in (out / "bare").iterdir()} == tables
    said = capsys.readouterr().out
    for left_out in ("bound.parquet", "curves.csv", "generalise", "ablation/scores.parquet"):
        assert f"bare: no {left_out}" in said or f"bare: nothing in {left_out}" in said
        assert f"one: no {left_out}" not in said and f"one: nothing in {left_out}" not in said
    assert "- dqn: 1 of 4 runs are not done and left out" in (out / "one/table.md").read_text()

    own = pd.read_parquet(tmp_path / "one/scores.parquet")
    of_variants = own.groupby(["agent", "variant"])["reward"].agg(iqm)
    middle = of_variants.groupby("agent").mean().to_dict()
    table = pd.read_csv(out / "one/table.csv").set_index("agent")
    assert list(table.index) == [*RULES, "random", *LEARNED]
    assert table["reward"].to_dict() == pytest.approx(middle)
    apart = pd.read_csv(out / "one/by_variant.csv")
    assert apart.groupby("agent")["reward"].mean().to_dict() == pytest.approx(
        own.groupby("agent")["reward"].mean().to_dict()
    )
    mlp = np.mean([middle[name] for name in ("ppo", "sac", "dqn")])
    ratio = pd.read_csv(out / "one/ratios.csv").set_index("over")["ratio"]
    assert ratio["mean of 3 MLP agents"] == pytest.approx((middle["add"] - middle["random"]) / (mlp - middle["random"]))
    elsewhere = pd.read_csv(out / "one/generalisation.csv")
    assert elsewhere[elsewhere["agent"] == "add"][["what", "value"]].to_numpy().tolist() == [
        ["speed", 3], ["speed", 60], ["users", 5], ["users", 20], ["users", 40],
    ]  # fmt: skip


@pytest.mark.parametrize("place", ["scores.parquet", "generalise/users-5/scores.parquet"])
def test_scores_without_the_champion_are_one_clear_error(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_scenario(tmp_path / "one", whole=False)
    path = tmp_path / "one" / place
    write_scores(scores({"edf": 3.0, "random": 1.0, "add": 5.0}), [], path)
    with pytest.raises(SystemExit) as stop:
        call(monkeypatch, tmp_path, "--out", tmp_path / "elsewhere")
    assert stop.value.code == 2
    told = f"{path}: no rows of the champion priced, which all others are to be compared with\n"
    assert capsys.readouterr().err == told
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_without_scenarios_says_what_was_expected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        call(monkeypatch, tmp_path)
    assert stop.value.code == 2
    assert "expected a subfolder for each scenario, with a file scores.parquet" in capsys.readouterr().err
