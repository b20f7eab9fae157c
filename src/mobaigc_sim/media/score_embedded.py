"""The scorers shipped with the package: an open_clip model for S, a CNNIQA network over windows for Q.

Both come from a local folder and nothing is ever fetched.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from ..registry import PluginConfig
from .pyiqa_networks import import_pyiqa
from .score_base import (
    PairScorer,
    Pictures,
    QualityMeasure,
    ScorerError,
    SimilarityMeasure,
    Values,
    device,
    expect_file,
    qualities,
    read_json,
    scorers,
    similarities,
)
from .score_open_clip import CONFIG, WEIGHTS, ImageTower, load_folder

EMBEDDED = Path(__file__).parent / "pack" / "weights"
TRAINED_PX = 128


class _Batched(PluginConfig):
    batch: int = Field(default=64, ge=1)
    """Pictures per forward pass; bounds the memory, not the result."""


@similarities.register("embedded")
class EmbeddedSimilarity(SimilarityMeasure):
    """The shipped open_clip model, or a folder of the same layout."""

    class Config(_Batched):
        """Where the model lies and how many pictures it sees at a time."""

        kind: Literal["embedded"] = "embedded"
        path: str | None = None
        """Folder with `clip/` (an open_clip local folder and `similarity.json`); the shipped one when absent."""

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or self.Config()
        self.folder = _folder(self.config.path) / "clip"

    def similarity(self, originals: Pictures, recovered: Pictures) -> Values:
        """S of each pair, (B,)."""
        tower, floor = self._tower
        return tower.similarity(originals, recovered, floor, self.config.batch)

    def files(self) -> Mapping[str, Path]:
        """The model, its settings and its floor."""
        return _files(self.folder, (CONFIG, WEIGHTS, "similarity.json"), "semantic")

    @cached_property
    def _tower(self) -> tuple[ImageTower, float]:
        for name in (CONFIG, WEIGHTS):
            expect_file(self.folder / name, "semantic")
        floor = float(read_json(self.folder / "similarity.json", "semantic", "floor")["floor"])
        return load_folder(self.folder), floor


@qualities.register("embedded")
class EmbeddedQuality(QualityMeasure):
    """The shipped CNNIQA network, or a folder of the same layout.

    Q is the mean over overlapping windows of the network's score, each cut to [0, 1]. The network was trained on
    windows of 128 px scenes: a larger picture is first averaged down to 128 px on its shorter side, so that a
    window shows the same share of it. Damage finer than that scale is not seen, as on a phone that shows it small.
    """

    class Config(_Batched):
        """Where the network lies and how many pictures it sees at a time."""

        kind: Literal["embedded"] = "embedded"
        path: str | None = None
        """Folder with `quality/` (`cnniqa.safetensors` and `quality.json`); the shipped one when absent."""

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or self.Config()
        self.folder = _folder(self.config.path) / "quality"

    def quality(self, pictures: Pictures) -> Values:
        """Q of each picture, (B,)."""
        import torch
        import torch.nn.functional as F

        network, size, stride = self._network
        if min(pictures.shape[1:3]) < size:
            raise ScorerError(f"the quality score needs pictures of at least {size} px, got {pictures.shape[1:3]}")
        scale = TRAINED_PX / min(pictures.shape[1:3])
        shown = (round(pictures.shape[1] * scale), round(pictures.shape[2] * scale))
        out = np.empty(len(pictures))
        for start in range(0, len(pictures), self.config.batch):
            part = np.ascontiguousarray(pictures[start : start + self.config.batch])
            x = torch.from_numpy(part).to(device()).permute(0, 3, 1, 2).float() / 255
            if scale < 1:
                x = F.interpolate(x, size=shown, mode="area")
            tiles = x.unfold(2, size, stride).unfold(3, size, stride).permute(0, 2, 3, 1, 4, 5).flatten(1, 2)
            values = network(tiles.flatten(0, 1)).view(len(part), -1).clamp(0, 1)
            out[start : start + len(part)] = values.double().mean(1).cpu().numpy()
        return out

    def files(self) -> Mapping[str, Path]:
        """The network and its geometry."""
        return _files(self.folder, ("cnniqa.safetensors", "quality.json"), "quality")

    @cached_property
    def _network(self) -> tuple[Any, int, int]:
        """The network, its window and its stride in pixels."""
        weights = expect_file(self.folder / "cnniqa.safetensors", "quality")
        geometry = read_json(self.folder / "quality.json", "quality", "window_px", "stride_px")
        pyiqa = import_pyiqa()
        import torch
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        with torch.random.fork_rng(devices=[]):
            network = pyiqa.create_metric("cnniqa", pretrained=None, device=torch.device(device())).net
        try:
            network.load_state_dict(load_file(weights))
        except (OSError, RuntimeError, SafetensorError) as reason:
            raise ScorerError(f"the quality scorer's {weights} does not load: {reason}") from reason
        network.eval().requires_grad_(False)
        return network, int(geometry["window_px"]), int(geometry["stride_px"])


@scorers.register("embedded")
class EmbeddedScorer(PairScorer):
    """The scorers shipped with the package, or a folder of the same layout."""

    class Config(_Batched):
        """Where the scorers lie and how many pictures they see at a time."""

        kind: Literal["embedded"] = "embedded"
        path: str | None = None
        """Folder with `clip/` (an open_clip local folder and `similarity.json`) and `quality/` (`cnniqa.safetensors`
        and `quality.json`); the shipped one when absent."""

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or self.Config()
        told = self.config.model_dump(exclude={"kind"})
        similarity = EmbeddedSimilarity(EmbeddedSimilarity.Config(**told))
        super().__init__(similarity, EmbeddedQuality(EmbeddedQuality.Config(**told)), ("clip", "quality"))


def _folder(path: str | None) -> Path:
    return EMBEDDED if path is None else Path(path).expanduser()


def _files(folder: Path, names: tuple[str, ...], what: str) -> dict[str, Path]:
    return {name: expect_file(folder / name, what) for name in names}
