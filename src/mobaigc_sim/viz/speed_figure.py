"""How many UE-slots systems simulate in a second: one line a system, against the number of users."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator

from .figures import _as_paper
from .style import BLUE, SOFT

_OTHERS = ("#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", SOFT)
_MARKERS, _LINES = ("s", "^", "v", "D", "P", "X", "*"), ("--", "-.", ":")


@_as_paper
def speed_figure(table: pd.DataFrame, ours: Sequence[str]) -> Figure:
    """Median and range (low to high) of UE-slots per CPU second on logarithmic axes; `ours` are drawn in blue.

    `table` has the columns system, users, median, low and high, one row for each system and user count.
    """
    figure = Figure(figsize=(5.6, 2.8))
    axes = figure.subplots()
    others = cycle(zip(_OTHERS, _MARKERS, cycle(_LINES), strict=False))
    for system, part in table.groupby("system", sort=False):
        curve = part.sort_values("users")
        look: dict[str, Any] = {"color": BLUE, "linewidth": 1.6, "markersize": 4, "zorder": 5}
        if system in ours:
            rank = list(ours).index(str(system))
            look |= {"marker": "ohpd"[rank % 4], "linestyle": ("-", "--", "-.", ":")[rank % 4]}
        else:
            color, marker, line = next(others)
            look = {"color": color, "marker": marker, "linestyle": line, "linewidth": 0.9, "markersize": 3.5}
        spread = [curve["median"] - curve["low"], curve["high"] - curve["median"]]
        axes.errorbar(curve["users"], curve["median"], spread, label=system, capsize=2, **look)
    users = sorted(set(table["users"]))
    axes.set(xscale="log", yscale="log", xlabel="users in the cell", ylabel="UE-slots per CPU second")
    axes.set_xticks(users, [str(count) for count in users])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure
