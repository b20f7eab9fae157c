"""How good a recovered picture is: S (same meaning), Q (clean to look at) and JPSQ = w·S + (1 − w)·Q.

S: cosine of the L2-normalised open_clip image embeddings, stretched from [f, 1] to [0, 1] and cut there, f being the
mean cosine of scenes that have nothing to do with each other (it belongs to the model and lies beside it). Identical
pictures have S = 1 exactly. Q: mean over windows of a learned no-reference score (CNNIQA), cut to [0, 1]; it needs no
original. Both come from local folders and nothing is ever fetched. PSNR and SSIM are reported beside them. A request
that failed scores 0; that is for the caller, who has no picture to hand in.

Letters: B pictures, H rows, W columns.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..errors import MobaigcError
from ..registry import PluginConfig, Registry
from .reference_metrics import psnr_db, ssim

if TYPE_CHECKING:
    from torch import Tensor

scorers = Registry("scorers")

EMBEDDED = Path(__file__).parent / "pack" / "weights"
DEFAULT_WEIGHT = 0.5
Pictures = NDArray[np.uint8]
Values = NDArray[np.float64]


class ScorerError(MobaigcError):
    """A scorer that cannot work: a file or a package is missing, or pictures do not match."""


@dataclass(frozen=True)
class Scores:
    """One number per picture; `s_B`, `q_B`, `jpsq_B` and `ssim_B` have no unit, `weight` is the w of JPSQ."""

    s_B: Values
    q_B: Values
    jpsq_B: Values
    psnr_db_B: Values
    ssim_B: Values
    weight: float


class Scorer(ABC):
    """What every scorer does; `similarity` and `quality` are the two to write."""

    @abstractmethod
    def similarity(self, originals: Pictures, recovered: Pictures) -> Values:
        """S of each pair, (B,), in [0, 1]."""

    @abstractmethod
    def quality(self, pictures: Pictures) -> Values:
        """Q of each picture, (B,), in [0, 1]."""

    def score(self, originals: Pictures, recovered: Pictures, weight: float = DEFAULT_WEIGHT) -> Scores:
        """S, Q, JPSQ and the reference metrics of (B, H, W, 3) uint8 pairs.

        Raises ScorerError when the two stacks do not match or `weight` is outside [0, 1].
        """
        if not 0 <= weight <= 1:
            raise ScorerError(f"the weight of S in JPSQ lies in [0, 1], got {weight}")
        for stack in (originals, recovered):
            if stack.dtype != np.uint8 or stack.ndim != 4 or stack.shape[3] != 3:
                raise ScorerError(f"expected uint8 pictures (B, H, W, 3), got {stack.dtype} {stack.shape}")
        if originals.shape != recovered.shape:
            raise ScorerError(f"originals {originals.shape} and recovered {recovered.shape} must have one shape")
        s_B, q_B = self.similarity(originals, recovered), self.quality(recovered)
        jpsq_B = weight * s_B + (1 - weight) * q_B
        return Scores(s_B, q_B, jpsq_B, psnr_db(originals, recovered), ssim(originals, recovered), weight)


@scorers.register("embedded")
class EmbeddedScorer(Scorer):
    """The scorers shipped with the package, or a folder of the same layout."""

    class Config(PluginConfig):
        """Where the scorers lie and how many pictures they see at a time."""

        kind: Literal["embedded"] = "embedded"
        path: str | None = None
        """Folder with `clip/` (an open_clip local folder and `similarity.json`) and `quality/` (`cnniqa.safetensors`
        and `quality.json`); the shipped one when absent."""
        batch: int = Field(default=64, ge=1)
        """Pictures per forward pass; bounds the memory, not the result."""

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or self.Config()
        self.folder = Path(self.config.path) if self.config.path else EMBEDDED

    def similarity(self, originals: Pictures, recovered: Pictures) -> Values:
        """S of each pair, (B,): (cos − f) / (1 − f), cut to [0, 1]."""
        index: dict[bytes, int] = {}
        both = [picture for stack in (originals, recovered) for picture in stack]
        which = np.asarray([index.setdefault(p.tobytes(), len(index)) for p in both], np.int64)
        first = {k: p for k, p in zip(which.tolist(), both, strict=True)}
        embedding = self._embed([first[k] for k in range(len(index))])[which]
        a, b = which[: len(originals)], which[len(originals) :]
        cosine = np.einsum("be,be->b", embedding[: len(originals)], embedding[len(originals) :])
        _, _, floor = self._clip
        return np.where(a == b, 1.0, np.clip((cosine - floor) / (1 - floor), 0, 1))

    def quality(self, pictures: Pictures) -> Values:
        """Q of each picture, (B,): the mean over overlapping windows of the network's score, each cut to [0, 1]."""
        import torch

        network, size, stride = self._quality
        if min(pictures.shape[1:3]) < size:
            raise ScorerError(f"the quality score needs pictures of at least {size} px, got {pictures.shape[1:3]}")
        out = np.empty(len(pictures))
        for start in range(0, len(pictures), self.config.batch):
            part = np.ascontiguousarray(pictures[start : start + self.config.batch])
            x = torch.from_numpy(part).permute(0, 3, 1, 2).float() / 255
            tiles = x.unfold(2, size, stride).unfold(3, size, stride).permute(0, 2, 3, 1, 4, 5).flatten(1, 2)
            values = network(tiles.flatten(0, 1)).view(len(part), -1).clamp(0, 1)
            out[start : start + len(part)] = values.double().mean(1).numpy()
        return out

    def _embed(self, pictures: list[Pictures]) -> Values:
        """Unit image embeddings, (B, E)."""
        import torch
        from PIL import Image

        model, preprocess, _ = self._clip
        parts = []
        with torch.no_grad():
            for start in range(0, len(pictures), self.config.batch):
                chosen = pictures[start : start + self.config.batch]
                x: Tensor = torch.stack([preprocess(Image.fromarray(p)) for p in chosen])
                parts.append(model.encode_image(x).double().numpy())
        embedding = np.concatenate(parts) if parts else np.zeros((0, 1))
        return np.asarray(embedding / np.linalg.norm(embedding, axis=1, keepdims=True))

    @cached_property
    def _clip(self) -> tuple[Any, Any, float]:
        """The open_clip model, its preprocessing and the floor of its cosine."""
        folder = self.folder / "clip"
        for name in ("open_clip_config.json", "open_clip_model.safetensors"):
            _expect(folder / name, "semantic")
        floor = float(_read(folder / "similarity.json", "semantic")["floor"])
        import open_clip
        import torch
        from safetensors import SafetensorError

        try:
            with torch.random.fork_rng(devices=[]):
                model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{folder}")
        except (OSError, RuntimeError, ValueError, KeyError, TypeError, SafetensorError) as reason:
            raise ScorerError(f"the semantic scorer in {folder} does not load: {reason}") from reason
        return model.eval(), preprocess, floor

    @cached_property
    def _quality(self) -> tuple[Any, int, int]:
        """The network, its window and its stride in pixels."""
        folder = self.folder / "quality"
        _expect(folder / "cnniqa.safetensors", "quality")
        geometry = _read(folder / "quality.json", "quality")
        try:
            import pyiqa
        except ImportError as reason:
            raise ScorerError(
                "the quality score needs the package pyiqa: pip install pyiqa (its licence, PolyForm Noncommercial, is "
                "not this project's; similarity, PSNR and SSIM work without it)"
            ) from reason
        import torch
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        with torch.random.fork_rng(devices=[]):
            network = pyiqa.create_metric("cnniqa", pretrained=None, device=torch.device("cpu")).net
        try:
            network.load_state_dict(load_file(folder / "cnniqa.safetensors"))
        except (OSError, RuntimeError, SafetensorError) as reason:
            raise ScorerError(
                f"the quality scorer's {folder / 'cnniqa.safetensors'} does not load: {reason}"
            ) from reason
        network.eval().requires_grad_(False)
        return network, int(geometry["window_px"]), int(geometry["stride_px"])


def _expect(path: Path, what: str) -> None:
    if not path.is_file():
        raise ScorerError(f"the {what} scorer expects the file {path}")


def _read(path: Path, what: str) -> dict[str, Any]:
    _expect(path, what)
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as reason:
        raise ScorerError(f"the {what} scorer expects JSON in {path}: {reason}") from reason
