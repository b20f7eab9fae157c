"""Q from a no-reference metric of pyiqa: the raw score, brought from the metric's range to [0, 1] and cut there.

| metric | range | what it was trained on |
|---|---|---|
| `nima` | 1–10 | marks of photographers, AVA (Talebi and Milanfar 2018) |
| `laion_aes` | 1–10 | aesthetic marks on CLIP ViT-L/14 embeddings |
| `musiq` | 0–100 | opinion scores, KonIQ-10k (Ke et al. 2021) |
| `clipiqa+` | 0–1 | learned prompts "good / bad photo" (Wang et al. 2023) |
| `topiq_iaa` | 1–10 | marks of photographers, AVA (Chen et al. 2024) |

The ranges are those that pyiqa documents; where lower is better, Q is turned round. Pictures go in at their own size,
and each metric resizes them as it was trained.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from ..registry import PluginConfig
from .pyiqa_networks import Metric, load_metric
from .score_base import Pictures, QualityMeasure, ScorerError, Values, qualities


@qualities.register("pyiqa")
class PyiqaQuality(QualityMeasure):
    """A no-reference metric of pyiqa, such as nima, musiq, clipiqa+, laion_aes or topiq_iaa."""

    class Config(PluginConfig):
        """Which metric, and where its weights lie."""

        kind: Literal["pyiqa"] = "pyiqa"
        metric: str = "nima"
        """Name of a no-reference metric in pyiqa."""
        weights: str | None = None
        """File with all tensors of the metric (safetensors, or a PyTorch file, read without running its pickle); by
        default what pyiqa itself fetched before."""
        backbone: str | None = None
        """File with the tensors of OpenAI's CLIP, for metrics built on it; by default what pyiqa fetched before."""
        low: float | None = None
        """Raw score that counts as worst (as best where lower is better); by default the end of the metric's range."""
        high: float | None = None
        """Raw score at the other end."""
        batch: int = Field(default=16, ge=1)
        """Pictures per forward pass; bounds the memory, not the result."""

        @model_validator(mode="after")
        def _range_has_a_length(self) -> Self:
            if self.low is not None and self.high is not None and self.low >= self.high:
                raise ValueError(f"low must be below high, got {self.low:g} and {self.high:g}")
            return self

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or self.Config()

    def quality(self, pictures: Pictures) -> Values:
        """Q of each picture, (B,); 0 where the metric finds no number, as some do for a flat picture."""
        import torch

        metric, low, high = self._metric, *self._ends()
        raw_B = np.empty(len(pictures))
        for start in range(0, len(pictures), self.config.batch):
            part = np.ascontiguousarray(pictures[start : start + self.config.batch])
            x = torch.from_numpy(part).permute(0, 3, 1, 2).float() / 255
            try:
                with torch.random.fork_rng(devices=[]):
                    torch.manual_seed(0)
                    found = metric.network(x)
            except (RuntimeError, ValueError, AssertionError, IndexError) as reason:
                told = f"{pictures.shape[1]} × {pictures.shape[2]} px"
                raise ScorerError(
                    f"the quality scorer {metric.name} cannot score pictures of {told}: {reason}"
                ) from reason
            raw_B[start : start + len(part)] = found.double().reshape(len(part)).cpu().numpy()
        q_B = np.clip((raw_B - low) / (high - low), 0, 1)
        return np.where(np.isfinite(raw_B), 1 - q_B if metric.lower_better else q_B, 0.0)

    def files(self) -> Mapping[str, Path]:
        """The weights that were read."""
        return self._metric.files

    @property
    def _metric(self) -> Metric:
        return load_metric(self.config.metric, self.config.weights, self.config.backbone)

    def _ends(self) -> tuple[float, float]:
        metric = self._metric
        low = metric.low if self.config.low is None else self.config.low
        high = metric.high if self.config.high is None else self.config.high
        if low is None or high is None or low >= high:
            raise ScorerError(f"the metric '{metric.name}' has no closed range: set low and high")
        return low, high
