"""Requests that failed or came in part, by cause, against speed and load; and what moved with the speed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from ..results.tables import CAUSES
from .figures import _CAUSE_LABELS, _as_paper
from .style import INK, SOFT

_COLOURS = dict(zip(CAUSES, ("#0072B2", "#D55E00", "#CC79A7", "#009E73", "#E69F00", "#56B4E9", "#000000"), strict=True))
_STATUSES = {"failed": "failed: no picture", "partial": "partial: less than offered"}
_WIDTH, _HATCHES = 0.38, ("", "/////")
_MARKERS = ("o", "s", "^", "D")


@_as_paper
def mobility_figure(table: pd.DataFrame) -> Figure:
    """Bars of failed (above) and partial requests (below) stacked by cause, a column of panels for each load.

    `table` has the columns load, sent, speed_kmh, quantity, estimate, low, high. Quantities: `failed` and `partial`
    (shares with intervals), both with `_` and a cause (shares), `handover_rate`, `rlf_rate`, `first_tx_bler`. The ways
    of sending are bars side by side. The last column has handovers and radio link failures, and block errors, of the
    first way of sending.
    """
    figure = Figure(figsize=(7.16, 3.7))
    loads, ways = list(dict.fromkeys(table["load"])), list(dict.fromkeys(table["sent"]))
    failed = table[table["quantity"] == "failed"].groupby("load")["estimate"].max()
    loads.sort(key=lambda load: float(failed[load]))
    speeds = sorted(set(table["speed_kmh"]))
    axes = figure.subplots(2, len(loads) + 1, squeeze=False)
    causes = [cause for cause in CAUSES if _any(table, cause)]
    for i, status in enumerate(_STATUSES):
        for j, load in enumerate(loads):
            own = table[table["load"] == load]
            _stack(axes[i, j], own, status, causes, ways, speeds)
            axes[i, j].set_title(f"{load} load" if i == 0 else "")
        axes[i, 0].set_ylabel(_STATUSES[status])
    mechanics = table[table["sent"] == ways[0]]
    _rates(axes[0, -1], mechanics, loads[-1], speeds)
    _errors(axes[1, -1], mechanics, loads, speeds)
    for row in axes:
        for one in row:
            one.set_xticks(range(len(speeds)), [f"{speed:g}" for speed in speeds])
            one.grid(axis="x", visible=False)
    for one in axes[1]:
        one.set_xlabel("mean speed (km/h)")
    keys = [Patch(facecolor=_COLOURS[cause], label=_CAUSE_LABELS[cause]) for cause in causes]
    keys += [
        Patch(facecolor="white", edgecolor=INK, hatch=hatch, label=way)
        for way, hatch in zip(ways, _HATCHES, strict=False)
    ]
    figure.legend(handles=keys, loc="outside upper center", ncols=len(keys), columnspacing=1.2, handlelength=1.4)
    return figure


def _stack(
    axes: Axes, table: pd.DataFrame, status: str, causes: Sequence[str], ways: Sequence[str], speeds: Sequence[float]
) -> None:
    top = 0.0
    for way, hatch, shift in zip(ways, _HATCHES, (-0.5, 0.5), strict=False):
        x = np.arange(len(speeds)) + shift * _WIDTH * (len(ways) > 1)
        bottom = np.zeros(len(speeds))
        for cause in causes:
            share = _of(table, way, f"{status}_{cause}", speeds)["estimate"].fillna(0.0).to_numpy()
            look: dict[str, Any] = {"color": _COLOURS[cause], "edgecolor": "white", "linewidth": 0.3, "hatch": hatch}
            axes.bar(x, share, _WIDTH * 0.92, bottom, label=f"{way}, {cause}", **look)
            bottom += share
        total = _of(table, way, status, speeds)
        spread = _spread(total)
        axes.errorbar(x, total["estimate"], spread, fmt="none", ecolor=INK, elinewidth=0.7, capsize=1.5)
        top = max(top, float((total["estimate"] + spread[1]).max()))
    axes.set_ylim(0, 1.08 * top if top else 0.01)
    axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    decimals = 0 if top > 0.03 else 1
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=decimals))


def _rates(axes: Axes, table: pd.DataFrame, load: str, speeds: Sequence[float]) -> None:
    own = table[table["load"] == load]
    for quantity, label, marker in (("handover_rate", "handovers", "o"), ("rlf_rate", "radio link failures", "s")):
        _curve(axes, own, quantity, label, speeds, marker)
    axes.set_title("per user and second")
    axes.set_ylim(bottom=0)
    axes.legend(loc="upper left", handlelength=1.4, borderaxespad=0.1)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high * 1.35)


def _errors(axes: Axes, table: pd.DataFrame, loads: Sequence[str], speeds: Sequence[float]) -> None:
    for load, marker in zip(loads, _MARKERS, strict=False):
        _curve(axes, table[table["load"] == load], "first_tx_bler", load, speeds, marker)
    axes.axhline(0.1, color=SOFT, linewidth=0.8, linestyle=":")
    axes.set_title("first-transmission BLER")
    axes.set_ylim(0, 1.5 * axes.get_ylim()[1])
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.legend(loc="upper left", handlelength=1.4, borderaxespad=0.1, labelspacing=0.2)


def _curve(axes: Axes, table: pd.DataFrame, quantity: str, label: str, speeds: Sequence[float], marker: str) -> None:
    own = table[table["quantity"] == quantity].set_index("speed_kmh").reindex(list(speeds))
    spread = _spread(own)
    axes.errorbar(range(len(speeds)), own["estimate"], spread, marker=marker, label=label, capsize=1.5, elinewidth=0.7)


def _spread(own: pd.DataFrame) -> NDArray[np.float64]:
    """Distances to both ends of the interval; none where it is endless, as that of a single replication."""
    ends = np.stack([own["estimate"] - own["low"], own["high"] - own["estimate"]])
    return np.where(np.isfinite(ends).all(axis=0), ends, 0.0)


def _of(table: pd.DataFrame, way: str, quantity: str, speeds: Sequence[float]) -> pd.DataFrame:
    own = table[(table["sent"] == way) & (table["quantity"] == quantity)]
    return own.set_index("speed_kmh").reindex(list(speeds))


def _any(table: pd.DataFrame, cause: str) -> bool:
    named = table["quantity"].isin([f"{status}_{cause}" for status in _STATUSES])
    return bool((table.loc[named, "estimate"] > 0).any())
