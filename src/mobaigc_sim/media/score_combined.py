"""S from one measure and Q from another: `scorer: {kind: combined, similarity: {…}, quality: {…}}`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from ..registry import PluginConfig, plugin_field
from .score_base import PairScorer, qualities, scorers, similarities
from .score_embedded import EmbeddedQuality, EmbeddedSimilarity


@scorers.register("combined")
class CombinedScorer(PairScorer):
    """S and Q from measures chosen one by one; the embedded ones where none is named."""

    class Config(PluginConfig):
        """Which measure gives S, which gives Q."""

        kind: Literal["combined"] = "combined"
        similarity: Annotated[PluginConfig, plugin_field(similarities, default="embedded")] = (
            EmbeddedSimilarity.Config()
        )
        """What measures S."""
        quality: Annotated[PluginConfig, plugin_field(qualities, default="embedded")] = EmbeddedQuality.Config()
        """What measures Q."""

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or self.Config()
        of_s: Any = similarities.get(self.config.similarity.kind)
        of_q: Any = qualities.get(self.config.quality.kind)
        super().__init__(of_s(self.config.similarity), of_q(self.config.quality), ("similarity", "quality"))
