"""The commands of the campaign are those that the training files and the command line understand."""

from __future__ import annotations

import runpy
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from mobaigc_sim.training.plan import read_plan

ROOT = Path(__file__).parents[2]


@pytest.fixture
def campaign(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(ROOT)
    return runpy.run_path("analysis/scheduler_campaign.py")


def test_everywhere_else_is_one_cell_that_no_agent_was_trained_in(campaign: dict[str, Any]) -> None:
    for name in campaign["SCENARIOS"]:
        file = campaign["training_file"](name)
        home = read_plan(file)
        trained = [home.scenario("training", k) for k in range(len(home.config.vary))]
        for _, options in campaign["elsewhere"](name):
            changes = [value for option, value in pairwise(options) if option == "--set"]
            plan = read_plan(file, changes)
            (there,) = {scenario.model_copy(update={"replication": 0}) for scenario in plan.scenarios("test")}
            assert len(plan.scenarios("test")) == 50
            same = {"replication": 0, "media": there.media}
            assert there not in [scenario.model_copy(update=same) for scenario in trained]
            assert there.scheduler == trained[0].scheduler


def test_the_ablation_is_of_the_headline_s_traces(campaign: dict[str, Any]) -> None:
    main, ablation = (read_plan(campaign["training_file"](name)) for name in (campaign["HEADLINE"], "ablation"))
    for part in ("training", "validation", "test"):
        assert ablation.scenarios(part) == main.scenarios(part)
