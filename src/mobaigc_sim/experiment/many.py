"""Many runs for a study: each a pure function of its task, none leaves a folder, shared among processes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any, TypeVar

import pandas as pd

from ..cell.cell import Cell
from ..kernel.probes import Probes, Record
from ..results import TABLES, Run
from ..scenario.schema import Scenario

Task = TypeVar("Task")
Result = TypeVar("Result")


def run_in_memory(scenario: Scenario, topics: Collection[str]) -> Run:
    """Simulate a scenario and keep the named tables; the other tables of the run have no rows."""
    probes = Probes()
    rows: dict[str, list[tuple[Any, ...]]] = {topic: [] for topic in topics}
    for topic in topics:
        probes.subscribe(topic, _keeper([column.name for column in TABLES[topic].columns], rows[topic]))
    Cell(scenario, probes).run()
    frames = {
        name: pd.DataFrame(rows.get(name, []), columns=[column.name for column in table.columns])
        for name, table in TABLES.items()
    }
    return Run({"warmup_ns": scenario.warmup, "duration_ns": scenario.duration}, frames)


def run_many(
    work: Callable[[Task], Result],
    tasks: Sequence[Task],
    jobs: int = 1,
    on_done: Callable[[Result], None] | None = None,
) -> list[Result]:
    """`work` of every task, in the order of the tasks whatever the number of processes.

    `work` and its tasks must be picklable, and its result a function of the task alone. `on_done` is told each
    result as soon as it is there.
    """
    if jobs < 1:
        raise ValueError(f"expected 1 process or more, got {jobs}")
    results: dict[int, Result] = {}
    if jobs == 1:
        for index, task in enumerate(tasks):
            results[index] = work(task)
            if on_done is not None:
                on_done(results[index])
    else:
        with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
            waiting = {pool.submit(work, task): index for index, task in enumerate(tasks)}
            try:
                for future in as_completed(waiting):
                    results[waiting[future]] = future.result()
                    if on_done is not None:
                        on_done(results[waiting[future]])
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    return [results[index] for index in range(len(tasks))]


def _keeper(columns: list[str], rows: list[tuple[Any, ...]]) -> Callable[[Record], None]:
    def keep(record: Record) -> None:
        rows.append(tuple(record[column] for column in columns))

    return keep
