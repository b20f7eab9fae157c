"""Files that are not finished when the run ends, and what users in the background leave untouched."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from .conftest import Ran, WriteTrace, connection_events

Run = Callable[..., Ran]
S = 10**9
LINE = {
    "bandwidth": "5 MHz",
    "numerology": 0,
    "slice": {"prb_ratio": 0.08},
    "tx_power": "22 dBm",
    "layout": {"grid": "line", "sites": 3, "isd": "250 m"},
}
NEXT = {
    "entered": {"handover", "rlf", "left"},
    "handover": {"handover_done", "handover_failed", "left"},
    "handover_done": {"handover", "rlf", "left"},
    "handover_failed": {"reestablished", "left"},
    "rlf": {"reestablished", "left"},
    "reestablished": {"handover", "rlf", "left"},
}


def traffic(**background: Any) -> dict[str, Any]:
    plain = {
        "arrivals": {"kind": "poisson", "mean_interval": "500 ms"},
        "prompts": {"kind": "list", "prompts": ["a fox"]},
        "deadline": "700 ms",
    }
    return plain | ({"background": background} if background else {})


def test_files_that_are_not_finished_are_told_with_no_time_of_completion(run_cell: Run) -> None:
    users = {"count": 1, "area": {"radius": "100 m"}, "mobility": {"kind": "static"}}
    load = traffic(kind="ftp3", users=4, file_size="20 kB", mean_interval="300 ms")
    arrivals = {}
    for bandwidth in ("5 MHz", "20 MHz"):
        radio = {"bandwidth": bandwidth, "numerology": 0, "slice": {"prb_ratio": 0.1}, "tx_power": "30 dBm"}
        files = run_cell(duration="3 s", radio=radio, users=users, traffic=load).rows["files"]
        done = [f for f in files if f["completed_ns"] >= 0]
        left = [f for f in files if f["completed_ns"] < 0]
        assert {f["completed_ns"] for f in left} <= {-1}
        assert files == done + left  # the others were told when they were done
        assert [f["completed_ns"] for f in done] == sorted(f["completed_ns"] for f in done)
        # each file once, whatever became of it
        arrivals[bandwidth] = sorted((f["ue"], f["arrival_ns"]) for f in files if f["arrival_ns"] < 3 * S)
        assert len({(f["ue"], f["arrival_ns"]) for f in files}) == len(files)
        if bandwidth == "5 MHz":
            assert len(left) > 10 and len(done) > 10
    assert arrivals["5 MHz"] == arrivals["20 MHz"]


@pytest.mark.parametrize("kind", ["full_buffer", "ftp3"])
def test_handovers_of_a_user_do_not_depend_on_users_in_the_background(
    run_cell: Run, trace: WriteTrace, kind: str
) -> None:
    radio = LINE | {"handover": {"measurement_error": "2 dB"}}
    rows = [
        (t, name, x, y)
        for name, y in (("a", 15.0), ("b", -30.0))
        for t, x in ((0.0, -300.0), (5.0, 300.0), (60.0, 300.0))
    ]
    told = []
    for background in ({}, {"kind": kind, "users": 3}):
        more = [(t, f"c{n}", 100.0 * n, 40.0) for n in range(3) for t in (0.0, 60.0)] if background else []
        users = {"count": 2, "mobility": trace(rows + more)}
        ran = run_cell(duration="5 s", radio=radio, users=users, traffic=traffic(**background))
        told.append([[e for e in connection_events(ran, ue) if e[0] < 5 * S] for ue in (0, 1)])
    assert told[0] == told[1]
    assert all(len(events) >= 4 for events in told[0])


def test_handovers_fail_at_the_edge_of_coverage_and_every_story_makes_sense(run_cell: Run, trace: WriteTrace) -> None:
    radio = LINE | {
        "tx_power": "10 dBm",
        "handover": {"time_to_trigger": "0 ms", "offset": "-6 dB", "measurement_error": "2 dB"},
        "radio_link": {"q_out": "0 dB", "q_in": "2 dB", "t310": "300 ms", "out_window": "100 ms"},
    }
    rows = [(t, f"{n}", x, 10.0 * n) for n in range(5) for t, x in ((0.0, -300.0), (6.0, 300.0), (60.0, 300.0))]
    ran = run_cell(duration="6 s", radio=radio, users={"count": 5, "mobility": trace(rows)}, traffic=traffic())
    kinds = [kind for _, kind, *_ in connection_events(ran)]
    assert min(kinds.count(kind) for kind in ("handover_done", "handover_failed", "rlf")) > 2
    for ue in range(5):
        events = connection_events(ran, ue)
        sent_ns = [b["time_ns"] for b in ran.rows["transport_blocks"] if b["ue"] == ue]
        for before, after in pairwise(events):
            assert after[1] in NEXT[before[1]]
            if before[1] in ("handover", "handover_failed", "rlf"):
                assert not any(before[0] <= t < after[0] for t in sent_ns)
            if after[1] == "handover_failed":
                assert (after[2], after[3]) == (before[3], -1)
