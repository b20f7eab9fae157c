"""Text that stays where it belongs."""

from __future__ import annotations

from matplotlib.font_manager import FontProperties, findfont, get_font

_DPI = 150


def width_in(text: str, size_pt: float, weight: str = "normal") -> float:
    """Width of the text in inches, with two percent for what rounding to pixels adds."""
    if not text.strip():
        return 0.0
    font = get_font(findfont(FontProperties(family="DejaVu Sans", weight=weight)))
    font.set_size(size_pt, _DPI)
    font.set_text(text)
    return 1.02 * float(font.get_width_height()[0]) / 64 / _DPI


def wrap(text: str, limit_in: float, size_pt: float, weight: str = "normal", lines: int = 4) -> list[str]:
    """The text in at most `lines` lines no wider than `limit_in`; what does not fit ends in an ellipsis."""
    done: list[str] = []
    line = ""
    for word in filter(None, text.split(" ")):
        longer = f"{line} {word}".strip()
        if line and width_in(longer, size_pt, weight) > limit_in:
            done.append(line)
            line = word
        else:
            line = longer
    done.append(line)
    kept = done[:lines]
    if len(done) > lines:
        kept[-1] += " …"
    return [_cut(line, limit_in, size_pt, weight) for line in kept]


def literal(text: str) -> str:
    """The text with dollar signs that matplotlib does not take for mathematics."""
    return text.replace("$", r"\$")


def _cut(line: str, limit_in: float, size_pt: float, weight: str) -> str:
    if width_in(line, size_pt, weight) <= limit_in:
        return line
    line = line.removesuffix(" …")
    while line and width_in(line + "…", size_pt, weight) > limit_in:
        line = line[:-1]
    return line.rstrip() + "…"


def thousands(count: float) -> str:
    """A whole number in groups of three digits, set apart by a space that does not break."""
    return f"{round(count):,}".replace(",", "\u00a0")
