"""How well pictures follow their prompts, in the eyes of judges that never saw a generated picture.

Fixed sets of prompts are drawn by the generator; beside every share stands what the same judge says of the renderer's
own pictures of the same prompts, plain and through the generator's autoencoder: its ceiling.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..autoencoder import decode_latents, encode_pictures, to_pictures
from ..config import GenerationConfig
from ..generate import generate
from ..model_set import ModelSet
from .drawing import HEIGHT_CELLS, render
from .prompt_sets import SETS, prompt_set
from .scenes import SceneSpec
from .vocabulary import COLOURS, OBJECTS, PLACES, TIMES, WEATHERS

if TYPE_CHECKING:
    from .judge import Judge, Sight

Z95 = 1.959963984540054
_AT_ONCE = 64
_INDEX = {o.name: i for i, o in enumerate(OBJECTS)}
_PAINTED = [o.name for o in OBJECTS if o.paintable]
_EARTHLY = np.array([i for i, o in enumerate(OBJECTS) if o.kind != "sky"])
_SKY = np.array([i for i, o in enumerate(OBJECTS) if o.kind == "sky"])
_PLACES, _TIMES = [p.name for p in PLACES], [t for t, _ in TIMES]
_WEATHERS = ["clear", *(w for w, _ in WEATHERS)]
SMALL_BELOW = (HEIGHT_CELLS["small"][1] - 1 + HEIGHT_CELLS[None][0]) / 2
BIG_ABOVE = (HEIGHT_CELLS[None][1] - 1 + HEIGHT_CELLS["big"][0]) / 2
"""Heights in cells of 8 px, halfway between those of things with and without the word."""


def main_right(sight: Sight, b: int, spec: SceneSpec) -> bool:
    """Each named main thing is more likely there than not, and no other main thing is likelier."""
    chance_T = sight.things_BT[b]
    first = _EARTHLY[np.argsort(-chance_T[_EARTHLY])[: len(spec.mains)]]
    named = [_INDEX[m] for m in spec.mains]
    return set(first.tolist()) == set(named) and bool((chance_T[named] > 0.5).all())


def sides_right(sight: Sight, b: int, spec: SceneSpec) -> bool | None:
    """Both things right, the one named on the left further left. Asked where sides are named."""
    if not spec.name_sides:
        return None
    left, right = (sight.x_BT[b, _INDEX[m]] for m in spec.mains)
    return main_right(sight, b, spec) and bool(left < right)


def sky_right(sight: Sight, b: int, spec: SceneSpec) -> bool:
    """The thing named in the sky is there and no other one; nothing is, where none is named."""
    return {OBJECTS[i].name for i in _SKY if sight.things_BT[b, i] > 0.5} == ({spec.sky} if spec.sky else set())


def colours_right(sight: Sight, b: int, spec: SceneSpec) -> bool | None:
    """Every thing with a colour word is there, in that colour. Asked where a colour is named."""
    if not spec.colours:
        return None
    return all(
        sight.things_BT[b, _INDEX[thing]] > 0.5
        and sight.colour_BGC[b, _PAINTED.index(thing)].argmax() == 1 + COLOURS.index(colour)
        for thing, colour in spec.colours
    )


def size_right(sight: Sight, b: int, spec: SceneSpec) -> bool | None:
    """The thing is there, and lower or higher than things without a size word. Asked where a size is named."""
    if spec.size is None:
        return None
    thing = _INDEX[spec.mains[0]]
    height = sight.height_BT[b, thing]
    fits = height < SMALL_BELOW if spec.size == "small" else height > BIG_ABOVE
    return bool(fits and sight.things_BT[b, thing] > 0.5)


def once(sight: Sight, b: int, spec: SceneSpec) -> bool | None:
    """Of the named things that are there, none is there twice. Asked where one is there."""
    there = [_INDEX[t] for t in spec.things if sight.things_BT[b, _INDEX[t]] > 0.5]
    return bool((sight.doubled_BT[b, there] < 0.5).all()) if there else None


def place_right(sight: Sight, b: int, spec: SceneSpec) -> bool:
    """The place is the likeliest one."""
    return bool(sight.answers["place"][b].argmax() == _PLACES.index(spec.place.name))


def time_right(sight: Sight, b: int, spec: SceneSpec) -> bool:
    """The time of day is the likeliest one."""
    return bool(sight.answers["time"][b].argmax() == _TIMES.index(spec.time))


def weather_right(sight: Sight, b: int, spec: SceneSpec) -> bool:
    """The weather is the likeliest one: clear where none is named."""
    return bool(sight.answers["weather"][b].argmax() == _WEATHERS.index(spec.weather or "clear"))


Question = Callable[["Sight", int, SceneSpec], bool | None]
QUESTIONS: dict[str, Question] = {
    "main": main_right,
    "sides": sides_right,
    "sky": sky_right,
    "colour": colours_right,
    "size": size_right,
    "weather": weather_right,
    "place": place_right,
    "time": time_right,
    "once": once,
}


def everything(sight: Sight, b: int, spec: SceneSpec) -> bool:
    """Every question that is asked is answered right."""
    return all(question(sight, b, spec) is not False for question in QUESTIONS.values())


@dataclass(frozen=True)
class Share:
    """A share with its 95 % interval over `count` pictures."""

    share: float
    low: float
    high: float
    count: int


def share_interval(right_N: Sequence[bool], group_N: Sequence[str]) -> Share:
    """Wilson's interval at the effective number of pictures, as those of one prompt are alike.

    Wilson, JASA 22 (1927) 209; effective number n / deff with the linearised variance between groups, deff ≥ 1: Korn
    and Graubard, Survey Methodology 24 (1998) 193. Raises ValueError for no pictures.
    """
    if not len(right_N):
        raise ValueError("a share needs at least one picture")
    right = np.asarray(right_N, np.float64)
    n, p = len(right), float(right.mean())
    _, group = np.unique(np.asarray(group_N), return_inverse=True)
    groups = int(group.max()) + 1
    effective = float(n)
    if 0 < p < 1 and 1 < groups < n:
        total = np.bincount(group, right - p)
        variance = groups / (groups - 1) * float((total**2).sum()) / n**2
        effective = n / max(1.0, variance * n / (p * (1 - p)))
    centre = (p + Z95**2 / (2 * effective)) / (1 + Z95**2 / effective)
    half = Z95 / (1 + Z95**2 / effective) * np.sqrt(p * (1 - p) / effective + Z95**2 / (4 * effective**2))
    return Share(p, max(0.0, min(p, centre - half)), min(1.0, max(p, centre + half)), n)


def reconstructed(models: ModelSet, pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The pictures (B, H, W, 3) through the autoencoder of a model set."""
    import torch

    found = []
    with torch.inference_mode():
        for start in range(0, len(pictures), _AT_ONCE):
            latents = encode_pictures(models, list(pictures[start : start + _AT_ONCE]))
            found += to_pictures(decode_latents(models, latents))
    return np.stack(found)


