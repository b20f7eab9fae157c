"""S from image embeddings of an open_clip model: cosine, stretched from [f, 1] to [0, 1] and cut there.

f is the mean cosine of pictures that have nothing to do with each other; it belongs to the model. Pictures of any size
work: the model's own preprocessing brings the shorter side to its input and, by default, crops the centre of what is
not square.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from ..errors import did_you_mean
from ..registry import PluginConfig
from .hub import HUB, HubError, cached_folder, how_to_fetch
from .offline import WouldFetch, no_fetching
from .score_base import (
    Pictures,
    ScorerError,
    SimilarityMeasure,
    Values,
    device,
    expect_file,
    similarities,
    stretched,
)

if TYPE_CHECKING:
    from torch import Tensor

LOCAL = "local-dir:"
CONFIG = "open_clip_config.json"
WEIGHTS = "open_clip_model.safetensors"
_UNRELATED_SCENES = 64


@dataclass(frozen=True)
class ImageTower:
    """A loaded open_clip model, its preprocessing and the files it came from."""

    model: Any
    preprocess: Any
    files: Mapping[str, Path]

    def embed(self, pictures: list[Pictures], batch: int) -> Values:
        """Unit embeddings (B, E) of (H, W, 3) pictures."""
        import torch
        from PIL import Image

        parts = []
        with torch.no_grad():
            for start in range(0, len(pictures), batch):
                chosen = pictures[start : start + batch]
                x: Tensor = torch.stack([self.preprocess(Image.fromarray(p)) for p in chosen])
                parts.append(self.model.encode_image(x.to(device())).double().cpu().numpy())
        embedding = np.concatenate(parts) if parts else np.zeros((0, 1))
        return np.asarray(embedding / np.linalg.norm(embedding, axis=1, keepdims=True))

    def similarity(self, originals: Pictures, recovered: Pictures, floor: float, batch: int) -> Values:
        """S of each pair, (B,): (cos − f) / (1 − f), cut to [0, 1]; equal pictures are embedded once."""
        index: dict[bytes, int] = {}
        both = [picture for stack in (originals, recovered) for picture in stack]
        which = np.asarray([index.setdefault(p.tobytes(), len(index)) for p in both], np.int64)
        first = {k: p for k, p in zip(which.tolist(), both, strict=True)}
        embedding = self.embed([first[k] for k in range(len(index))], batch)[which]
        half = len(originals)
        cosine_B = np.einsum("be,be->b", embedding[:half], embedding[half:])
        return stretched(cosine_B, which[:half] == which[half:], floor)


@similarities.register("open_clip")
class OpenClipSimilarity(SimilarityMeasure):
    """Cosine of the image embeddings of an open_clip model, from local weights or the local Hugging Face cache."""

    class Config(PluginConfig):
        """Which model, and which cosine means that two pictures have nothing in common."""

        kind: Literal["open_clip"] = "open_clip"
        model: str = "ViT-B-32"
        """Architecture that open_clip knows, `local-dir:FOLDER` with `open_clip_config.json` and
        `open_clip_model.safetensors`, or `hub:owner/name` from the local Hugging Face cache."""
        pretrained: str = "laion2b_s34b_b79k"
        """Tag that open_clip knows for the architecture, or the path of a weights file; a folder or a hub name needs
        none."""
        floor: float | None = Field(default=None, ge=-1, lt=1)
        """Cosine at which S is 0. Measured when absent: the mean over pairs of 64 rendered scenes that share no thing,
        place or time of day, at least 0. Unrelated pictures have cosines well above 0 in CLIP models, so 0 flatters."""
        batch: int = Field(default=64, ge=1)
        """Pictures per forward pass; bounds the memory, not the result."""

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or self.Config()

    def similarity(self, originals: Pictures, recovered: Pictures) -> Values:
        """S of each pair, (B,)."""
        return self._tower.similarity(originals, recovered, self.floor(), self.config.batch)

    def floor(self) -> float:
        """The cosine at which S is 0."""
        if self.config.floor is not None:
            return self.config.floor
        return _measured_floor(self.config.model, self.config.pretrained)

    def files(self) -> Mapping[str, Path]:
        """The model's settings and weights."""
        return self._tower.files

    @property
    def _tower(self) -> ImageTower:
        return load_tower(self.config.model, self.config.pretrained)


