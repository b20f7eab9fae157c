"""Many runs: results in the order of the tasks whatever the number of processes, tables kept in memory."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from mobaigc_sim.experiment.many import run_in_memory, run_many
from mobaigc_sim.scenario.load import load_scenario

SCENARIO = Path(__file__).parents[2] / "scenarios" / "pedestrian_micro.yaml"
SILENT = (
    "duration=100 ms",
    "warmup=20 ms",
    "users.count=3",
    "traffic.arrivals={kind: poisson, mean_interval: 1000000 s}",
    "traffic.background={kind: full_buffer, users: 2}",
)


def test_results_come_in_the_order_of_the_tasks_with_one_process_and_with_two() -> None:
    tasks, told = [float(n) for n in range(6, 0, -1)], list[float]()
    assert run_many(math.sqrt, tasks, 2, told.append) == run_many(math.sqrt, tasks) == [math.sqrt(n) for n in tasks]
    assert sorted(told) == sorted(math.sqrt(n) for n in tasks)


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_of_a_task_is_raised(jobs: int) -> None:
    with pytest.raises(ValueError, match=r"math domain|nonnegative"):
        run_many(math.sqrt, [4.0, -1.0], jobs)


def test_no_process_is_an_error() -> None:
    with pytest.raises(ValueError, match="1 process"):
        run_many(math.sqrt, [4.0], 0)


def test_a_run_in_memory_keeps_the_tables_asked_for() -> None:
    run = run_in_memory(load_scenario(SCENARIO, SILENT), ("slots", "transport_blocks"))
    assert (run.slots["time_ns"] < 100_000_000).sum() == 100_000_000 // 500_000
    assert set(run.transport_blocks["ue"]) <= {3, 4}
    assert run.slots["bits_sent"].sum() == run.transport_blocks["tb_size_bits"].sum() > 0
    assert run.users.empty and list(run.users.columns)
    assert run.manifest == {"warmup_ns": 20_000_000, "duration_ns": 100_000_000}
