"""A sheet of sampled requests: what was made, what mattered, what arrived, what the user saw.

All lengths are inches; the sheet is meant to be looked at in its own size.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..results import Run
from ..results.images import SampledImage
from .pictures import heat_overlay, on_checker, show
from .style import INK, SOFT, sheet
from .text import literal, thousands, width_in, wrap

DPI = 150
PICTURE, GAP, MARGIN, TEXT, HEAD, FOOT = 256 / DPI, 0.14, 0.3, 2.75, 1.12, 0.36
COLUMNS = ("original", "attention", "received", "recovered")
STATUS_COLOURS = {"delivered": "#007A59", "partial": "#9A6700", "failed": "#B84E00"}
_LINE = 0.19


def choose(run: Run, rows: int = 6) -> list[tuple[int, int]]:
    """Request and index of sampled images that span the range of JPSQ, best first; the worst is always among them.

    One image a request; images of requests that never finished are left out.
    """
    finished = run.requests.set_index("request")
    first: dict[int, int] = {}
    for request, index in run.images:
        if request in finished.index:
            first.setdefault(request, index)
    jpsq = finished.loc[list(first), "jpsq"].where(finished.loc[list(first), "status"] != "failed", -1.0)
    ordered = list(jpsq.sort_values(ascending=False, kind="stable").index)
    picks = np.unique(np.rint(np.linspace(0, len(ordered) - 1, min(rows, len(ordered)))).astype(int))
    return [(int(ordered[i]), first[int(ordered[i])]) for i in picks]


def gallery(run: Run, rows: int = 6) -> Figure:
    """The sheet; without sampled images it says so."""
    chosen = choose(run, rows)
    width = 2 * MARGIN + TEXT + len(COLUMNS) * (PICTURE + GAP)
    height = HEAD + max(1, len(chosen)) * (PICTURE + FOOT) + MARGIN / 2
    with sheet():
        figure = Figure(figsize=(width, height), dpi=DPI)
        figure.text(MARGIN / width, 1 - 0.36 / height, "From the server to the phone", fontsize=15, weight="bold")
        figure.text(MARGIN / width, 1 - 0.6 / height, "sampled requests, best to worst by JPSQ", color=SOFT)
        if not chosen:
            figure.text(MARGIN / width, 0.4, "No images were sampled in this run.", color=SOFT)
            return figure
        for column, name in enumerate(COLUMNS):
            x = MARGIN + TEXT + column * (PICTURE + GAP)
            figure.text(x / width, 1 - (HEAD - 0.1) / height, name, fontsize=11, color=SOFT)
        finished = run.requests.set_index("request")
        for row, (request, index) in enumerate(chosen):
            top = HEAD + row * (PICTURE + FOOT)
            image = run.image(request, index)
            _pictures(figure, image, top)
            _facts(figure, finished.loc[[request]].iloc[0], top)
        figure.draw_without_rendering()
    return figure


def _pictures(figure: Figure, image: SampledImage, top: float) -> None:
    width, height = figure.get_size_inches()
    shown = (
        image.original_HW3,
        heat_overlay(image.original_HW3, image.importance_HW),
        on_checker(image.received_HW4),
        image.recovered_HW3,
    )
    for column, picture in enumerate(shown):
        left = MARGIN + TEXT + column * (PICTURE + GAP)
        place = (left / width, 1 - (top + PICTURE) / height, PICTURE / width, PICTURE / height)
        show(figure.add_axes(place, label=f"{image.request}-{COLUMNS[column]}"), picture)
        if COLUMNS[column] == "attention" and image.words:
            word = max(image.words, key=lambda w: image.words[w])
            line = wrap(f"most weight: {word}", PICTURE, 9, lines=1)[0]
            y = 1 - (top + PICTURE + 0.17) / height
            figure.text(left / width, y, literal(line), fontsize=9, color=SOFT)


def _facts(figure: Figure, row: pd.Series[Any], top: float) -> None:
    width, height = figure.get_size_inches()
    y = top + 0.15

    def line(text: str, *, indent: float = 0.0, **style: Any) -> None:
        figure.text((MARGIN + indent) / width, 1 - y / height, literal(text), fontsize=style.pop("size", 9), **style)

    for part in wrap(str(row["prompt"]), TEXT - 0.2, 10, "bold"):
        line(part, size=10, weight="bold")
        y += _LINE
    y += 0.05
    status = str(row["status"])
    line(f"● {status}", color=STATUS_COLOURS[status], weight="bold")
    if row["cause"]:
        line(f"({row['cause']})", indent=width_in(f"● {status} ", 9, "bold") + 0.06, color=SOFT)
    for text in numbers(row):
        y += _LINE
        line(text, color=INK)


def numbers(row: pd.Series[Any]) -> list[str]:
    """The figures of a request, a line each."""
    pictures = "" if row["images"] == 1 else f", {row['images']} images"
    share = f" ({row['offered_bytes'] / row['whole_bytes']:.0%})" if row["whole_bytes"] else ""
    lines = [f"{thousands(row['offered_bytes'])} of {thousands(row['whole_bytes'])} B{share}{pictures}"]
    if row["delivered_bytes"] < row["offered_bytes"]:
        lines.append(f"of these arrived {thousands(row['delivered_bytes'])} B")
    if row["status"] == "failed":
        return [*lines, "JPSQ 0"]
    lines.append(f"JPSQ {row['jpsq']:.2f}    S {row['s']:.2f}    Q {row['q']:.2f}")
    psnr = f"{row['psnr_db']:.1f} dB" if np.isfinite(row["psnr_db"]) else "exact"
    return [*lines, f"PSNR {psnr}    SSIM {row['ssim']:.2f}"]
