"""One picture that explains the idea to somebody who has never heard of it.

Shapes: H rows, W columns of pixels. All lengths are inches, from the top left.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle
from numpy.typing import NDArray

from ..errors import MobaigcError
from .pictures import heat_overlay, on_checker, show
from .style import BLUE, SOFT, sheet
from .text import literal, thousands, width_in, wrap

DPI = 150
SQUARE, GAP, MARGIN = 2.15, 0.4, 0.6
WIDTH, HEIGHT = 2 * MARGIN + 5 * SQUARE + 4 * GAP, 7.55
TITLES, PICTURES, BARS = 1.62, 2.1, 5.45
FACTS = ("kept", "sent_bytes", "whole_bytes", "s", "q", "jpsq", "psnr_db")
PSNR_FULL_DB = 40.0
_WORDS = 4


def explain_figure(
    prompt: str,
    original: NDArray[np.uint8],
    word_maps: Mapping[str, NDArray[np.floating[Any]]],
    importance: NDArray[np.floating[Any]],
    received: NDArray[np.uint8],
    recovered: NDArray[np.uint8] | None,
    facts: Mapping[str, float],
) -> Figure:
    """The way of one image in four numbered steps, left to right, and its cost and scores below.

    `original` and `recovered` (H, W, 3) uint8, `received` (H, W, 4) with alpha 0 where nothing arrived, `importance`
    and each word map (H, W), not negative, the word maps on one scale. `facts`: `kept` (share of the patches sent),
    `sent_bytes`, `whole_bytes`, `s`, `q`, `jpsq`, `psnr_db`; a score that does not exist is NaN. Raises MobaigcError
    when a fact is missing.
    """
    if missing := [name for name in FACTS if name not in facts]:
        raise MobaigcError(f"expected the facts {', '.join(FACTS)}; missing: {', '.join(missing)}")
    with sheet():
        figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI)
        _title(figure, prompt)
        _text(figure, MARGIN, 1.06, "How a generated picture reaches a phone without being sent whole", 12, color=SOFT)
        _steps(figure, facts, recovered is not None)
        show(_square(figure, 0), original)
        _word_grid(figure, original, word_maps)
        show(_square(figure, 2), heat_overlay(original, importance))
        show(_square(figure, 3), on_checker(received))
        show(_square(figure, 4), recovered)
        for column in range(4):
            _arrow(figure, column)
        _costs(figure, facts)
        _scores(figure, facts)
        figure.draw_without_rendering()
    return figure


def top_words(word_maps: Mapping[str, NDArray[np.floating[Any]]], count: int = _WORDS) -> list[str]:
    """The words that stand out most somewhere in the picture (peak above mean), strongest first.

    Words that stand out less than a twentieth of the strongest are left out.
    """
    strength = {word: float(map_HW.max() - map_HW.mean()) for word, map_HW in word_maps.items()}
    least = max(strength.values(), default=0.0) / 20
    return sorted((w for w in strength if strength[w] > least), key=lambda word: -strength[word])[:count]


def _title(figure: Figure, prompt: str) -> None:
    """The prompt in quotes on one line, or on two smaller ones."""
    limit = WIDTH - 2 * MARGIN - 0.5
    size, bottom = (19.0, 0.72) if width_in(prompt, 19, "bold") <= limit else (14.0, 0.76)
    lines = wrap(prompt, limit, size, "bold", lines=2)
    for i, line in enumerate(lines):
        quoted = ("“" if i == 0 else "") + line + ("”" if i == len(lines) - 1 else "")
        _text(figure, MARGIN, bottom - 0.27 * (len(lines) - 1 - i), quoted, size, weight="bold")


def _steps(figure: Figure, facts: Mapping[str, float], recovered: bool) -> None:
    sizes = f"{thousands(facts['sent_bytes'])} bytes instead of {thousands(facts['whole_bytes'])}"
    titles = {
        0: "The server draws it",
        1: "Which word made which part?",
        3: "Only what matters is sent",
        4: "The phone paints the rest",
    }
    captions = (
        "from the sentence above",
        "each word glows where it shaped the picture",
        "all words together",
        f"{facts['kept']:.0%} of the patches, {sizes}",
        "from what arrived and the same sentence" if recovered else "not this time: too little arrived",
    )
    for step, (column, title) in enumerate(titles.items(), start=1):
        centre = (_left(column) + 0.13, TITLES - 0.05)
        _text(
            figure, *centre, str(step), 11, color="white", weight="bold", ha="center", va="center",
            bbox={"boxstyle": "circle,pad=0.28", "facecolor": BLUE, "edgecolor": "none"},
        )  # fmt: skip
        span = (2 * SQUARE + GAP if column == 1 else SQUARE) - 0.36
        lines = wrap(title, span, 11.5, "bold", lines=2)
        for i, line in enumerate(lines):
            _text(figure, _left(column) + 0.36, TITLES + 0.21 * i - 0.105 * (len(lines) - 1), line, 11.5, weight="bold")
    for column, caption in enumerate(captions):
        for i, line in enumerate(wrap(caption, SQUARE, 10, lines=3)):
            _text(figure, _left(column), PICTURES + SQUARE + 0.26 + 0.2 * i, line, 10, color=SOFT)


def _word_grid(figure: Figure, original: NDArray[np.uint8], word_maps: Mapping[str, NDArray[np.floating[Any]]]) -> None:
    words = top_words(word_maps)
    scale = max((float(word_maps[word].max()) for word in words), default=0.0)
    side = SQUARE if len(words) == 1 else (SQUARE - 0.08) / 2
    for i, word in enumerate(words):
        x, y = _left(1) + (i % 2) * (side + 0.08), PICTURES + (i // 2) * (side + 0.08)
        if len(words) == 2:
            y += (side + 0.08) / 2
        if i == 2 == len(words) - 1:
            x += (side + 0.08) / 2
        axes = _axes(figure, x, y, side, side)
        show(axes, heat_overlay(original, word_maps[word], scale))
        _text(
            figure, x + 0.07, y + side - 0.08, wrap(word, side - 0.14, 10, "bold", lines=1)[0], 10, color="white",
            weight="bold", bbox={"boxstyle": "round,pad=0.2", "facecolor": "black", "alpha": 0.55, "edgecolor": "none"},
        )  # fmt: skip


def _costs(figure: Figure, facts: Mapping[str, float]) -> None:
    sent, whole = facts["sent_bytes"], facts["whole_bytes"]
    change = 1 - sent / whole
    _text(figure, MARGIN, BARS, "What it costs", 12, weight="bold")
    _text(
        figure,
        MARGIN,
        BARS + 0.27,
        f"{abs(change):.0%} {'less' if change >= 0 else 'more'} data over the air",
        11,
        color=BLUE,
    )
    left, width = MARGIN + 1.2, 2.05
    for i, (name, size, colour) in enumerate((("whole picture", whole, "#AEB6BF"), ("what was sent", sent, BLUE))):
        y = BARS + 0.5 + 0.36 * i
        length = width * size / max(sent, whole)
        _text(figure, MARGIN, y + 0.165, name, 10.5)
        _bar(figure, left, y, length, colour)
        _text(figure, left + length + 0.08, y + 0.165, f"{thousands(size)} bytes", 10.5)


def _scores(figure: Figure, facts: Mapping[str, float]) -> None:
    left = _left(2) - 0.1
    _text(figure, left, BARS, "What the user gets", 12, weight="bold")
    psnr = facts["psnr_db"]
    rows = (
        ("S", "does it show the same?", facts["s"], _shown(facts["s"])),
        ("Q", "does it look good?", facts["q"], _shown(facts["q"])),
        ("JPSQ", "both together", facts["jpsq"], _shown(facts["jpsq"])),
        (
            "PSNR",
            "is it equal pixel by pixel?",
            psnr / PSNR_FULL_DB,
            "exact" if psnr == np.inf else _shown(psnr, ".1f", " dB"),
        ),
    )
    start, width = left + 2.85, WIDTH - MARGIN - left - 2.85 - 0.75
    for i, (name, meaning, share, value) in enumerate(rows):
        y = BARS + 0.2 + 0.36 * i
        _text(figure, left, y + 0.165, name, 10.5, weight="bold")
        _text(figure, left + 0.62, y + 0.165, meaning, 10.5, color=SOFT)
        _bar(figure, start, y, width, "#EEF0F3")
        _bar(figure, start, y, width * float(np.clip(np.nan_to_num(share, posinf=1.0), 0, 1)), BLUE)
        _text(figure, start + width + 0.1, y + 0.165, value, 10.5)
    y = BARS + 0.2 + 0.36 * len(rows) + 0.15
    _text(figure, start, y, f"full bar: 1, for PSNR {PSNR_FULL_DB:.0f} dB", 9, color=SOFT)


def _shown(value: float, form: str = ".2f", unit: str = "") -> str:
    return "none" if np.isnan(value) else f"{value:{form}}{unit}"


def _left(column: int) -> float:
    return MARGIN + column * (SQUARE + GAP)


def _square(figure: Figure, column: int) -> Axes:
    return _axes(figure, _left(column), PICTURES, SQUARE, SQUARE)


def _axes(figure: Figure, x: float, y: float, width: float, height: float) -> Axes:
    place = (x / WIDTH, 1 - (y + height) / HEIGHT, width / WIDTH, height / HEIGHT)
    return figure.add_axes(place, label=f"{x:.3f}-{y:.3f}")


def _bar(figure: Figure, x: float, y: float, length: float, colour: str) -> None:
    corner = (x / WIDTH, 1 - (y + 0.22) / HEIGHT)
    bar = Rectangle(corner, length / WIDTH, 0.22 / HEIGHT, facecolor=colour, edgecolor="none")
    bar.set_transform(figure.transFigure)
    figure.add_artist(bar)


def _arrow(figure: Figure, column: int) -> None:
    y = 1 - (PICTURES + SQUARE / 2) / HEIGHT
    start = _left(column) + SQUARE
    ends = [((start + at) / WIDTH, y) for at in (0.09, GAP - 0.09)]
    arrow = FancyArrowPatch(
        *ends, transform=figure.transFigure, arrowstyle="-|>", mutation_scale=11, linewidth=1.4, color=SOFT,
        shrinkA=0, shrinkB=0,
    )  # fmt: skip
    figure.add_artist(arrow)


def _text(figure: Figure, x: float, y: float, text: str, size: float, **style: Any) -> None:
    figure.text(x / WIDTH, 1 - y / HEIGHT, literal(text), fontsize=size, **style)
