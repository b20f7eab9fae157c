"""Users who come and go: requests only while they are there, and what becomes of those they leave behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .conftest import PACKET_BYTES, Ran, WriteTrace, connection_events

Run = Callable[..., Ran]
S = 10**9


def asking_at(*times: str, deadline: str = "3 s", **more: Any) -> dict[str, Any]:
    """Every user asks at these times."""
    return {
        "arrivals": {"kind": "trace", "times": list(times)},
        "prompts": {"kind": "list", "prompts": ["a fox"]},
        "images_per_request": 2,
        "deadline": deadline,
        **more,
    }


def standing(*spans: tuple[float, float]) -> list[tuple[float, str, float, float]]:
    """Samples of one user a span, all at the same place."""
    return [(t, f"{n}", 80.0, 0.0) for n, span in enumerate(spans) for t in span]


def test_requests_and_events_while_a_user_is_there(run_cell: Run, trace: WriteTrace) -> None:
    times = [f"{n / 10} s" for n in range(40)]
    users = {"count": 2, "mobility": trace(standing((0, 10), (1, 2.5)))}
    ran = run_cell(traffic=asking_at(*times), users=users, scheduler={"kind": "round_robin"})
    asked = {ue: [r.arrival_ns / S for r in ran.cell.requests if r.ue == ue] for ue in (0, 1)}
    assert len(asked[0]) == 40
    assert asked[1] == [n / 10 for n in range(10, 26)]
    assert connection_events(ran, 0) == []
    assert connection_events(ran, 1) == [(1 * S, "entered", -1, 0), (2_501_000_000, "left", 0, -1)]
    assert {row["ue"] for row in ran.rows["users"] if row["time_ns"] < S} == {0}
    sent = [b["time_ns"] for b in ran.rows["transport_blocks"] if b["ue"] == 1]
    assert min(sent) >= 1 * S and max(sent) < 2_501_000_000


def test_leaving_during_the_download_ends_the_request(run_cell: Run, trace: WriteTrace) -> None:
    users = {"count": 2, "mobility": trace(standing((0, 0.2), (0, 10)))}
    ran = run_cell(traffic=asking_at("0 s"), users=users, media={"semantic": "off"})
    left, stayed = sorted(ran.rows["requests"], key=lambda row: row["ue"])
    assert (left["status"], left["cause"]) == ("failed", "left")
    assert left["generated_ns"] > 0 and left["first_byte_ns"] > 0
    assert left["finished_ns"] == 201_000_000
    assert left["dropped_bytes"] == left["offered_bytes"] == 8000
    assert stayed["status"] == "delivered"


def test_what_had_arrived_before_the_user_left_is_shown(run_cell: Run, trace: WriteTrace) -> None:
    users = {"count": 1, "mobility": trace(standing((0, 0.15)))}
    ran = run_cell(traffic=asking_at("0 s"), users=users, duration="1 s")
    (row,) = ran.rows["requests"]
    assert (row["status"], row["cause"]) == ("partial", "left")
    assert 0 < row["delivered_bytes"] < row["offered_bytes"]


def test_leaving_while_the_images_are_generated(run_cell: Run, trace: WriteTrace) -> None:
    users = {"count": 2, "mobility": trace(standing((0, 0.5), (0, 4)))}
    service = {"generation_time": {"base": "1 s", "per_image": 0}}
    ran = run_cell(traffic=asking_at("0 s"), users=users, service=service)
    left, stayed = sorted(ran.rows["requests"], key=lambda row: row["ue"])
    assert (left["status"], left["cause"], left["generated_ns"]) == ("failed", "left", -1)
    assert left["finished_ns"] == 501_000_000
    assert left["offered_bytes"] == 0
    assert stayed["generated_ns"] == 1 * S and stayed["status"] == "delivered"


def test_a_user_who_comes_back_is_served_again(run_cell: Run, trace: WriteTrace) -> None:
    mobility = trace(standing((0, 0.33)) + standing((2, 3)) + standing((4, 5))) | {"max_gap": "1 s"}
    ran = run_cell(traffic=asking_at("0.2 s", "1 s", "2 s"), users={"count": 1, "mobility": mobility})
    assert [(r["arrival_ns"], r["cause"]) for r in ran.rows["requests"]] == [(2 * S // 10, "left"), (2 * S, "")]
    assert [kind for _, kind, *_ in connection_events(ran)] == ["left", "entered"]


def test_a_buffer_that_holds_the_bases_alone(run_cell: Run, trace: WriteTrace) -> None:
    users = {"count": 1, "mobility": trace(standing((0, 9)))}
    ran = run_cell(traffic=asking_at("0 s", "1 s"), users=users, service={"rlc": {"buffer": "200 B"}})
    told = [(r["status"], r["cause"], r["delivered_bytes"]) for r in ran.rows["requests"]]
    assert told == [("partial", "buffer", 2 * PACKET_BYTES[0])] * 2
    tiny = run_cell(traffic=asking_at("0 s", "1 s"), users=users, service={"rlc": {"buffer": "50 B"}})
    assert [(r["status"], r["cause"]) for r in tiny.rows["requests"]] == [("failed", "buffer")] * 2
    assert not tiny.rows["transport_blocks"]


def test_background_users_who_are_away_get_nothing(run_cell: Run, trace: WriteTrace) -> None:
    mobility = trace(standing((0, 3), (1, 2)))
    ran = run_cell(
        duration="3 s",
        traffic=asking_at("0 s", background={"kind": "full_buffer", "users": 1}),
        users={"count": 1, "mobility": mobility},
    )
    sent = [b["time_ns"] for b in ran.rows["transport_blocks"] if b["ue"] == 1]
    assert 1 * S <= min(sent) < 1.1 * S and 1.9 * S < max(sent) <= 2 * S


def test_a_scene_that_is_empty_at_first(run_cell: Run, trace: WriteTrace) -> None:
    mobility = trace(standing((0.5, 3), (0.5, 2)))
    ran = run_cell(
        duration="3 s",
        traffic=asking_at("1 s", background={"kind": "full_buffer", "users": 1}),
        users={"count": 1, "mobility": mobility},
    )
    assert min(b["time_ns"] for b in ran.rows["transport_blocks"]) >= S // 2
    assert all(s["prb_used"] == 0 for s in ran.rows["slots"] if s["time_ns"] < S // 2)
