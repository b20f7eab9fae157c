"""Metrics of moving between cells: handovers, ping-pongs, radio link failures, time out of service.

Source: TR 36.839 V11.1 clause 5: a handover from one cell to another and back is a ping-pong if the time of stay, from
one completed handover to the next, is below a minimum; 1 s there. Its rate is the share of the successful handovers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import TypeAdapter

from ..results import Run
from ..scenario.yaml12 import parse_yaml
from ..units import NS_PER_S, PositiveNanoseconds
from .definitions import metric, ratio, window_ns, within

MINIMUM_STAY_NS = NS_PER_S
NS_PER_MS = 1_000_000
_NANOSECONDS = TypeAdapter(PositiveNanoseconds)
_OUT = ("handover", "rlf")
_BACK = ("handover_done", "reestablished", "left")


class Handover(NamedTuple):
    """A completed handover."""

    ue: int
    done_ns: int
    from_cell: int
    to_cell: int
    stay_ns: int
    """Time since the completed handover before, −1 if the user was not handed over to `from_cell`."""
    came_from: int
    """Cell which that handover left, else −1."""


@metric("handover_rate", "Handovers per user and second", "1/s")
def handover_rate(run: Run) -> float:
    """Completed handovers over the time that users were in the scene."""
    return ratio(len(_measured_handovers(run)), user_seconds(run))


@metric("ping_pong_ratio", "Ping-pong handovers", "1")
def ping_pong_ratio(run: Run) -> float:
    """Share of the completed handovers that lead back to the cell left before, after a stay of less than 1 s."""
    done = _measured_handovers(run)
    back = [h for h in done if h.came_from == h.to_cell and 0 <= h.stay_ns < MINIMUM_STAY_NS]
    return ratio(len(back), len(done))


@metric("rlf_rate", "Radio link failures per user and second", "1/s")
def rlf_rate(run: Run) -> float:
    """Radio link failures over the time that users were in the scene."""
    return ratio(int((within(run, run.events)["kind"] == "rlf").sum()), user_seconds(run))


@metric("outage_ratio", "Time out of service", "1")
def outage_ratio(run: Run) -> float:
    """Share of users' time between leaving a cell, by handover or radio link failure, and being served again."""
    start_ns, end_ns = window_ns(run)
    out_ns = sum(max(0, min(b, end_ns) - max(a, start_ns)) for a, b in _outages_ns(run.events))
    return ratio(out_ns / NS_PER_S, user_seconds(run))


def user_seconds(run: Run) -> float:
    """Time that users were in the scene, summed over them: rows of the table `users` times the time between samples.

    A sampling time at which nobody is there leaves no row, so rows are what counts, not sampling times. NaN where the
    time between samples is not known.
    """
    rows = len(within(run, run.users))
    return rows * sampling_ns(run) / NS_PER_S if rows else 0.0


def sampling_ns(run: Run) -> float:
    """Time between two rows of a user: `results.users_period` of the run's scenario, but at least a slot.

    Without a scenario the least difference of two sampling times; NaN where there are fewer than two of them.
    """
    period, numerology = _told(run, "results", "users_period"), _told(run, "radio", "numerology")
    if period is not None and numerology is not None:
        return float(max(_NANOSECONDS.validate_python(period), NS_PER_MS >> int(numerology)))
    gap_ns_N = np.diff(np.unique(run.users["time_ns"].to_numpy(np.int64)))
    return float(gap_ns_N.min()) if len(gap_ns_N) else math.nan


def handovers(events: pd.DataFrame) -> Iterator[Handover]:
    """Completed handovers, user by user; a stay does not reach across a failure, or across leaving the scene."""
    for ue, own in events[events["ue"] >= 0].groupby("ue"):
        source, cell, came_from, since_ns = -1, -1, -1, -1
        for kind, time_ns, detail in zip(own["kind"], own["time_ns"], own["detail"], strict=True):
            if kind == "handover":
                source, _ = _cells(detail)
            elif kind == "handover_done":
                _, target = _cells(detail)
                known = since_ns >= 0 and cell == source
                stay_ns, before = (int(time_ns) - since_ns, came_from) if known else (-1, -1)
                yield Handover(int(str(ue)), int(time_ns), source, target, stay_ns, before)
                cell, came_from, since_ns = target, source, int(time_ns)
            elif kind in ("rlf", "reestablished", "entered", "left"):
                source, cell, came_from, since_ns = -1, -1, -1, -1


def epoch(run: Run, blocks: pd.DataFrame) -> NDArray[np.int64]:
    """How often each block's user had left a cell when the block was sent; HARQ starts anew each time."""
    events = run.events
    left = events[events["kind"].isin((*_OUT, "left"))]
    epoch_N = np.zeros(len(blocks), np.int64)
    ue_N, time_ns_N = blocks["ue"].to_numpy(), blocks["time_ns"].to_numpy()
    for ue, times_ns in left.groupby("ue")["time_ns"]:
        own = ue_N == ue
        epoch_N[own] = np.searchsorted(np.sort(times_ns.to_numpy()), time_ns_N[own], side="right")
    return epoch_N


def _measured_handovers(run: Run) -> list[Handover]:
    start_ns, end_ns = window_ns(run)
    return [h for h in handovers(run.events) if start_ns <= h.done_ns < end_ns]


def _outages_ns(events: pd.DataFrame) -> Iterator[tuple[int, float]]:
    """Beginning and end of each time out of service; one that has no end in the table ends never."""
    for _, own in events[events["kind"].isin(_OUT + _BACK)].groupby("ue"):
        out_ns = -1
        for kind, time_ns in zip(own["kind"], own["time_ns"], strict=True):
            if kind in _OUT:
                out_ns = int(time_ns)
            elif out_ns >= 0:
                yield out_ns, int(time_ns)
                out_ns = -1
        if out_ns >= 0:
            yield out_ns, math.inf


def _told(run: Run, *path: str) -> Any:
    """What the resolved scenario of a run says at a path; None where it says nothing."""
    node = parse_yaml(run.scenario, "scenario.yaml")[0] if run.folder else None
    for part in path:
        node = node.child(part) if node else None
    return node.plain() if node else None


def _cells(detail: str) -> tuple[int, int]:
    """Cells of an event's text, `cell 2 to 5`."""
    _, source, _, target = detail.split()
    return int(source), int(target)
