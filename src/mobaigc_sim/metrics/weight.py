"""What the weight w of JPSQ = w·S + (1 − w)·Q decides: how little may be sent, and what that saves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .rate import saving
from .stats import Interval, paired_bootstrap


@dataclass(frozen=True)
class Sent:
    """A keep ratio against the reference, with 95 % paired bootstrap intervals over pictures."""

    keep: float
    difference: Interval
    """Mean JPSQ less that of the reference."""
    saved: Interval
    """Share of the reference's bytes that is not sent."""


@dataclass(frozen=True)
class AtWeight:
    """The smallest keep ratio within the margin, if there is one, and what it was held against."""

    reference: str
    reference_jpsq: float
    sent: Sent | None


def smallest_within(
    table: pd.DataFrame,
    ours: str,
    references: Sequence[str],
    quality: float,
    w: float,
    margin: float,
    rng: np.random.Generator,
) -> AtWeight:
    """The smallest keep ratio of `ours` of which the interval of the JPSQ difference lies above −`margin`.

    `table` has a row for each `method`, `setting` and `prompt`, with `bytes`, `s` and `q`; the settings of `ours` are
    keep ratios. The reference is whichever of `references` has the highest mean JPSQ at setting `quality`.
    Raises ValueError where the table lacks all of them, `ours`, or a picture of either.
    """
    rows = table.assign(jpsq=w * table["s"] + (1 - w) * table["q"]).sort_values("prompt")
    whole = rows[rows["method"].isin(references) & (rows["setting"] == quality)]
    own = rows[rows["method"] == ours]
    if whole.empty or own.empty:
        raise ValueError(f"expected rows of '{ours}', and of {' or '.join(references)} at {quality:g}")
    best = str(whole.groupby("method")["jpsq"].mean().idxmax())
    reference = whole[whole["method"] == best]
    jpsq = float(reference["jpsq"].mean())
    for keep in np.unique(own["setting"]):
        at_keep = own[own["setting"] == keep]
        if at_keep["prompt"].tolist() != reference["prompt"].tolist():
            raise ValueError(f"'{ours}' at {keep} and {best} do not have the same pictures")
        difference = paired_bootstrap(at_keep["jpsq"], reference["jpsq"], rng)
        if difference.low > -margin:
            saved = saving(at_keep["bytes"].to_numpy(float), reference["bytes"].to_numpy(float), rng)
            return AtWeight(best, jpsq, Sent(float(keep), difference, saved))
    return AtWeight(best, jpsq, None)
