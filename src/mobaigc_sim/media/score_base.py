"""What scorers are: S (same meaning), Q (clean to look at) and JPSQ = w·S + (1 − w)·Q of recovered pictures.

A scorer gives both; a similarity or a quality measure gives one and is combined with another. PSNR and SSIM are
reported beside them. A request that failed scores 0; that is for the caller, who has no picture to hand in.

Letters: B pictures, H rows, W columns.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MobaigcError
from ..registry import Registry
from .reference_metrics import psnr_db, ssim

scorers = Registry("scorers")
similarities = Registry("similarities")
qualities = Registry("qualities")

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


class SimilarityMeasure(ABC):
    """Gives S; made from its `Config`."""

    @abstractmethod
    def similarity(self, originals: Pictures, recovered: Pictures) -> Values:
        """S of each pair of (B, H, W, 3) uint8 pictures, (B,), in [0, 1]; 1 exactly for identical pictures."""

    @abstractmethod
    def files(self) -> Mapping[str, Path]:
        """The files that S depends on, by name; raises ScorerError when they are not there."""


class QualityMeasure(ABC):
    """Gives Q; made from its `Config`."""

    @abstractmethod
    def quality(self, pictures: Pictures) -> Values:
        """Q of each of (B, H, W, 3) uint8 pictures, (B,), in [0, 1]; it needs no original."""

    @abstractmethod
    def files(self) -> Mapping[str, Path]:
        """The files that Q depends on, by name; raises ScorerError when they are not there."""


class Scorer(ABC):
    """What every scorer does; `similarity` and `quality` are the two to write."""

    @abstractmethod
    def similarity(self, originals: Pictures, recovered: Pictures) -> Values:
        """S of each pair, (B,), in [0, 1]."""

    @abstractmethod
    def quality(self, pictures: Pictures) -> Values:
        """Q of each picture, (B,), in [0, 1]."""

    def files(self) -> Mapping[str, Path]:
        """The files that the scores depend on, by name; a scorer without files has none."""
        return {}

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


class PairScorer(Scorer):
    """S from one measure and Q from another; a file of either has the measure's name in front."""

    def __init__(self, similarity: SimilarityMeasure, quality: QualityMeasure, names: tuple[str, str]) -> None:
        self._similarity = similarity
        self._quality = quality
        self._names = names

    def similarity(self, originals: Pictures, recovered: Pictures) -> Values:
        """S of each pair, (B,)."""
        return self._similarity.similarity(originals, recovered)

    def quality(self, pictures: Pictures) -> Values:
        """Q of each picture, (B,)."""
        return self._quality.quality(pictures)

    def files(self) -> Mapping[str, Path]:
        """The files of both measures."""
        parts = zip(self._names, (self._similarity.files(), self._quality.files()), strict=True)
        return {f"{part}/{name}": path for part, files in parts for name, path in files.items()}


def stretched(cosine_B: Values, same_B: NDArray[np.bool_], floor: float) -> Values:
    """S from cosines: [floor, 1] → [0, 1], cut there; 1 exactly for the same pictures."""
    return np.where(same_B, 1.0, np.clip((cosine_B - floor) / (1 - floor), 0, 1))


def same_pictures(originals: Pictures, recovered: Pictures) -> NDArray[np.bool_]:
    """Which pairs (B,) are equal in every pixel."""
    return np.asarray([np.array_equal(a, b) for a, b in zip(originals, recovered, strict=True)], bool)


def device() -> str:
    """Where scorers run: the GPU when there is one."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def expect_file(path: Path, what: str) -> Path:
    """The path; raises ScorerError that names it when there is no such file."""
    if not path.is_file():
        raise ScorerError(f"the {what} scorer expects the file {path}")
    return path


def read_json(path: Path, what: str, *keys: str) -> dict[str, Any]:
    """The object in a JSON file, which has at least these keys; raises ScorerError."""
    expect_file(path, what)
    try:
        found = dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as reason:
        raise ScorerError(f"the {what} scorer expects a JSON object in {path}: {reason}") from reason
    for key in keys:
        if key not in found:
            raise ScorerError(f"the {what} scorer expects the key '{key}' in {path}")
    return found
