"""The media stack as the cell sees it: prompts in, pictures; keep ratio in, packets; packets in, scores."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from .cache import Arrays, DiskCache, digest
from .config import MediaConfig
from .decode import Decoded, decode
from .encode import ProgressiveEncoder, SizesAtKeep, encode_whole
from .generate import Generated, generate
from .importance import importance_map
from .model_set import EMBEDDED, load_model_set
from .recover import recover
from .score import Scorer, scorers
from .words import check_vocabulary, role_of

KEEP_GRID = np.linspace(0.1, 1.0, 10)
BATCH = 16
T = TypeVar("T")


@dataclass(frozen=True)
class Picture:
    """A generated picture, its importance map (h, w) of mass 1, and its encoder."""

    prompt: str
    seed: int
    image: NDArray[np.uint8]
    word_maps: dict[str, NDArray[np.float32]]
    word_weights: dict[str, float]
    importance: NDArray[np.float64]
    encoder: ProgressiveEncoder
    whole: bytes
    """The same picture in one packet of the same codec: what is sent with semantics off."""


@dataclass(frozen=True)
class Delivery:
    """The packets of a picture that reached the phone; the base is among them."""

    picture: Picture
    packets: list[bytes]


@dataclass(frozen=True)
class Outcome:
    """What the phone shows, and how good it is."""

    received: NDArray[np.uint8]
    known: NDArray[np.bool_]
    recovered: NDArray[np.uint8]
    inpainted: bool
    s: float
    q: float
    jpsq: float
    psnr_db: float
    ssim: float


class MediaStack:
    """Real models, real bytes.

    A picture depends on its own prompt, seed and packets; sharing a batch can move a grey level by rounding.
    """

    keep_grid = KEEP_GRID

    def __init__(self, config: MediaConfig) -> None:
        self.config = config
        self.models = load_model_set(config.models)
        self._cache = None
        if config.cache is not None:
            self._cache = DiskCache(Path(config.cache.folder).expanduser(), config.cache.limit)
        blank = np.zeros((1, self.models.size_px, self.models.size_px, 3), np.uint8)
        self._scorer.score(blank, blank)  # what is missing is told before the run, not in it

    @cached_property
    def _scorer(self) -> Scorer:
        scorer: Scorer = scorers.get(self.config.scorer.kind)(self.config.scorer)
        return scorer

    @cached_property
    def _model_key(self) -> str:
        versions = [version(package) for package in ("torch", "diffusers", "transformers")]
        return digest(__version__, versions, sorted(model_hashes(self.config).items()))

    def check_prompts(self, prompts: Iterable[str]) -> None:
        """Raise UnknownWordError for the first prompt that the model set cannot draw."""
        for prompt in sorted(prompts):
            check_vocabulary(prompt, self.models.text_to_image.tokenizer)

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> list[Picture]:
        """Draw one picture for each (prompt, seed)."""
        settings = self.config.generation
        keys = [
            digest("generate", self._model_key, settings.model_dump(), p, s)
            for p, s in zip(prompts, seeds, strict=True)
        ]
        found = {key: self._lookup(key) for key in keys}
        todo = {k: (p, s) for k, p, s in zip(keys, prompts, seeds, strict=True) if found[k] is None}
        for part in _chunks(list(todo.items()), BATCH):
            drawn = generate(
                self.models,
                [p for _, (p, _) in part],
                [s for _, (_, s) in part],
                steps=settings.steps,
                guidance=settings.guidance,
            )
            for (key, _), one in zip(part, drawn, strict=True):
                found[key] = self._store(key, _pack(one))
        return [self._picture(_unpack(p, s, found[k])) for k, p, s in zip(keys, prompts, seeds, strict=True)]

    def content_curve(self, picture: Picture) -> SizesAtKeep:
        """Bytes and attention mass of the picture at every entry of `keep_grid`."""
        return picture.encoder.sizes_at(KEEP_GRID)

    def offer(self, picture: Picture, keep: float) -> list[bytes]:
        """The packets to send, most important first; one whole picture when semantics are off."""
        if not self.config.semantic:
            return [picture.whole]
        return list(picture.encoder.at(keep).packets)

    def finish(self, deliveries: Sequence[Delivery]) -> list[Outcome]:
        """Decode, recover and score, in order."""
        return [outcome for part in _chunks(list(deliveries), BATCH) for outcome in self._finish_batch(part)]

    def _finish_batch(self, deliveries: list[Delivery]) -> list[Outcome]:
        decoded = [decode(d.packets) for d in deliveries]
        recovered = self._recover(deliveries, decoded)
        originals = np.stack([d.picture.image for d in deliveries])
        scores = self._scorer.score(originals, np.stack(recovered), self.config.jpsq_weight)
        return [
            Outcome(
                received=one.image,
                known=one.known_HW,
                recovered=recovered[i],
                inpainted=not one.known_HW.all() and self.config.recovery.kind == "inpaint",
                s=float(scores.s_B[i]),
                q=float(scores.q_B[i]),
                jpsq=float(scores.jpsq_B[i]),
                psnr_db=float(scores.psnr_db_B[i]),
                ssim=float(scores.ssim_B[i]),
            )
            for i, one in enumerate(decoded)
        ]

    def _recover(self, deliveries: list[Delivery], decoded: list[Decoded]) -> list[NDArray[np.uint8]]:
        settings = self.config.recovery
        keys = [digest("recover", self._model_key, settings.model_dump(), *d.packets) for d in deliveries]
        found = {key: self._lookup(key) for key in keys}
        todo = [i for i, key in enumerate(keys) if found[key] is None]
        painted = recover(
            self.models,
            [decoded[i].image for i in todo],
            [decoded[i].known_HW for i in todo],
            [decoded[i].prompt for i in todo],
            [decoded[i].seed for i in todo],
            settings,
        )
        for i, image in zip(todo, painted, strict=True):
            found[keys[i]] = self._store(keys[i], {"image": image})
        return [_present(found[key])["image"] for key in keys]

    def _picture(self, one: Generated) -> Picture:
        roles = {word: role_of(word) for word in one.word_maps}
        importance = importance_map(one.word_maps, roles, self.config.importance)
        return Picture(
            prompt=one.prompt,
            seed=one.seed,
            image=one.image,
            word_maps=one.word_maps,
            word_weights={word: self.config.importance.weight(role) for word, role in roles.items()},
            importance=importance,
            encoder=ProgressiveEncoder(one.image, importance, one.prompt, one.seed, self.config.codec),  # type: ignore[arg-type]
            whole=encode_whole(one.image, self.config.codec),  # type: ignore[arg-type]
        )

    def _lookup(self, key: str) -> Arrays | None:
        return None if self._cache is None else self._cache.get(key)

    def _store(self, key: str, arrays: Arrays) -> Arrays:
        if self._cache is not None:
            self._cache.put(key, arrays)
        return arrays


def model_hashes(config: MediaConfig) -> dict[str, str]:
    """SHA-256 of every file of the model set and of the scorers, by its name inside their folder."""
    generator = EMBEDDED if config.models == "embedded" else Path(config.models)
    found = {f"generator/{name}": value for name, value in _hashes(generator).items()}
    scorer = getattr(scorers.get(config.scorer.kind)(config.scorer), "folder", None)
    of_scorer = _hashes(scorer) if scorer is not None else {}
    return found | {f"scorer/{n}": v for n, v in of_scorer.items() if not n.startswith("generator/")}


@lru_cache(maxsize=4)
def _hashes(folder: Path) -> dict[str, str]:
    files = sorted(f for f in folder.rglob("*") if f.suffix in (".safetensors", ".json"))
    return {f.relative_to(folder).as_posix(): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def _pack(one: Generated) -> Arrays:
    return {"image": one.image, **{f"word:{i}:{word}": m for i, (word, m) in enumerate(one.word_maps.items())}}


def _unpack(prompt: str, seed: int, stored: Arrays | None) -> Generated:
    arrays = _present(stored)
    maps = {name.split(":", 2)[2]: m for name, m in arrays.items() if name.startswith("word:")}
    return Generated(prompt, seed, arrays["image"], maps)


def _present(arrays: Arrays | None) -> Arrays:
    assert arrays is not None, "every key was looked up or computed"
    return arrays


def _chunks(items: list[T], size: int) -> Iterable[list[T]]:
    return (items[i : i + size] for i in range(0, len(items), size))
