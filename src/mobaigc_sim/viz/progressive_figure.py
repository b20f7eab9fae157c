"""JPSQ packet by packet: one thin line a request, and the mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from ..metrics.progressive import Progress
from .figures import _as_paper
from .style import BLUE, SOFT


@_as_paper
def progressive_figure(panels: Mapping[str, tuple[Sequence[NDArray[np.float64]], Progress]]) -> Figure:
    """One panel for each title: the scores of every request after 1, 2, … packets, the mean and its 95 % interval."""
    figure = Figure(figsize=(1.7 * len(panels) + 0.4, 2.1))
    everything = np.concatenate([scores for by_request, _ in panels.values() for scores in by_request])
    lowest, highest = float(everything.min()), float(everything.max())
    for i, (title, (by_request, told)) in enumerate(panels.items()):
        axes = figure.add_subplot(1, len(panels), i + 1)
        for scores in by_request:
            axes.plot(np.arange(1, len(scores) + 1), scores, "-", color=SOFT, linewidth=0.4, alpha=0.5)
        packets, means = list(told.mean_by_packets), list(told.mean_by_packets.values())
        mean = np.array([m.estimate for m in means])
        below, above = mean - [m.low for m in means], np.array([m.high for m in means]) - mean
        spread = np.nan_to_num(np.stack([below, above]), posinf=0)
        look: dict[str, Any] = {"color": BLUE, "markersize": 3, "linewidth": 1.4, "capsize": 2, "zorder": 5}
        axes.errorbar(packets, mean, spread, fmt="o-", **look)
        axes.set(title=title, xlabel="packets received", ylim=(lowest - 0.02, highest + 0.02))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if i == 0:
            axes.set_ylabel("JPSQ")
        else:
            axes.tick_params(labelleft=False)
    return figure