def prompt_following(
    models: ModelSet,
    judges: Sequence[Judge],
    *,
    count: int = 500,
    seed: int = 0,
    sets: Sequence[str] = SETS,
    generation: GenerationConfig | None = None,
) -> dict[str, dict[str, Any]]:
    """Set → question → `judges` and `agreement`; by judge `share`, `low`, `high` (95 %), `count` and the ceilings.

    The ceilings `rendered` and `autoencoder` are the shares that the judge finds right in rendered scenes of the same
    prompts, plain and decoded again; `agreement` is the share of pictures of which all judges say the same, None of a
    single judge. Raises UnknownNameError for a set, UnknownWordError for a prompt that the models cannot read.
    """
    how = generation or GenerationConfig()
    report: dict[str, dict[str, Any]] = {}
    for name in sets:
        specs = prompt_set(name, count, seed)
        captions = [s.caption for s in specs]
        seeds = [seed + i for i in range(len(specs))]
        drawn: list[NDArray[np.uint8]] = []
        for i in range(0, len(specs), _AT_ONCE):
            part = slice(i, i + _AT_ONCE)
            found = generate(models, captions[part], seeds[part], steps=how.steps, guidance=how.guidance)
            drawn += [one.image for one in found]
        size = models.size_hw[0]
        plain = np.stack([render(s, np.random.default_rng([seed, i, 1]), size).image for i, s in enumerate(specs)])
        shown = {"generated": np.stack(drawn), "rendered": plain, "autoencoder": reconstructed(models, plain)}
        report[name] = _judged(specs, captions, judges, shown)
    return report


def _judged(
    specs: list[SceneSpec], captions: list[str], judges: Sequence[Judge], shown: dict[str, NDArray[np.uint8]]
) -> dict[str, Any]:
    sights = {(j.name, kind): j.look(pictures) for j in judges for kind, pictures in shown.items()}
    out: dict[str, Any] = {}
    for question, ask in {**QUESTIONS, "everything": everything}.items():
        said = {key: [ask(sight, b, spec) for b, spec in enumerate(specs)] for key, sight in sights.items()}
        row: dict[str, Any] = {}
        for judge in judges:
            answers = {kind: said[judge.name, kind] for kind in shown}
            asked = [b for b, a in enumerate(answers["generated"]) if a is not None]
            if not asked:
                continue
            got = share_interval([bool(answers["generated"][b]) for b in asked], [captions[b] for b in asked])
            ceiling = {k: _mean(answers[k]) for k in shown if k != "generated"}
            row[judge.name] = {"share": got.share, "low": got.low, "high": got.high, "count": got.count, **ceiling}
        if row:
            verdicts = zip(*(said[judge.name, "generated"] for judge in judges), strict=True)
            alike = float(np.mean([len(set(v)) == 1 for v in verdicts])) if len(judges) > 1 else None
            out[question] = {"judges": row, "agreement": alike}
    return out


def _mean(answers: list[bool | None]) -> float | None:
    asked = [a for a in answers if a is not None]
    return float(np.mean(asked)) if asked else None


def table(report: dict[str, dict[str, Any]]) -> str:
    """The report as Markdown, shares in %: one line for each set, question and judge."""
    lines = [
        "| prompts | question | judge | pictures | right (95 %) | rendered | through autoencoder | judges agree |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, questions in report.items():
        for question, row in questions.items():
            for judge, r in row["judges"].items():
                ceilings = " | ".join("–" if r[k] is None else f"{100 * r[k]:.1f}" for k in ("rendered", "autoencoder"))
                right = f"{100 * r['share']:.1f} ({100 * r['low']:.1f}–{100 * r['high']:.1f})"
                agree = "–" if row["agreement"] is None else f"{100 * row['agreement']:.1f}"
                lines.append(f"| {name} | {question} | {judge} | {r['count']} | {right} | {ceilings} | {agree} |")
    return "\n".join(lines)
