"""How good a recovered picture is; see `score_base` for S, Q and JPSQ. Importing this makes every scorer known."""

from __future__ import annotations

from ..registry import PluginConfig
from .score_base import Scorer, ScorerError, Scores, qualities, scorers, similarities
from .score_combined import CombinedScorer
from .score_dreamsim import DreamSimSimilarity
from .score_embedded import EMBEDDED, EmbeddedScorer
from .score_open_clip import OpenClipSimilarity
from .score_pyiqa import PyiqaQuality

__all__ = [
    "EMBEDDED",
    "CombinedScorer",
    "DreamSimSimilarity",
    "EmbeddedScorer",
    "OpenClipSimilarity",
    "PyiqaQuality",
    "Scorer",
    "ScorerError",
    "Scores",
    "make_scorer",
    "qualities",
    "scorers",
    "similarities",
]


def make_scorer(config: PluginConfig) -> Scorer:
    """The scorer that a configuration names; raises UnknownNameError."""
    scorer: Scorer = scorers.get(config.kind)(config)
    return scorer
