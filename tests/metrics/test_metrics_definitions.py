"""Every metric against small tables worked out by hand, and the laws that hold for any table."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobaigc_sim.errors import UnknownNameError
from mobaigc_sim.kernel.probes import Probes
from mobaigc_sim.metrics import METRICS, evaluate, metric, summarise
from mobaigc_sim.results import RunInfo, RunWriter, load
from mobaigc_sim.results.tables import CAUSES

S = 10**9
NAN = float("nan")


def request(arrival_s, finished_s, status, cause="", **more):
    row = {"arrival_ns": round(arrival_s * S), "finished_ns": round(finished_s * S), "deadline_ns": 9 * S}
    return {**row, "generated_ns": round(arrival_s * S), "status": status, "cause": cause, **more}


REQUESTS = [
    request(1.9, 2.5, "delivered", ue=1, jpsq=1.0, offered_bytes=10**6, whole_bytes=1),  # in the warm-up
    request(2.0, 2.5, "delivered", ue=1, jpsq=0.9, s=0.95, q=0.85, psnr_db=30.0, ssim=0.9, offered_bytes=600,
            delivered_bytes=600, whole_bytes=1000),
    request(3.0, 4.5, "partial", "deadline", ue=2, jpsq=0.6, s=0.65, q=0.55, psnr_db=float("inf"), ssim=0.5,
            offered_bytes=900, delivered_bytes=400, whole_bytes=1000),
    request(3.0, 4.0, "delivered", ue=2, jpsq=0.7, s=0.8, q=0.6, psnr_db=20.0, ssim=0.7, offered_bytes=500,
            delivered_bytes=500, whole_bytes=1000),
    request(4.0, 9.0, "failed", "deadline", ue=3, s=NAN, q=NAN, offered_bytes=400, delivered_bytes=100,
            whole_bytes=1000),
    request(4.0, 5.0, "failed", "harq", ue=3, s=NAN, q=NAN, jpsq=0.5, offered_bytes=600, whole_bytes=1000),
    request(5.0, 6.0, "failed", "generation", ue=4, s=NAN, q=NAN, generated_ns=-1, whole_bytes=7),
    request(5.0, 6.0, "partial", "rlf", ue=4, jpsq=0.0, s=0.8, q=2 / 3, psnr_db=30.0, ssim=0.7),  # not failed
    *(request(6.0, 7.0, "failed", cause, ue=4, s=NAN, q=NAN, generated_ns=-1)
      for cause, n in {"rlf": 1, "handover": 2, "buffer": 3, "left": 4}.items() for _ in range(n)),
]  # fmt: skip

SLOTS = [
    {"time_ns": 2 * S - 1, "bits_acked": 10**9, "prb_used": 50, "prb_free": 0},  # in the warm-up
    {"time_ns": 2 * S, "bits_acked": 3000, "prb_used": 40, "prb_free": 10},
    {"time_ns": 10 * S - 1, "bits_acked": 1000, "prb_used": 5, "prb_free": 45},
    {"time_ns": 10 * S, "bits_acked": 10**9, "prb_used": 50, "prb_free": 0},  # after the end
]

BLOCKS = [
    {
        "time_ns": round(t * S),
        "ue": ue,
        "tb": tb,
        "harq_process": process,
        "transmission": n,
        "ack": ack,
        "tb_size_bits": bits,
    }
    for t, ue, tb, process, n, ack, bits in [
        (1, 1, 0, 0, 1, False, 800),  # in the warm-up
        (2, 1, 1, 0, 1, False, 800),
        (3, 1, 1, 0, 2, True, 800),  # saved by HARQ
        (3, 1, 2, 1, 1, True, 1600),
        (3, 2, 1, 0, 1, False, 800),  # same number, another user
        (4, 2, 1, 0, 2, False, 800),
        (5, 2, 2, 0, 1, True, 800),  # the process went on: block 1 of user 2 was given up
        (6, 2, 3, 1, 1, False, 800),  # still under way at the end
        (7, 3, 0, 0, 1, False, 800),  # given up at the handover of 8 s, not by HARQ
        (8, 3, 1, 0, 1, False, 800),  # given up by HARQ, in the slot of the handover
        (8.05, 3, 2, 0, 1, False, 800),
    ]
]


def event(time_s, kind, ue, from_cell, to_cell):
    return {"time_ns": round(time_s * S), "kind": kind, "ue": ue, "detail": f"cell {from_cell} to {to_cell}"}


EVENTS = [
    event(1.80, "handover", 1, 0, 1),
    event(1.85, "handover_done", 1, -1, 1),  # in the warm-up
    event(2.75, "handover", 1, 1, 0),
    event(2.80, "handover_done", 1, -1, 0),  # back after 0.95 s
    event(3.00, "handover", 1, 0, 2),
    event(3.05, "handover_done", 1, -1, 2),  # on after 0.25 s
    event(4.00, "handover", 1, 2, 0),
    event(4.05, "handover_done", 1, -1, 0),  # back after exactly 1 s
    event(5.00, "rlf", 1, 0, -1),
    event(5.20, "reestablished", 1, -1, 2),
    event(5.30, "handover", 1, 2, 0),
    event(5.35, "handover_done", 1, -1, 0),  # came back, but was not handed over to cell 2
    event(8.00, "handover", 3, 5, 4),
    event(8.10, "left", 3, -1, -1),
    event(9.90, "rlf", 2, 5, -1),  # out beyond the end
    event(10.1, "reestablished", 2, -1, 5),  # after the end
    {"time_ns": 5 * S, "kind": "packet_lost", "ue": 1, "detail": "image 0, level 1, 9 B"},
]
USERS = [
    {"time_ns": t * S, "ue": ue}
    for t, present in enumerate([0, 9, 2, 2, 2, 0, 8, 6, 0, 0, 9])  # 20 user-seconds in the 8 s that count
    for ue in range(present)
]
FILES = [
    {"ue": 7, "size_bytes": 1000, "arrival_ns": round(a * S), "completed_ns": round(b * S)}
    for a, b in [(1.9, 2.1), (2.0, 2.5), (3.0, 4.0), (9.9, 11.9), (10.0, 10.1)]
] + [{"ue": 7, "size_bytes": 1000, "arrival_ns": round(a * S), "completed_ns": -1} for a in (1.5, 2.5, 10.5)]

EXPECTED = {
    "requests": 17,
    "delivered": 2,
    "partial": 2,
    "failed": 13,
    "failed_deadline": 1,
    "failed_harq": 1,
    "failed_rlf": 1,
    "failed_handover": 2,
    "failed_buffer": 3,
    "failed_generation": 1,
    "failed_left": 4,
    "failure_ratio": 13 / 17,
    "cell_throughput_bps": 4000 / 8,
    "spectral_efficiency": 4000 / (100 * 180),
    "latency_p50_s": 1.0,
    "latency_p95_s": 1.425,  # of 0.5, 1.0, 1.0, 1.5
    "jpsq_mean": (0.9 + 0.6 + 0.7) / 17,
    "s_mean": 0.8,
    "q_mean": 2.0 / 3,
    "psnr_db_median": 30.0,
    "ssim_mean": 0.7,
    "bytes_ratio": 3000 / 5000,
    "delivered_bytes": 1600,
    "prb_utilisation": 45 / 100,
    "first_tx_bler": 6 / 8,
    "residual_bler": 2 / 5,
    "user_throughput_bps": [2400 / 8, 800 / 8, 0.0, 0.0],  # users 1 to 4
    "user_throughput_p5_bps": 0.0,
    "user_throughput_p50_bps": 50.0,
    "jain_fairness": 400**2 / (4 * (300**2 + 100**2)),
    "handover_rate": 4 / 20,
    "ping_pong_ratio": 1 / 4,
    "rlf_rate": 2 / 20,
    "outage_ratio": (4 * 0.05 + 0.2 + 0.1 + 0.1) / 20,
    "files": 3,
    "files_unfinished": 1,
    "file_throughput_mean_bps": (16000 + 8000 + 4000 + 0) / 4,
    "file_throughput_p5_bps": 600,  # of 0, 4000, 8000, 16000
}


@pytest.fixture(scope="module")
def summary(make_run):
    tables = {"transport_blocks": BLOCKS, "events": EVENTS, "users": USERS, "files": FILES}
    return summarise(make_run(requests=REQUESTS, slots=SLOTS, **tables))


def test_every_metric_is_worked_out_below():
    assert EXPECTED.keys() == METRICS.keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_by_hand(summary, name):
    assert summary[name] == pytest.approx(EXPECTED[name])


def test_metrics_say_what_they_are():
    for found in METRICS.values():
        assert found.title and found.function.__doc__
        for suffix, unit in {"_bps": "bit/s", "_s": "s", "_bytes": "B", "_ratio": "1", "_bler": "1"}.items():
            if found.name.endswith(suffix):
                assert found.unit == unit, found.name


def test_nothing_measured(make_run):
    summary = summarise(make_run())
    counts = {"requests", "delivered", "partial", "failed", "delivered_bytes", "cell_throughput_bps"}
    counts |= {"files", "files_unfinished"}
    zero = counts | {f"failed_{cause}" for cause in CAUSES}
    assert {name for name, value in summary.items() if value == 0} == zero
    assert summary["user_throughput_bps"] == []
    assert all(value is None for name, value in summary.items() if name not in zero | {"user_throughput_bps"})
    json.dumps(summary, allow_nan=False)


def test_names():
    with pytest.raises(UnknownNameError, match="did you mean 'jpsq_mean'"):
        evaluate(None, "jpsq_maen")
    with pytest.raises(ValueError, match="declared twice"):
        metric("requests", "Requests", "")(lambda run: 0.0)


def test_summary_of_a_run_before_it_is_closed(tmp_path, make_run):
    made = make_run(requests=REQUESTS, slots=SLOTS, transport_blocks=BLOCKS)
    probes = Probes()
    info = RunInfo(scenario_text="", scenario_hash="", seed=0, replication=0, duration_ns=10 * S, warmup_ns=2 * S)
    with RunWriter(tmp_path, probes, info, part_rows=3) as writer:
        for name in ("requests", "slots", "transport_blocks"):
            for row in made.frame(name).to_dict("records"):
                probes.publish(name, row)
        writer.flush()
        writer.close(summarise(load(tmp_path, allow_incomplete=True)))
    assert load(tmp_path).summary == summarise(made) == summarise(load(tmp_path))


outcomes = st.one_of(
    st.tuples(st.just("delivered"), st.just("")),
    st.tuples(st.just("partial"), st.sampled_from(CAUSES)),
    st.tuples(st.just("failed"), st.sampled_from(CAUSES)),
)
rows = st.lists(
    st.tuples(st.floats(0, 10), st.floats(0, 5), outcomes, st.integers(0, 5), st.floats(0, 1), st.integers(0, 999)),
    max_size=30,
)


@settings(deadline=None, max_examples=30)
@given(rows)
def test_conservation(make_run, drawn):
    table = [
        request(at, at + took, status, cause, ue=ue, jpsq=score, offered_bytes=size, whole_bytes=1000)
        for at, took, (status, cause), ue, score, size in drawn
    ]
    blocks = [{"time_ns": r["arrival_ns"], "ue": r["ue"], "tb": i, "ack": True, "transmission": 1,
               "tb_size_bits": r["offered_bytes"]} for i, r in enumerate(table)]  # fmt: skip
    slots = [{"time_ns": b["time_ns"], "bits_acked": b["tb_size_bits"]} for b in blocks]
    result = summarise(make_run(requests=table, transport_blocks=blocks, slots=slots))
    assert result["delivered"] + result["partial"] + result["failed"] == result["requests"]
    causes = sum(result[f"failed_{cause}"] for cause in CAUSES)
    assert causes == result["failed"]
    assert sum(result["user_throughput_bps"]) == pytest.approx(result["cell_throughput_bps"])
    if result["jain_fairness"] is not None:
        assert 1 / len(result["user_throughput_bps"]) - 1e-9 <= result["jain_fairness"] <= 1 + 1e-9
    if result["requests"]:
        assert 0 <= result["jpsq_mean"] <= 1 - result["failure_ratio"] + 1e-9
    if result["latency_p50_s"] is not None:
        assert result["latency_p50_s"] <= result["latency_p95_s"]
    assert not any(isinstance(v, float) and math.isnan(v) for v in result.values())
