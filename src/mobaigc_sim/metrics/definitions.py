"""What a metric is: a function of the run, declared once with name, title and unit; and what it is a function of.

Measured are: slots and transport blocks that start in [warm-up, duration), and requests that arrive after the warm-up.
A run goes on after its duration until the last request is finished, so no request is cut short.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import UnknownNameError
from ..results import Run
from ..units import NS_PER_S

Value = float | NDArray[np.float64]
Function = TypeVar("Function", bound=Callable[[Run], Value])


@dataclass(frozen=True)
class Metric:
    """A figure of merit; `unit` is "1" for ratios and empty for counts."""

    name: str
    title: str
    unit: str
    function: Callable[[Run], Value]


METRICS: dict[str, Metric] = {}


def metric(name: str, title: str, unit: str) -> Callable[[Function], Function]:
    """Function decorator that makes it a metric; raises ValueError when the name is taken."""

    def add(function: Function) -> Function:
        if name in METRICS:
            raise ValueError(f"metric '{name}' is declared twice")
        METRICS[name] = Metric(name, title, unit, function)
        return function

    return add


def evaluate(run: Run, name: str) -> Value:
    """One metric of a run; raises UnknownNameError with the nearest name."""
    if name not in METRICS:
        raise UnknownNameError("metric", name, METRICS)
    return METRICS[name].function(run)


def summarise(run: Run) -> dict[str, Any]:
    """Every metric of a run, ready for JSON: arrays become lists, what is undefined becomes None."""
    return {name: _plain(found.function(run)) for name, found in METRICS.items()}


def measured_requests(run: Run) -> pd.DataFrame:
    """Requests that arrive after the warm-up; the run goes on until the last of them is finished."""
    table = run.requests
    start_ns, _ = window_ns(run)
    return table[table["arrival_ns"] >= start_ns]


def measured_slots(run: Run) -> pd.DataFrame:
    """Slots that start after the warm-up and before the end of the duration."""
    return within(run, run.slots)


def measured_blocks(run: Run) -> pd.DataFrame:
    """Transmissions of transport blocks that start in the same time."""
    return within(run, run.transport_blocks)


def window_ns(run: Run) -> tuple[int, int]:
    """Start and end of what is measured."""
    return int(run.manifest["warmup_ns"]), int(run.manifest["duration_ns"])


def latency_s(table: pd.DataFrame) -> NDArray[np.float64]:
    """Seconds from arrival to completion or deadline of the requests that did not fail."""
    table = table[table["status"] != "failed"]
    return (table["finished_ns"] - table["arrival_ns"]).to_numpy(np.float64) / NS_PER_S


def jpsq(table: pd.DataFrame) -> NDArray[np.float64]:
    """JPSQ of each request, 0 where it failed."""
    return table["jpsq"].where(table["status"] != "failed", 0.0).to_numpy(np.float64)


def ratio(part: float, whole: float) -> float:
    """Part over whole; NaN where there is no whole."""
    return part / whole if whole else math.nan


def mean(values: Any) -> float:
    """Mean; NaN of nothing."""
    return float(np.mean(values)) if len(values) else math.nan


def quantile(values: NDArray[np.float64], q: float) -> float:
    """Quantile; NaN of nothing."""
    return float(np.quantile(values, q)) if len(values) else math.nan


def within(run: Run, table: pd.DataFrame, column: str = "time_ns") -> pd.DataFrame:
    """Rows of a table whose time lies in [warm-up, duration)."""
    start_ns, end_ns = window_ns(run)
    return table[(table[column] >= start_ns) & (table[column] < end_ns)]


def _plain(value: Value) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value if math.isfinite(value) else None
