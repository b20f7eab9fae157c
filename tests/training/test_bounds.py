"""The table of clairvoyant bounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mobaigc_sim.cell.replay import replay
from mobaigc_sim.cell.world import TracePool, World
from mobaigc_sim.experiment.many import run_many
from mobaigc_sim.scenario.load import load_scenario
from mobaigc_sim.scheduling import schedulers
from mobaigc_sim.training import bounds
from mobaigc_sim.training.bounds import COLUMNS, BoundTask, bound_scores

FILE = Path(__file__).parents[2] / "scenarios" / "cell_vehicular.yaml"


@pytest.fixture(scope="module")
def pool() -> TracePool:
    changes = ("duration=600 ms", "traffic.deadline=500 ms", "traffic.arrivals.mean_interval=200 ms")
    return TracePool.of([load_scenario(FILE, (*changes, f"replication={k}")) for k in range(3)])


def test_every_trace_has_a_bound_above_its_schedule_and_its_rule(pool: TracePool) -> None:
    found = bound_scores(pool)
    assert tuple(found.columns) == COLUMNS
    assert sorted(zip(found["knows"], found["trace"], strict=True)) == [
        (knows, k) for knows in ("fading", "path") for k in range(3)
    ]
    assert (found["achievable"] <= found["reward"] + 1e-9).all()
    assert (found["priced"] <= found["lp"] + 1e-6).all()
    world, rule = World(pool), pool.scenario.scheduler
    for trace, bound in enumerate(found.loc[found["knows"] == "fading", "reward"]):
        replay(world, schedulers.get(rule.kind)(rule), trace)
        assert world.members[0].cell.reward_4.sum() <= bound


def test_rows_that_are_kept_are_not_computed_again(
    pool: TracePool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "new" / "bounds.parquet"
    asked: list[int] = []
    compute = bounds.bound_row

    def counted(task: BoundTask) -> dict[str, Any]:
        if len(asked) == 2:
            raise KeyboardInterrupt
        asked.append(task.trace)
        return compute(task)

    monkeypatch.setattr(bounds, "bound_row", counted)
    with pytest.raises(KeyboardInterrupt):
        bound_scores(pool, ("path",), kept=kept)
    assert asked == [0, 1]
    asked.clear()
    found = bound_scores(pool, ("path",), kept=kept)
    assert asked == [2]
    pd.testing.assert_frame_equal(found, pd.read_parquet(kept))
    asked += [0]
    pd.testing.assert_frame_equal(found, bound_scores(pool, ("path",), kept=kept))


def test_processes_share_the_work(pool: TracePool, tmp_path: Path) -> None:
    def share(work: Callable[..., Any], tasks: Sequence[Any], take: Callable[..., None]) -> None:
        run_many(work, tasks, 2, take)

    one = bound_scores(pool, ("path",))
    two = bound_scores(pool, ("path",), kept=tmp_path / "two.parquet", share=share)
    pd.testing.assert_frame_equal(one.drop(columns="seconds"), two.drop(columns="seconds"), check_exact=True)
