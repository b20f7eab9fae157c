"""One drop of full-buffer users: what every user and every cell got, and what a published curve would have given.

Shapes: U users, C cells.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..cell.cell import Cell
from ..kernel.probes import Probes, Record
from ..metrics.throughput import HZ_S_PER_PRB
from ..scenario.load import load_scenario
from ..scenario.schema import Scenario
from ..units import NS_PER_S


@dataclass(frozen=True)
class Case:
    """One run."""

    scenario: Path
    bank: Path
    scheduler: str
    users_per_cell: int
    speed_kmh: float
    prb_ratio: float
    seed: int
    replication: int
    duration_s: float
    warmup_s: float

    def load(self) -> Scenario:
        """The scenario of the run; the one user who could ask for images never does."""
        first = load_scenario(self.scenario)
        cells = first.radio.setup(1).layout.n_cell
        return load_scenario(
            self.scenario,
            (
                f"traffic.background={{kind: full_buffer, users: {self.users_per_cell * cells - 1}}}",
                "users.count=1",
                "traffic.arrivals={kind: poisson, mean_interval: 1000000 s}",
                "traffic.images_per_request=1",
                "media.mode=bank",
                f"media.bank={self.bank.resolve()}",
                f"radio.slice.prb_ratio={self.prb_ratio:g}",
                f"scheduler={{kind: {self.scheduler}}}",
                f"users.mobility.speed={self.speed_kmh:g} km/h",
                f"seed={self.seed}",
                f"replication={self.replication}",
                f"duration={self.duration_s:g} s",
                f"warmup={self.warmup_s:g} s",
            ),
        )


class Tally:
    """Bits acknowledged and resource blocks used by each user and cell after the warm-up."""

    def __init__(self, n_ue: int, n_cell: int, warmup_ns: int, duration_ns: int) -> None:
        self.bits_U, self.bits_C = np.zeros(n_ue), np.zeros(n_cell)
        self.prb_C = np.zeros(n_cell)
        self.first, self.first_lost, self.slots = 0, 0, 0
        self._window_ns = warmup_ns, duration_ns

    def block(self, row: Record) -> None:
        """Count a transmission."""
        if self._window_ns[0] <= row["time_ns"] < self._window_ns[1]:
            bits = row["tb_size_bits"] * row["ack"]
            self.bits_U[row["ue"]] += bits
            self.bits_C[row["cell"]] += bits
            self.prb_C[row["cell"]] += row["n_prb"]
            self.first += row["transmission"] == 1
            self.first_lost += row["transmission"] == 1 and not row["ack"]

    def slot(self, row: Record) -> None:
        """Count a slot."""
        self.slots += self._window_ns[0] <= row["time_ns"] < self._window_ns[1]


def measure(case: Case) -> pd.DataFrame:
    """Throughput and spectral efficiency of every user and cell of a run."""
    scenario = case.load()
    probes = Probes()
    cell = Cell(scenario, probes)
    link = cell.network.link
    n_prb = link.carrier.n_prb
    tally = Tally(case.users_per_cell * link.n_cell, link.n_cell, scenario.warmup, scenario.duration)
    probes.subscribe("transport_blocks", tally.block)
    probes.subscribe("slots", tally.slot)
    sinr_U: list[NDArray[np.float64]] = []
    middle_ns = (scenario.warmup + scenario.duration) // 2

    def look(row: Record) -> None:
        if row["time_ns"] >= middle_ns and not sinr_U:
            noise = 10.0 ** (-scenario.radio.setup(1).snr_without_loss_db / 10.0)
            sinr_U.append(geometry(link.gain_db_UC, noise))

    probes.subscribe("slots", look)
    cell.run()
    measured_s = (scenario.duration - scenario.warmup) / NS_PER_S
    hz = n_prb * HZ_S_PER_PRB / (link.carrier.slot_ns / NS_PER_S)
    common: dict[str, Any] = {
        "scenario": case.scenario.name,
        "seed": case.seed,
        "replication": case.replication,
        "speed_kmh": case.speed_kmh,
        "prb": n_prb,
        "measured_s": measured_s,
        "users_per_cell": case.users_per_cell,
        "scheduler": case.scheduler,
    }
    users = pd.DataFrame({"of": "user", "number": np.arange(len(tally.bits_U)), "bps": tally.bits_U / measured_s})
    users["geometry_db"] = 10.0 * np.log10(sinr_U[0])
    cells = pd.DataFrame({"of": "cell", "number": np.arange(link.n_cell), "bps": tally.bits_C / measured_s})
    cells["prb_used"] = tally.prb_C / (tally.slots * n_prb)
    cells["first_tx_bler"] = tally.first_lost / max(1, tally.first)
    # who never asks for anything is no full-buffer user
    rows = pd.concat([users[users["number"] > 0], cells], ignore_index=True)
    rows["bps_hz"] = rows["bps"] / hz
    return rows.assign(**common)[[*common, *rows.columns]]


def geometry(gain_db_UC: NDArray[np.float64], noise: float) -> NDArray[np.float64]:
    """SINR of each user in its strongest cell with every cell on the air; `noise` over transmit power, both linear."""
    gain_UC = 10.0 ** (gain_db_UC / 10.0)
    best_U = gain_UC.max(axis=1)
    sinr_U: NDArray[np.float64] = best_U / (gain_UC.sum(axis=1) - best_U + noise)
    return sinr_U


def link_curve(sinr_db: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spectral efficiency in bit/s/Hz of TR 36.942 clause A.1, downlink: one transmit and two receive antennas."""
    found: NDArray[np.float64] = np.minimum(0.6 * np.log2(1.0 + 10.0 ** (sinr_db / 10.0)), 4.4)
    return np.where(sinr_db < -10.0, 0.0, found)
