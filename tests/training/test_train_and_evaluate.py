"""The two commands on a file that takes seconds: what is trained, kept, taken up again and compared."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file
from typer.testing import CliRunner

from mobaigc_sim.cell.world import TracePool
from mobaigc_sim.cli import app
from mobaigc_sim.interop.problem import REWARD_PARTS
from mobaigc_sim.scheduling import schedulers
from mobaigc_sim.scheduling.add.network import AddNetwork
from mobaigc_sim.training.episodes import Rule, play, play_scheduler
from mobaigc_sim.training.plan import read_plan
from mobaigc_sim.training.pools import cached_pool
from mobaigc_sim.training.report import FAILED_BY
from mobaigc_sim.training.vec_env import CellVecEnv

TINY = str(Path(__file__).parents[2] / "scenarios/training/tiny.yaml")


def call(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == code, done.output
    return done.output


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "tiny"
    assert "4 runs trained" in call("train", TINY, "--out", str(out))
    return out


@pytest.fixture
def runs(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "tiny"))


def curve(folder: Path) -> list[dict[str, str]]:
    with (folder / "curve.csv").open(newline="") as file:
        return [{name: text for name, text in row.items() if name != "seconds"} for row in csv.DictReader(file)]


def test_a_run_keeps_what_it_was_and_its_best_policy(trained: Path) -> None:
    for folder in (trained / name / f"seed-{seed}" for name in ("add", "td3") for seed in (0, 1)):
        assert [int(row["steps"]) for row in curve(folder)] == [0, 32, 64, 96]
        done = json.loads((folder / "done.json").read_text())
        assert done["best"]["reward"] == max(float(row["reward"]) for row in curve(folder))
        assert json.loads((folder / "config.json").read_text())["seed"] == int(folder.name[-1])
        assert not (folder / "checkpoint").exists()
        assert any((folder / "tensorboard").rglob("events.*"))
        assert load_file(folder / "weights.safetensors").keys() == load_file(folder / "last.safetensors").keys()
    assert AddNetwork.load(trained / "add/seed-0/weights.safetensors")[0].config.tokens == 4
    assert any(
        not np.array_equal(one, other)
        for one, other in zip(
            load_file(trained / "add/seed-0/last.safetensors").values(),
            load_file(trained / "add/seed-1/last.safetensors").values(),
            strict=True,
        )
    )


def test_only_what_is_not_done_is_trained(runs: Path) -> None:
    (runs / "td3/seed-1/done.json").unlink()
    times = {path: path.stat().st_mtime_ns for path in runs.rglob("done.json")}
    before = load_file(runs / "td3/seed-1/last.safetensors")
    said = call("train", TINY, "--out", str(runs))
    assert "1 runs trained" in said
    assert "td3 seed 1" in said and "add" not in said.replace(str(runs), "")
    assert all(path.stat().st_mtime_ns == time for path, time in times.items())
    after = load_file(runs / "td3/seed-1/last.safetensors")
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert "nothing left to train" in call("train", TINY, "--out", str(runs), "--only", "td3", "--seeds", "0-1")


def test_add_goes_on_after_a_break_as_if_there_had_been_none(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The break is 40 steps of the two cells into the run, its last checkpoint at 32 of them."""
    step_wait = CellVecEnv.step_wait
    steps: list[int] = []

    def breaking(env: CellVecEnv) -> Any:
        steps.append(1)
        if len(steps) == 40:
            raise KeyboardInterrupt
        return step_wait(env)

    shutil.copytree(trained / "traces", tmp_path / "traces")
    asked = ("train", TINY, "--out", str(tmp_path), "--only", "add", "--seeds", "0")
    monkeypatch.setattr(CellVecEnv, "step_wait", breaking)
    call(*asked, code=130)
    folder = tmp_path / "add/seed-0"
    assert not (folder / "done.json").exists()
    steps.clear()
    call(*asked)
    assert len(steps) == (96 - 64) // 2
    assert curve(folder) == curve(trained / "add/seed-0")
    for name in ("weights", "last"):
        again, unbroken = (load_file(one / f"{name}.safetensors") for one in (folder, trained / "add/seed-0"))
        assert all(np.array_equal(again[key], unbroken[key]) for key in unbroken)


def test_a_file_may_give_agents_other_numbers_of_seeds(runs: Path) -> None:
    asked = ("train", TINY, "--out", str(runs), "--set", "seeds={td3: 3}")
    assert "nothing left to train" in call(*asked, "--only", "add")
    said = call(*asked)
    assert "1 runs trained" in said and "td3 seed 2" in said


def test_a_folder_of_other_settings_is_not_mixed_with(trained: Path) -> None:
    asked = ("train", TINY, "--out", str(trained))
    assert "holds a run of other settings" in call(*asked, "--set", "steps=98", code=2)
    assert "did you mean 'add'?" in call(*asked, "--only", "ad", code=2)


