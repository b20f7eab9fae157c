"""Rate–JPSQ curves of many methods: the attention-guided stream against other ways to use it, and against codecs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .figures import _as_paper

_SHOWN_BELOW = 0.06
"""How far below the attention-guided curve the figure reaches: what is worse than that leaves it."""
_Styles = dict[str, dict[str, Any]]
_OURS: _Styles = {"attention-guided": {"color": "#c1272d", "marker": "o", "linewidth": 1.6, "zorder": 5}}
_STREAMS: _Styles = _OURS | {
    "by attention alone": {"color": "#e58e26", "marker": "s"},
    "by error alone": {"color": "#4d4d4d", "marker": "D"},
    "by chance": {"color": "#1f78b4", "marker": "v"},
    "from the middle": {"color": "#17becf", "marker": "^"},
    "attention-guided, filled": {"color": "#7f7f7f", "marker": "v", "linestyle": "--"},
    "attention-guided, Telea": {"color": "#bdbdbd", "marker": "^", "linestyle": "--"},
    "low resolution + diffusion": {"color": "#6a3d9a", "marker": "P"},
    "prompt + seed": {"color": "black", "marker": "*", "linestyle": "none", "markersize": 7},
    "prompt alone": {"color": "black", "marker": "x", "linestyle": "none", "markersize": 5},
}
_CODECS: _Styles = _OURS | {
    name + how: {"color": color, "marker": ".", "linestyle": line}
    for name, color in (("AVIF", "#33a02c"), ("WebP", "#1f78b4"), ("JPEG", "#b8860b"))
    for how, line in (("", "--"), (" + autoencoder", ":"), (" + restoration", "-"))
}


@_as_paper
def rate_figure(table: pd.DataFrame, marks: Mapping[str, tuple[float, float]]) -> Figure:
    """Mean JPSQ against mean bytes of each method; `marks` label → (bytes, JPSQ) of points to point at.

    `table` has the columns method, setting, bytes and jpsq, one row a picture. Methods without a style, as PNG whose
    bytes are beyond every other, are left out.
    """
    figure = Figure(figsize=(7.2, 4.0))
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    means = table.groupby(["method", "setting"], as_index=False)[["bytes", "jpsq"]].mean()
    for axes, styles in zip(panels, (_STREAMS, _CODECS), strict=True):
        _draw(axes, means, styles)
    for side, (label, (size, score)) in zip((1, -1), marks.items(), strict=False):
        place, arrow = (side * 34, 16), {"arrowstyle": "-"}
        panels[1].annotate(label, (size, score), place, textcoords="offset points", ha="center", arrowprops=arrow)
    ours = means[means["method"].isin(_OURS)]["jpsq"]
    panels[0].set(xscale="log", ylabel="mean JPSQ", ylim=(ours.min() - _SHOWN_BELOW, ours.max() + 0.25 * _SHOWN_BELOW))
    return figure


def _draw(axes: Axes, means: pd.DataFrame, styles: _Styles) -> None:
    for method, style in styles.items():
        curve = means[means["method"] == method].sort_values("bytes")
        if len(curve):
            options: dict[str, Any] = {"linewidth": 0.9, "markersize": 3.5, **style}
            axes.plot(curve["bytes"], curve["jpsq"], label=method, **options)
    axes.set_xlabel("mean bytes per image")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2, frameon=False)
