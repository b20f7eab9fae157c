"""One run: scenario in, folder out. A pure function of its arguments, importable by any worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..cell.cell import Cell
from ..kernel.probes import Probes, Record
from ..metrics import summarise
from ..results import RunInfo, RunWriter, load
from ..scenario.dump import dump_scenario, scenario_hash
from ..scenario.schema import Scenario


@dataclass(frozen=True)
class Progress:
    """How far a run is; `jpsq` is the mean so far, None before the first request is scored."""

    now_s: float
    duration_s: float
    requests: int
    failures: int
    jpsq: float | None


class _Tally:
    """Counts scored requests for the progress display."""

    def __init__(self) -> None:
        self.failures = 0
        self.scores: list[float] = []

    def __call__(self, row: Record) -> None:
        self.failures += row["status"] == "failed"
        self.scores.append(float(row["jpsq"]))

    @property
    def mean(self) -> float | None:
        return sum(self.scores) / len(self.scores) if self.scores else None


def run_one(scenario: Scenario, out: Path, on_progress: Callable[[Progress], None] | None = None) -> Path:
    """Simulate a scenario into the folder `out` and return it.

    Raises MobaigcError for a folder that is taken, a model set that is missing or a prompt that cannot be drawn; a
    run that does not end leaves a folder whose manifest says so.
    """
    probes = Probes()
    tally = _Tally()
    probes.subscribe("requests", tally)
    cell = Cell(scenario, probes)
    info = RunInfo(
        scenario_text=dump_scenario(scenario),
        scenario_hash=scenario_hash(scenario),
        seed=scenario.seed,
        replication=scenario.replication,
        duration_ns=scenario.duration,
        warmup_ns=scenario.warmup,
        models=cell.model_hashes(),
    )

    def tell(now_s: float, requests: int) -> None:
        if on_progress is not None:
            on_progress(Progress(now_s, scenario.duration / 1e9, requests, tally.failures, tally.mean))

    with RunWriter(out, probes, info) as writer:
        cell.run(tell)
        writer.flush()
        summary: dict[str, Any] = summarise(load(out, allow_incomplete=True))
        writer.close(summary)
    return out
