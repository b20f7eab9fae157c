"""Users who load the cells: files that come at random, or data without end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobaigc_sim.cell.background import File, FileBuffer
from mobaigc_sim.cell.rlc import SEGMENT_HEADER_BYTES

from .conftest import Ran

Run = Callable[..., Ran]
S = 10**9
WIDE = {"bandwidth": "10 MHz", "numerology": 1, "tx_power": "33 dBm"}
NARROW = {"bandwidth": "5 MHz", "numerology": 0, "slice": {"prb_ratio": 0.08}, "tx_power": "26 dBm"}


def traffic(**background: Any) -> dict[str, Any]:
    plain = {
        "arrivals": {"kind": "poisson", "mean_interval": "500 ms"},
        "prompts": {"kind": "list", "prompts": ["a fox", "a car"]},
        "images_per_request": 2,
        "deadline": "700 ms",
    }
    return plain | ({"background": background} if background else {})


USERS = {"count": 3, "area": {"radius": "100 m"}, "mobility": {"kind": "static"}}
FTP3 = {"kind": "ftp3", "users": 8, "file_size": "5 kB", "mean_interval": "200 ms"}


@pytest.fixture(scope="module")
def loaded(run_cell: Run) -> Ran:
    return run_cell(duration="8 s", radio=WIDE, users=USERS, traffic=traffic(**FTP3))


@pytest.fixture(scope="module")
def quiet(run_cell: Run) -> Ran:
    return run_cell(duration="3 s", radio=NARROW, users=USERS, traffic=traffic())


@pytest.fixture(scope="module")
def crowded(run_cell: Run) -> Ran:
    load = {"kind": "full_buffer", "users": 15}
    return run_cell(duration="3 s", radio=NARROW, users=USERS, traffic=traffic(**load))


def test_files_arrive_as_poisson_processes_and_are_completed(loaded: Ran) -> None:
    files = loaded.rows["files"]
    expected = 8 * 8 / 0.2
    assert abs(len(files) - expected) < 4 * np.sqrt(expected)
    assert {f["ue"] for f in files} == set(range(3, 11))
    assert {f["size_bytes"] for f in files} == {5000}
    assert all(f["arrival_ns"] < f["completed_ns"] for f in files)
    gaps_s = np.concatenate([np.diff([f["arrival_ns"] for f in files if f["ue"] == ue]) for ue in range(3, 11)]) / S
    assert (gaps_s > 0).all()
    assert gaps_s.mean() == pytest.approx(0.2, rel=0.25)
    assert gaps_s.std() == pytest.approx(gaps_s.mean(), rel=0.25)  # exponential


def test_the_bits_on_the_air_are_those_of_the_files(loaded: Ran) -> None:
    first: dict[tuple[int, int], int] = {}
    for block in loaded.rows["transport_blocks"]:
        if block["ue"] >= 3 and block["ack"]:
            first[block["ue"], block["tb"]] = block["tb_size_bits"]
    offered = 8 * sum(f["size_bytes"] for f in loaded.rows["files"])
    assert offered <= sum(first.values()) < 1.2 * offered


def test_background_users_ask_for_no_images(loaded: Ran) -> None:
    assert {r["ue"] for r in loaded.rows["requests"]} == {0, 1, 2}
    assert {u["ue"] for u in loaded.rows["users"]} == set(range(11))


def test_endless_data_fills_the_band(crowded: Ran) -> None:
    busy: dict[int, set[int]] = defaultdict(set)
    for block in crowded.rows["transport_blocks"]:
        busy[block["slot"]].add(block["ue"])
    after_reports = [row for row in crowded.rows["slots"] if row["slot"] >= 20]
    assert np.mean([row["prb_free"] == 0 for row in after_reports]) > 0.9
    for row in after_reports:
        assert row["prb_free"] == 0 or busy[row["slot"]] >= set(
            range(3, 18)
        )  # all have sent: one block a user and slot
    assert crowded.rows["files"] == []
    assert {r["ue"] for r in crowded.rows["requests"]} == {0, 1, 2}


def test_the_same_images_are_asked_for_whatever_the_load(quiet: Ran, crowded: Ran) -> None:
    def wishes(ran: Ran) -> list[Any]:
        return [(r.ue, r.prompt, r.seeds, r.arrival_ns, r.deadline_ns) for r in ran.cell.requests]

    def places(ran: Ran) -> list[Any]:
        rows = [row for row in ran.rows["users"] if row["ue"] < 3 and row["time_ns"] < 3 * S]
        return [(row["time_ns"], row["ue"], row["x_m"], row["y_m"], row["los"], row["gain_db"]) for row in rows]

    assert wishes(quiet) == wishes(crowded)
    assert places(quiet) == places(crowded)


def test_images_suffer_from_the_load(quiet: Ran, crowded: Ran) -> None:
    assert sum(row["delivered_bytes"] for row in crowded.rows["requests"]) < sum(
        row["delivered_bytes"] for row in quiet.rows["requests"]
    )
    assert all(row["prb_free"] + row["prb_used"] == 2 for row in quiet.rows["slots"])

    def took_ns(ran: Ran) -> float:
        return float(np.mean([row["finished_ns"] - row["arrival_ns"] for row in ran.rows["requests"]]))

    assert took_ns(crowded) > took_ns(quiet)


@given(data=st.data())
def test_files_lose_no_byte_and_keep_their_order(data: st.DataObject) -> None:
    buffer = FileBuffer()
    files = [File(0, size, 0) for size in data.draw(st.lists(st.integers(1, 60), min_size=1, max_size=5))]
    for file in files:
        buffer.put(file)
    in_flight: list[Any] = []
    done: list[File] = []
    for _ in range(data.draw(st.integers(0, 30))):
        if in_flight and data.draw(st.booleans()):
            segments = in_flight.pop(data.draw(st.integers(0, len(in_flight) - 1)))
            if data.draw(st.booleans()):
                done += buffer.acknowledge(segments)
            else:
                assert data.draw(st.sampled_from([buffer.lose, buffer.take_back]))(segments) in ([], None)
        else:
            in_flight.append(buffer.pull(data.draw(st.integers(1, 80))))
        flying = sum(s.size_bytes for segments in in_flight for s in segments)
        acked = sum(f.acked_bytes for f in files)
        assert buffer.queued_bytes + flying + acked == sum(f.size_bytes for f in files)
    for segments in in_flight:
        buffer.take_back(segments)
    rest = buffer.pull(10_000)
    assert sorted(files.index(s.file) for s in rest) == sorted({files.index(s.file) for s in rest})
    done += buffer.acknowledge(rest)
    assert sorted(map(id, done)) == sorted(map(id, files))
    assert buffer.queued_bytes == buffer.backlog_bits == 0


def test_a_file_buffer_is_emptied_by_its_backlog_in_order() -> None:
    buffer = FileBuffer()
    files = [File(0, size, 0) for size in (10, 30, 20)]
    for file in files:
        buffer.put(file)
    assert buffer.backlog_bits == 8 * (60 + 3 * SEGMENT_HEADER_BYTES)
    segments = buffer.pull(buffer.backlog_bits // 8)
    assert [(s.file, s.size_bytes) for s in segments] == [(file, file.size_bytes) for file in files]
    assert buffer.acknowledge(segments) == files
