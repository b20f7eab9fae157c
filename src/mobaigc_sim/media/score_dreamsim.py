"""S from DreamSim (Fu et al., NeurIPS 2023, arXiv:2306.09344), where the package is installed.

DreamSim's distance is one minus the cosine of its embeddings, which were trained on people's choices of the more
similar of two pictures.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from ..registry import PluginConfig
from .offline import WouldFetch, no_fetching
from .score_base import Pictures, ScorerError, SimilarityMeasure, Values, device, same_pictures, similarities, stretched


@similarities.register("dreamsim")
class DreamSimSimilarity(SimilarityMeasure):
    """DreamSim's perceptual similarity, where the package and its weights are installed."""

    class Config(PluginConfig):
        """Which DreamSim model, and which cosine means that two pictures have nothing in common."""

        kind: Literal["dreamsim"] = "dreamsim"
        model: str = "ensemble"
        """`ensemble`, or a single model such as `dino_vitb16`, `open_clip_vitb32` or `dinov2_vitb14`."""
        folder: str = "~/.cache/dreamsim"
        """Where DreamSim keeps its weights."""
        floor: float = Field(default=0.0, ge=-1, lt=1)
        """Cosine at which S is 0, that is a DreamSim distance of one minus it."""
        batch: int = Field(default=16, ge=1)
        """Pairs per forward pass; bounds the memory, not the result."""

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or self.Config()

    def similarity(self, originals: Pictures, recovered: Pictures) -> Values:
        """S of each pair, (B,)."""
        import torch
        from PIL import Image

        model, preprocess = self._model
        distance_B = np.empty(len(originals))
        for start in range(0, len(originals), self.config.batch):
            part = slice(start, start + self.config.batch)
            pair = [torch.cat([preprocess(Image.fromarray(p)) for p in s[part]]) for s in (originals, recovered)]
            with torch.no_grad():
                distance_B[part] = model(*(x.to(device()) for x in pair)).double().cpu().numpy()
        return stretched(1 - distance_B, same_pictures(originals, recovered), self.config.floor)

    def files(self) -> Mapping[str, Path]:
        """Every file in DreamSim's folder."""
        self._model  # noqa: B018 (raises when they are not there)
        folder = Path(self.config.folder).expanduser()
        return {p.relative_to(folder).as_posix(): p for p in sorted(folder.rglob("*")) if p.is_file()}

    @property
    def _model(self) -> tuple[Any, Any]:
        return _load(self.config.model, str(Path(self.config.folder).expanduser()))


@lru_cache(maxsize=1)
def _load(model: str, folder: str) -> tuple[Any, Any]:
    try:
        from dreamsim import dreamsim
    except ImportError as reason:
        raise ScorerError("the similarity 'dreamsim' needs the package dreamsim: pip install dreamsim") from reason
    import torch

    try:
        with torch.random.fork_rng(devices=[]), no_fetching(), warnings.catch_warnings(action="ignore"):
            made, preprocess = dreamsim(pretrained=True, device=device(), cache_dir=folder, dreamsim_type=model)
    except (WouldFetch, OSError, RuntimeError, ValueError, KeyError) as reason:
        raise ScorerError(
            f"the similarity 'dreamsim' expects the weights of '{model}' in {folder} ({reason}); fetch them where "
            f"there is a network: python -c \"from dreamsim import dreamsim; dreamsim(cache_dir='{folder}', "
            f"dreamsim_type='{model}', device='cpu')\""
        ) from reason
    return made, preprocess
