"""How figures look and how they are saved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from matplotlib import rc_context, style
from matplotlib.figure import Figure

IEEE = Path(__file__).with_name("ieee.mplstyle")

BLUE, VERMILLION = "#0072B2", "#D55E00"
INK, SOFT, FAINT = "#1F2328", "#5E6670", "#D9DDE2"

_SHEET: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "figure.constrained_layout.use": False,
}


@contextmanager
def paper() -> Iterator[None]:
    """Draw as for a column of a journal."""
    with style.context(["default", IEEE]):
        yield


@contextmanager
def sheet() -> Iterator[None]:
    """Draw as for a screen: larger, without serifs."""
    with style.context("default"), rc_context(_SHEET):
        yield


def save_figure(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Save as PDF and as PNG with 300 dots per inch; equal figures give equal files."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.pdf", folder / f"{name}.png"]
    with paper():
        figure.savefig(paths[0], metadata={"CreationDate": None, "Creator": "mobaigc_sim"})
        figure.savefig(paths[1], dpi=300)
    return paths


def save_sheet(figure: Figure, path: Path) -> Path:
    """Save a sheet as PNG in the size it was made for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=figure.dpi, format="png")
    return path
