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
]  # fmt: skip

SLOTS = [
    {"time_ns": 2 * S - 1, "bits_acked": 10**9, "prb_used": 50, "prb_free": 0},  # in the warm-up
    {"time_ns": 2 * S, "bits_acked": 3000, "prb_used": 40, "prb_free": 10},
    {"time_ns": 10 * S - 1, "bits_acked": 1000, "prb_used": 5, "prb_free": 45},
    {"time_ns": 10 * S, "bits_acked": 10**9, "prb_used": 50, "prb_free": 0},  # after the end
]

BLOCKS = [
    {"time_ns": t * S, "ue": ue, "tb": tb, "harq_process": process, "transmission": n, "ack": ack, "tb_size_bits": bits}
    for t, ue, tb, process, n, ack, bits in [
        (1, 1, 0, 0, 1, False, 800),  # in the warm-up
        (2, 1, 1, 0, 1, False, 800),
        (3, 1, 1, 0, 2, True, 800),  # saved by HARQ
        (3, 1, 2, 1, 1, True, 1600),
        (3, 2, 1, 0, 1, False, 800),  # same number, another user
        (4, 2, 1, 0, 2, False, 800),
        (5, 2, 2, 0, 1, True, 800),  # the process went on: block 1 of user 2 was given up
        (6, 2, 3, 1, 1, False, 800),  # still under way at the end
    ]
]

EXPECTED = {
    "requests": 6,
    "delivered": 2,
    "partial": 1,
    "failed": 3,
    "failed_deadline": 1,
    "failed_harq": 1,
    "failed_generation": 1,
    "failure_ratio": 0.5,
    "cell_throughput_bps": 4000 / 8,
    "latency_p50_s": 1.0,
    "latency_p95_s": 1.45,  # of 0.5, 1.0, 1.5
    "jpsq_mean": (0.9 + 0.6 + 0.7) / 6,
    "s_mean": 0.8,
    "q_mean": 2.0 / 3,
    "psnr_db_median": 30.0,
    "ssim_mean": 0.7,
    "bytes_ratio": 3000 / 5000,
    "delivered_bytes": 1600,
    "prb_utilisation": 45 / 100,
    "first_tx_bler": 3 / 5,
    "residual_bler": 1 / 4,
    "user_throughput_bps": [2400 / 8, 800 / 8, 0.0, 0.0],  # users 1 to 4
    "jain_fairness": 400**2 / (4 * (300**2 + 100**2)),
}


@pytest.fixture(scope="module")
def summary(make_run):
    return summarise(make_run(requests=REQUESTS, slots=SLOTS, transport_blocks=BLOCKS))


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
    zero = {"requests", "delivered", "partial", "failed", "failed_deadline", "failed_harq", "failed_generation",
            "delivered_bytes", "cell_throughput_bps"}  # fmt: skip
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
    st.tuples(st.just("partial"), st.sampled_from(["deadline", "harq"])),
    st.tuples(st.just("failed"), st.sampled_from(["deadline", "harq", "generation"])),
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
    causes = sum(result[f"failed_{cause}"] for cause in ("deadline", "harq", "generation"))
    assert causes == result["failed"]
    assert sum(result["user_throughput_bps"]) == pytest.approx(result["cell_throughput_bps"])
    if result["jain_fairness"] is not None:
        assert 1 / len(result["user_throughput_bps"]) - 1e-9 <= result["jain_fairness"] <= 1 + 1e-9
    if result["requests"]:
        assert 0 <= result["jpsq_mean"] <= 1 - result["failure_ratio"] + 1e-9
    if result["latency_p50_s"] is not None:
        assert result["latency_p50_s"] <= result["latency_p95_s"]
    assert not any(isinstance(v, float) and math.isnan(v) for v in result.values())
