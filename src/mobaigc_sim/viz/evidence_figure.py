"""What the parts of JPSQ see: S under edits, Q under damage.

Letters: D kinds of damage, L levels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from .figures import _as_paper


@_as_paper
def evidence_figure(
    edits: Mapping[str, NDArray[np.float64]], levels: Sequence[float], damage: Mapping[str, Mapping[str, Any]]
) -> Figure:
    """Left: S by edit, box from quartile to quartile, whiskers 5 to 95 %. Right: mean Q of each distortion by level,
    the one that Q punishes least on top.

    `edits` edit → S of every scene; `damage` distortion → {"q": mean Q at each level}.
    """
    figure = Figure(figsize=(7.0, 4.2))
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.1))
    names = sorted(edits, key=lambda name: -float(edits[name].mean()))
    left.boxplot(
        [edits[name] for name in names],
        orientation="horizontal",
        whis=(5, 95),
        showmeans=True,
        sym="",
        widths=0.6,
        meanprops={"marker": "o", "markersize": 3, "markerfacecolor": "#c1272d", "markeredgecolor": "#c1272d"},
        medianprops={"color": "black"},
    )
    left.set_yticks(range(1, len(names) + 1), names)
    left.invert_yaxis()
    left.set(xlabel="S to the original", xlim=(0, 1.02))
    shown = sorted(damage, key=lambda name: -float(damage[name]["q"][-1]))
    q_DL = np.array([damage[name]["q"] for name in shown])
    right.imshow(q_DL, cmap="cividis", vmin=0, vmax=1, aspect="auto")
    for (row, column), q in np.ndenumerate(q_DL):
        colour = "white" if q < 0.5 else "black"
        right.text(column, row, f"{q:.2f}", color=colour, ha="center", va="center", fontsize="x-small")
    right.set_yticks(range(len(shown)), [name.replace("_", " ") for name in shown], fontsize="x-small")
    right.set_xticks(range(len(levels)), [f"{level:g}" for level in levels])
    right.grid(False)
    right.set(xlabel="level of damage", title="mean Q")
    return figure
