"""Comparison of schedulers that learn: intervals, performance profiles, learning curves.

Source of the first two: R. Agarwal et al., "Deep reinforcement learning at the edge of the statistical precipice",
NeurIPS 2021.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, PercentFormatter

from .figures import _as_paper
from .style import BLUE, INK, SOFT, VERMILLION, save_figure

_COLOURS = (BLUE, VERMILLION, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", INK)
_LINES = ("-", "--", "-.", ":")


def draw_comparison(
    scores: pd.DataFrame, table: pd.DataFrame, curves: pd.DataFrame, champion: str, folder: Path
) -> list[Path]:
    """Save every figure that the data allow in a folder, as PDF and PNG."""
    paths = save_figure(intervals_figure(table, champion), folder, "intervals")
    paths += save_figure(profiles_figure(scores, champion), folder, "profiles")
    if len(curves):
        paths += save_figure(curves_figure(curves), folder, "learning_curves")
    return paths


@_as_paper
def intervals_figure(table: pd.DataFrame, champion: str) -> Figure:
    """Interquartile means of the reward, and paired differences to the champion, each with its interval.

    `table` has the columns agent, and reward and difference, each also with _low and _high.
    """
    figure = Figure(figsize=(7.16, 0.7 + 0.2 * len(table)))
    left, right = figure.subplots(1, 2, sharey=True)
    places = np.arange(len(table))
    for axes, name in ((left, "reward"), (right, "difference")):
        middle = table[name].to_numpy(np.float64)
        low, high = table[f"{name}_low"].to_numpy(np.float64), table[f"{name}_high"].to_numpy(np.float64)
        axes.hlines(places, low, high, color=BLUE, linewidth=3, alpha=0.4)
        axes.plot(middle, places, "o", color=BLUE, markersize=3.5)
        axes.axvline(_of(table, champion, name), color=SOFT, linewidth=0.8, linestyle="--")
    left.set_yticks(places, table["agent"].to_list())
    left.invert_yaxis()
    left.set_xlabel("reward of a trace (interquartile mean)")
    right.set_xlabel(f"difference to {champion} (paired mean)")
    return figure


@_as_paper
def profiles_figure(scores: pd.DataFrame, champion: str) -> Figure:
    """Share of (seed, trace) pairs whose reward exceeds the champion's on that trace by more than what the axis says.

    `scores` has the columns agent, seed, trace and reward. A curve that is higher everywhere belongs to the better
    contestant; at zero it is the probability to have more than the champion.
    """
    figure = Figure(figsize=(3.5, 2.6))
    axes = figure.subplots()
    base_T = scores[scores["agent"] == champion].groupby("trace")["reward"].mean()
    ends = [0.0]
    for agent, look in _looks([name for name in dict.fromkeys(scores["agent"]) if name != champion]):
        own = scores[scores["agent"] == agent]
        differences = np.sort(own["reward"].to_numpy(np.float64) - base_T.loc[own["trace"]].to_numpy(np.float64))
        axes.ecdf(differences, complementary=True, label=agent, **look)
        ends += list(np.quantile(differences, [0.02, 0.98]))
    margin = 0.05 * (max(ends) - min(ends)) or 1.0
    axes.set_xlim(min(ends) - margin, max(ends) + margin)
    axes.axvline(0.0, color=SOFT, linewidth=0.8, linestyle="--")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set(xlabel=f"reward above {champion} on the same trace", ylabel="share of seeds and traces")
    _legend(figure, axes)
    return figure


@_as_paper
def curves_figure(curves: pd.DataFrame) -> Figure:
    """Difference to the corrected rule on the validation traces against steps: mean and range over seeds.

    `curves` has the columns agent, seed, steps and difference.
    """
    figure = Figure(figsize=(3.5, 2.6))
    axes = figure.subplots()
    for agent, look in _looks(list(dict.fromkeys(curves["agent"]))):
        by_steps = curves[curves["agent"] == agent].groupby("steps")["difference"]
        told = by_steps.agg(["mean", "min", "max"])
        axes.plot(told.index, told["mean"], label=agent, **look)
        axes.fill_between(told.index, told["min"], told["max"], color=look["color"], alpha=0.15, linewidth=0)
    axes.axhline(0.0, color=SOFT, linewidth=0.8, linestyle="--")
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.set(xlabel="environment steps", ylabel="reward above the rule")
    _legend(figure, axes)
    return figure


def _of(table: pd.DataFrame, agent: str, name: str) -> float:
    return float(table.loc[table["agent"] == agent, name].iloc[0])


def _looks(names: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, color, k in zip(names, cycle(_COLOURS), range(len(names)), strict=False):
        yield name, {"color": color, "linestyle": _LINES[k % len(_LINES)], "linewidth": 1.2}


def _legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    if labels:
        figure.legend(handles, labels, loc="outside upper center", ncols=min(len(labels), 4))
