"""Train every stage again from random weights with other seeds, and say whether the figures agree.

`python -m mobaigc_sim.media.pack.train.repeat` follows the shipped recipe with far fewer steps: it tells how much a
figure owes to the seed, not how good the shipped weights are. Every seed is measured on the same held-out content. The
generators share the shipped autoencoder and one cache of latents; the quality scorer sees no decoded scenes.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...image_to_image import twin_of
from ...model_set import EMBEDDED, ModelSet
from ...score import EmbeddedScorer
from ..evaluate import pointing_game, scene_attention
from ..prompt_following import main_right, place_right
from . import assemble, clip, distort, figures, generator, judge, quality, vae
from .agreement import Figure, difference, interval, verdict
from .decoded import load_vae
from .opinion import pseudo_opinion
from .tokenizer import build_tokenizer

PLAN = {"vae": (600, 16), "generator": (450, 32), "clip": (160, 96), "quality": (450, 16), "judge": (500, 32)}
"""Stage → steps at scale 1, and batch size."""
HELD_OUT = 770_000
"""Seed of all that is measured; latents of the generators are of the next one."""
SCENES, ATTENDED, DAMAGED = 256, 200, 24
"""Scenes that autoencoder, semantic scorer and judge are measured on; the generator; the quality scorer."""
SMALLEST_PX = 64
"""The pointing game leaves out things of which less is seen."""
FLOW_LEVELS = (0.25, 0.5, 0.75)
DAMAGE_LEVELS = (0.25, 0.75)
FIGURES = {
    "vae": (Figure("PSNR, dB", "mean", 0.5),),
    "generator": (
        Figure("objects that attention points at", "share", 0.05),
        Figure("flow loss", "mean", 0.02),
    ),
    "clip": (Figure(f"captions that find their picture among {SCENES}", "share", 0.05),),
    "quality": (
        Figure("absolute error against the pseudo-opinion", "mean", 0.01),
        Figure("rank correlation with the pseudo-opinion", "rank", 0.02),
    ),
    "judge": (Figure("main things right", "share", 0.05), Figure("place right", "share", 0.05)),
}
"""What each stage is measured by, with the difference between seeds that is taken as none."""
Values = NDArray[np.float64]


def train_vae(folder: Path, seed: int, steps: int, batch: int) -> tuple[Values, ...]:
    """PSNR of each scene."""
    model, _ = vae.train(folder, steps=steps, batch=batch, seed=seed)
    return (vae.psnr_db(model, HELD_OUT, SCENES)[:, None].astype(np.float64),)


def train_generator(folder: Path, seed: int, steps: int, batch: int) -> tuple[Values, ...]:
    """Hit or miss of each object of a scene (NaN where it has fewer), flow loss at each noise level."""
    tokenizer, autoencoder = build_tokenizer(), load_vae(EMBEDDED / "vae")
    latents = generator.cached_scenes(folder.parent, autoencoder, tokenizer, 1, HELD_OUT + 1)
    model, _ = generator.train(folder, latents, tokenizer, steps=steps, batch=batch, seed=seed)
    drawn = [
        scene
        for scene in figures.fresh_scenes(HELD_OUT, ATTENDED)
        if all(mask.sum() >= SMALLEST_PX for mask in scene.masks.values())
    ]
    pipeline = assemble.build_pipeline(autoencoder, model.eval(), tokenizer)
    models = ModelSet(f"seed {seed}", pipeline, twin_of(pipeline))
    hits = np.full((len(drawn), generator.OWNERS - 1), np.nan)
    for row, scene, maps in zip(hits, drawn, scene_attention(models, drawn), strict=True):
        for i, (name, mask) in enumerate(scene.masks.items()):
            row[i] = pointing_game([replace(scene, masks={name: mask})], [maps])["hit"]
    held = generator.encode_scenes(drawn, autoencoder, tokenizer)
    x0, share = held.latents.float(), held.owner_share / 255
    noise = torch.randn(x0.shape, generator=torch.Generator().manual_seed(HELD_OUT))
    with torch.no_grad():
        errors = [
            generator.flow_error(model, x0, torch.full((len(x0),), t), noise, held.ids, share) for t in FLOW_LEVELS
        ]
    return hits, torch.stack([e.mean((1, 2, 3)) for e in errors], 1).double().numpy()


def train_clip(folder: Path, seed: int, steps: int, batch: int) -> tuple[Values, ...]:
    """Whether each caption finds its picture."""
    module, _ = clip.fit(folder, steps, batch, seed)
    clip.save(module["clip"], folder / "clip", seed)
    found, _ = figures.retrieval(folder / "clip", figures.fresh_scenes(HELD_OUT, SCENES))
    return (found[:, None].astype(np.float64),)


def train_quality(folder: Path, seed: int, steps: int, batch: int) -> tuple[Values, ...]:
    """Error of each damaged version of a scene, and (score, pseudo-opinion) of it."""
    network, _ = quality.fit(folder, steps, batch, seed)
    quality.save(network, folder / "quality")
    scorer = EmbeddedScorer(EmbeddedScorer.Config(path=str(folder)))
    shown, opinion = _damaged()
    score = np.stack([scorer.quality(pictures) for pictures in shown], 1)
    return np.abs(score - opinion), np.stack((score, opinion), -1)


@cache
def _damaged() -> tuple[list[figures.Pictures], Values]:
    """Every distortion of the held-out scenes, and the pseudo-opinion of each version of each scene."""
    clean = figures.held_out_content(HELD_OUT, DAMAGED)
    names = (*distort.TRAINED, *distort.HELD_OUT)
    shown = [pictures for name in names for pictures in figures.ladder(name, clean, DAMAGE_LEVELS)]
    return shown, np.stack([pseudo_opinion(clean, pictures).mean(1) for pictures in shown], 1)


def train_judge(folder: Path, seed: int, steps: int, batch: int) -> tuple[Values, ...]:
    """Whether the first judge is right about the main things, and about the place, of each scene."""
    found, _ = judge.fit("first", folder, steps, batch, seed)
    scenes = figures.fresh_scenes(HELD_OUT, SCENES)
    sight = found.look(np.stack([s.image for s in scenes]))
    right = [[ask(sight, b, s.spec) for b, s in enumerate(scenes)] for ask in (main_right, place_right)]
    mains, places = np.asarray(right, np.float64)[..., None]
    return mains, places


STAGES: dict[str, Callable[[Path, int, int, int], tuple[Values, ...]]] = {
    "vae": train_vae,
    "generator": train_generator,
    "clip": train_clip,
    "quality": train_quality,
    "judge": train_judge,
}
"""Stage → training and measurement: (folder, seed, steps, batch) → for each of its figures, the values of each
held-out content."""


def repeat(workdir: Path, seeds: Sequence[int], scale: float, stages: Sequence[str]) -> list[dict[str, Any]]:
    """Train and measure; one entry a figure, with the value of each seed and the difference of each pair of seeds.

    Trainings resume from `workdir`. Raises ValueError when its checkpoints are of another `scale`.
    """
    plan = {stage: [max(1, round(steps * scale)), batch] for stage, (steps, batch) in PLAN.items()}
    workdir.mkdir(parents=True, exist_ok=True)
    kept = workdir / "plan.json"
    if kept.exists() and json.loads(kept.read_text(encoding="utf-8")) != plan:
        raise ValueError(f"{workdir} holds runs of other lengths ({kept}): expected an empty folder, or the same scale")
    kept.write_text(json.dumps(plan), encoding="utf-8")
    report = []
    for stage in stages:
        measured = {}
        for seed in seeds:
            folder = workdir / f"seed-{seed}"
            folder.mkdir(exist_ok=True)
            measured[seed] = STAGES[stage](folder, seed, *plan[stage])
        for i, figure in enumerate(FIGURES[stage]):
            report.append(compared(stage, figure, {seed: values[i] for seed, values in measured.items()}))
    return report


def compared(stage: str, figure: Figure, values: dict[int, Values]) -> dict[str, Any]:
    """The entry of one figure: seed → values of each held-out content, summed up."""
    pairs = []
    for a, b in combinations(values, 2):
        apart = difference(figure, values[a], values[b])
        pairs.append({"seeds": [a, b], **vars(apart), "verdict": verdict(apart, figure.tolerance)})
    return {
        "stage": stage,
        "figure": figure.name,
        "tolerance": figure.tolerance,
        "contents": len(next(iter(values.values()))),
        "seeds": {seed: vars(interval(figure, table)) for seed, table in values.items()},
        "differences": pairs,
    }


def table(report: list[dict[str, Any]]) -> str:
    """The report as Markdown, one line for each pair of seeds; every interval is one of 95 %."""
    lines = [
        "| stage | figure | contents | seeds | first | second | difference | tolerance | verdict |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for entry in report:
        for pair in entry["differences"]:
            shown = [_shown(entry["seeds"][seed]) for seed in pair["seeds"]]
            cells = [entry["stage"], entry["figure"], str(entry["contents"]), "{} and {}".format(*pair["seeds"])]
            cells += [*shown, _shown(pair), f"{entry['tolerance']:g}", pair["verdict"]]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _shown(found: dict[str, Any]) -> str:
    return "{estimate:.3f} ({low:.3f} to {high:.3f})".format(**found)


def main() -> None:
    """Parse the command line; print the table and write `repeat.json` into the working folder."""
    parser = argparse.ArgumentParser(prog="python -m mobaigc_sim.media.pack.train.repeat", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--scale", type=float, default=1.0, help="factor on the steps of every stage")
    parser.add_argument("--workdir", type=Path, default=Path("training/repeat"), help="checkpoints and the report")
    parser.add_argument("--stages", nargs="+", choices=list(STAGES), default=list(STAGES))
    chosen = parser.parse_args()
    if len(set(chosen.seeds)) < max(2, len(chosen.seeds)):
        parser.error(f"--seeds: expected two or more different seeds, got {chosen.seeds}")
    if not chosen.scale > 0:
        parser.error(f"--scale: expected a number above 0, got {chosen.scale}")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    report = repeat(chosen.workdir, chosen.seeds, chosen.scale, chosen.stages)
    (chosen.workdir / "repeat.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(table(report))


if __name__ == "__main__":
    main()
