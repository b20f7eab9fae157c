"""Distributions of the calibration drop beside the ranges that companies reported.

Letters: N users.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from .figures import _as_paper

_POINTS = 400
_TAIL = 0.002
Samples = Mapping[str, NDArray[np.float64]]
Ranges = Mapping[str, Mapping[int, tuple[float, float, float]]]


@_as_paper
def calibration_figure(quantities: Mapping[str, tuple[Samples, Ranges]]) -> Figure:
    """One panel a quantity: the distribution of every case, bars from least to greatest and a tick at the mean of what
    companies reported.

    `quantities` axis label → ({case → values of all users}, {case → {percentile → (mean, low, high)}}).
    """
    figure = Figure(figsize=(7.0, 2.5))
    panels = figure.subplots(1, len(quantities), sharey=True, squeeze=False)[0]
    for axes, (label, (samples, ranges)) in zip(panels, quantities.items(), strict=True):
        for number, (case, values_N) in enumerate(samples.items()):
            _draw_case(axes, f"C{number}", case, values_N, ranges[case])
        axes.set(xlabel=label, ylim=(0.0, 1.0))
    panels[0].set_ylabel("share of users below")
    panels[0].yaxis.set_major_formatter(PercentFormatter(1.0))
    handles, labels = panels[0].get_legend_handles_labels()
    handles.append(Line2D([], [], color="black", marker="|", markersize=6, linewidth=3.0, alpha=0.6))
    figure.legend(handles, [*labels, "companies, mean and range"], loc="outside upper center", ncols=len(handles))
    return figure


def _draw_case(
    axes: Axes, colour: str, case: str, values_N: NDArray[np.float64], ranges: Mapping[int, tuple[float, float, float]]
) -> None:
    share = np.linspace(_TAIL, 1.0 - _TAIL, _POINTS)
    (line,) = axes.plot(np.quantile(values_N, share), share, color=colour, label=case)
    for percentile, (mean, low, high) in ranges.items():
        height = percentile / 100.0
        axes.hlines(height, low, high, color=line.get_color(), linewidth=3.0, alpha=0.6)
        axes.plot([mean], [height], marker="|", markersize=6, color=line.get_color(), linestyle="")
