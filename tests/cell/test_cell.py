"""A whole cell: bytes are conserved, requests end once, randomness does not depend on the scheduler."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mobaigc_sim.cell.rlc import SMALLEST_BLOCK_BITS

from .conftest import PACKET_BYTES, Ran

Run = Callable[..., Ran]


def column(ran: Ran, table: str, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[n] for n in names) for row in ran.rows[table]]


def test_every_request_is_reported_once_in_time(ran: Ran) -> None:
    rows = ran.rows["requests"]
    assert sorted(r["request"] for r in rows) == list(range(len(ran.cell.requests)))
    assert len(rows) > 10
    for row in rows:
        assert row["arrival_ns"] <= row["finished_ns"] <= row["deadline_ns"]
        if row["status"] == "delivered":
            assert row["arrival_ns"] < row["generated_ns"] <= row["first_byte_ns"] <= row["completed_ns"]


def test_the_load_makes_all_three_fates_happen(ran: Ran) -> None:
    assert {r["status"] for r in ran.rows["requests"]} == {"delivered", "partial", "failed"}


def test_offered_bytes_are_delivered_or_dropped(ran: Ran) -> None:
    for row in ran.rows["requests"]:
        assert row["offered_bytes"] == row["delivered_bytes"] + row["dropped_bytes"]
        assert (row["status"] == "delivered") == (row["dropped_bytes"] == 0 and row["generated_ns"] >= 0)


def test_acknowledged_blocks_carry_at_least_the_delivered_bytes(ran: Ran) -> None:
    acked_bits = sum(r["bits_acked"] for r in ran.rows["slots"])
    assert acked_bits >= 8 * sum(r["delivered_bytes"] for r in ran.rows["requests"])
    feedback_ends = max(r["slot"] for r in ran.rows["slots"]) - 8
    decoded = sum(r["tb_size_bits"] for r in ran.rows["transport_blocks"] if r["ack"])
    late = sum(r["tb_size_bits"] for r in ran.rows["transport_blocks"] if r["ack"] and r["slot"] > feedback_ends)
    assert decoded - late <= acked_bits <= decoded


def test_a_request_scores_zero_for_images_that_cannot_be_shown(ran: Ran) -> None:
    for row in ran.rows["requests"]:
        if row["delivered_bytes"] < PACKET_BYTES[0]:
            assert row["jpsq"] == 0
            assert np.isnan(row["s"])


def test_slots_never_use_more_blocks_than_there_are(ran: Ran) -> None:
    n_prb = ran.cell.network.link.carrier.n_prb
    used: dict[int, int] = defaultdict(int)
    for row in ran.rows["transport_blocks"]:
        used[row["slot"]] += row["n_prb"]
    for row in ran.rows["slots"]:
        assert row["prb_used"] == used[row["slot"]] <= n_prb
        assert row["prb_free"] == n_prb - row["prb_used"]


def test_the_same_seed_gives_the_same_rows(run_cell: Run, ran: Ran) -> None:
    again = run_cell()
    for table in ("requests", "slots", "transport_blocks", "users"):
        assert repr(again.rows[table]) == repr(ran.rows[table])


def test_another_seed_and_another_replication_give_other_arrivals(run_cell: Run, ran: Ran) -> None:
    arrivals = column(ran, "requests", "arrival_ns")
    assert column(run_cell(seed=6), "requests", "arrival_ns") != arrivals
    assert column(run_cell(replication=1), "requests", "arrival_ns") != arrivals


@pytest.mark.parametrize("kind", ["round_robin", "max_ci"])
def test_another_scheduler_sees_the_same_world(run_cell: Run, ran: Ran, kind: str) -> None:
    other = run_cell(scheduler={"kind": kind})
    shared = min(len(ran.rows["users"]), len(other.rows["users"]))
    assert ran.rows["users"][:shared] == other.rows["users"][:shared]
    wish = ("request", "ue", "prompt", "seed", "arrival_ns", "deadline_ns")
    assert sorted(column(ran, "requests", *wish)) == sorted(column(other, "requests", *wish))
    assert column(ran, "transport_blocks", "slot", "ue") != column(other, "transport_blocks", "slot", "ue")


def test_whole_images_do_worse_on_the_same_band(run_cell: Run, ran: Ran) -> None:
    whole = run_cell(media={"semantic": "off"})

    def failed(r: Ran) -> int:
        return sum(row["status"] == "failed" for row in r.rows["requests"])

    assert failed(whole) > failed(ran)
    assert all(row["keep"] == 1 for row in whole.rows["requests"])


def test_base_layers_of_all_images_travel_first(run_cell: Run) -> None:
    ran = run_cell(traffic=tight_traffic("400 ms"))
    cut = [r for r in ran.cell.requests if 0 < r.delivered_bytes < r.offered_bytes]
    assert cut
    for request in cut:
        arrived = [p for p in request.packets if p.fate.value == "arrived"]
        if any(p.level > 0 for p in arrived):
            assert all(request.has_base(i) for i in range(request.images))


def tight_traffic(deadline: str) -> dict[str, Any]:
    return {
        "arrivals": {"kind": "poisson", "mean_interval": "1 s"},
        "prompts": {"kind": "list", "prompts": ["a fox"]},
        "images_per_request": 3,
        "deadline": deadline,
    }


def test_a_deadline_before_the_images_exist_is_a_failure_of_generation(run_cell: Run) -> None:
    ran = run_cell(traffic=tight_traffic("90 ms"))
    rows = ran.rows["requests"]
    assert rows
    assert {(r["status"], r["cause"]) for r in rows} == {("failed", "generation")}
    assert not ran.rows["transport_blocks"]


def test_blocks_lost_for_good_are_reported_and_named_as_the_cause(run_cell: Run) -> None:
    harsh = {"bandwidth": "5 MHz", "numerology": 0, "slice": {"prb_ratio": 0.08}, "harq": {"max_transmissions": 1}}
    ran = run_cell(radio=harsh, service={"rlc": {"mode": "um"}})
    lost = {(e["request"], e["kind"]) for e in ran.rows["events"]}
    assert lost
    causes = {r["request"]: r["cause"] for r in ran.rows["requests"]}
    assert "harq" in causes.values()
    assert {n for n, cause in causes.items() if cause == "harq"} <= {n for n, _ in lost}
    for row in ran.rows["requests"]:
        assert row["offered_bytes"] == row["delivered_bytes"] + row["dropped_bytes"]


def test_acknowledged_mode_repairs_what_unacknowledged_mode_loses(run_cell: Run) -> None:
    harsh = {"bandwidth": "5 MHz", "numerology": 0, "slice": {"prb_ratio": 0.08}, "harq": {"max_transmissions": 1}}
    um, am = (run_cell(radio=harsh, service={"rlc": {"mode": mode}}) for mode in ("um", "am"))
    assert len(am.rows["events"]) < len(um.rows["events"])


def test_no_block_is_sent_that_carries_nothing(ran: Ran) -> None:
    assert min(r["tb_size_bits"] for r in ran.rows["transport_blocks"]) >= SMALLEST_BLOCK_BITS


def test_a_request_that_waited_too_long_is_not_generated(run_cell: Run) -> None:
    slow = {"batch": 1, "generation_time": {"base": "300 ms", "per_image": "100 ms"}}
    ran = run_cell(service=slow)
    assert sum(ran.media.batches) < sum(r.images for r in ran.cell.requests)


def test_the_server_shares_batches_and_respects_their_limit(run_cell: Run) -> None:
    traffic = {**tight_traffic("2 s"), "arrivals": {"kind": "trace", "times": ["0 s", "1 s"]}}
    ran = run_cell(traffic=traffic, service={"batch": 3})
    images = 3
    assert set(ran.media.batches) == {3 * images}
    assert sum(ran.media.batches) == 6 * 2 * images


def test_pictures_are_kept_for_the_number_of_requests_asked_for(run_cell: Run) -> None:
    ran = run_cell(results={"images": 3})
    assert len({row["request"] for row in ran.rows["images"]}) == 3
