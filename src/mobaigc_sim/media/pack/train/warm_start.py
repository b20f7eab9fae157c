"""Start a training from earlier weights, also of a smaller or larger vocabulary."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

UNET_FILE = "unet/diffusion_pytorch_model.safetensors"
CLIP_FILE = "open_clip_model.safetensors"


def adopt(module: nn.Module, weights: Mapping[str, Tensor], old_ids: Mapping[str, int], ids: Mapping[str, int]) -> None:
    """Copy weights of equal name into the module.

    Rows of token embeddings go by word, and words that are new keep their random rows, scaled to the spread of the old
    ones; position tables keep their first rows and repeat the last. Raises KeyError for a weight that the module lacks
    and ValueError for one of another shape.
    """
    own = dict(module.state_dict())
    for name, value in weights.items():
        old = own[name]
        if name.endswith("token_embedding.weight"):
            rows = old * (value.std() / old.std())
            for word, i in ids.items():
                if word in old_ids:
                    rows[i] = value[old_ids[word]]
            own[name] = rows
        elif name.endswith(("position_embedding.weight", "positional_embedding")):
            last = value[-1:].expand(max(0, len(old) - len(value)), -1)
            own[name] = torch.cat((value, last))[: len(old)].to(old)
        elif old.shape == value.shape:
            own[name] = value.to(old)
        else:
            raise ValueError(f"{name}: expected shape {tuple(old.shape)}, found {tuple(value.shape)}")
    module.load_state_dict(own)


def origin(start: Path | None, file: str) -> str:
    """Which weights a training began with, as `Recipe.start` says it: the file and the start of its SHA-256.

    Empty where there is no folder to start from: the weights were random. Raises FileNotFoundError.
    """
    if start is None:
        return ""
    return f"`{file}` of SHA-256 {hashlib.sha256((start / file).read_bytes()).hexdigest()[:12]}…"


def generator_weights(folder: Path) -> tuple[dict[str, Tensor], dict[str, int]]:
    """Weights in the names of `generator.TextToImage` and word ids of a StableDiffusionPipeline folder."""
    parts = {"text_encoder": "text_encoder/model.safetensors", "unet": UNET_FILE}
    weights = {f"{part}.{k}": v for part, file in parts.items() for k, v in load_file(folder / file).items()}
    return weights, _ids(folder / "tokenizer" / "tokenizer.json")


def clip_weights(folder: Path) -> tuple[dict[str, Tensor], dict[str, int]]:
    """Weights in the names of the modules of `clip.fit` and word ids of an open_clip folder."""
    weights = {f"clip.{k}": v for k, v in load_file(folder / CLIP_FILE).items()}
    return weights, _ids(folder / "tokenizer.json")


def _ids(file: Path) -> dict[str, int]:
    return dict(json.loads(file.read_text(encoding="utf-8"))["model"]["vocab"])
