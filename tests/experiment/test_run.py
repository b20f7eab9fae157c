"""Whole runs on the shipped models: the same scenario gives the same tables, a killed run does not read as complete."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mobaigc_sim.experiment.run import Progress, run_one
from mobaigc_sim.media.words import UnknownWordError
from mobaigc_sim.results import ResultsError, load
from mobaigc_sim.scenario.load import load_scenario

QUICKSTART = Path(__file__).parents[2] / "scenarios" / "quickstart.yaml"
SMALL = (
    "duration=3 s",
    "warmup=0 s",
    "users.count=4",
    "traffic.arrivals.mean_interval=3 s",
    "traffic.images_per_request=1",
    "media.generation.steps=2",
    "media.recovery.steps=2",
    "media.cache=null",
)


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_one(load_scenario(QUICKSTART, SMALL), tmp_path_factory.mktemp("runs") / "first")


def test_a_run_leaves_a_complete_folder(run_dir: Path) -> None:
    run = load(run_dir)
    assert run.complete
    assert len(run.requests) >= 2
    assert run.images
    assert run.summary["requests"] == len(run.requests)
    assert (run.requests["offered_bytes"] == run.requests["delivered_bytes"] + run.requests["dropped_bytes"]).all()
    assert "generator/unet/diffusion_pytorch_model.safetensors" in run.manifest["models"]


def test_the_same_scenario_and_seed_give_equal_content(run_dir: Path, tmp_path: Path) -> None:
    again = load(run_one(load_scenario(QUICKSTART, SMALL), tmp_path / "again"))
    tables = load(run_dir).manifest["tables"]
    assert again.manifest["tables"] == tables
    other = load(run_one(load_scenario(QUICKSTART, (*SMALL, "seed=99")), tmp_path / "other"))
    assert other.manifest["tables"]["requests"] != tables["requests"]


def test_the_kept_scenario_runs_again(run_dir: Path) -> None:
    assert load_scenario(run_dir / "scenario.yaml", ()) == load_scenario(QUICKSTART, SMALL)


def test_progress_is_told_once_a_simulated_second(tmp_path: Path) -> None:
    told: list[Progress] = []
    run_one(load_scenario(QUICKSTART, SMALL), tmp_path / "run", told.append)
    assert [p.now_s for p in told[:3]] == [1.0, 2.0, 3.0]
    assert told[-1].requests >= told[0].requests


def test_a_prompt_that_cannot_be_drawn_ends_before_anything_is_written(tmp_path: Path) -> None:
    wish = ("traffic.prompts={kind: list, prompts: [a unicorn]}",)
    with pytest.raises(UnknownWordError, match="does not know the word 'unicorn'"):
        run_one(load_scenario(QUICKSTART, (*SMALL, *wish)), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_killed_run_does_not_read_as_complete(tmp_path: Path) -> None:
    sets = [arg for change in SMALL for arg in ("--set", change)]
    command = [sys.executable, "-m", "mobaigc_sim.cli", "run", str(QUICKSTART), *sets, "--out", str(tmp_path / "run")]
    child = subprocess.Popen([*command, "--quiet"], env={**os.environ, "OMP_NUM_THREADS": "1"})
    log = tmp_path / "run" / "log.jsonl"
    while not log.exists() and child.poll() is None:
        pass
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    with pytest.raises(ResultsError, match="complete"):
        load(tmp_path / "run")
    assert not (tmp_path / "run" / "summary.json").exists()
