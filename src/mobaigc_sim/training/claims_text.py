"""Tables of claims as Markdown."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .report import _interval, _number

Column = tuple[str, str, str]
"""Heading, name in the table, format."""
CONTESTANT: tuple[Column, ...] = (("agent", "agent", ""), ("seeds", "seeds", "d"))
REWARD: tuple[Column, ...] = (("reward (IQM)", "reward", ".3f"), ("to the champion", "difference", "+.3f"))
BOUND: tuple[Column, ...] = (("normalised", "normalised", ".3f"), ("of the bound", "bound_share", ".3f"))
MEANS: tuple[Column, ...] = (
    ("failed", "failed", ".3f"),
    ("deadline", "failed_deadline", ".3f"),
    ("HARQ", "failed_harq", ".4f"),
    ("not generated", "failed_generation", ".4f"),
    ("JPSQ", "jpsq", ".3f"),
    ("keep", "keep", ".3f"),
    ("p50 s", "latency_p50_s", ".3f"),
    ("p95 s", "latency_p95_s", ".3f"),
    ("PRB·s/image", "prb_s_per_image", ".4f"),
    ("decision µs", "decision_us", ".0f"),
)
COMPARISON = (*CONTESTANT, ("kept untrained", "untrained", ".0f"), *REWARD, *BOUND, *MEANS)
ABLATION = (*CONTESTANT, REWARD[0], ("to ADD", "to_add", "+.3f"), *REWARD[1:], *MEANS)
RATIOS: tuple[Column, ...] = (
    ("add over", "over", ""),
    ("ratio, random = 0", "ratio", ".3f"),
    ("difference", "difference", "+.3f"),
    ("which", "members", ""),
)
GENERALISATION: tuple[Column, ...] = (
    ("changed", "what", ""),
    ("to", "value", "g"),
    *CONTESTANT,
    ("to the champion", "difference", "+.3f"),
)


def markdown_table(table: pd.DataFrame, columns: tuple[Column, ...]) -> str:
    """The columns that the table has; those with _low and _high beside them show their interval."""
    shown = [column for column in columns if column[1] in table]
    rows = [[heading for heading, _, _ in shown], ["---"] * len(shown)]
    for row in table.itertuples():
        rows.append([_cell(row, name, form, f"{name}_low" in table) for _, name, form in shown])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


def _cell(row: object, name: str, form: str, has_interval: bool) -> str:
    value = getattr(row, name)
    if has_interval and np.isfinite(getattr(row, f"{name}_low")):
        return _interval(row, name, form)
    return _number(value, form) if form else str(value)
