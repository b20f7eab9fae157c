"""How many decisions a second of one core the scheduling problem allows, in each of its forms.

The sides take turns within each round and play the same scenario under the priced rule (actions of zero); figures are
medians over rounds.

    BATCHED    `interop.many_cells.ManyCells`, many cells a call
    SINGLE     `interop.slot_scheduling.SlotScheduling`, one cell
    RUN        what `run` does: SimPy, probes, buffers of packets
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from ..cell.cell import Cell
from ..cell.world import TracePool
from ..errors import MobaigcError
from ..interop.many_cells import ManyCells
from ..interop.problem import SchedulingProblem
from ..interop.slot_scheduling import SlotScheduling
from ..kernel.probes import Probes
from ..scenario.schema import Scenario

BATCHED, SINGLE, RUN = "batched", "single", "run"
SIDES = (BATCHED, SINGLE, RUN)
COLUMNS = ("decisions/s", *SIDES, "single / run", "batched / run")
_TRACES = 8


@dataclass(frozen=True)
class EnvBench:
    """Decisions per CPU second of each side, one figure a round."""

    cells: int
    epoch_slots: int
    users: int
    rounds: dict[str, list[float]]

    def speed(self, side: str) -> float:
        """Median over the rounds."""
        return median(self.rounds[side])

    def ratio(self, side: str, other: str) -> float:
        """Median over the rounds of how many times as fast a side is."""
        return median(a / b for a, b in zip(self.rounds[side], self.rounds[other], strict=True))


def bench_env(
    scenario: Scenario, cells: int = 64, rounds: int = 3, on_progress: Callable[[int, int], None] | None = None
) -> EnvBench:
    """Measure every side; compilation and the making of traces are not counted.

    Raises MobaigcError for a number below one and for a scenario that the compiled cell does not cover.
    """
    if rounds < 1 or cells < 1:
        raise MobaigcError("expected at least one round and one cell")
    pool = TracePool.of([scenario.model_copy(update={"replication": k}) for k in range(_TRACES)])
    many, one = ManyCells(cells, pool), SlotScheduling(pool)
    sides: dict[str, Callable[[], float]] = {
        BATCHED: lambda: _batched(many),
        SINGLE: lambda: _single(one),
        RUN: lambda: _run(scenario, one.problem.world.rules.epoch_slots),
    }
    many.reset(seed=0)
    many.step(_no_action(many.problem, many.num_envs))
    found: dict[str, list[float]] = {side: [] for side in SIDES}
    for number in range(rounds):
        for turn in range(len(SIDES)):
            side = SIDES[(number + turn) % len(SIDES)]
            found[side].append(sides[side]())
            if on_progress is not None:
                on_progress(number * len(SIDES) + turn + 1, rounds * len(SIDES))
    return EnvBench(cells, one.problem.world.rules.epoch_slots, scenario.users.count, found)


def rows(bench: EnvBench) -> list[tuple[str, ...]]:
    """Speeds as text under COLUMNS."""
    ratios = (bench.ratio(SINGLE, RUN), bench.ratio(BATCHED, RUN))
    return [(f"{bench.users} users", *(f"{bench.speed(s):.0f}" for s in SIDES), *(f"{r:.0f}" for r in ratios))]


def facts(bench: EnvBench) -> list[str]:
    """What was measured."""
    return [
        f"A decision holds for {bench.epoch_slots} slots; batched: {bench.cells} cells a call. Medians of "
        f"{len(bench.rounds[SINGLE])} rounds, CPU time of one core."
    ]


def as_json(bench: EnvBench) -> dict[str, object]:
    """All figures."""
    return {"cells": bench.cells, "epoch_slots": bench.epoch_slots, "users": bench.users, "rounds": bench.rounds}


def _no_action(problem: SchedulingProblem, cells: int) -> NDArray[np.float32]:
    return np.zeros((cells, problem.layout.actions), np.float32)


def _batched(many: ManyCells) -> float:
    many.reset(seed=0)
    action, steps = _no_action(many.problem, many.num_envs), many.problem.world.epochs - 1
    start = time.process_time()
    for _ in range(steps):
        many.step(action)
    return steps * many.num_envs / (time.process_time() - start)


def _single(one: SlotScheduling) -> float:
    one.reset(options={"trace": 0})
    action, steps = _no_action(one.problem, 1)[0], one.problem.world.epochs
    start = time.process_time()
    for _ in range(steps):
        one.step(action)
    return steps / (time.process_time() - start)


def _run(scenario: Scenario, epoch_slots: int) -> float:
    cell = Cell(scenario, Probes())
    start = time.process_time()
    cell.run()
    took_s = time.process_time() - start
    return cell.clock.now_ns / (cell.network.link.carrier.slot_ns * epoch_slots) / took_s
