"""What a scheduler that knows the future could earn on each trace of a pool.

`knows="fading"`: `reward` is an upper bound of every scheduler on that trace, the lower of the linear program and of
the sum of best replies at its prices. `knows="path"`: a reference, no bound, for one that knows the fading by its
distribution alone. See `cell.bound_problem` for what is relaxed. `achievable` is the reward of a schedule that keeps
every limit of the same problem: the optimum of the problem lies between the two. It is not a schedule of the cell,
which has a queue for each user, link adaptation and packets that are sent to the end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from ..cell.bound_problem import Knows, bound_problem
from ..cell.world import TracePool, World
from ..results.files import replace_with
from ..scheduling.bound_lp import clairvoyant_lp
from ..scheduling.bound_price import priced_bound, priced_schedule

COLUMNS = ("knows", "trace", "reward", "achievable", "lp", "priced", "seconds")


@dataclass(frozen=True)
class BoundTask:
    """One trace and what is known of it."""

    pool: TracePool
    """The trace alone."""
    trace: int
    """Its place among all."""
    knows: Knows
    steps: int


Row = dict[str, Any]
Share = Callable[[Callable[[BoundTask], Row], Sequence[BoundTask], Callable[[Row], None]], object]
"""Does the work of every task, and hands each result on."""


def one_by_one(work: Callable[[BoundTask], Row], tasks: Sequence[BoundTask], take: Callable[[Row], None]) -> None:
    """In this process."""
    for task in tasks:
        take(work(task))


def bound_scores(
    pool: TracePool,
    knows: Sequence[Knows] = ("fading", "path"),
    *,
    steps: int = 0,
    kept: Path | None = None,
    share: Share = one_by_one,
) -> pd.DataFrame:
    """One row for each kind of knowledge and trace, with the columns of `COLUMNS`; `seconds` is the time it took.

    `steps` of `priced_bound` make the bound tighter, by some tenths of a per cent for several times the time.
    Rows that the Parquet file `kept` has are not computed again, and it is written after every trace; it must be of the
    same pool and steps. `share` may have other processes do the work. MobaigcError for a cell without a bound.
    """
    rows: list[Row] = []
    if kept is not None and kept.is_file():
        rows = pd.read_parquet(kept).to_dict("records")  # type: ignore[assignment]  # keys are the names of columns
    done = {(row["knows"], row["trace"]) for row in rows}
    tasks = [
        BoundTask(replace(pool, traces=(one,)), trace, kind, steps)
        for trace, one in enumerate(pool.traces)
        for kind in knows
        if (kind, trace) not in done
    ]

    def take(row: Row) -> None:
        rows.append(row)
        if kept is not None:
            _keep(pd.DataFrame(rows, columns=list(COLUMNS)), kept)

    share(bound_row, tasks, take)
    found = pd.DataFrame(rows, columns=list(COLUMNS))
    found = found[found["knows"].isin(list(knows)) & (found["trace"] < len(pool.traces))]
    return found.sort_values(["knows", "trace"], ignore_index=True)


def _keep(table: pd.DataFrame, kept: Path) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    replace_with(kept, lambda path: table.to_parquet(path, index=False))


def bound_row(task: BoundTask) -> Row:
    """The row of a trace."""
    start = time.perf_counter()
    problem, lost = bound_problem(World(task.pool), 0, task.knows)
    lp = clairvoyant_lp(problem)
    priced = priced_bound(problem, lp.price_T, steps=task.steps)
    achievable = priced_schedule(problem, priced.price_T, sweeps=1).reward
    return {
        "knows": task.knows,
        "trace": task.trace,
        "reward": min(lp.value, priced.value) + lost,
        "achievable": achievable + lost,
        "lp": lp.value + lost,
        "priced": priced.value + lost,
        "seconds": time.perf_counter() - start,
    }
