"""From raw scores to the table of the comparison and to sentences that say who won."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import MobaigcError
from ..interop.problem import CAUSES
from ..metrics.stats import Interval
from .config import RANDOM
from .statistics import Resampler

FAILED_BY = tuple(f"failed_{cause}" for cause in CAUSES)
"""Columns that scores may lack."""
MEANS = ("failed", "partial", "jpsq", "keep", "latency_p50_s", "latency_p95_s", "prb_s_per_image", "decision_us")
"""Columns of the scores whose means are in the table."""
CLAIM_SEEDS = 5
GROUPS = (slice(1, 4), slice(4, 6), slice(6, None))
"""Columns of `lines`, besides the first, that stand together where space is short."""
HEADINGS = (
    "agent", "seeds", "reward (IQM)", "difference", "P(more)", "above random", "failed", "p50 s", "p95 s",
    "PRB·s/image", "decision µs",
)  # fmt: skip


def score_matrix(scores: pd.DataFrame, agent: str) -> NDArray[np.float64]:
    """Rewards (S, T) of a contestant; MobaigcError where a seed lacks a trace."""
    own = scores[scores["agent"] == agent]
    wide = own.pivot(index="seed", columns="trace", values="reward")
    if wide.isna().to_numpy().any() or wide.shape[1] != scores["trace"].nunique():
        raise MobaigcError(f"the scores of {agent} lack traces that others have")
    return wide.to_numpy(np.float64)


def resampler_of(scores: pd.DataFrame) -> Resampler:
    """Strata of the traces of a table of scores."""
    return Resampler(scores.drop_duplicates("trace").sort_values("trace")["variant"].to_numpy(np.int64))


def comparison(scores: pd.DataFrame, champion: str) -> pd.DataFrame:
    """One row a contestant, in the order of the scores; intervals are in the columns with _low and _high behind.

    `reward`: interquartile mean over seeds and traces. `difference`: mean paired difference to the champion.
    `improvement`: probability of more reward than the champion on a trace. `above_random`: (reward − that of random
    corrections) / (champion's reward − that of random corrections).
    """
    if champion not in set(scores["agent"]):
        raise MobaigcError(f"the scores have no rows of {champion}, which all others are to be compared with")
    draw = resampler_of(scores)
    best_ST = score_matrix(scores, champion)
    base_ST = score_matrix(scores, RANDOM) if RANDOM in set(scores["agent"]) else None
    rows = []
    for agent in dict.fromkeys(scores["agent"]):
        own, own_ST = scores[scores["agent"] == agent], score_matrix(scores, agent)
        row: dict[str, object] = {"agent": agent, "kind": own["kind"].iloc[0], "seeds": len(own_ST)}
        row |= _columns("reward", draw.one(own_ST))
        row |= _columns("difference", draw.difference(own_ST, best_ST))
        row |= _columns("improvement", draw.improvement(own_ST, best_ST))
        nothing = Interval(math.nan, math.nan, math.nan)
        row |= _columns("above_random", nothing if base_ST is None else draw.ratio(own_ST, best_ST, base_ST))
        rows.append(row | means_of(own))
    return pd.DataFrame(rows)


def means_of(own: pd.DataFrame) -> dict[str, float]:
    """Means of the columns of `MEANS` and of those of `FAILED_BY` that are there."""
    return {name: float(own[name].mean()) for name in (*MEANS, *FAILED_BY) if name in own}


def verdicts(scores: pd.DataFrame, champion: str) -> list[str]:
    """A sentence for each contestant against the champion, then for the first agent against every other one.

    It says where an agent has fewer seeds than a claim about it needs.
    """
    draw = resampler_of(scores)
    kinds = scores.drop_duplicates("agent").set_index("agent")["kind"].to_dict()
    learned = [str(agent) for agent, kind in kinds.items() if kind == "learned"]
    pairs = [(str(agent), champion) for agent in kinds if agent != champion]
    pairs += [(learned[0], other) for other in learned[1:]]
    told = []
    for pair in pairs:
        first_ST, second_ST = (score_matrix(scores, name) for name in pair)
        few = [f"{name} has {len(own_ST)}" for name, own_ST in zip(pair, (first_ST, second_ST), strict=True)
               if name in learned and len(own_ST) < CLAIM_SEEDS]  # fmt: skip
        doubt = f"; no claim with fewer than {CLAIM_SEEDS} seeds: {', '.join(few)}" if few else ""
        told.append(verdict(*pair, draw.difference(first_ST, second_ST)) + doubt)
    return told


def verdict(first: str, second: str, difference: Interval) -> str:
    """Beats, loses to, or ties with: a tie is an interval that holds zero."""
    word = "beats" if difference.low > 0 else "loses to" if difference.high < 0 else "ties with"
    return f"{first} {word} {second}: {_shown(difference, '+.3f')} reward a trace (95 % interval)"


def lines(table: pd.DataFrame) -> list[tuple[str, ...]]:
    """The table as text under `HEADINGS`."""
    return [
        (
            str(row.agent),
            str(row.seeds),
            _interval(row, "reward", ".3f"),
            _interval(row, "difference", "+.3f"),
            _interval(row, "improvement", ".2f"),
            _interval(row, "above_random", ".2f"),
            _number(row.failed, ".3f"),
            _number(row.latency_p50_s, ".3f"),
            _number(row.latency_p95_s, ".3f"),
            _number(row.prb_s_per_image, ".4f"),
            _number(row.decision_us, ".0f"),
        )
        for row in table.itertuples()
    ]


def markdown(table: pd.DataFrame, sentences: Sequence[str], notes: Sequence[str]) -> str:
    """The table, the verdicts and the notes as Markdown."""
    rows = [HEADINGS, tuple("---" for _ in HEADINGS), *lines(table)]
    text = ["| " + " | ".join(row) + " |" for row in rows]
    said = [f"- {sentence}" for sentence in (*sentences, *notes)]
    return "\n".join([*text, "", *said]) + "\n"


def _columns(name: str, told: Interval) -> dict[str, object]:
    return {name: told.estimate, f"{name}_low": told.low, f"{name}_high": told.high}


def _interval(row: object, name: str, form: str) -> str:
    low, high = getattr(row, f"{name}_low"), getattr(row, f"{name}_high")
    return _shown(Interval(getattr(row, name), low, high), form)


def _shown(told: Interval, form: str) -> str:
    if not math.isfinite(told.estimate):
        return ""
    return f"{told.estimate:{form}} [{told.low:{form}}, {told.high:{form}}]"


def _number(value: Any, form: str) -> str:
    return format(value, form) if math.isfinite(value) else ""
