"""Judges that say what a picture shows, trained on rendered scenes only and sharing nothing with the generator.

A judge sees pixels and no words: a small convolutional network with one head a question. Things are found as maps, so
that colour, height and place in the picture are read where the thing is, and a thing is there twice where its map is
wide for its height.

Letters: B pictures, T things, G paintable things, C colours (its own, then COLOURS), F features, N positions of the
8 × 8 map.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ...errors import MobaigcError
from ...registry import FrozenConfig
from .vocabulary import COLOURS, OBJECTS, PLACES, TIMES, WEATHERS

FOLDER = Path(__file__).with_name("weights") / "judge"
SIDE_PX = 128
THINGS = tuple(o.name for o in OBJECTS)
PAINTABLE = tuple(i for i, o in enumerate(OBJECTS) if o.paintable)
"""Indices of the paintable things among THINGS."""
QUESTIONS: dict[str, tuple[str, ...]] = {
    "place": tuple(p.name for p in PLACES),
    "time": tuple(t for t, _ in TIMES),
    "weather": ("clear", *(w for w, _ in WEATHERS)),
}
"""What is asked of the whole picture, with the possible answers."""
HUES = ("own", *COLOURS)
_CHUNK = 64


class JudgeError(MobaigcError):
    """A judge that cannot be loaded, or pictures that it cannot look at."""


class JudgeShape(FrozenConfig):
    """The architecture of one judge."""

    stem: Literal["convolution", "tiles"]
    """A strided convolution, or 4 px tiles."""
    widths: tuple[int, ...]
    """Channels of the stages; the last one works on the 8 × 8 map."""
    norm: Literal["batch", "group"]


SHAPES: dict[str, JudgeShape] = {
    "first": JudgeShape(stem="convolution", widths=(24, 48, 96, 160), norm="batch"),
    "second": JudgeShape(stem="tiles", widths=(64, 96, 160), norm="group"),
}


@dataclass(frozen=True)
class Sight:
    """What a judge sees in B pictures; every chance lies in [0, 1]."""

    things_BT: NDArray[np.float32]
    """Chance that the thing is there."""
    doubled_BT: NDArray[np.float32]
    """Chance that it is there more than once, given that it is there."""
    x_BT: NDArray[np.float32]
    """Where the thing is, from 0 (left edge) to 1 (right edge), given that it is there."""
    height_BT: NDArray[np.float32]
    """Height of the thing in cells of 8 px, given that it is there."""
    colour_BGC: NDArray[np.float32]
    """Chance of each colour, given that the thing is there."""
    answers: dict[str, NDArray[np.float32]]
    """Question → (B, answers) chances."""


class _Block(nn.Module):
    def __init__(self, width: int, norm: str) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            _norm(norm, width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            _norm(norm, width),
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.body(x))


class JudgeNet(nn.Module):
    """Pictures (B, 3, 128, 128) in [−1, 1] → logits and values by head name."""

    def __init__(self, shape: JudgeShape) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width = 3
        if shape.stem == "tiles":
            layers.append(nn.PixelUnshuffle(4))
            width = 48
        for i, wider in enumerate(shape.widths):
            first = i == 0
            stride = 1 if first and shape.stem == "tiles" else 2
            layers += [nn.Conv2d(width, wider, 3, stride, 1, bias=False), _norm(shape.norm, wider), nn.ReLU()]
            if not first or shape.stem == "tiles":
                layers.append(_Block(wider, shape.norm))
            width = wider
        self.body = nn.Sequential(*layers)
        self.finder = nn.Conv2d(width, len(THINGS), 1)
        self.asked = nn.ModuleDict({q: nn.Linear(2 * width, len(a)) for q, a in QUESTIONS.items()})
        self.doubled = nn.Linear(4, 1)
        self.height = nn.Linear(width, len(THINGS))
        self.colour = nn.Linear(width, len(PAINTABLE) * len(HUES))

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """Logits; `x` in [0, 1] and `height` in cells are values."""
        features = self.body(pictures).float()
        with torch.autocast("cpu", enabled=False):
            return self._answer(features)

    def _answer(self, features: Tensor) -> dict[str, Tensor]:
        map_BTN = self.finder(features).flatten(2)
        where_BTN = map_BTN.softmax(-1)
        rows, columns = features.shape[2:]
        x_N = ((torch.arange(columns) + 0.5) / columns).repeat(rows)
        y_N = ((torch.arange(rows) + 0.5) / rows).repeat_interleave(columns)
        features_BFN = features.flatten(2)
        whole = torch.cat((features_BFN.mean(-1), features_BFN.amax(-1)), 1)
        local_BTF = where_BTN @ features_BFN.transpose(1, 2)
        height_BT = (local_BTF * self.height.weight).sum(-1) + self.height.bias
        extent_BT4 = torch.cat((_extent(map_BTN.sigmoid(), x_N, y_N), height_BT[..., None] / 4), -1).detach()
        hue_GCF = self.colour.weight.view(len(PAINTABLE), len(HUES), -1)
        hue_BGC = torch.einsum("bgf,gcf->bgc", local_BTF[:, list(PAINTABLE)], hue_GCF)
        return {
            "things": (where_BTN * map_BTN).sum(-1),
            "doubled": self.doubled(extent_BT4)[..., 0],
            "x": where_BTN @ x_N,
            "height": 8 + height_BT,
            "colour": hue_BGC + self.colour.bias.view(len(PAINTABLE), len(HUES)),
            **{q: head(whole) for q, head in self.asked.items()},
        }


def _extent(found_BTN: Tensor, x_N: Tensor, y_N: Tensor) -> Tensor:
    """How far what is found spreads, (B, T, 3): deviation in x and in y, and share of the map."""
    mass_BT = found_BTN.sum(-1).clamp_min(1e-3)
    spread = []
    for axis_N in (x_N, y_N):
        mean_BT = found_BTN @ axis_N / mass_BT
        spread.append((found_BTN @ axis_N.square() / mass_BT - mean_BT.square()).clamp_min(1e-6).sqrt())
    return torch.stack((10 * spread[0], 10 * spread[1], mass_BT / 8), -1)


def _norm(kind: str, width: int) -> nn.Module:
    return nn.BatchNorm2d(width) if kind == "batch" else nn.GroupNorm(8, width)


@dataclass(frozen=True)
class Judge:
    """A trained judge."""

    name: str
    net: JudgeNet

    @torch.inference_mode()
    def look(self, pictures: NDArray[np.uint8]) -> Sight:
        """What it sees in (B, H, W, 3) uint8 pictures; other sizes than 128 px are scaled. Raises JudgeError."""
        if pictures.dtype != np.uint8 or pictures.ndim != 4 or pictures.shape[3] != 3 or not len(pictures):
            raise JudgeError(f"a judge looks at uint8 pictures (B, H, W, 3), got {pictures.dtype} {pictures.shape}")
        self.net.eval()
        found = []
        for start in range(0, len(pictures), _CHUNK):
            x = torch.from_numpy(pictures[start : start + _CHUNK]).permute(0, 3, 1, 2).float() / 127.5 - 1
            if x.shape[2:] != (SIDE_PX, SIDE_PX):
                x = F.interpolate(x, (SIDE_PX, SIDE_PX), mode="bilinear", antialias=True)
            found.append(self.net(x))
        said = {k: torch.cat([f[k] for f in found]) for k in found[0]}
        return Sight(
            things_BT=said["things"].sigmoid().numpy(),
            doubled_BT=said["doubled"].sigmoid().numpy(),
            x_BT=said["x"].numpy(),
            height_BT=said["height"].numpy(),
            colour_BGC=said["colour"].softmax(-1).numpy(),
            answers={q: said[q].softmax(-1).numpy() for q in QUESTIONS},
        )


def _world() -> dict[str, list[str]]:
    return {"things": list(THINGS), "colours": list(HUES), **{q: list(a) for q, a in QUESTIONS.items()}}


def save_judge(judge: Judge, shape: JudgeShape, folder: Path) -> None:
    """Write `{name}.safetensors` in half precision and add the judge to `judge.json`.

    Judges of another vocabulary leave the list: they could not be read beside this one.
    """
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    save_file({k: _halved(v) for k, v in judge.net.state_dict().items()}, folder / f"{judge.name}.safetensors")
    path = folder / "judge.json"
    before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    known = before["judges"] if before.get("world") == _world() else {}
    told = {"judges": {**known, judge.name: shape.model_dump()}, "world": _world()}
    path.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def _halved(value: Tensor) -> Tensor:
    return value.half().contiguous() if value.is_floating_point() else value


def load_judges(folder: Path = FOLDER) -> list[Judge]:
    """Every judge of a folder. Raises JudgeError for what is missing, damaged, or made for another vocabulary."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = folder / "judge.json"
    if not path.is_file():
        raise JudgeError(
            f"the judges are expected in {path}; `python -m mobaigc_sim.media.pack.train judge` makes them"
        )
    try:
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        shapes = {name: JudgeShape.model_validate_json(json.dumps(shape)) for name, shape in told["judges"].items()}
        world = told["world"]
    except (KeyError, TypeError, AttributeError, ValueError) as reason:
        raise JudgeError(f"{path} does not describe judges: {reason}") from reason
    if world != _world():
        raise JudgeError(f"{path} was made for another vocabulary; train the judges again")
    judges = []
    for name, shape in shapes.items():
        file = folder / f"{name}.safetensors"
        with torch.random.fork_rng(devices=[]):
            net = JudgeNet(shape)
        try:
            net.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in load_file(file).items()})
        except (OSError, RuntimeError, SafetensorError) as reason:
            raise JudgeError(f"the judge {file} does not load: {reason}") from reason
        judges.append(Judge(name, net.requires_grad_(False).eval()))
    return judges
