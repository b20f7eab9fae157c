"""Users who drive from cell to cell and out of coverage: order and time of what happens, bytes and bits conserved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import groupby, pairwise
from typing import Any

import numpy as np
import pytest

from mobaigc_sim.cell import network
from mobaigc_sim.cell.rlc import TransmitBuffer

from .conftest import Ran, WriteTrace, connection_events

Run = Callable[..., Ran]
MS = 10**6
NARROW = {"bandwidth": "5 MHz", "numerology": 0, "slice": {"prb_ratio": 0.08}, "tx_power": "22 dBm"}
LINE = NARROW | {"layout": {"grid": "line", "sites": 3, "isd": "250 m"}}
SEVEN = NARROW | {
    "layout": {"sites": 7, "sectors": 3, "isd": "200 m"},
    "antenna": {"pattern": "sector", "elements": 4, "electrical_downtilt_deg": 8},
    "handover": {"offset": "4 dB"},
}
AWAY = {"left", "rlf", "handover"}


def traffic(mean: str, deadline: str = "2 s", **more: Any) -> dict[str, Any]:
    return {
        "arrivals": {"kind": "poisson", "mean_interval": mean},
        "prompts": {"kind": "list", "prompts": ["a fox"]},
        "images_per_request": 2,
        "deadline": deadline,
        **more,
    }


def drive(trace: WriteTrace, length_m: float, seconds: float, turn_deg: float = 0.0, aside_m: float = 20.0) -> Any:
    """One user from one end of a line past the origin to the other, to stay there."""
    turn = np.exp(1j * np.radians(turn_deg))
    ends = [(along_m + 1j * aside_m) * turn for along_m in (-length_m / 2, length_m / 2)]
    ends.append(ends[-1])
    return trace([(t, "car", end.real, end.imag) for t, end in zip((0.0, seconds, 30.0), ends, strict=True)])


def test_a_drive_past_three_sites_of_seven(run_cell: Run, trace: WriteTrace) -> None:
    # the sites at azimuths 210° and 30° and the one in the middle stand in a row
    ran = run_cell(
        duration="9 s",
        radio=SEVEN,
        users={"count": 1, "mobility": drive(trace, 520, 9, 30)},
        traffic=traffic("500 ms"),
    )
    layout = ran.cell.network.link.layout
    events = connection_events(ran)
    served = [events[0][2], *(e[3] for e in events if e[1] == "handover_done")]
    sites = [site for site, _ in groupby(layout.cell_site_C[served].tolist())]
    row = layout.site_m_S2[sites] @ [np.cos(np.pi / 6), np.sin(np.pi / 6)]
    assert row.round(6).tolist() == [-200.0, 0.0, 200.0]
    assert [kind for _, kind, *_ in events] == ["handover", "handover_done"] * (len(served) - 1)
    for (begin_ns, _, left, target), (end_ns, _, _, reached) in zip(events[::2], events[1::2], strict=True):
        assert end_ns - begin_ns == 50 * MS
        assert target == reached != left
    assert [(e[2], e[3]) for e in events[::2]] == list(pairwise(served))


def test_nothing_is_sent_between_two_cells_and_each_cell_sends_in_its_time(run_cell: Run, trace: WriteTrace) -> None:
    load = traffic("500 ms", background={"kind": "full_buffer", "users": 1})
    ran = run_cell(duration="6 s", radio=LINE, users={"count": 1, "mobility": two_cars(trace)}, traffic=load)
    for ue in (0, 1):
        events = connection_events(ran, ue)
        assert len(events) >= 4
        sent = [(b["time_ns"], b["cell"]) for b in ran.rows["transport_blocks"] if b["ue"] == ue]
        for begin_ns, kind, _, cell in events:
            until_ns = min((e[0] for e in events if e[0] > begin_ns), default=10**18)
            cells = {c for time_ns, c in sent if begin_ns <= time_ns < until_ns}
            assert cells <= (set() if kind == "handover" else {cell})
    assert {c for _, c in sent} == {0, 1, 2}
    out_ns = {u: [(e[0], e[0] + 50 * MS) for e in connection_events(ran, u) if e[1] == "handover"] for u in (0, 1)}
    for row in ran.rows["users"]:
        out = any(a <= row["time_ns"] < b for a, b in out_ns[row["ue"]])
        assert (row["cell"] == -1) == np.isnan(row["sinr_db"]) == out


def two_cars(trace: WriteTrace) -> dict[str, Any]:
    return trace([(0, "a", -300, 15), (6, "a", 300, 15), (0, "b", 300, -15), (6, "b", -300, -15)])


def test_a_single_cell_has_no_such_events(ran: Ran) -> None:
    assert connection_events(ran) == []
    assert {b["cell"] for b in ran.rows["transport_blocks"]} == {0}
    assert {row["cell"] for row in ran.rows["users"]} == {0}


def test_a_long_interruption_is_the_cause_of_what_fails_in_it(run_cell: Run, trace: WriteTrace) -> None:
    radio = LINE | {"handover": {"interruption": "1.5 s"}}
    ran = run_cell(
        duration="8 s",
        radio=radio,
        users={"count": 1, "mobility": drive(trace, 600, 8)},
        traffic=traffic("200 ms", "900 ms"),
    )
    outages = [(e[0], e[0] + 1500 * MS) for e in connection_events(ran) if e[1] == "handover"]
    assert outages
    failed = {r["cause"] for r in ran.rows["requests"] if r["status"] == "failed"}
    assert "handover" in failed
    for row in ran.rows["requests"]:
        if row["cause"] == "handover":
            assert any(a < row["finished_ns"] and row["generated_ns"] < b for a, b in outages)
        if any(a <= row["generated_ns"] and row["deadline_ns"] <= b for a, b in outages):
            assert (row["status"], row["cause"]) == ("failed", "handover")


def test_out_of_coverage_and_back(run_cell: Run, trace: WriteTrace) -> None:
    far, near = 6000, 60
    mobility = trace([(t, "car", x, 20) for t, x in [(0, near), (1, near), (2, far), (5, far), (6, near), (20, near)]])
    radio = NARROW | {
        "radio_link": {"t310": "200 ms", "reestablishment": "400 ms"},
        "channel": {"kind": "tr38901", "scenario": "umi"},
    }
    ran = run_cell(
        duration="9 s", radio=radio, users={"count": 1, "mobility": mobility}, traffic=traffic("250 ms", "1500 ms")
    )
    events = connection_events(ran)
    assert [kind for _, kind, *_ in events] == ["rlf", "reestablished"] * (len(events) // 2)
    assert len(events) >= 6
    for (failed_ns, _, left, _), (back_ns, _, _, cell) in zip(events[::2], events[1::2], strict=True):
        assert (back_ns - failed_ns, left, cell) == (400 * MS, 0, 0)
    # the out-of-sync window fills, T310 runs: far away each failure follows the return by that much
    for (back_ns, *_), (failed_ns, *_) in zip(events[1::2], events[2::2], strict=False):
        assert 0 <= failed_ns - back_ns - (190 + 200) * MS <= 10 * MS
    assert all(1000 * MS < e[0] < 7000 * MS for e in events)
    outcomes = [(r["arrival_ns"] // MS, r["status"], r["cause"]) for r in ran.rows["requests"]]
    assert {o[1] for o in outcomes if o[0] > 7000} == {"delivered"}
    assert {o[2] for o in outcomes if 2500 < o[0] < 3800} == {"rlf"}


class Watched(TransmitBuffer):
    """A buffer that keeps count of the segments it gave out."""

    log: Counter[str]
    open: dict[int, Any]

    def pull(self, budget_bytes: int) -> list[Any]:
        segments = super().pull(budget_bytes)
        self.open[id(segments)] = segments
        self.log["pulled"] += sum(s.size_bytes for s in segments)
        return segments

    def _back(self, what: str, segments: Any) -> None:
        self.open.pop(id(segments))  # each block comes to one end
        self.log[what] += sum(s.size_bytes for s in segments)

    def acknowledge(self, segments: Any) -> list[Any]:
        self._back("acknowledged", segments)
        return super().acknowledge(segments)

    def lose(self, segments: Any) -> list[Any]:
        self._back("lost", segments)
        return super().lose(segments)

    def take_back(self, segments: Any) -> None:
        self._back("taken back", segments)
        waiting = {s.packet for s in segments if s.packet.fate.value == "waiting"}
        before = sum(p.unsent_bytes for p in waiting), sum(p.retransmissions for p in waiting)
        super().take_back(segments)
        moved = sum(s.size_bytes for s in segments if s.packet in waiting)
        assert (sum(p.unsent_bytes for p in waiting), sum(p.retransmissions for p in waiting)) == (
            before[0] + moved,
            before[1],
        )


CASES: dict[str, dict[str, Any]] = {
    "handover": {"radio": LINE},
    "unacknowledged": {
        "radio": LINE | {"harq": {"max_transmissions": 1}},
        "service": {"rlc": {"mode": "um"}, "generation_time": {"base": "50 ms", "per_image": 0}},
    },
    "failures": {
        "radio": LINE
        | {
            "tx_power": "8 dBm",
            "radio_link": {"q_out": "0 dB", "q_in": "3 dB", "t310": "100 ms", "out_window": "100 ms"},
        }
    },
    "buffer": {"seed": 7, "radio": LINE, "service": {"rlc": {"buffer": "5 kB"}}},
}


@pytest.mark.parametrize("case", CASES)
def test_bytes_and_bits_are_conserved(
    run_cell: Run, trace: WriteTrace, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    Watched.log, Watched.open = Counter(), {}
    monkeypatch.setattr(network, "TransmitBuffer", Watched)
    rows = [(t, f"{n}", x, 12.0 + n) for n in range(4) for t, x in [(0.3 * n, -300), (3 + 0.3 * n, 300)]]
    ran = run_cell(
        duration="4 s", users={"count": 4, "mobility": trace(rows)}, traffic=traffic("150 ms", "1500 ms"), **CASES[case]
    )
    log = Watched.log
    kinds = Counter(kind for _, kind, *_ in connection_events(ran))
    assert kinds["left"] == 4 and kinds["entered"] == 3
    assert kinds["rlf" if case == "failures" else "handover"] > 2
    assert log["taken back"] > 0
    in_flight = sum(s.size_bytes for segments in Watched.open.values() for s in segments)
    assert log["pulled"] == log["acknowledged"] + log["lost"] + log["taken back"] + in_flight
    for request in ran.cell.requests:
        assert request.offered_bytes == request.delivered_bytes + request.dropped_bytes
        assert all(p.acked_bytes == p.size_bytes for p in request.packets if p.fate.value == "arrived")
        assert all(p.acked_bytes <= p.size_bytes for p in request.packets)
    assert sum(p.acked_bytes for r in ran.cell.requests for p in r.packets) <= log["acknowledged"]
    causes = {row["cause"] for row in ran.rows["requests"]}
    assert "left" in causes
    assert "buffer" in causes or case != "buffer"
    assert sum(row["bits_acked"] for row in ran.rows["slots"]) == settled_bits(ran)


def settled_bits(ran: Ran) -> int:
    """Bits decoded whose feedback came four slots later, unless the user had left the cell or the run was over."""
    last = max(row["slot"] for row in ran.rows["slots"])
    off = [(e["ue"], e["time_ns"] // MS) for e in ran.rows["events"] if e["kind"] in AWAY]
    bits = 0
    for row in ran.rows["transport_blocks"]:
        told = row["slot"] + 4
        flushed = any(ue == row["ue"] and row["slot"] < slot < told for ue, slot in off)
        bits += row["tb_size_bits"] if row["ack"] and told <= last and not flushed else 0
    return bits
