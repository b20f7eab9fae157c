"""Train the semantic scorer: an open_clip model on fresh scenes, their captions and their edits.

Three losses: contrast between pictures and captions; the cosines of pictures among themselves regressed on those of
`edits.meaning`; and, as a help that is thrown away afterwards, the thing or place under each patch.
Letters: B pictures, P patches, C distinct captions, M length of a meaning.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn

from ..drawing import Drawing
from ..scenes import Scene
from ..vocabulary import OBJECTS, PLACES
from .cards import Recipe, clip_card
from .common import Loop, scenes, to_tensor
from .distort import any_distortion
from .edits import EDITS, meaning, repaint, sample
from .tokenizer import CONTEXT_TOKENS, build_tokenizer, vocabulary_ids
from .warm_start import CLIP_FILE, adopt, clip_weights, origin

SIZE_PX, PATCH_PX, WIDTH, EMBEDDING = 128, 16, 192, 128
MODEL_CONFIG = {
    "embed_dim": EMBEDDING,
    "vision_cfg": {
        "image_size": SIZE_PX,
        "layers": 4,
        "width": WIDTH,
        "head_width": 48,
        "patch_size": PATCH_PX,
        "pool_type": "avg",
    },
    "text_cfg": {
        "context_length": CONTEXT_TOKENS,
        "vocab_size": len(vocabulary_ids()),
        "hf_tokenizer_name": "tokenizer.json",
        "width": 128,
        "heads": 4,
        "layers": 2,
    },
}
PREPROCESS_CONFIG = {
    "mean": [0.5, 0.5, 0.5],
    "std": [0.5, 0.5, 0.5],
    "interpolation": "bicubic",
    "resize_mode": "shortest",
}
PICTURES_PER_GROUP = 6
_CLASSES = {name: i for i, name in enumerate([*(o.name for o in OBJECTS), *(p.name for p in PLACES)])}
_UNSEEN = -100


@dataclass(frozen=True)
class Example:
    """One picture with all that is known of it; `caption` is None where the picture no longer shows it."""

    image: NDArray[np.uint8]
    caption: str | None
    meaning: NDArray[np.float32]
    patch_classes: NDArray[np.int64]


def build() -> nn.Module:
    """The model with random weights."""
    vision, text = dict(MODEL_CONFIG["vision_cfg"]), dict(MODEL_CONFIG["text_cfg"])  # type: ignore[call-overload]
    model: nn.Module = open_clip.CLIP(EMBEDDING, vision, text)
    return model


def group(rng: np.random.Generator) -> list[Example]:
    """A scene, the same scene damaged, and four different edits of it."""
    anchor = sample(rng, SIZE_PX)
    scene = anchor.render()
    out = [_seen(anchor, scene, rng)]
    out.append(_with_holes(anchor, scene, rng) if rng.random() < 0.35 else _damaged(anchor, scene, rng, 1.0))
    for name in rng.permutation(list(EDITS)).tolist():
        edited = EDITS[name](anchor, rng)
        if edited is not None and len(out) < PICTURES_PER_GROUP:
            out.append(_seen(edited, edited.render(), rng))
    while len(out) < PICTURES_PER_GROUP:
        again = repaint(anchor, rng)
        out.append(_seen(again, again.render(), rng))
    return out


def train(
    workdir: Path, out: Path, steps: int = 1300, batch: int = 96, seed: int = 3, start_from: Path | None = None
) -> None:
    """Train, write the model folder `out` and its card (which measures `out` as the `clip` folder of its parent)."""
    began = origin(start_from, CLIP_FILE)
    module, seconds = fit(workdir, steps, batch, seed, start_from)
    save(module["clip"], out, seed)
    clip_card(out, Recipe(steps, batch, seed, seconds, began))


def fit(
    workdir: Path, steps: int, batch: int, seed: int, start_from: Path | None = None
) -> tuple[nn.ModuleDict, float]:
    """Train for `steps` batches of `batch` pictures; returns the modules and the seconds spent.

    `start_from` is an open_clip folder whose weights take the place of random ones.

    Every batch depends on (seed, step) only: an interrupted run continues as if it had not been.
    """
    tokenizer = build_tokenizer()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = nn.ModuleDict({"clip": build(), "patches": nn.Linear(WIDTH, len(_CLASSES))})
    if start_from is not None:
        adopt(module, *clip_weights(start_from), vocabulary_ids())
    decay = [p for p in module.parameters() if p.ndim >= 2]
    rest = [p for p in module.parameters() if p.ndim < 2]
    groups = [{"params": decay, "weight_decay": 0.05}, {"params": rest, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.98))
    loop = Loop("clip", module, optimizer, steps, 1.2e-3, workdir, warmup=min(60, steps))

    def loss_of(step: int) -> tuple[Tensor, dict[str, float]]:
        return loss(module, examples(seed, step, batch), tokenizer)

    loop.run(loss_of)
    return module, loop.seconds


def examples(seed: int, step: int, batch: int) -> list[Example]:
    """The batch of one step, groups of four one after the other."""
    rngs = [np.random.default_rng([seed, step, g]) for g in range(batch // PICTURES_PER_GROUP)]
    return [example for rng in rngs for example in group(rng)]


def save(model: nn.Module, out: Path, seed: int) -> None:
    """Write the folder that `open_clip.create_model_and_transforms("local-dir:…")` reads; weights in half precision."""
    out.mkdir(parents=True, exist_ok=True)
    config = {"model_cfg": MODEL_CONFIG, "preprocess_cfg": PREPROCESS_CONFIG}
    (out / "open_clip_config.json").write_text(json.dumps(config, indent=2) + "\n")
    weights = {k: v.half().contiguous() for k, v in model.state_dict().items()}
    save_file(weights, out / CLIP_FILE, metadata={"format": "pt"})
    build_tokenizer().save_pretrained(out)
    floor = {"floor": round(unrelated_cosine(model, seed + 1), 4)}
    (out / "similarity.json").write_text(json.dumps(floor) + "\n")


@torch.no_grad()
def unrelated_cosine(model: Any, seed: int, count: int = 256) -> float:
    """Mean cosine between scenes that share no thing, no place and no time of day; at least 0."""
    drawn = [s for s, _ in zip(scenes(seed, size=SIZE_PX), range(count), strict=False)]
    unit = F.normalize(model.encode_image(to_tensor([s.image for s in drawn])), dim=-1)
    specs = [s.spec for s in drawn]
    apart = [
        [set(a.mains).isdisjoint(b.mains) and a.place is not b.place and a.time != b.time for b in specs] for a in specs
    ]
    return max(0.0, float((unit @ unit.T)[torch.tensor(apart)].mean()))


def loss(module: nn.ModuleDict, batch: list[Example], tokenizer: Any) -> tuple[Tensor, dict[str, float]]:
    """The sum of the losses, and each of them with the share of captions found."""
    clip: Any = module["clip"]
    captions = sorted({e.caption for e in batch if e.caption is not None})
    ids = tokenizer(captions, padding="max_length", truncation=True, return_tensors="pt").input_ids
    with torch.autocast("cpu", torch.bfloat16):
        seen = clip.visual.forward_intermediates(
            to_tensor([e.image for e in batch]), indices=1, normalize_intermediates=True, output_fmt="NLC"
        )
        texts = clip.encode_text(ids)
        guess: Tensor = module["patches"](seen["image_intermediates"][-1])
    pictures_BE = F.normalize(seen["image_features"].float(), dim=-1)
    texts_CE = F.normalize(texts.float(), dim=-1)

    told = [i for i, e in enumerate(batch) if e.caption is not None]
    label_B = torch.tensor([captions.index(batch[i].caption) for i in told])  # type: ignore[arg-type]
    logits_BC = clip.logit_scale.exp().clamp(max=100) * pictures_BE[told] @ texts_CE.T
    own_BC = F.one_hot(label_B, len(captions)).float()
    back = -(F.log_softmax(logits_BC, 0) * own_BC).sum(0) / own_BC.sum(0)
    contrast = 0.5 * (F.cross_entropy(logits_BC, label_B) + back.mean())

    meaning_BM = torch.from_numpy(np.stack([e.meaning for e in batch]))
    error_BB = (pictures_BE @ pictures_BE.T - meaning_BM @ meaning_BM.T).square()
    home = torch.arange(len(batch)) // PICTURES_PER_GROUP
    kin = error_BB[(home[:, None] == home) & ~torch.eye(len(batch), dtype=torch.bool)].mean()
    relation = error_BB.mean() + kin

    patch_B_P = torch.from_numpy(np.stack([e.patch_classes for e in batch]))
    dense = F.cross_entropy(guess.float().flatten(0, 1), patch_B_P.flatten(), ignore_index=_UNSEEN)
    hit = (logits_BC.argmax(1) == label_B).float().mean()
    parts = {"contrast": contrast, "relation": relation, "dense": dense, "hit": hit}
    return contrast + 20 * relation + dense, {k: v.item() for k, v in parts.items()}


def _seen(drawing: Drawing, scene: Scene, rng: np.random.Generator) -> Example:
    if rng.random() < 0.5:
        return _damaged(drawing, scene, rng, 0.5)
    return Example(scene.image, scene.spec.caption, meaning(drawing), _patch_classes(scene))


def _damaged(drawing: Drawing, scene: Scene, rng: np.random.Generator, top: float) -> Example:
    tint = rng.uniform(0.92, 1.08, 3) if rng.random() < 0.3 else np.ones(3)
    image = any_distortion(np.clip(scene.image * tint, 0, 255).astype(np.uint8), rng, top, hiding=False)
    return Example(image, scene.spec.caption, meaning(drawing), _patch_classes(scene))


def _with_holes(drawing: Drawing, scene: Scene, rng: np.random.Generator) -> Example:
    """Patches missing: what is hidden counts as not there (a thing is known from 70 % of it, a place from 30 %)."""
    grid = SIZE_PX // PATCH_PX
    kept_PP = rng.random((grid, grid)) < rng.uniform(0.25, 0.9)
    kept = np.repeat(np.repeat(kept_PP, PATCH_PX, 0), PATCH_PX, 1)
    fill = scene.image.mean((0, 1)) if rng.random() < 0.5 else np.full(3, 128 * rng.integers(2))
    image = np.where(kept[..., None], scene.image, fill.astype(np.uint8))
    ground = ~np.any([np.zeros_like(kept), *scene.masks.values()], axis=0)
    things = {name: min(1.0, _share(kept, mask) / 0.7) for name, mask in scene.masks.items()}
    target = meaning(drawing, things, min(1.0, _share(kept, ground) / 0.3))
    classes = np.where(kept_PP.ravel(), _patch_classes(scene), _UNSEEN)
    return Example(image.astype(np.uint8), None, target, classes)


def _share(kept: NDArray[np.bool_], mask: NDArray[np.bool_]) -> float:
    return float((kept & mask).sum() / max(1, mask.sum()))


def _patch_classes(scene: Scene) -> NDArray[np.int64]:
    """(P,): the thing that covers at least 30 % of a patch, else the place."""
    grid = SIZE_PX // PATCH_PX
    classes = np.full((grid, grid), _CLASSES[scene.spec.place.name], np.int64)
    best = np.full((grid, grid), 0.3)
    for name, mask in scene.masks.items():
        cover = mask.reshape(grid, PATCH_PX, grid, PATCH_PX).mean((1, 3))
        classes[cover >= best] = _CLASSES[name]
        best = np.maximum(best, cover)
    return classes.ravel()
