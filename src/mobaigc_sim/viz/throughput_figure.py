"""Throughput under full buffers: CDFs over users and over cells, and the spectral efficiency of edge and cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from ..metrics.stats import bootstrap_mean
from .figures import _as_paper
from .style import BLUE, SOFT, VERMILLION

MBIT = 1e6
DECADES = 1e4
"""Largest over smallest user throughput on the axis; slower users are at its left end."""
_LOOKS: tuple[dict[str, Any], ...] = (
    {"color": BLUE, "linestyle": "-", "marker": "o"},
    {"color": VERMILLION, "linestyle": "--", "marker": "s"},
    {"color": "#009E73", "linestyle": ":", "marker": "^"},
    {"color": "#CC79A7", "linestyle": "-.", "marker": "D"},
)


@_as_paper
def throughput_figure(
    table: pd.DataFrame, expected: Mapping[int, tuple[float, float]] | None = None, label: str = ""
) -> Figure:
    """CDF over users (above) and cells (below) for each number of users; cell and edge efficiency against it.

    `table` has the columns scheduler, users_per_cell, replication, of (`user` or `cell`), bps and bps_hz. `expected`
    maps the number of users to what is expected of 5 % of users and of a cell, in bit/s/Hz, and `label` says by whom.
    CDFs are over all replications, those of users on a logarithmic axis; points are means over replications of the mean
    over cells and of the 5th percentile over users, with 95 % intervals.
    """
    schedulers = list(dict.fromkeys(table["scheduler"]))
    counts = sorted(set(table["users_per_cell"]))
    figure = Figure(figsize=(7.16, 3.6))
    axes = figure.subplots(2, len(counts) + 1, squeeze=False)
    for i, of in enumerate(("user", "cell")):
        own = table[table["of"] == of]
        highest = float(own["bps"].max()) / MBIT
        for j, count in enumerate(counts):
            one = axes[i, j]
            _cdfs(one, own[own["users_per_cell"] == count], schedulers)
            one.set_ylim(0, 1.02)
            if of == "user":
                one.set(xscale="log", xlim=(highest / DECADES, 1.3 * highest))
                one.xaxis.set_major_locator(LogLocator(numticks=10))
                one.xaxis.set_minor_locator(NullLocator())
            else:
                one.set_xlim(0, 1.02 * highest)
                one.xaxis.set_major_locator(MaxNLocator(4))
            if i == 0:
                one.set_title(f"{count} users per cell")
            if j:
                one.tick_params(labelleft=False)
        axes[i, 0].set_ylabel(f"CDF over {of}s")
        axes[i, len(counts) // 2].set_xlabel(f"{of} throughput (Mbit/s)")
    _points(axes[0, -1], table, "user", schedulers, counts)
    _points(axes[1, -1], table, "cell", schedulers, counts)
    for k, one in enumerate(axes[:, -1]):
        if expected:
            marks = [expected[count][k] for count in counts]
            one.plot(range(len(counts)), marks, "x", color=SOFT, label=label, markersize=4.5)
        one.set_ylim(bottom=0)
    axes[1, -1].set_xlabel("users per cell")
    handles, labels = axes[1, -1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    return figure


def _cdfs(axes: Axes, table: pd.DataFrame, schedulers: Sequence[str]) -> None:
    for name, look in zip(schedulers, _LOOKS, strict=False):
        values = table.loc[table["scheduler"] == name, "bps"].to_numpy(np.float64) / MBIT
        if len(values):
            axes.ecdf(values, label=name, color=look["color"], linestyle=look["linestyle"], linewidth=1.2)


def _points(axes: Axes, table: pd.DataFrame, of: str, schedulers: Sequence[str], counts: Sequence[int]) -> None:
    rng = np.random.default_rng(0)
    own = table[table["of"] == of]
    shift = np.linspace(-0.12, 0.12, len(schedulers))
    for name, look, aside in zip(schedulers, _LOOKS, shift, strict=False):
        told = [bootstrap_mean(_by_run(own, name, count), rng) for count in counts]
        mean = np.array([one.estimate for one in told])
        ends = np.array([[o.estimate - max(0.0, o.low) for o in told], [o.high - o.estimate for o in told]])
        # the interval of a single drop has no end
        spread = np.where(np.isfinite(ends).all(axis=0), ends, 0.0)
        axes.errorbar(np.arange(len(counts)) + aside, mean, spread, label=name, capsize=2, elinewidth=0.8, **look)
    axes.set_title("5 % of users (bit/s/Hz)" if of == "user" else "mean of cells (bit/s/Hz)")
    axes.set_xticks(range(len(counts)), [str(count) for count in counts])
    axes.set_xlim(-0.4, len(counts) - 0.6)


def _by_run(table: pd.DataFrame, scheduler: str, count: int) -> list[float]:
    own = table[(table["scheduler"] == scheduler) & (table["users_per_cell"] == count)]
    runs = own.groupby("replication")["bps_hz"]
    return (runs.mean() if (own["of"] == "cell").any() else runs.quantile(0.05)).to_list()