def test_traces_on_disk_are_those_of_the_scenarios(trained: Path) -> None:
    scenarios = read_plan(TINY).scenarios("validation")
    stored = cached_pool(scenarios, trained / "traces", "validation")
    assert len(list((trained / "traces").glob("validation-*"))) == 1
    loaded, fresh = stored.load(), TracePool.of(scenarios)
    for one, other in zip((loaded.content, *loaded.traces), (fresh.content, *fresh.traces), strict=True):
        for a, b in zip(one, other, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)
    others = [one.model_copy(update={"seed": one.seed + 1}) for one in scenarios]
    assert cached_pool(others, trained / "traces", "others").digest != stored.digest


def test_traces_are_the_same_wherever_their_bank_lies(tmp_path: Path) -> None:
    scenarios = read_plan(TINY).scenarios("validation")[:1]
    bank = shutil.copytree(str(scenarios[0].media.bank), tmp_path / "bank")
    moved = [one.model_copy(update={"media": one.media.model_copy(update={"bank": str(bank)})}) for one in scenarios]
    digest = cached_pool(scenarios, tmp_path, "here").digest
    assert cached_pool(moved, tmp_path, "there").digest == digest
    manifest = bank / "manifest.json"
    manifest.write_bytes(manifest.read_bytes() + b" ")
    assert cached_pool(moved, tmp_path, "another").digest != digest


def test_scores_are_paired_complete_and_enough_for_the_table(runs: Path) -> None:
    said = call("evaluate", TINY, "--out", str(runs))
    scores = pd.read_parquet(runs / "scores.parquet")
    assert scores.groupby("agent").size().to_dict() == {"add": 8, "dear": 4, "priced": 4, "random": 4, "td3": 8}
    parts = scores[list(REWARD_PARTS)]
    np.testing.assert_allclose(parts.sum(axis=1), scores["reward"])
    assert (parts["reward_worth"] >= 0).all() and (parts["reward_band"] <= 0).all()
    np.testing.assert_allclose(parts["reward_worth"], scores["worth"] * scores["requests"])
    np.testing.assert_allclose(scores[list(FAILED_BY)].sum(axis=1), scores["failed"])
    assert scores.groupby("trace")["requests"].nunique().eq(1).all()
    assert scores.groupby("trace")["variant"].first().tolist() == [0, 1, 0, 1]
    assert scores.loc[scores["agent"] == "add", "decision_us"].gt(0).all()
    assert "td3" in said and "with priced: " in said.replace("\n", " ")
    table, text = (runs / "table.csv").read_text(), (runs / "table.md").read_text()
    assert {path.stem for path in (runs / "figures").iterdir()} == {"intervals", "profiles", "learning_curves"}
    for name in ("table.csv", "table.md", "traces", "add"):
        path = runs / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    call("evaluate", TINY, "--out", str(runs), "--from-scores")
    assert ((runs / "table.csv").read_text(), (runs / "table.md").read_text()) == (table, text)


def test_some_of_them_are_played_beside_the_champion(runs: Path) -> None:
    asked = ("evaluate", TINY, "--out", str(runs), "--only", "td3")
    assert "expected --tag too" in call(*asked, code=2)
    call(*asked, "--tag", "some")
    assert set(pd.read_parquet(runs / "some/scores.parquet")["agent"]) == {"priced", "random", "td3"}
    assert "did you mean 'td3'?" in call(*asked, "--only", "td", "--tag", "some", code=2)


PRICED = [{}, {"log_price": -5.0, "per_second": 0.0}, {"urgency": 0.5, "log_price": -6.0}]


@pytest.fixture(scope="module")
def pool() -> TracePool:
    """Two traces of two seconds, in which more than one request may end in an epoch."""
    plan = read_plan(TINY, ("duration=2 s", "users.count=8", "traces.test=2", "traffic.deadline=500 ms"))
    return TracePool.of(plan.scenarios("test"))


@pytest.mark.parametrize("numbers", PRICED)
def test_the_priced_rule_as_a_scheduler_is_the_zero_action_to_the_last_bit(
    pool: TracePool, numbers: dict[str, float]
) -> None:
    rule = schedulers.get("priced_utility").Config(**numbers)
    ruled = replace(pool, scenario=pool.scenario.model_copy(update={"scheduler": rule}))
    pd.testing.assert_frame_equal(play_scheduler(rule, pool), play(Rule(), ruled, 8), check_exact=True)


