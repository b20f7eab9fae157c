"""Made-up records that fit the tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mobaigc_sim.kernel.probes import Probes
from mobaigc_sim.results import RunInfo

Publish = Callable[[Probes, int], None]


def slot_record(i: int) -> dict[str, Any]:
    return {
        "slot": i, "time_ns": i * 500_000, "active_ues": i % 5, "prb_free": 51 - i % 52, "prb_used": i % 52,
        "bits_sent": i * 8, "bits_acked": i * 4, "queued_bytes": 1000 - i,
    }  # fmt: skip


def event_record(i: int) -> dict[str, Any]:
    return {"time_ns": i, "kind": "los", "ue": i % 3, "request": -1, "detail": "é" * (i % 4)}


def block_record(i: int) -> dict[str, Any]:
    return {
        "slot": i, "time_ns": i * 500_000, "ue": i % 3, "cell": i % 7, "tb": i, "harq_process": i % 16,
        "transmission": 1, "mcs_index": i % 28, "n_prb": 4, "tb_size_bits": 1024,
        "sinr_eff_db": float("nan") if i % 7 == 0 else i / 3, "bler": 0.1, "ack": i % 10 != 0,
    }  # fmt: skip


@pytest.fixture
def info() -> RunInfo:
    return RunInfo(
        scenario_text="name: test\n", scenario_hash="abc", seed=1, replication=2, duration_ns=10**9, warmup_ns=10**8,
        models={"unet": "00ff"},
    )  # fmt: skip


@pytest.fixture
def publish() -> Publish:
    """Publishes `rows` slots, transport blocks and events."""

    def send(probes: Probes, rows: int) -> None:
        for i in range(rows):
            probes.publish("slots", slot_record(i))
            probes.publish("transport_blocks", block_record(i))
            probes.publish("events", event_record(i))

    return send
