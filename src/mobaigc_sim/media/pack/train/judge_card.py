"""The model card of the judges: written by the training script from what it measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...model_set import load_model_set
from ..drawing import render
from ..judge import QUESTIONS, SIDE_PX, JudgeNet, Sight, load_judges
from ..prompt_following import main_right, reconstructed
from ..prompt_sets import held_out_combinations
from ..vocabulary import OBJECTS
from . import judge as training
from .cards import Recipe
from .distort import smooth
from .judge import Batch, make_batch

SCENES = 512
_EARTHLY = np.array([o.kind != "sky" for o in OBJECTS])


def accuracy(sight: Sight, data: Batch) -> dict[str, float]:
    """How right a judge is: shares of what is asked (of the whole picture, of things that are there), mean errors.

    A picture's main things are right when no other main thing is likelier and each is more likely there than not.
    """
    truth_BT, found_BT = data.things_BT.numpy(), sight.things_BT > 0.5
    asked = truth_BT >= 0
    mains = [
        bool(found_BT[b, there].all()) and set(np.argsort(-chance)[: len(there)].tolist()) == set(there.tolist())
        for b, chance in enumerate(np.where(_EARTHLY, sight.things_BT, -1))
        if asked[b].all() and len(there := np.flatnonzero(_EARTHLY & (truth_BT[b] == 1)))
    ]
    hue, doubled = data.colour_BG.numpy(), data.doubled_BT.numpy()
    return {
        "main things": float(np.mean(mains)),
        "thing found": float(found_BT[truth_BT == 1].mean()),
        "every thing of the picture, and no other": float(((found_BT == (truth_BT == 1)) | ~asked).all(1).mean()),
        "colour": float((sight.colour_BGC.argmax(-1) == hue)[hue >= 0].mean()),
        **{q: float((sight.answers[q].argmax(1) == data.answers[q].numpy()).mean()) for q in QUESTIONS},
        "twice, where it is": float((sight.doubled_BT > 0.5)[doubled == 1].mean()),
        "once, where it is": float((sight.doubled_BT < 0.5)[doubled == 0].mean()),
        "x, mean error in px": float(SIDE_PX * np.nanmean(np.abs(sight.x_BT - data.x_BT.numpy()))),
        "height, mean error in px": float(8 * np.nanmean(np.abs(sight.height_BT - data.height_BT.numpy()))),
    }


def versions(pictures: NDArray[np.uint8], seed: int) -> dict[str, NDArray[np.uint8]]:
    """The pictures plain, smoothed at half strength, and through the autoencoder of the shipped generator."""
    rng = np.random.default_rng(seed)
    decoded = reconstructed(load_model_set("embedded"), pictures)
    return {"plain": pictures, "smoothed": np.stack([smooth(p, 0.5, rng) for p in pictures]), "autoencoder": decoded}


def judge_card(out: Path, recipes: dict[str, Recipe], history: str = "") -> None:
    """Measure the judges in `out` and write their README.md; `history` says what the recipe alone does not."""
    judges = load_judges(out)
    seed = 1000 + next(iter(recipes.values())).seed
    data = make_batch(seed, 0, SCENES, damage=False)
    pictures = ((data.pictures + 1) * 127.5).round().byte().permute(0, 2, 3, 1).contiguous().numpy()
    shown = versions(pictures, seed)
    sights = {(j.name, v): j.look(p) for j in judges for v, p in shown.items()}
    found = {key: accuracy(sight, data) for key, sight in sights.items()}
    rows = [
        f"| {what} | " + " | ".join(_number(what, of[what]) for of in found.values()) + " |"
        for what in next(iter(found.values()))
    ]
    head = " | ".join(f"{name}, {version}" for name, version in found)
    rare = held_out_combinations()
    rng = np.random.default_rng(seed)
    rare_shown = np.stack([render(s, rng).image for s in rare])
    on_rare = [
        f"{j.name} {100 * np.mean([main_right(seen, b, s) for b, s in enumerate(rare)]):.0f} %"
        for j in judges
        for seen in (j.look(rare_shown),)
    ]
    agreed = []
    for version in shown:
        said = np.stack([sights[j.name, version].things_BT > 0.5 for j in judges])
        agreed.append(f"{version} {100 * (said == said[0]).all(0).mean():.2f} %")
    sizes = ", ".join(f"{j.name} {sum(p.numel() for p in JudgeNet.parameters(j.net)) / 1e6:.2f} M" for j in judges)
    mild = 1 - training.CLEAN_SHARE - training.SMOOTHED_SHARE
    agreement = (
        f"- Share of (picture, thing) pairs on which the judges agree: {', '.join(agreed)}.\n"
        if len(judges) > 1
        else ""
    )
    text = f"""# Judges of prompt following

Small convolutional networks ({sizes} parameters, half precision on disk) that say what a 128 px picture
shows: which of the {len(OBJECTS)} things, whether a thing is there twice, where it stands, how high it is, its colour,
the place, the time of day and the weather. They measure how well generated pictures follow their prompts. Each has
its own architecture, seed and scenes; it shares no weights, no text encoder and no training picture with the generator
or with the scorers, and reads no words at all.

**Data.** Endless rendered scenes of `mobaigc_sim.media.pack`, a random stream of their own; never a generated picture.
The (thing, place, time) combinations that the generator must not see are among them. {training.EMPTY_SHARE:.0%}
of the scenes have no main thing, {training.DOUBLED_SHARE:.0%} a thing twice. {training.SMOOTHED_SHARE:.0%} of the
pictures are smoothed as by an autoencoder, {mild:.0%} mildly distorted (`train/distort.py`).

**Recipe.** {" ".join(f"{name.capitalize()}: {recipe}" for name, recipe in recipes.items())}
{history}

**Held-out figures** ({SCENES} fresh scenes: plain, smoothed at half strength, and through the autoencoder of the
shipped generator, which no judge was trained on; shares in %).

| right | {head} |
|---|{"---|" * len(found)}
{chr(10).join(rows)}

- Main thing of the {len(rare)} combinations kept from the generator: {", ".join(on_rare)}.
{agreement}
**Limits.** They know one synthetic world, the renderer's. A picture that is neither this nor that gets the nearest
answer they know; small things are missed most, and two things of a kind that touch count as one. They say whether a
thing can be recognised, not whether it is well drawn. Read every figure beside their ceiling on rendered scenes of the
same prompts.
"""
    (out / "README.md").write_text(text, encoding="utf-8")


def _number(what: str, value: float) -> str:
    return f"{value:.1f}" if "error" in what else f"{100 * value:.1f}"
