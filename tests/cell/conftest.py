"""A cell whose media stack costs nothing: packets of fixed sizes, scores that count what arrived."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mobaigc_sim.cell.cell import Cell
from mobaigc_sim.kernel.probes import Probes
from mobaigc_sim.media.config import MediaConfig
from mobaigc_sim.scenario.schema import Scenario

PACKET_BYTES = (60, 900, 800, 700)
TABLES = ("requests", "slots", "transport_blocks", "users", "events", "files", "images")


class CheapMedia:
    """Stands for the media stack; everything depends on prompt and seed alone."""

    keep_grid = np.linspace(0.1, 1.0, 10)
    held = None

    def __init__(self, config: MediaConfig) -> None:
        self.config = config
        self.batches: list[int] = []

    def check_prompts(self, prompts: Iterable[str]) -> None:
        assert all(prompts)

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> list[Any]:
        self.batches.append(len(prompts))
        image = np.zeros((16, 16, 3), np.uint8)
        return [
            SimpleNamespace(prompt=p, seed=s, image=image, whole=bytes(4000), importance=np.eye(2), word_weights={})
            for p, s in zip(prompts, seeds, strict=True)
        ]

    def content_curve(self, picture: Any) -> Any:
        return SimpleNamespace(total_bytes=60 + 900 * self.keep_grid, importance=np.sqrt(self.keep_grid))

    def offered_keep(self, keep: float) -> float:
        return keep

    def offer(self, picture: Any, keep: float) -> list[bytes]:
        if not self.config.semantic:
            return [picture.whole]
        count = 1 + max(1, round(keep * (len(PACKET_BYTES) - 1)))
        return [bytes(n) for n in PACKET_BYTES[:count]]

    def finish(self, deliveries: Sequence[Any]) -> list[Any]:
        return [
            SimpleNamespace(
                received=d.picture.image,
                known=np.ones((16, 16), bool),
                recovered=d.picture.image,
                inpainted=len(d.packets) < 4,
                s=len(d.packets) / 4,
                q=0.5,
                jpsq=0.5 * len(d.packets) / 4 + 0.25,
                psnr_db=30.0,
                ssim=0.9,
            )
            for d in deliveries
        ]


class Ran:
    """A finished run: the cell and what it published."""

    def __init__(self, scenario: Scenario) -> None:
        probes = Probes()
        self.rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for table in TABLES:
            probes.subscribe(table, self.rows[table].append)  # type: ignore[arg-type]
        self.media = CheapMedia(scenario.media)
        self.cell = Cell(scenario, probes, self.media)  # type: ignore[arg-type]
        self.cell.run()


def scenario_of(**changes: Any) -> Scenario:
    """A small loaded cell; `changes` are top-level keys."""
    plain: dict[str, Any] = {
        "name": "test",
        "duration": "4 s",
        "seed": 4,
        "radio": {"bandwidth": "5 MHz", "numerology": 0, "slice": {"prb_ratio": 0.08}, "tx_power": "22 dBm"},
        "users": {"count": 6, "mobility": {"kind": "gauss_markov", "speed": "30 km/h"}},
        "traffic": {
            "arrivals": {"kind": "poisson", "mean_interval": "1 s"},
            "prompts": {"kind": "list", "prompts": ["a fox", "a car"]},
            "images_per_request": 2,
            "deadline": "700 ms",
        },
        "service": {"generation_time": {"base": "100 ms", "per_image": "10 ms"}},
        "scheduler": {"kind": "proportional_fair"},
    }
    return Scenario.model_validate({**plain, **changes})


@pytest.fixture(scope="session")
def run_cell() -> Callable[..., Ran]:
    """Run the small cell with some top-level keys changed."""
    return lambda **changes: Ran(scenario_of(**changes))


@pytest.fixture(scope="session")
def ran(run_cell: Callable[..., Ran]) -> Ran:
    """The small cell as it is."""
    return run_cell()


WriteTrace = Callable[[list[tuple[float, str, float, float]]], dict[str, Any]]
"""Mobility that follows rows of time_s, ue, x_m, y_m."""


@pytest.fixture
def trace(tmp_path: Path) -> WriteTrace:
    """Write a CSV trace; returns the mobility that follows it."""

    def write(rows: list[tuple[float, str, float, float]]) -> dict[str, Any]:
        file = tmp_path / "users.csv"
        file.write_text("time_s,ue,x_m,y_m\n" + "".join(f"{t},{ue},{x},{y}\n" for t, ue, x, y in rows))
        return {"kind": "csv_trace", "file": str(file), "max_gap": "60 s"}

    return write


def connection_events(ran: Ran, ue: int | None = None) -> list[tuple[int, str, int, int]]:
    """Time, kind, cell left and cell entered of each change of a user's connection."""
    return [
        (e["time_ns"], e["kind"], *(int(n) for n in e["detail"].split()[1::2]))
        for e in ran.rows["events"]
        if e["kind"] != "packet_lost" and ue in (None, e["ue"])
    ]
