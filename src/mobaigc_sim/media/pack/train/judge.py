"""Train the judges of prompt following on rendered scenes, never on generated pictures.

Their scenes are a stream of their own. They contain the combinations that the generator must never see, scenes with no
main thing, and scenes with a thing twice, so that a judge can say "nothing" and "twice". Two in five pictures are
damaged, half of them smoothed as an autoencoder does.

Letters: B pictures, T things, G paintable things.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ..drawing import CELLS, SELF_LIT, TINT, Drawing, Item, draw
from ..judge import HUES, PAINTABLE, QUESTIONS, SHAPES, SIDE_PX, THINGS, Judge, JudgeNet, save_judge
from ..scenes import SceneSpec, sample_spec
from ..sprites import sprite_array
from .common import Loop, to_tensor
from .distort import any_distortion, smooth

STREAM = 0x4A554447
"""First word of every random stream here: apart from those of the generator and of the scorers."""
EMPTY_SHARE, DOUBLED_SHARE = 0.04, 0.12
CLEAN_SHARE, SMOOTHED_SHARE = 0.6, 0.2
_HIDDEN, _SEEN = 0.05, 0.3
"""Visible shares of a thing up to which it counts as absent, and from which as there; between, nobody is asked."""


@dataclass(frozen=True)
class Truth:
    """What a picture shows; −1 where a question is not asked, NaN where a value is not."""

    things_T: NDArray[np.float32]
    doubled_T: NDArray[np.float32]
    x_T: NDArray[np.float32]
    height_T: NDArray[np.float32]
    colour_G: NDArray[np.int64]
    answers: dict[str, int]


@dataclass(frozen=True)
class Batch:
    """Pictures (B, 3, 128, 128) in [−1, 1] and what they show, stacked over B."""

    pictures: Tensor
    things_BT: Tensor
    doubled_BT: Tensor
    x_BT: Tensor
    height_BT: Tensor
    colour_BG: Tensor
    answers: dict[str, Tensor]


def example(rng: np.random.Generator) -> tuple[NDArray[np.uint8], Truth]:
    """A scene (128, 128, 3) and what it shows; one in ten or so has a thing twice, one in twenty-five no main thing."""
    spec = sample_spec(rng, two_share=0.35, sky_share=0.4, attribute_share=0.6, allow_held_out=True)
    luck = rng.random()
    twice = None
    if luck < EMPTY_SHARE:
        spec = replace(spec, mains=(), size=None, colours=tuple(c for c in spec.colours if c[0] == spec.sky))
    elif luck < EMPTY_SHARE + DOUBLED_SHARE:
        twice = spec.sky if spec.sky and not spec.weather and rng.random() < 0.5 else spec.mains[0]
        if twice != spec.sky:
            colours = tuple(c for c in spec.colours if c[0] in (twice, spec.sky))
            spec = replace(spec, mains=(twice, twice), size=None, colours=colours)
    drawing = draw(spec, rng, SIDE_PX)
    scene = drawing.render()
    image = scene.image
    if twice and twice == spec.sky:
        image = second_in_sky(image, drawing, rng)
    return image, truth(drawing, scene.masks, twice)


def truth(drawing: Drawing, masks: dict[str, NDArray[np.bool_]], twice: str | None = None) -> Truth:
    """The labels of a drawing from its rendered masks; `twice` is the thing that is there two times."""
    spec, count = drawing.spec, len(THINGS)
    things, x, height = np.zeros(count, np.float32), np.full(count, np.nan), np.full(count, np.nan)
    doubled = np.full(count, -1.0)
    colour = np.full(len(PAINTABLE), -1)
    for item in (*drawing.mains, *((drawing.sky,) if drawing.sky else ())):
        t = THINGS.index(item.name)
        visible = float(masks[item.name].sum() / (_area(item, spec)))
        things[t] = 1 if visible >= _SEEN or item.name == twice else -1 if visible > _HIDDEN else 0
        if things[t] < 1:
            continue
        doubled[t] = item.name == twice
        if item.name != twice:
            x[t] = (item.left + item.width / 2) / drawing.size
            height[t] = item.height * CELLS / drawing.size
        if t in PAINTABLE:
            colour[PAINTABLE.index(t)] = HUES.index(spec.colour_of(item.name) or "own")
    said = {"place": spec.place.name, "time": spec.time, "weather": spec.weather or "clear"}
    answers = {q: QUESTIONS[q].index(a) for q, a in said.items()}
    return Truth(things, doubled.astype(np.float32), x.astype(np.float32), height.astype(np.float32), colour, answers)


def second_in_sky(image: NDArray[np.uint8], drawing: Drawing, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture with what is in the sky a second time, in the free half of the width."""
    first = drawing.sky
    assert first is not None
    size, cell = drawing.size, drawing.size // CELLS
    sprite = sprite_array(first.name, first.height, drawing.spec.colour_of(first.name))
    h, w = sprite.shape[:2]
    right, left = first.left + w, first.left - w
    free = [at for at in range(0, size - w + 1, cell) if at >= right or at <= left]
    if not free:
        return image
    x, y = free[int(rng.integers(len(free)))], cell * int(rng.integers(0, 2)) + first.height - h
    light = 1.0 if first.name in SELF_LIT else np.asarray(TINT[drawing.spec.time], np.float32)
    out = image.astype(np.float32) / 255
    window = out[y : y + h, x : x + w]
    window += sprite[..., 3:] * (sprite[..., :3] * light - window)
    return np.clip(out * 255 + 0.5, 0, 255).astype(np.uint8)


