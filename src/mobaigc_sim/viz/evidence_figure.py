"""What the parts of JPSQ see: S under edits, Q under damage."""

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
    """Left: S by edit, box from quartile to quartile, whiskers 5 to 95 %. Right: mean Q by level of each distortion.

    `edits` edit → S of every scene; `damage` distortion → {"q": mean Q at each level}.
    """
    figure = Figure(figsize=(7.0, 3.0))
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
    for k, (name, row) in enumerate(damage.items()):
        right.plot(levels, row["q"], marker="os^Dv<>PX*"[k % 10], markersize=3, linewidth=0.9, label=name)
    right.set(xlabel="level of damage", ylabel="mean Q", ylim=(0, 1))
    right.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize="small")
    return figure
