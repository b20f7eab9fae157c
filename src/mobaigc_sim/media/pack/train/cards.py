"""The model cards of the two scorers: written by the training script from what it measured."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

import torch

from ...score import EmbeddedScorer
from ..prompt_sets import held_out_combinations
from ..vocabulary import COLOURS, OBJECTS, PLACES, SIZES, TIMES, WEATHERS, objects_of
from . import distort, edits, figures

_REFERENCE = ("object swapped", "another scene")


@dataclass(frozen=True)
class Recipe:
    """What a training run was."""

    steps: int
    batch: int
    seed: int
    seconds: float
    start: str = ""
    """The earlier weights that it began with (`warm_start.origin`); empty for random ones."""

    def __str__(self) -> str:
        machine = f"{os.cpu_count()} CPU cores, {platform.machine()} with {torch.backends.cpu.get_cpu_capability()}"
        start = f" It began with earlier weights: {self.start}." if self.start else ""
        return (
            f"{self.steps} steps of {self.batch} pictures, AdamW, warm-up and cosine rate, averaged weights, "
            f"seed {self.seed}; {self.seconds / 60:.0f} minutes of wall time, one thread, shared machine of {machine}."
            f"{start}"
        )


def world() -> str:
    """What scenes are made of, counted, and how many combinations training never sees."""
    combinations = len(TIMES) * sum(len(objects_of(place.holds)) for place in PLACES)
    return (
        f"{len(OBJECTS)} things, {len(PLACES)} places, {len(TIMES)} times of day, "
        f"{len(WEATHERS)} weathers beside clear, {len(COLOURS)} colours, {len(SIZES)} sizes;\n"
        "sprites of Microsoft Fluent Emoji 3D (MIT licence). "
        f"{len(held_out_combinations())} of the {combinations} (thing, place, time) combinations are kept out."
    )


def clip_card(out: Path, recipe: Recipe) -> None:
    """Measure the model folder `out` and write its README.md."""
    scorer = EmbeddedScorer(EmbeddedScorer.Config(path=str(out.parent)))
    seen = figures.retrieval(out, figures.fresh_scenes(recipe.seed + 1000, 256))
    unseen_scenes = figures.unseen_combinations(recipe.seed + 1001)
    unseen = figures.retrieval(out, unseen_scenes)
    under = figures.similarity_under_edits(scorer, recipe.seed + 1002)
    table = [f"| {name} | {v.mean():.3f} | {v.std():.3f} |" for name, v in under.items()]
    swapped = under["object swapped"]
    kept = [f"{name} {100 * (v > swapped).mean():.0f} %" for name, v in under.items() if name not in _REFERENCE]
    shares = (
        f"what the main things are {edits.THING_SHARE:.0%}, their colours {edits.COLOUR_SHARE:.0%}, where each stands "
        f"{edits.SPOT_SHARE:.0%}, where anything stands {edits.LAYOUT_SHARE:.0%}, place {edits.PLACE_SHARE:.0%}, "
        f"time of day {edits.TIME_SHARE:.0%}, weather {edits.WEATHER_SHARE:.0%}, sky {edits.SKY_SHARE:.0%}"
    )
    text = f"""# Semantic scorer of the embedded model set

An open_clip model (ViT 4 × 192, patch 16, 128 px; text 2 × 128, 32 word tokens; embedding 128; 2.4 M parameters, stored
in half precision). S of two pictures is the cosine of their embeddings, stretched so that the mean cosine of unrelated
scenes (`similarity.json`) is 0, and cut to [0, 1].

**Data.** Endless scenes of `mobaigc_sim.media.pack.scenes`:
{world()}

**Recipe.** {recipe}
Each batch holds groups of six: a scene, the scene damaged (codec, blur, noise, seams, or patches missing), and four
edits of it ({", ".join(edits.EDITS)}). Losses: contrast of
pictures and captions; regression of the cosines between pictures on those of a description of the scenes
(`edits.meaning`: {shares}); the thing or place under each patch
(an auxiliary head that is not shipped).
The order of S under edits is therefore taught, not discovered.

**Held-out figures** (fresh scenes, through the saved files).

- Caption finds its picture first among 256 scenes with 256 different captions: {100 * seen[0].mean():.1f} %;
  picture finds its caption: {100 * seen[1].mean():.1f} %.
  On the {len(unseen_scenes)} combinations kept out of training, among themselves:
  {100 * unseen[0].mean():.1f} % and {100 * unseen[1].mean():.1f} %.