def damaged(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture as it is, smoothed as by an autoencoder, or mildly distorted without hiding anything."""
    luck = rng.random()
    if luck < CLEAN_SHARE:
        return image
    if luck < CLEAN_SHARE + SMOOTHED_SHARE:
        return smooth(image, 0.7 * float(rng.random()), rng)
    return any_distortion(image, rng, 0.4, hiding=False)


def make_batch(seed: int, step: int, batch: int, *, damage: bool = True) -> Batch:
    """Depends on its arguments only."""
    images, truths = [], []
    for k in range(step * batch, (step + 1) * batch):
        rng = np.random.default_rng([STREAM, seed, k])
        image, shown = example(rng)
        images.append(damaged(image, rng) if damage else image)
        truths.append(shown)

    def stacked(name: str) -> Tensor:
        return torch.from_numpy(np.stack([getattr(t, name) for t in truths]))

    return Batch(
        to_tensor(images),
        things_BT=stacked("things_T"),
        doubled_BT=stacked("doubled_T"),
        x_BT=stacked("x_T"),
        height_BT=stacked("height_T"),
        colour_BG=stacked("colour_G"),
        answers={q: torch.tensor([t.answers[q] for t in truths]) for q in QUESTIONS},
    )


def losses(said: dict[str, Tensor], data: Batch) -> dict[str, Tensor]:
    """One loss a head; what is not asked does not count."""
    found = {q: F.cross_entropy(said[q], data.answers[q]) for q in QUESTIONS}
    asked = data.things_BT >= 0
    wrong = F.binary_cross_entropy_with_logits(said["things"], data.things_BT.clamp_min(0), reduction="none")
    found["things"] = 10 * (wrong * asked).sum() / asked.sum()
    asked = data.doubled_BT >= 0
    found["doubled"] = F.binary_cross_entropy_with_logits(said["doubled"][asked], data.doubled_BT[asked])
    for name, goal, scale in (("x", data.x_BT, 10.0), ("height", data.height_BT, 0.5)):
        asked = ~goal.isnan()
        found[name] = F.smooth_l1_loss(scale * said[name][asked], scale * goal[asked])
    asked = data.colour_BG >= 0
    hue = F.cross_entropy(said["colour"][asked], data.colour_BG[asked], reduction="sum")
    found["colour"] = hue / max(1, int(asked.sum()))
    return found


def fit(name: str, workdir: Path, steps: int, batch: int, seed: int) -> tuple[Judge, float]:
    """Train the judge of that name in SHAPES for `steps` batches; returns it and the seconds spent."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = JudgeNet(SHAPES[name])
    counter = list(net.doubled.parameters())
    others = [p for name, p in net.named_parameters() if not name.startswith("doubled.")]
    groups = [
        {"params": [p for p in others if p.ndim >= 2], "weight_decay": 2e-2},
        {"params": [p for p in others if p.ndim < 2], "weight_decay": 0.0},
        {"params": counter, "weight_decay": 0.0, "scale": 10.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=3e-3, betas=(0.9, 0.99))
    loop = Loop(f"judge-{name}", net, optimizer, steps, 3e-3, workdir, warmup=min(60, max(1, steps)))
    net.train()

    def loss_of(step: int) -> tuple[Tensor, dict[str, float]]:
        data = make_batch(seed, step, batch)
        with torch.autocast("cpu", torch.bfloat16):
            said = net(data.pictures.contiguous(memory_format=torch.channels_last))
        found = losses(said, data)
        return torch.stack(list(found.values())).sum(), {k: v.item() for k, v in found.items()}

    loop.run(loss_of)
    return Judge(name, net.eval()), loop.seconds


def train(
    workdir: Path,
    out: Path,
    steps: int = 1100,
    batch: int = 32,
    seed: int = 31,
    names: Sequence[str] = tuple(SHAPES),
    history: str = "",
) -> None:
    """Train the judges of these names, each with its own seed, and write them and their card to `out`.

    `history` is a sentence for the card that says what the recipe alone does not.
    """
    from .cards import Recipe
    from .judge_card import judge_card

    recipes = {}
    for name in names:
        own_seed = seed + list(SHAPES).index(name)
        judge, seconds = fit(name, workdir, steps, batch, own_seed)
        save_judge(judge, SHAPES[name], out)
        recipes[name] = Recipe(steps, batch, own_seed, seconds)
    judge_card(out, recipes, history)


def _area(item: Item, spec: SceneSpec) -> float:
    return max(1.0, float((sprite_array(item.name, item.height, spec.colour_of(item.name))[..., 3] > 0.5).sum()))
