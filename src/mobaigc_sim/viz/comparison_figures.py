"""Figures of several comparisons of schedulers side by side: a panel for each scenario.

Every table has the column `scenario`; intervals are in the columns with _low and _high behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator, PercentFormatter

from .figures import _as_paper
from .learning import _looks
from .style import BLUE, FAINT, INK, SOFT, VERMILLION

GREEN, PINK = "#009E73", "#CC79A7"
PARTS = {
    "reward_worth": ("worth", BLUE),
    "reward_latency": ("latency", "#E69F00"),
    "reward_failure": ("failures", VERMILLION),
    "reward_band": ("band", PINK),
}
AXES = {"users": "number of users", "speed": "speed (km/h)", "load": "load"}
_KINDS = {"rule": (GREEN, "s"), "random": (SOFT, "x"), "learned": (BLUE, "o")}
_FAINT = {"color": SOFT, "linewidth": 0.5, "linestyle": "-", "alpha": 0.7}
_WIDE, _ROW = 7.16, 0.145


@_as_paper
def rewards_figure(table: pd.DataFrame, bounds: pd.DataFrame) -> Figure:
    """Interquartile mean of the reward of every contestant with its interval; dashed, the bound.

    `table` has the columns scenario, agent, kind, reward; `bounds` has scenario and bound, and may be empty.
    """
    scenarios, agents = _names(table, "scenario"), _names(table, "agent")
    figure, panels = _rows(scenarios, agents)
    limit = bounds.set_index("scenario")["bound"].to_dict() if len(bounds) else {}
    for axes, scenario in zip(panels, scenarios, strict=True):
        own = table[table["scenario"] == scenario]
        for kind, (colour, marker) in _KINDS.items():
            some = own[own["kind"] == kind]
            places = [agents.index(name) for name in some["agent"]]
            axes.hlines(places, some["reward_low"], some["reward_high"], color=colour, linewidth=3, alpha=0.4)
            axes.plot(some["reward"], places, marker, color=colour, label=kind if len(some) else None)
        if scenario in limit:
            axes.axvline(limit[scenario], color=INK, linewidth=0.8, linestyle="--", label="bound")
    figure.supxlabel("reward of a trace (interquartile mean)", fontsize=8)
    _legend_of_all(figure, panels)
    return figure


@_as_paper
def differences_figure(table: pd.DataFrame, champion: str) -> Figure:
    """Mean paired difference of every contestant to the champion with its interval; a number where it is far below.

    `table` has the columns scenario, agent, kind, and difference, also with _low and _high.
    """
    scenarios, agents = _names(table, "scenario"), _names(table, "agent")
    figure, panels = _rows(scenarios, agents)
    for axes, scenario in zip(panels, scenarios, strict=True):
        own = table[table["scenario"] == scenario]
        most = float(own["difference_high"].max()) or 1.0
        far = own["difference"] < -most
        for kind, (colour, marker) in _KINDS.items():
            some = own[(own["kind"] == kind) & ~far]
            places = [agents.index(name) for name in some["agent"]]
            axes.hlines(places, some["difference_low"], some["difference_high"], color=colour, linewidth=3, alpha=0.4)
            axes.plot(some["difference"], places, marker, color=colour, label=kind if len(some) else None)
        for name, value, kind in own.loc[far, ["agent", "difference", "kind"]].itertuples(index=False):
            look = {"color": _KINDS[kind][0], "fontsize": 6, "va": "center"}
            axes.text(-1.2 * most, agents.index(name), f" ◂ −{-value:.0f}", **look)  # type: ignore[arg-type]
        axes.axvline(0.0, color=SOFT, linewidth=0.8, linestyle="--")
        axes.set_xlim(-1.2 * most, 1.1 * most)
    figure.supxlabel(f"reward above {champion} on the same traces (mean)", fontsize=8)
    _legend_of_all(figure, panels)
    return figure


@_as_paper
def parts_figure(table: pd.DataFrame) -> Figure:
    """Mean of the parts of the reward of every contestant as bars; a dot is their sum.

    `table` has the columns scenario, agent, and those of `PARTS`.
    """
    scenarios, agents = _names(table, "scenario"), _names(table, "agent")
    figure, panels = _rows(scenarios, agents)
    for axes, scenario in zip(panels, scenarios, strict=True):
        own = table[table["scenario"] == scenario]
        places = np.array([agents.index(name) for name in own["agent"]])
        above, below = np.zeros(len(own)), np.zeros(len(own))
        for name, (label, colour) in PARTS.items():
            part = own[name].to_numpy(np.float64)
            start = np.where(part >= 0, above, below)
            axes.barh(places, part, 0.75, start, color=colour, label=label, linewidth=0)
            above, below = above + np.maximum(part, 0), below + np.minimum(part, 0)
        axes.plot(above + below, places, "o", color=INK, markersize=2.5, label="reward")
        axes.axvline(0, color=INK, linewidth=0.6)
    figure.supxlabel("reward of a trace (mean), by its parts", fontsize=8)
    _legend_of_all(figure, panels)
    return figure


@_as_paper
def profiles_panels(table: pd.DataFrame, roles: Sequence[str]) -> Figure:
    """Performance profiles with 95 % bands of each threshold; those of other roles are thin lines without.

    `table` has the columns scenario, agent, role, measure, threshold, share, low and high.
    """
    scenarios = _names(table, "scenario")
    figure, panels = _panels(len(scenarios))
    looks = dict(_looks([role for role in roles if role in set(table["role"])]))
    for axes, scenario in zip(panels, scenarios, strict=True):
        own = table[table["scenario"] == scenario]
        named = []
        for agent in sorted(_names(own, "agent"), key=lambda name: _role(own, name) not in looks):
            curve, role = own[own["agent"] == agent], _role(own, agent)
            look: dict[str, Any] = looks.get(role, _FAINT)
            axes.plot(curve["threshold"], curve["share"], label=role, **look)
            if role in looks:
                color = look["color"]
                axes.fill_between(curve["threshold"], curve["low"], curve["high"], color=color, alpha=0.15, linewidth=0)
                named += [f"{role}: {agent}"] if role != agent else []
        title = f"{scenario} ({', '.join(named)})" if named else scenario
        axes.set(title=title, ylim=(0, 1.02), xlabel=own["measure"].iloc[0], ylabel="share above")
        axes.set_xlim(own["threshold"].min(), own["threshold"].max())
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    _legend_of_all(figure, panels)
    return figure


@_as_paper
def curves_panels(curves: pd.DataFrame) -> Figure:
    """Difference to the corrected rule on the validation traces against steps: median and range over seeds.

    `curves` has the columns scenario, agent, seed, steps and difference. A step counts where every seed of the agent
    has it.
    """
    scenarios = _names(curves, "scenario")
    figure, panels = _panels(len(scenarios))
    looks = dict(_looks(_names(curves, "agent")))
    for axes, scenario in zip(panels, scenarios, strict=True):
        own = curves[curves["scenario"] == scenario]
        for agent in _names(own, "agent"):
            runs = own[own["agent"] == agent]
            told = runs.groupby("steps")["difference"].agg(["median", "min", "max", "count"])
            told = told[told["count"] == runs["seed"].nunique()]
            axes.plot(told.index, told["median"], label=agent, **looks[agent])
            color = looks[agent]["color"]
            axes.fill_between(told.index, told["min"], told["max"], color=color, alpha=0.12, linewidth=0)
        axes.axhline(0.0, color=SOFT, linewidth=0.8, linestyle="--")
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.set(title=scenario, xlabel="environment steps", ylabel="reward above the rule")
    _legend_of_all(figure, panels)
    return figure


@_as_paper
def generalisation_figure(table: pd.DataFrame, agent: str, champion: str) -> Figure:
    """Paired difference of an agent to the champion against what was changed, a panel for each such thing.

    `table` has the columns scenario, what, value, agent and difference.
    """
    own = table[table["agent"] == agent]
    figure, panels = _panels(len(_names(own, "what")))
    looks = dict(_looks(_names(own, "scenario")))
    for axes, what in zip(panels, _names(own, "what"), strict=True):
        values = sorted(set(own.loc[own["what"] == what, "value"]))
        for k, (scenario, look) in enumerate(looks.items()):
            points = own[(own["what"] == what) & (own["scenario"] == scenario)].sort_values("value")
            if len(points):
                places = np.array([values.index(value) for value in points["value"]])
                ends = points["difference"] - points["difference_low"], points["difference_high"] - points["difference"]
                aside = 0.12 * (k - (len(looks) - 1) / 2)
                axes.errorbar(places + aside, points["difference"], ends, marker="o", label=scenario, capsize=2, **look)
        axes.axhline(0.0, color=SOFT, linewidth=0.8, linestyle="--")
        axes.set_xticks(range(len(values)), [f"{value:g}" for value in values])
        axes.set(xlabel=AXES.get(what, what), ylabel=f"{agent} above {champion}", xlim=(-0.4, len(values) - 0.6))
    _legend_of_all(figure, panels)
    return figure


def _rows(scenarios: Sequence[str], agents: Sequence[str]) -> tuple[Figure, list[Axes]]:
    """Panels beside each other with a row for each agent."""
    figure = Figure(figsize=(_WIDE if len(scenarios) > 1 else 3.5, 1.0 + _ROW * len(agents)))
    panels = list(figure.subplots(1, len(scenarios), sharey=True, squeeze=False)[0])
    for axes, scenario in zip(panels, scenarios, strict=True):
        axes.set_title(scenario)
        axes.grid(axis="y", color=FAINT, linewidth=0.3)
        axes.xaxis.set_major_locator(MaxNLocator(4))
    panels[0].set_yticks(range(len(agents)), agents, fontsize=7)
    panels[0].set_ylim(len(agents) - 0.4, -0.6)
    return figure, panels


def _panels(count: int) -> tuple[Figure, list[Axes]]:
    """Up to three panels beside each other, four two by two."""
    across = 2 if count == 4 else min(count, 3)
    down = -(-count // across)
    figure = Figure(figsize=(_WIDE if across > 1 else 3.5, 0.5 + 2.0 * down))
    grid = figure.subplots(down, across, squeeze=False).ravel()
    for axes in grid[count:]:
        axes.remove()
    return figure, list(grid[:count])


def _legend_of_all(figure: Figure, panels: Sequence[Axes]) -> None:
    """One legend above all panels, each label once."""
    found = {label: handle for axes in panels for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    if found:
        across = 3 if len(panels) == 1 else 6
        figure.legend(found.values(), found.keys(), loc="outside upper center", ncols=min(len(found), across))


def _names(table: pd.DataFrame, column: str) -> list[str]:
    return [str(name) for name in dict.fromkeys(table[column])]


def _role(table: pd.DataFrame, agent: str) -> str:
    return str(table.loc[table["agent"] == agent, "role"].iloc[0])
