"""Rate–JPSQ curves of many methods in one figure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from .figures import _as_paper

_STYLES: dict[str, dict[str, Any]] = {
    "attention + inpainting": {"color": "#c1272d", "marker": "o", "linewidth": 1.6, "zorder": 5},
    "random + inpainting": {"color": "#e58e26", "marker": "s"},
    "centre + inpainting": {"color": "#b8860b", "marker": "D"},
    "attention + fill": {"color": "#7f7f7f", "marker": "v"},
    "attention + Telea": {"color": "#bdbdbd", "marker": "^"},
    "low resolution + diffusion": {"color": "#6a3d9a", "marker": "P"},
    "prompt + seed": {"color": "black", "marker": "*", "linestyle": "none", "markersize": 7},
    "prompt alone": {"color": "black", "marker": "x", "linestyle": "none", "markersize": 5},
    "WebP": {"color": "#1f78b4", "marker": ".", "linestyle": "--"},
    "AVIF": {"color": "#33a02c", "marker": ".", "linestyle": "--"},
    "JPEG": {"color": "#17becf", "marker": ".", "linestyle": "--"},
    "WebP + autoencoder": {"color": "#1f78b4", "marker": ".", "linestyle": ":"},
    "AVIF + autoencoder": {"color": "#33a02c", "marker": ".", "linestyle": ":"},
}


@_as_paper
def rate_figure(table: pd.DataFrame, marks: Mapping[str, tuple[float, float]]) -> Figure:
    """Mean JPSQ against mean bytes of each method; `marks` label → (bytes, JPSQ) of points to point at.

    `table` has the columns method, setting, bytes and jpsq, one row a picture.
    """
    figure = Figure(figsize=(5.2, 3.1))
    axes = figure.add_subplot()
    means = table.groupby(["method", "setting"], as_index=False)[["bytes", "jpsq"]].mean()
    for method, style in _STYLES.items():
        curve = means[means["method"] == method].sort_values("bytes")
        if len(curve):
            options: dict[str, Any] = {"linewidth": 0.9, "markersize": 3.5, **style}
            axes.plot(curve["bytes"], curve["jpsq"], label=method, **options)
    for label, (size, score) in marks.items():
        axes.annotate(
            label, (size, score), (0, -24), textcoords="offset points", ha="center", arrowprops={"arrowstyle": "-"}
        )
    axes.set(xscale="log", xlabel="bytes per 128 px image", ylabel="mean JPSQ")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    return figure
