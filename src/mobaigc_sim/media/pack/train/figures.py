"""Held-out figures of the two scorers, measured on saved folders through `media.score`: what their cards report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pyiqa
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import spearmanr

from ...score import EmbeddedScorer
from ..drawing import draw, render
from ..prompt_sets import held_out_combinations
from ..scenes import Scene, sample_spec
from ..vocabulary import WEATHERS
from . import distort
from .decoded import load_vae, round_trip
from .edits import EDITS
from .opinion import pseudo_opinion

Pictures = NDArray[np.uint8]
LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0)
RECOMPRESSED = "recompressed"


def fresh_scenes(seed: int, count: int) -> list[Scene]:
    """Scenes with captions that differ from one another."""
    rng = np.random.default_rng(seed)
    found: dict[str, Scene] = {}
    while len(found) < count:
        spec = sample_spec(rng)
        if spec.caption not in found:
            found[spec.caption] = render(spec, rng)
    return list(found.values())


def unseen_combinations(seed: int) -> list[Scene]:
    """One scene for each (thing, place, time of day) that is kept out of training."""
    rng = np.random.default_rng(seed)
    return [render(spec, rng) for spec in held_out_combinations()]


@torch.no_grad()
def retrieval(folder: Path, scenes: list[Scene]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether each caption finds its own picture first among all, and each picture its caption: two rows of hits.

    Their means are R@1.
    """
    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
    model.eval()
    pictures = torch.stack([preprocess(Image.fromarray(s.image)) for s in scenes])
    image = model.encode_image(pictures, normalize=True)
    text = model.encode_text(tokenizer([s.spec.caption for s in scenes]), normalize=True)
    own = torch.arange(len(scenes))
    table = text @ image.T
    return (table.argmax(1) == own).numpy(), (table.argmax(0) == own).numpy()


def edited_pairs(seed: int, count: int) -> dict[str, tuple[Pictures, Pictures]]:
    """Edit → originals and edited pictures of `count` scenes that allow every edit (RECOMPRESSED: WebP at 30)."""
    rng = np.random.default_rng(seed)
    originals: list[Pictures] = []
    edited: dict[str, list[Pictures]] = {name: [] for name in (RECOMPRESSED, *EDITS)}
    while len(originals) < count:
        drawing = draw(sample_spec(rng), rng)
        changed = {name: edit(drawing, rng) for name, edit in EDITS.items()}
        if any(c is None for c in changed.values()):
            continue
        picture = drawing.render().image
        originals.append(picture)
        edited[RECOMPRESSED].append(distort.coded(picture, "WEBP", quality=30))
        for name, c in changed.items():
            if c is not None:
                edited[name].append(c.render().image)
    first = np.stack(originals)
    return {name: (first, np.stack(pictures)) for name, pictures in edited.items()}


def similarity_under_edits(scorer: EmbeddedScorer, seed: int, count: int = 256) -> dict[str, NDArray[np.float64]]:
    """Edit → S of each scene with its edit; also `another scene` (the next scene's picture)."""
    pairs = edited_pairs(seed, count)
    values = {name: scorer.similarity(a, b) for name, (a, b) in pairs.items()}
    originals = pairs[RECOMPRESSED][0]
    return {**values, "another scene": scorer.similarity(originals, np.roll(originals, 1, axis=0))}


def ladder(name: str, pictures: Pictures, levels: tuple[float, ...] = LEVELS) -> list[Pictures]:
    """The pictures under one distortion at rising levels, the same random strokes at each."""
    function = {**distort.TRAINED, **distort.HELD_OUT}[name]
    return [np.stack([function(p, x, np.random.default_rng(i)) for i, p in enumerate(pictures)]) for x in levels]


def held_out_content(seed: int, count: int) -> Pictures:
    """Clean pictures of `count` scenes: half fresh, half of combinations that are kept out of training."""
    unseen = unseen_combinations(seed)
    chosen = np.random.default_rng(seed).permutation(len(unseen))[: count // 2]
    scenes = [*fresh_scenes(seed + 1, count - len(chosen)), *(unseen[i] for i in chosen)]
    return np.stack([s.image for s in scenes])


def quality_figures(scorer: EmbeddedScorer, seed: int, count: int = 48, vae: Path | None = None) -> dict[str, Any]:
    """Mean Q and mean pseudo-opinion per distortion and level; rank correlation per distortion and pooled; clean Q.

    With the folder of an autoencoder, `decoded` (`train.decoded`) is one more trained distortion.
    """
    clean = held_out_content(seed, count)
    ladders = {name: ladder(name, clean) for name in (*distort.TRAINED, *distort.HELD_OUT)}
    if vae is not None:
        model = load_vae(vae)
        ladders["decoded"] = [round_trip(model, clean, level, seed) for level in LEVELS]
    rows: dict[str, dict[str, Any]] = {}
    pooled: dict[str, list[NDArray[np.float64]]] = {"trained": [], "held out": []}
    for name, steps in ladders.items():
        q = np.stack([scorer.quality(p) for p in steps])
        opinion = np.stack([pseudo_opinion(clean, p).mean(1) for p in steps])
        rows[name] = {"q": q.mean(1), "opinion": opinion.mean(1), "rank": rank(q, opinion)}
        pooled["held out" if name in distort.HELD_OUT else "trained"].append(np.stack((q.ravel(), opinion.ravel())))
    together = {k: np.concatenate(v, axis=1) for k, v in pooled.items()}
    return {
        "rows": rows,
        "rank": {k: rank(*v) for k, v in together.items()},
        "error": {k: float(np.abs(v[0] - v[1]).mean()) for k, v in together.items()},
        "clean": scorer.quality(clean),
    }


def quality_in_weather(scorer: EmbeddedScorer, seed: int, count: int = 48) -> dict[str, NDArray[np.float64]]:
    """Weather, `clear` among them → Q of the same `count` clean outdoor scenes in it."""
    rng = np.random.default_rng(seed)
    specs = [spec for spec in (sample_spec(rng) for _ in range(4 * count)) if spec.place.holds != "table"][:count]
    found = {}
    for name in (None, *(w for w, _ in WEATHERS)):
        shown = [render(replace(s, weather=name), np.random.default_rng([seed, i])).image for i, s in enumerate(specs)]
        found[name or "clear"] = scorer.quality(np.stack(shown))
    return found


def opinion_agreement(seed: int, count: int = 8) -> dict[str, float]:
    """Rank correlation of the pseudo-opinion with full-reference metrics of pyiqa over all distortions and levels."""
    clean = np.stack([s.image for s in fresh_scenes(seed, count)])
    names = (*distort.TRAINED, *distort.HELD_OUT)
    shown = np.concatenate([p for name in names for p in ladder(name, clean, (0.25, 0.75))])
    first = np.concatenate([clean] * (len(shown) // count))
    opinion = pseudo_opinion(first, shown).mean(1)
    a, b = (torch.from_numpy(x).permute(0, 3, 1, 2).float() / 255 for x in (shown, first))
    out = {}
    for name, sign in (("fsim", 1), ("vsi", 1), ("gmsd", -1)):
        metric = pyiqa.create_metric(name, device=torch.device("cpu"))
        values = torch.cat(
            [metric(x, y).flatten() for x, y in zip(torch.split(a, count), torch.split(b, count), strict=True)]
        )
        out[name] = rank(sign * values.numpy(), opinion)
    return out


def rank(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Spearman's rank correlation."""
    return float(spearmanr(a.ravel(), b.ravel()).statistic)
