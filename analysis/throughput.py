"""User and cell throughput of three schedulers under full buffers, against the number of users.

`python analysis/throughput.py [--jobs 2] [--replications 4] [--quick] [--from docs/throughput.csv]`

Cars at 30 km/h in a network of 21 cells with wrap-around (scenarios/vehicular_macro.yaml, but the whole carrier),
5, 10 and 20 users in a cell on average, each with data without end and one antenna at either side. Measured are
acknowledged bits: of each user over the measured time, and of each cell. Spectral efficiency is per Hz of the
resource blocks (12 subcarriers each, guard bands left out), idle ones included; 12 of 14 symbols carry data and
demodulation reference signals take 12 of the 144 resource elements of a block, so control and pilots are paid for.

Beside them stands what another published link curve would make of the very same drops: TR 36.942 clause A.1 gives
0.6·log2(1 + SINR) bit/s/Hz, nothing below −10 dB and at most 4.4, for one transmit and two receive antennas in typical
urban fading. It is put on the geometry of each user (SINR of the large-scale gains with every cell on the air, half of
the measured time gone), shared equally as round robin does. One receive antenna makes us lower, a choice of resource
blocks by the channel higher.

Replication k is a drop: it has the same users, starts, shadowing and fading tape under every scheduler. Intervals are
the expanded percentile bootstrap over replications of the statistic of each. Writes the throughput of every user and
cell (CSV, from which `--from` prints and draws again) and the figure (PNG and PDF).
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from study import options, run_all, table_of

from mobaigc_sim.experiment.full_buffer import Case, link_curve, measure
from mobaigc_sim.metrics import Interval, bootstrap_mean, paired_bootstrap
from mobaigc_sim.viz.style import save_figure
from mobaigc_sim.viz.throughput_figure import throughput_figure

SCHEDULERS = {"round_robin": "round robin", "proportional_fair": "proportional fair", "max_ci": "max C/I"}
USERS_PER_CELL = (5, 10, 20)
LINK_CURVE = "TR 36.942 curve"


def main() -> None:
    """Simulate, print, draw."""
    parser = options(__doc__, replications=4, duration_s=2.0, warmup_s=0.6, out="docs/throughput")
    parser.add_argument("--users", type=int, nargs="+", default=list(USERS_PER_CELL), help="mean users in a cell")
    parser.add_argument("--speed", type=float, default=30.0, help="mean speed in km/h")
    parser.add_argument("--prb-ratio", type=float, default=1.0, help="share of the carrier's resource blocks")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.replications, chosen.duration, chosen.warmup = 2, 1.5, 0.5
    table = table_of(parser, chosen, simulate)
    runs = summarise(table)
    report(table, runs)
    by_curve = runs.groupby("users_per_cell")[["curve_p5_bps_hz", "curve_cell_bps_hz"]].mean()
    expected = {int(users): (edge, cell) for users, edge, cell in by_curve.itertuples()}
    drawn = table.assign(scheduler=table["scheduler"].replace(SCHEDULERS))
    for path in save_figure(throughput_figure(drawn, expected, LINK_CURVE), chosen.out.parent, chosen.out.name):
        print(path)


def simulate(chosen: argparse.Namespace) -> pd.DataFrame:
    """One row for each user and each cell of each run."""
    cases = [
        Case(
            chosen.scenario, chosen.bank, scheduler, users, chosen.speed, chosen.prb_ratio,
            chosen.seed, k, chosen.duration, chosen.warmup,
        )
        for k in range(chosen.replications)
        for users in sorted(chosen.users, reverse=True)
        for scheduler in SCHEDULERS
    ]  # fmt: skip
    cases[0].load()
    return pd.concat(run_all(measure, cases, chosen.jobs), ignore_index=True)


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """Statistics of each run: one row for each scheduler, number of users and replication."""
    rows = []
    for (users, scheduler, k), part in table.groupby(["users_per_cell", "scheduler", "replication"], sort=False):
        ues, cells = part[part["of"] == "user"], part[part["of"] == "cell"]
        curve = link_curve(ues["geometry_db"].to_numpy())
        rates = ues["bps_hz"].to_numpy()
        rows.append(
            {
                "users_per_cell": users,
                "scheduler": scheduler,
                "replication": k,
                "cell_bps_hz": cells["bps_hz"].mean(),
                "user_p5_bps_hz": np.percentile(rates, 5),
                "user_p50_bps_hz": np.percentile(rates, 50),
                "user_p95_bps_hz": np.percentile(rates, 95),
                "jain": rates.sum() ** 2 / (len(rates) * (rates**2).sum()),
                "silent": np.mean(rates == 0),
                "prb_used": cells["prb_used"].mean(),
                "first_tx_bler": cells["first_tx_bler"].mean(),
                "curve_cell_bps_hz": curve.mean(),
                "curve_p5_bps_hz": np.percentile(curve, 5) / int(str(users)),
                "geometry_p50_db": ues["geometry_db"].median(),
            }
        )
    return pd.DataFrame(rows)


def report(table: pd.DataFrame, runs: pd.DataFrame) -> None:
    """Print the table, gains paired by drop, and the comparison with the published curve."""
    rng = np.random.default_rng(0)
    first = table.iloc[0]
    print(
        f"{first['scenario']} at {first['speed_kmh']:g} km/h, {first['prb']} resource blocks, seed {first['seed']}, "
        f"{table['replication'].nunique()} drops of {first['measured_s']:g} s measured; 95 % intervals over drops"
    )
    print("\nbit/s/Hz: cell; user 5 %, 50 %, 95 %; then Jain's index, users without a bit, blocks in use, BLER")
    for (users, scheduler), part in runs.groupby(["users_per_cell", "scheduler"], sort=False):
        told = {name: bootstrap_mean(part[name], rng) for name in part.columns[3:]}
        print(
            f"{users:3d} users  {SCHEDULERS[str(scheduler)]:17s} {_three(told['cell_bps_hz'])}  "
            f"{_four(told['user_p5_bps_hz'])} {told['user_p50_bps_hz'].estimate:.4f} "
            f"{told['user_p95_bps_hz'].estimate:.4f}  {told['jain'].estimate:.2f} {told['silent'].estimate:6.1%} "
            f"{told['prb_used'].estimate:6.1%} {told['first_tx_bler'].estimate:5.1%}"
        )
    print("\nagainst round robin, paired by drop: cell, user 5 % (ratio of means)")
    for users in runs["users_per_cell"].unique():
        by = runs[runs["users_per_cell"] == users].pivot(index="replication", columns="scheduler")
        for scheduler in list(SCHEDULERS)[1:]:
            cell, edge = (by[name] for name in ("cell_bps_hz", "user_p5_bps_hz"))
            gain = paired_bootstrap(cell[scheduler], cell["round_robin"], rng)
            base, worst = cell["round_robin"].mean(), edge["round_robin"].mean()
            ratio = edge[scheduler].mean() / worst if worst else float("nan")
            print(
                f"{users:3d} users  {SCHEDULERS[scheduler]:17s} cell {1 + gain.estimate / base:.2f} "
                f"[{1 + gain.low / base:.2f}, {1 + gain.high / base:.2f}], user 5 % {ratio:.2f}"
            )
    print(f"\n{LINK_CURVE} on the same drops, shared equally: cell, user 5 %, median geometry")
    for users in runs["users_per_cell"].unique():
        drops = runs[(runs["users_per_cell"] == users) & (runs["scheduler"] == "round_robin")]
        mean, low = bootstrap_mean(drops["curve_cell_bps_hz"], rng), bootstrap_mean(drops["curve_p5_bps_hz"], rng)
        print(f"{users:3d} users  {_three(mean)}  {_four(low)}  {drops['geometry_p50_db'].mean():.1f} dB")


def _three(told: Interval) -> str:
    return f"{told.estimate:.3f} [{told.low:.3f}, {told.high:.3f}]"


def _four(told: Interval) -> str:
    return f"{told.estimate:.4f} [{max(0.0, told.low):.4f}, {told.high:.4f}]"


if __name__ == "__main__":
    main()