- S of a scene with its edit, mean and standard deviation over 256 scenes (all on ground, where every edit exists):

| edit | mean | s.d. |
|---|---|---|
| none | 1.000 | 0.000 |
{chr(10).join(table)}

- Share of scenes in which S under the edit is higher than with the object swapped: {", ".join(kept)}.

**Limits.** It knows one synthetic world, the one that the generator was trained on too: S measures agreement inside
that world and says nothing about photographs. Where a thing is hidden, it judges by what is left. It is no judge of
looks. How far "other position" falls in the table shows how much it sees of where things stand.
"""
    (out / "README.md").write_text(text, encoding="utf-8")


def quality_card(out: Path, vae: Path, recipe: Recipe) -> None:
    """Measure the weights in `out` and write their README.md; `vae` is the folder of the generator's autoencoder."""
    scorer = EmbeddedScorer(EmbeddedScorer.Config(path=str(out.parent)))
    found = figures.quality_figures(scorer, recipe.seed + 1000, vae=vae)
    weather = figures.quality_in_weather(scorer, recipe.seed + 1002)
    agreement = figures.opinion_agreement(recipe.seed + 1001)
    table, stuck = [], []
    for name, row in found["rows"].items():
        steps = " | ".join(f"{q:.2f} ({o:.2f})" for q, o in zip(row["q"], row["opinion"], strict=True))
        falls = "yes" if all(b < a for a, b in zip(row["q"], row["q"][1:], strict=False)) else "no"
        stuck += [f"`{name}`"] if falls == "no" else []
        table.append(f"| {name} | {steps} | {falls} | {row['rank']:.2f} |")
    unseen = ", ".join(f"`{name}` {found['rows'][name]['rank']:.2f}" for name in distort.HELD_OUT)
    rank, error, clean = found["rank"], found["error"], found["clean"]
    text = f"""# Quality scorer of the embedded model set

The architecture `cnniqa` of pyiqa (730 k parameters) on windows of 32 px, stride 16; a picture's Q is the mean over its
windows, each cut to [0, 1]. It sees no original. The weights are ours and load without pyiqa's own files; running them
needs pyiqa.

**Data.** Endless scenes of `mobaigc_sim.media.pack.scenes`, clean, under {len(distort.TRAINED)} distortions at
random levels (`train/distort.py`), through the generator's autoencoder with noise on the latents, and patched together
from damaged and decoded parts as recovery does (`train/decoded.py`; the autoencoder may be refined after the scorer's
training, and the figures are of the shipped one). **Labels** are pseudo-opinions, not people's: a
combination of SSIM, gradient magnitude similarity and colour similarity with the clean scene, scaled so that 1 is the
clean scene and 0 an unrelated one (`train/opinion.py` states the formula). Its rank correlation with other
full-reference metrics over the distortions below: {", ".join(f"{k.upper()} {v:.2f}" for k, v in agreement.items())}.

**Recipe.** {recipe}
Smooth L1 loss on windows, on pictures and on the differences between versions of one scene; no dropout.

**Held-out figures** (24 fresh scenes and 24 of combinations kept out of training, five levels of each distortion;
{", ".join(f"`{name}`" for name in distort.HELD_OUT)} were never trained on).

- Spearman's rank correlation of Q with the pseudo-opinion: {rank["trained"]:.3f} over the trained distortions,
  {rank["held out"]:.3f} over the held-out ones ({unseen});
  mean absolute error {error["trained"]:.3f} and {error["held out"]:.3f}.
- Clean scenes: Q {clean.mean():.3f} ± {clean.std():.3f}. The same 48 outdoor scenes in each weather:
  {", ".join(f"{name} {q.mean():.3f}" for name, q in weather.items())}.
- Mean Q (mean pseudo-opinion) at levels 0, 0.25, 0.5, 0.75, 1:

| distortion | 0 | 0.25 | 0.5 | 0.75 | 1 | Q falls at each step | rank correlation |
|---|---|---|---|---|---|---|---|
{chr(10).join(table)}

**Limits.** Q is a learned quality score, not human aesthetics. It knows one synthetic world, shared with the generator;
it judges windows, so that it sees damage but not nonsense: a clean picture of the wrong thing has a high Q (S is for
that). Its single layer of 7 px filters keeps only the extremes of a window, and strong damage of one kind soon looks
all the same to it. Q does not fall at every step under: {", ".join(stuck) or "none of the above"}.
"""
    (out / "README.md").write_text(text, encoding="utf-8")
