"""How do requests fail as users move faster, and what does sending only what matters change?

`python analysis/mobility_failures.py [--jobs 2] [--replications 5] [--quick] [--from docs/mobility_failures.csv]`

Cars in a network of 21 cells (scenarios/vehicular_macro.yaml) ask for two images that must be there 400 ms later, of
which generation takes 280 ms. Swept are their mean speed, the background traffic of the cells (light and medium: files
of FTP model 3; heavy: endless data) and what is sent: a quarter of the patches, the base of the progressive stream
first, or whole images. A request failed if it gave no picture, and was partial if it gave less than was offered.

Replication k draws the same users, starts, shadowing, fading tape and requests at every speed and load; the figures of
a point are means over replications, with the expanded percentile bootstrap interval over them, since the requests of
one replication share its users and cells and are not independent. Differences are paired by replication. Writes one
row a run (CSV, from which `--from` prints and draws again) and the figure (PNG and PDF).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from study import options, run_all, table_of

from mobaigc_sim.experiment.many import run_in_memory
from mobaigc_sim.metrics import bootstrap_mean, evaluate, paired_bootstrap
from mobaigc_sim.metrics.definitions import measured_requests
from mobaigc_sim.results.tables import CAUSES
from mobaigc_sim.scenario.load import load_scenario
from mobaigc_sim.viz.mobility_figure import mobility_figure
from mobaigc_sim.viz.style import save_figure

SPEEDS_KMH = (3, 30, 60, 120)
LOADS = {
    "light": "traffic.background={kind: ftp3, users: 126, file_size: 20 kB, mean_interval: 4 s}",
    "medium": "traffic.background={kind: ftp3, users: 126, file_size: 20 kB, mean_interval: 1200 ms}",
    "heavy": "traffic.background={kind: full_buffer, users: 126}",
}
SENT = {"keep 0.25": "media.keep=0.25", "whole": "media.semantic=off"}
COMMON = (
    "users.count=84",
    "traffic.arrivals.mean_interval=1 s",
    "traffic.images_per_request=2",
    "traffic.deadline=400 ms",
    "service.gpu_workers=200",
    "media.mode=bank",
)
OF_THE_RUN = (
    "handover_rate",
    "ping_pong_ratio",
    "rlf_rate",
    "outage_ratio",
    "prb_utilisation",
    "first_tx_bler",
    "residual_bler",
)
TOPICS = ("requests", "slots", "transport_blocks", "users", "events")
POINT = ["load", "sent", "speed_kmh"]


@dataclass(frozen=True)
class Case:
    """One run."""

    scenario: Path
    bank: Path
    load: str
    sent: str
    speed_kmh: float
    seed: int
    replication: int
    duration_s: float
    warmup_s: float

    def overrides(self) -> tuple[str, ...]:
        return (
            *COMMON,
            LOADS[self.load],
            SENT[self.sent],
            f"media.bank={self.bank.resolve()}",
            f"users.mobility.speed={self.speed_kmh:g} km/h",
            f"seed={self.seed}",
            f"replication={self.replication}",
            f"duration={self.duration_s:g} s",
            f"warmup={self.warmup_s:g} s",
        )


def main() -> None:
    """Simulate, print, draw."""
    parser = options(__doc__, replications=5, duration_s=3.5, warmup_s=0.8, out="docs/mobility_failures")
    parser.add_argument("--speeds", type=float, nargs="+", default=list(SPEEDS_KMH), help="mean speeds in km/h")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.replications, chosen.duration = 2, 2.0
    table = table_of(parser, chosen, simulate)
    summary = summarise(table)
    report(table, summary)
    for path in save_figure(mobility_figure(summary), chosen.out.parent, chosen.out.name):
        print(path)


def simulate(chosen: argparse.Namespace) -> pd.DataFrame:
    """One row a run."""
    cases = [
        Case(chosen.scenario, chosen.bank, load, sent, speed, chosen.seed, k, chosen.duration, chosen.warmup)
        for k in range(chosen.replications)
        for load in reversed(LOADS)
        for speed in chosen.speeds
        for sent in SENT
    ]
    load_scenario(cases[0].scenario, cases[0].overrides())
    return pd.DataFrame(run_all(measure, cases, chosen.jobs))


def measure(case: Case) -> dict[str, Any]:
    """What one run gives: counts of requests by status and cause, and metrics."""
    run = run_in_memory(load_scenario(case.scenario, case.overrides()), TOPICS)
    requests = measured_requests(run)
    row: dict[str, Any] = {
        "scenario": case.scenario.name,
        "seed": case.seed,
        "replication": case.replication,
        "duration_s": case.duration_s,
        "warmup_s": case.warmup_s,
        "load": case.load,
        "sent": case.sent,
        "speed_kmh": case.speed_kmh,
        "requests": len(requests),
        "offered_bytes": requests["offered_bytes"].mean(),
        "jpsq": evaluate(run, "jpsq_mean"),
    }
    for status in ("failed", "partial"):
        causes = requests.loc[requests["status"] == status, "cause"]
        row |= {status: len(causes)} | {f"{status}_{cause}": int((causes == cause).sum()) for cause in CAUSES}
    return row | {name: evaluate(run, name) for name in OF_THE_RUN}


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """Mean and interval over replications: one row for each load, what is sent, speed and quantity."""
    rng = np.random.default_rng(0)
    counts = [c for c in table if str(c).split("_")[0] in ("failed", "partial")]
    rows = []
    for point, part in table.groupby(POINT, sort=False):
        shares = part[counts].div(part["requests"], axis=0)
        shares["undelivered"] = shares["failed"] + shares["partial"]
        for quantity, values in (shares.join(part[["jpsq", "offered_bytes", *OF_THE_RUN]])).items():
            # without handovers there is no share of ping-pongs
            found = bootstrap_mean(values.dropna(), rng)
            rows.append((*point, quantity, found.estimate, max(0.0, found.low), found.high))
    return pd.DataFrame(rows, columns=[*POINT, "quantity", "estimate", "low", "high"])


def report(table: pd.DataFrame, summary: pd.DataFrame) -> None:
    """Print shares by cause, what moved with the speed, and what sending less changes."""
    first, runs = table.iloc[0], table["replication"].nunique()
    print(
        f"{first['scenario']}, seed {first['seed']}, replications 0 to {runs - 1}, {first['duration_s']:g} s each with "
        f"a warm-up of {first['warmup_s']:g} s; 95 % intervals over replications"
    )
    told = summary.set_index([*POINT, "quantity"]).sort_index()
    causes = [c for c in CAUSES if (table[f"failed_{c}"].sum() or table[f"partial_{c}"].sum())]
    print(f"\nShare of requests in %; in brackets failed + partial by cause ({', '.join(causes)})")
    for point in table[POINT].drop_duplicates().sort_values(POINT, key=_order).itertuples(index=False):
        at = told.loc[tuple(point)]
        by_cause = ", ".join(
            f"{100 * at.loc[f'failed_{c}', 'estimate']:.1f} + {100 * at.loc[f'partial_{c}', 'estimate']:.1f}"
            for c in causes
        )
        print(
            f"{point.load:7s} {point.sent:10s} {point.speed_kmh:4g} km/h: failed {_percent(at.loc['failed'])}, "
            f"partial {_percent(at.loc['partial'])} ({by_cause}); JPSQ {_plain(at.loc['jpsq'])}"
        )
    print("\nPer user and second: handovers, radio link failures; share: ping-pongs, time out of service")
    print("then resource blocks in use, block error rate of first transmissions and after HARQ, bytes offered")
    for point in table[POINT].drop_duplicates().sort_values(POINT, key=_order).itertuples(index=False):
        at = told.loc[tuple(point), "estimate"]
        print(
            f"{point.load:7s} {point.sent:10s} {point.speed_kmh:4g} km/h: "
            f"{at['handover_rate']:.3f} {at['rlf_rate']:.4f}  {at['ping_pong_ratio']:6.1%} {at['outage_ratio']:6.2%}"
            f"  {at['prb_utilisation']:6.1%} {at['first_tx_bler']:6.1%} {at['residual_bler']:8.3%}"
            f" {at['offered_bytes']:6.0f}"
        )
    print("\nkeep 0.25 against whole images, paired by replication: failures in points of %, JPSQ")
    for line in _differences(table):
        print(line)


def _differences(table: pd.DataFrame) -> Iterator[str]:
    rng = np.random.default_rng(1)
    ratio = table.assign(failed=100 * table["failed"] / table["requests"])
    for (load, speed), part in ratio.groupby(["load", "speed_kmh"], sort=False):
        by = part.pivot(index="replication", columns="sent", values=["failed", "jpsq"])
        less = paired_bootstrap(by["failed", "keep 0.25"], by["failed", "whole"], rng)
        better = paired_bootstrap(by["jpsq", "keep 0.25"], by["jpsq", "whole"], rng)
        yield (
            f"{load:7s} {speed:4g} km/h: {less.estimate:+.2f} [{less.low:+.2f}, {less.high:+.2f}], "
            f"JPSQ {better.estimate:+.4f} [{better.low:+.4f}, {better.high:+.4f}]"
        )


def _order(column: pd.Series[Any]) -> pd.Series[Any]:
    return column.map(list(LOADS).index) if column.name == "load" else column


def _percent(row: pd.Series[Any]) -> str:
    return f"{100 * row['estimate']:5.2f} [{100 * row['low']:5.2f}, {100 * row['high']:5.2f}]"


def _plain(row: pd.Series[Any]) -> str:
    return f"{row['estimate']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"


if __name__ == "__main__":
    main()
