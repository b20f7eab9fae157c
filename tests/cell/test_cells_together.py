"""Several cells at once: they interfere, and the plain downlink gives the same run as the compiled one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mobaigc_sim.cell import cell
from mobaigc_sim.metrics import summarise
from mobaigc_sim.radio.plain_downlink import PlainDownlink
from mobaigc_sim.results import TABLES
from mobaigc_sim.results import Run as Results

from .conftest import Ran, WriteTrace, connection_events

Run = Callable[..., Ran]
S = 10**9
LINE = {
    "bandwidth": "5 MHz",
    "numerology": 0,
    "slice": {"prb_ratio": 0.2},
    "tx_power": "30 dBm",
    "layout": {"grid": "line", "sites": 2, "isd": "200 m"},
}


def traffic(mean: str, **more: Any) -> dict[str, Any]:
    return {
        "arrivals": {"kind": "poisson", "mean_interval": mean},
        "prompts": {"kind": "list", "prompts": ["a fox"]},
        "deadline": "1 s",
        **more,
    }


def test_a_loaded_neighbour_costs_throughput_and_sinr(run_cell: Run, trace: WriteTrace) -> None:
    """Of two users at the edge of two cells, one takes all it gets; the other asks for nothing, or for too much."""
    mobility = trace([(t, ue, x, 15.0) for ue, x in (("asks", 70.0), ("takes", -8.0)) for t in (0, 10)])
    rate_bps, sinr_db = [], []
    for mean in ("1 h", "5 ms"):
        ran = run_cell(
            duration="3 s",
            seed=7,
            radio=LINE,
            users={"count": 1, "mobility": mobility},
            traffic=traffic(mean, background={"kind": "full_buffer", "users": 1}),
            media={"semantic": "off"},
            service={"generation_time": {"base": "10 ms", "per_image": 0}, "batch": 64},
        )
        assert {(b["ue"], b["cell"]) for b in ran.rows["transport_blocks"]} <= {(0, 1), (1, 0)}
        blocks = [b for b in ran.rows["transport_blocks"] if b["ue"] == 1 and b["ack"] and 1 <= b["time_ns"] / S < 3]
        rate_bps.append(sum(b["tb_size_bits"] for b in blocks) / 2)
        rows = [u["sinr_db"] for u in ran.rows["users"] if u["ue"] == 1 and 1 <= u["time_ns"] / S < 3]
        sinr_db.append(np.median(rows))
    assert rate_bps[1] < 0.7 * rate_bps[0]
    assert sinr_db[1] < sinr_db[0] - 6


def test_each_cell_has_the_whole_band(run_cell: Run, trace: WriteTrace) -> None:
    mobility = trace([(t, ue, x, 15.0) for ue, x in (("a", 95.0), ("b", -95.0), ("c", 90.0)) for t in (0, 10)])
    ran = run_cell(
        duration="1 s",
        radio=LINE,
        users={"count": 1, "mobility": mobility},
        traffic=traffic("1 h", background={"kind": "full_buffer", "users": 2}),
    )
    n_prb = ran.cell.network.link.carrier.n_prb
    by_cell = {c: [b for b in ran.rows["transport_blocks"] if b["cell"] == c] for c in (0, 1)}
    assert {b["ue"] for b in by_cell[0]} == {1} and {b["ue"] for b in by_cell[1]} == {2}
    for row in ran.rows["slots"][20:]:
        assert row["prb_used"] + row["prb_free"] == 2 * n_prb
    assert np.mean([row["prb_used"] == 2 * n_prb for row in ran.rows["slots"][20:]]) > 0.9


FILES = {"kind": "ftp3", "users": 1, "file_size": "50 kB", "mean_interval": "500 ms"}


def test_the_metrics_read_what_the_cells_write(run_cell: Run, trace: WriteTrace) -> None:
    rows = [(t, f"{n}", 0.0, 12.0 + n) for n in range(2) for t in (0, 10)]
    ran = run_cell(
        duration="4 s",
        radio=LINE | {"handover": {"offset": "-15 dB"}},  # back and forth as often as it can be
        users={"count": 1, "mobility": trace(rows)},
        traffic=traffic("500 ms", background=FILES),
    )
    empty = {name: table.schema().empty_table().to_pandas() for name, table in TABLES.items()}
    frames = {name: pd.DataFrame(ran.rows[name]) if ran.rows[name] else empty[name] for name in TABLES}
    summary = summarise(Results({"warmup_ns": 0, "duration_ns": 4 * S}, frames))
    kinds = [kind for time_ns, kind, *_ in connection_events(ran) if time_ns < 4 * S]
    assert summary["handover_rate"] == pytest.approx(kinds.count("handover_done") / 8)
    assert summary["outage_ratio"] == pytest.approx(kinds.count("handover") * 0.05 / 8, abs=0.05 / 8)
    assert summary["ping_pong_ratio"] > 0.5
    files = [f for f in ran.rows["files"] if f["arrival_ns"] < 4 * S]
    assert summary["files"] == len([f for f in files if f["completed_ns"] >= 0]) > 0
    assert summary["files_unfinished"] == len([f for f in files if f["completed_ns"] == -1])
    assert 0 < summary["file_throughput_p5_bps"] <= summary["file_throughput_mean_bps"] < 5e6
    band_hz = 2 * ran.cell.network.link.carrier.n_prb * 180e3
    assert summary["spectral_efficiency"] == pytest.approx(summary["cell_throughput_bps"] / band_hz)


def test_the_plain_downlink_gives_the_same_run(
    run_cell: Run, trace: WriteTrace, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [(t, f"{n}", x, 12.0 + n) for n in range(4) for t, x in [(0.2 * n, -150), (1.2 + 0.2 * n, 150)]]
    changes: dict[str, Any] = {
        "duration": "1500 ms",
        "radio": LINE | {"radio_link": {}, "handover": {"time_to_trigger": "40 ms", "offset": "1 dB"}},
        "users": {"count": 3, "mobility": trace(rows)},
        "traffic": traffic("150 ms", background={"kind": "ftp3", "users": 1, "mean_interval": "300 ms"}),
        "service": {"generation_time": {"base": "50 ms", "per_image": 0}},
    }
    compiled = run_cell(**changes)
    monkeypatch.setattr(cell, "Downlink", PlainDownlink)
    plain = run_cell(**changes)
    assert type(plain.cell.network.link) is PlainDownlink is not type(compiled.cell.network.link)
    assert {"handover", "left"} <= {kind for _, kind, *_ in connection_events(compiled)}
    for table in ("requests", "slots", "events", "files"):
        assert repr(plain.rows[table]) == repr(compiled.rows[table])
    assert len(compiled.rows["transport_blocks"]) > 500
    for a, b in zip(plain.rows["transport_blocks"], compiled.rows["transport_blocks"], strict=True):
        rounded = ("sinr_eff_db", "bler")
        assert {k: v for k, v in a.items() if k not in rounded} == {k: v for k, v in b.items() if k not in rounded}
        assert [a[k] for k in rounded] == pytest.approx([b[k] for k in rounded], abs=1e-7)