@lru_cache(maxsize=2)
def load_tower(model: str, pretrained: str = "") -> ImageTower:
    """Load an open_clip model; raises ScorerError that names the file expected and how to fetch it."""
    if model.startswith(HUB):
        try:
            folder = cached_folder(model, CONFIG)
        except HubError as reason:
            raise ScorerError(f"the semantic scorer {reason}") from None
        return load_folder(folder)
    if model.startswith(LOCAL):
        return load_folder(Path(model.removeprefix(LOCAL)).expanduser())
    import open_clip

    if model not in open_clip.list_models():
        raise ScorerError(f"unknown open_clip model '{model}'; {did_you_mean(model, open_clip.list_models())}")
    known = open_clip.get_pretrained_cfg(model, pretrained)
    weights = Path(pretrained).expanduser() if not known and os.sep in pretrained else _cached(model, pretrained, known)
    if not weights.is_file():
        raise ScorerError(f"the semantic scorer {model} expects the file {weights}")
    options = {
        "image_mean": known.get("mean"),
        "image_std": known.get("std"),
        "image_interpolation": known.get("interpolation"),
        "image_resize_mode": known.get("resize_mode"),
        "force_quick_gelu": bool(known.get("quick_gelu")),
    }
    return _load(model, str(weights), {weights.name: weights}, options)


def load_folder(folder: Path) -> ImageTower:
    """Load a folder with `open_clip_config.json` and `open_clip_model.safetensors`; raises ScorerError."""
    files = {name: expect_file(folder / name, "semantic") for name in (CONFIG, WEIGHTS)}
    return _load(f"{LOCAL}{folder}", None, files, {})


def _load(model: str, weights: str | None, files: Mapping[str, Path], options: Mapping[str, Any]) -> ImageTower:
    import open_clip
    import torch
    from safetensors import SafetensorError

    where = files[WEIGHTS].parent if WEIGHTS in files else next(iter(files.values()))
    try:
        with torch.random.fork_rng(devices=[]), no_fetching():
            made, _, preprocess = open_clip.create_model_and_transforms(
                model, pretrained=weights, device=device(), **options
            )
    except (
        OSError,
        RuntimeError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        pickle.UnpicklingError,
        SafetensorError,
        WouldFetch,
    ) as reason:
        raise ScorerError(f"the semantic scorer in {where} does not load: {reason}") from reason
    return ImageTower(made.eval(), preprocess, files)


def _cached(model: str, tag: str, known: Mapping[str, Any]) -> Path:
    """The weights of a tag in the local caches; raises ScorerError when they are not there."""
    import open_clip

    if not known:
        tags = open_clip.list_pretrained_tags_by_model(model)
        raise ScorerError(f"unknown weights '{tag}' of {model}, and no file; {did_you_mean(tag, tags)}")
    from huggingface_hub import try_to_load_from_cache

    repository, file = os.path.split(known.get("hf_hub", ""))
    wanted = [WEIGHTS, "open_clip_pytorch_model.bin"] if not file else [f"{Path(file).stem}.safetensors", file]
    for name in wanted if repository else ():
        found = try_to_load_from_cache(repository, name)
        if isinstance(found, str):
            return Path(found)
    url: str = known.get("url", "")
    fetched = Path("~/.cache/clip").expanduser() / os.path.basename(url)
    if url and fetched.is_file() and fetched.suffix != ".pt":
        return fetched
    if not repository:
        raise ScorerError(f"the semantic scorer {model} expects the file {fetched}; fetch it from {url}")
    raise ScorerError(
        f"the semantic scorer {model} expects the file {wanted[0]} of {repository} in the Hugging Face cache; "
        f"{how_to_fetch(HUB + repository)}"
    )


@lru_cache(maxsize=8)
def _measured_floor(model: str, pretrained: str) -> float:
    from .pack.drawing import render
    from .pack.scenes import sample_spec

    rngs = [np.random.default_rng([20, k]) for k in range(_UNRELATED_SCENES)]
    scenes = [render(sample_spec(rng), rng) for rng in rngs]
    unit = load_tower(model, pretrained).embed([s.image for s in scenes], 16)
    specs = [s.spec for s in scenes]
    apart = [
        [set(a.mains).isdisjoint(b.mains) and a.place is not b.place and a.time != b.time for b in specs] for a in specs
    ]
    return max(0.0, float((unit @ unit.T)[np.asarray(apart)].mean()))