@pytest.mark.parametrize(
    "settings",
    [
        {"kind": "edf", "keep": 0.3},
        {"kind": "drift_plus_penalty"},
        {"kind": "with_ratio", "rule": {"kind": "drift_plus_penalty"}},
        {"kind": "rolling_horizon", "every": 5},
    ],
    ids=lambda settings: settings["kind"],
)
def test_every_scheduler_begins_anew_on_each_trace(pool: TracePool, settings: dict[str, Any]) -> None:
    config = schedulers.get(settings["kind"]).Config(**settings)
    together = play_scheduler(config, pool)
    alone = [play_scheduler(config, replace(pool, traces=(trace,))) for trace in pool.traces]
    apart = pd.concat(alone, ignore_index=True).assign(trace=together["trace"])
    pd.testing.assert_frame_equal(together, apart, check_exact=True)
    np.testing.assert_allclose(together[list(REWARD_PARTS)].sum(axis=1), together["reward"])
    np.testing.assert_allclose(together["reward_worth"], together["worth"] * together["requests"])
    assert together["reward"].nunique() == len(pool.traces)


def test_every_kind_of_rule_is_in_the_table(tmp_path: Path) -> None:
    kinds = ("edf", "proportional_fair", "rolling_horizon", "priced_utility")
    rules = [{"name": kind, "scheduler": {"kind": kind}} for kind in kinds]
    mixed = {"name": "mixed", "scheduler": {"kind": "with_ratio", "rule": {"kind": "edf"}}}
    asked = ("--set", f"rules={json.dumps([*rules, mixed])}", "--set", "agents=[]", "--set", "duration=1 s")
    call("evaluate", TINY, "--out", str(tmp_path), *asked)
    scores = pd.read_parquet(tmp_path / "scores.parquet")
    assert scores.groupby("agent").size().to_dict() == dict.fromkeys([*kinds, "mixed", "random"], 4)
    assert scores.groupby("trace")["requests"].nunique().eq(1).all()
    assert scores.loc[scores["kind"] == "rule", "decision_us"].gt(0).all()
    assert scores.groupby("agent")["reward"].sum().nunique() == 6


def test_set_networks_serve_other_numbers_of_users_and_mlps_are_left_out(runs: Path) -> None:
    more = ("--set", "users.count=7", "--tokens", "7", "--tag", "seven")
    said = call("evaluate", TINY, "--out", str(runs), *more)
    assert "td3 seed 0: left out, its network is not made for 7 users" in said.replace("\n", " ")
    scores = pd.read_parquet(runs / "seven/scores.parquet")
    assert set(scores["agent"]) == {"priced", "dear", "random", "add"}
    assert not (runs / "scores.parquet").exists()
    assert "without --from-scores first" in call("evaluate", TINY, "--out", str(runs), "--from-scores", code=2)


def test_scores_of_runs_that_are_elsewhere_are_kept_and_those_of_other_settings_are_not(runs: Path) -> None:
    call("evaluate", TINY, "--out", str(runs))
    before = pd.read_parquet(runs / "scores.parquet").drop(columns="decision_us")
    curves = (runs / "curves.csv").read_text()
    assert curves.count("\n") == 1 + 4 * 4
    shutil.rmtree(runs / "td3/seed-1")
    shutil.rmtree(runs / "add")
    said = call("evaluate", TINY, "--out", str(runs))
    assert "left out" not in said
    pd.testing.assert_frame_equal(pd.read_parquet(runs / "scores.parquet").drop(columns="decision_us"), before)
    assert (runs / "curves.csv").read_text() == curves
    config = runs / "td3/seed-0/config.json"
    config.write_text(config.read_text().replace('"steps": 96', '"steps": 98'))
    said = call("evaluate", TINY, "--out", str(runs), code=2).replace("\n", " ")
    assert "td3/seed-0: was trained with other settings" in said and "has: steps; train anew" in said
    pd.testing.assert_frame_equal(pd.read_parquet(runs / "scores.parquet").drop(columns="decision_us"), before)
    shutil.rmtree(runs / "td3")
    said = call("evaluate", TINY, "--out", str(runs), "--set", "traces.test=2", "--set", "vary=[{}]")
    assert set(pd.read_parquet(runs / "scores.parquet")["agent"]) == {"priced", "dear", "random"}


def test_scores_elsewhere_are_kept_when_the_runs_are_gone(runs: Path) -> None:
    asked = ("evaluate", TINY, "--out", str(runs), "--tag", "t", "--set", "traces.test=2", "--set", "vary=[{}]")
    call(*asked)
    before = pd.read_parquet(runs / "t/scores.parquet").drop(columns="decision_us")
    assert "add" in set(before["agent"])
    for agent in ("add", "td3"):
        shutil.rmtree(runs / agent)
    assert "left out" not in call(*asked)
    pd.testing.assert_frame_equal(pd.read_parquet(runs / "t/scores.parquet").drop(columns="decision_us"), before)
