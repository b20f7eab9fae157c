"""S from one measure and Q from another: `scorer: {kind: combined, similarity: {…}, quality: {…}}`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from ..registry import PluginConfig, plugin_field
from .score_base import Pictures, QualityMeasure, Scorer, SimilarityMeasure, Values, qualities, scorers, similarities
from .score_embedded import EmbeddedQuality, EmbeddedSimilarity


@scorers.register("combined")
class CombinedScorer(Scorer):
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
        self._similarity: SimilarityMeasure = of_s(self.config.similarity)
        self._quality: QualityMeasure = of_q(self.config.quality)

    def similarity(self, originals: Pictures, recovered: Pictures) -> Values:
        """S of each pair, (B,)."""
        return self._similarity.similarity(originals, recovered)

    def quality(self, pictures: Pictures) -> Values:
        """Q of each picture, (B,)."""
        return self._quality.quality(pictures)

    def files(self) -> Mapping[str, Path]:
        """The files of both measures."""
        parts = {"similarity": self._similarity.files(), "quality": self._quality.files()}
        return {f"{part}/{name}": path for part, files in parts.items() for name, path in files.items()}
