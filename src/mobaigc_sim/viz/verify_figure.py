"""Figures of the verification: what the models do, as points, on the closed forms, as lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MultipleLocator, NullLocator

from ..radio.calibration import CASES, REFERENCES
from .calibration_figure import calibration_figure
from .figures import _as_paper
from .style import INK, paper

Curves = Mapping[str, pd.DataFrame]

_SIZE = (3.5, 2.4)
_MARKERS = ("o", "s", "^", "D", "v")
_LAW_LABELS = {"md1": "M/D/1, one slot a service", "mm1": "M/M/1, 200 slots a service"}


@_as_paper
def autocorrelation_figure(found: pd.DataFrame, closed: pd.DataFrame) -> Figure:
    """Autocorrelation of the fading at several speeds, against delay in periods of the greatest Doppler shift."""
    figure = Figure(figsize=_SIZE)
    axes = figure.subplots()
    axes.plot(closed["shifts"], closed["closed"], color=INK, linewidth=0.9, label=r"$J_0(2\pi f_D\tau)$")
    for number, (speed, part) in enumerate(found.groupby("speed_kmh")):
        _points(axes, part["shifts"], part["found"], number, f"{speed:g} km/h")
    axes.set(xlabel=r"delay in Doppler periods, $f_D\tau$", ylabel="autocorrelation of the fading")
    axes.set_xlim(0.0, float(closed["shifts"].max()) * 1.01)
    axes.legend()
    return figure


@_as_paper
def fades_figure(found: pd.DataFrame, closed: pd.DataFrame) -> Figure:
    """Level-crossing rate and average fade duration against the level, both freed of the Doppler shift."""
    figure = Figure(figsize=(3.5, 3.2))
    panels = figure.subplots(2, 1, sharex=True)
    for axes, column, label in zip(
        panels, ("rate", "duration"), (r"crossings / $f_D$", r"fade duration $\cdot f_D$"), strict=True
    ):
        axes.plot(closed["level_db"], closed[column], color=INK, linewidth=0.9, label="closed form, Rayleigh")
        _points(axes, found["level_db"], found[column], 0, "simulated")
        axes.set(yscale="log", ylabel=label)
    panels[1].set_xlabel("level relative to RMS (dB)")
    panels[0].legend()
    return figure


@_as_paper
def bler_figure(table: pd.DataFrame) -> Figure:
    """Block error rate of the model, and the points of the Monte-Carlo it was held against."""
    figure = Figure(figsize=_SIZE)
    axes = figure.subplots()
    least = 3e-3
    for number, (mcs, part) in enumerate(table.groupby("mcs_index")):
        model, points = part[part["kind"] == "model"], part[part["kind"] == "monte_carlo"]
        axes.plot(model["snr_db"], model["bler"], color=f"C{number}", linestyle="-")
        seen = points[points["bler"] >= least]
        _points(axes, seen["snr_db"], seen["bler"], number, "")
        foot_db = float(np.interp(-0.05, -model["bler"], model["snr_db"]))
        look: dict[str, Any] = {"color": f"C{number}", "rotation": 90, "va": "top"}
        axes.annotate(f"MCS {mcs}", (foot_db, 0.05), (3, 0), textcoords="offset points", **look)
    axes.axhline(0.1, color=INK, linewidth=0.5, linestyle=":")
    axes.set(xlabel="SNR (dB)", ylabel="block error rate", yscale="log", ylim=(least, 1.2))
    axes.xaxis.set_major_locator(MultipleLocator(2.0))
    handles = [
        Line2D([], [], color=INK, linestyle="-", label="model"),
        Line2D([], [], color=INK, linestyle="", marker="o", markerfacecolor="white", label="Monte-Carlo"),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=2)
    return figure


@_as_paper
def gain_figure(found: pd.DataFrame, closed: pd.DataFrame) -> Figure:
    """Rate of proportional fair over that of round robin against the number of users, at several mean SNR."""
    figure = Figure(figsize=_SIZE)
    axes = figure.subplots()
    for number, (snr_db, line) in enumerate(closed.groupby("snr_db")):
        axes.plot(line["users"], line["closed"], color=f"C{number}", linestyle="-", linewidth=0.9)
        part = found[found["snr_db"] == snr_db]
        _points(axes, part["users"], part["found"], number, f"{snr_db:g} dB")
    users = sorted(set(found["users"]) | {1})
    axes.set(xscale="log", xlabel="users", ylabel="rate, PF / round robin", ylim=(0.95, None))
    axes.xaxis.set_major_locator(FixedLocator(users))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.legend(title="mean SNR; lines: closed form", title_fontsize=8)
    return figure


@_as_paper
def queues_figure(found: pd.DataFrame, closed: pd.DataFrame) -> Figure:
    """Mean sojourn in services against the load."""
    figure = Figure(figsize=_SIZE)
    axes = figure.subplots()
    for number, (law, line) in enumerate(closed.groupby("law")):
        axes.plot(line["load"], line["closed"], color=f"C{number}", linestyle="-", linewidth=0.9)
        part = found[found["law"] == law]
        _points(axes, part["load"], part["found"], number, _LAW_LABELS[str(law)])
    axes.set(xlabel=r"load $\rho$", ylabel="mean sojourn / service", xlim=(0.0, 1.0), ylim=(0.0, None))
    axes.legend(title="lines: closed form", title_fontsize=8)
    return figure


def calibration_panels(samples: pd.DataFrame) -> Figure:
    """Distributions of the calibration drop, and the ranges of companies."""
    labels = {"coupling_gain": "coupling gain (dB)", "sir": "geometry: SIR without noise (dB)"}
    cases = {str(case): part for case, part in samples.groupby("case", sort=False)}
    return calibration_figure(
        {
            label: (
                {CASES[case].label: part[quantity].to_numpy() for case, part in cases.items()},
                {CASES[case].label: REFERENCES[case][quantity] for case in cases},
            )
            for quantity, label in labels.items()
        }
    )


FIGURES: dict[str, tuple[Callable[..., Figure], tuple[str, ...]]] = {
    "autocorrelation": (autocorrelation_figure, ("autocorrelation", "autocorrelation_closed")),
    "fades": (fades_figure, ("fades", "fades_closed")),
    "bler": (bler_figure, ("bler",)),
    "gain": (gain_figure, ("gain", "gain_closed")),
    "queues": (queues_figure, ("queues", "queues_closed")),
    "calibration": (calibration_panels, ("calibration",)),
}
"""Name of a figure → what draws it, and the tables it needs."""


def draw_verification(curves: Curves, folder: Path) -> list[Path]:
    """Draw every figure there is data for as PNG with 300 dots per inch; returns the files."""
    paths = []
    for name, (draw, needed) in FIGURES.items():
        if all(table in curves for table in needed):
            paths.append(folder / f"{name}.png")
            with paper():
                draw(*(curves[table] for table in needed)).savefig(paths[-1], dpi=300)
    return paths


def _points(axes: Axes, x: pd.Series, y: pd.Series, number: int, label: str) -> None:
    axes.plot(
        x, y, color=f"C{number}", linestyle="", marker=_MARKERS[number], markerfacecolor="white", label=label or None
    )
