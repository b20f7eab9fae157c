"""The media stack as the cell sees it: prompts in, pictures; keep ratio in, packets; packets in, scores.

Every step asks the cache first. What a step depends on is its key:

| step | key | entry |
|---|---|---|
| draw | model files, package versions, generation settings, prompt, seed | picture, word maps |
| weigh | draw, importance settings, codec settings | importance map, whole picture as one packet |
| cut | weigh, keep ratio | packets |
| curve | weigh, keep grid | bytes and attention mass |
| show | model files, recovery settings, packets | what arrived, what is shown |
| judge | draw, show, scorer files and settings | S, Q, PSNR, SSIM |
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..version import __version__
from .bank import Bank
from .base import Delivery as Delivery
from .base import Outcome as Outcome
from .base import nearest_keep
from .bitstream import VERSION
from .cache import Arrays, digest
from .config import MediaConfig
from .decode import decode
from .encode import ProgressiveEncoder, SizesAtKeep, encode_whole
from .entries import pack_bytes, pack_drawn, unpack_bytes, unpack_drawn
from .generate import Generated, generate
from .importance import importance_map
from .memo import Memo
from .model_files import generator_hashes, model_hashes, scorer_hashes
from .model_set import ModelSet, load_model_set
from .recover import recover
from .score import Scorer, make_scorer
from .words import check_vocabulary, role_of

KEEP_GRID = np.linspace(0.1, 1.0, 10)
BATCH = 16


@dataclass(frozen=True, eq=False)
class Picture:
    """A generated picture, its importance map (h, w) of mass 1, and its encoder."""

    prompt: str
    seed: int
    image: NDArray[np.uint8]
    word_maps: dict[str, NDArray[np.float32]]
    word_weights: dict[str, float]
    importance: NDArray[np.float64]
    whole: bytes
    """The same picture in one packet of the same codec: what is sent with semantics off."""
    codec: Any
    drawn_key: str
    """Digest of what the picture depends on."""
    coded_key: str
    """Digest of what its packets depend on, but for the keep ratio."""

    @cached_property
    def encoder(self) -> ProgressiveEncoder:
        """The packets at any keep ratio."""
        return ProgressiveEncoder(self.image, self.importance, self.prompt, self.seed, self.codec)


class MediaStack:
    """Real models, real bytes.

    A picture depends on its own prompt, seed and packets; sharing a batch can move a grey level by rounding. Models
    and scorers are loaded at once, so that what is missing is told before a run; only where the cache says that the
    same files loaded before does that wait until they are needed.
    """

    def __init__(self, config: MediaConfig) -> None:
        self.config = config
        bank = None if config.bank is None else Bank.open(Path(config.bank).expanduser())
        self.keep_grid: NDArray[np.float64] = KEEP_GRID if bank is None else bank.keeps
        self.held = None if bank is None else bank.held
        self._rounds = bank is not None
        self._memo = Memo(config.cache, BATCH)
        self._memo.once(digest("loaded", self._generator_key, self._scorer_key), self._load)

    @cached_property
    def models(self) -> ModelSet:
        """The model set, loaded when first asked for."""
        return load_model_set(self.config.models)

    def model_hashes(self) -> dict[str, str]:
        """SHA-256 of every file of the model set and of the scorers, by its name inside their folder."""
        return model_hashes(self.config)

    def check_prompts(self, prompts: Iterable[str]) -> None:
        """Raise UnknownWordError for the first prompt that the model set cannot draw."""
        todo = sorted(prompts)

        def check() -> None:
            for prompt in todo:
                check_vocabulary(prompt, self.models.text_to_image.tokenizer)

        self._memo.once(digest("prompts", self._generator_key, todo), check)

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> list[Picture]:
        """Draw one picture for each (prompt, seed)."""
        settings = self.config.generation

        def draw(todo: list[int]) -> list[Arrays]:
            drawn = generate(
                self.models,
                [prompts[i] for i in todo],
                [seeds[i] for i in todo],
                steps=settings.steps,
                guidance=settings.guidance,
            )
            return [pack_drawn(one) for one in drawn]

        told = settings.model_dump()
        keys = [digest("draw", self._generator_key, told, p, s) for p, s in zip(prompts, seeds, strict=True)]
        drawn = [unpack_drawn(*one) for one in zip(prompts, seeds, self._memo.arrays(keys, draw), strict=True)]
        return self._weigh(keys, drawn)

    def _weigh(self, drawn_keys: list[str], drawn: list[Generated]) -> list[Picture]:
        config, codec = self.config, self.config.codec
        roles = [{word: role_of(word) for word in one.word_maps} for one in drawn]

        def weigh(i: int) -> Arrays:
            importance = importance_map(drawn[i].word_maps, roles[i], config.importance)
            whole = encode_whole(drawn[i].image, codec)  # type: ignore[arg-type]
            return {"importance": importance, "whole": np.frombuffer(whole, np.uint8)}

        told = [VERSION, config.importance.model_dump(), codec.model_dump()]
        keys = [digest("weigh", key, *told) for key in drawn_keys]
        weighed = self._memo.arrays(keys, lambda todo: map(weigh, todo))
        return [
            Picture(
                prompt=one.prompt,
                seed=one.seed,
                image=one.image,
                word_maps=one.word_maps,
                word_weights={word: config.importance.weight(role) for word, role in roles[i].items()},
                importance=weighed[i]["importance"],
                whole=weighed[i]["whole"].tobytes(),
                codec=codec,
                drawn_key=drawn_keys[i],
                coded_key=keys[i],
            )
            for i, one in enumerate(drawn)
        ]

    def content_curve(self, picture: Picture) -> SizesAtKeep:
        """Bytes and attention mass of the picture at every entry of `keep_grid`."""
        key = digest("curve", picture.coded_key, self.keep_grid.tolist())
        (found,) = self._memo.arrays([key], lambda _: [dict(vars(picture.encoder.sizes_at(self.keep_grid)))])
        return SizesAtKeep(**found)

    def offered_keep(self, keep: float) -> float:
        """The ratio itself, rounded to patches by the encoder; with a bank, the nearest that the bank holds."""
        return nearest_keep(self.keep_grid, keep) if self._rounds else keep

    def offer(self, picture: Picture, keep: float) -> list[bytes]:
        """The packets to send, most important first; one whole picture when semantics are off."""
        if not self.config.semantic:
            return [picture.whole]
        keep = self.offered_keep(keep)
        key = digest("cut", picture.coded_key, keep)
        (found,) = self._memo.arrays([key], lambda _: [pack_bytes(picture.encoder.at(keep).packets)])
        return unpack_bytes(found)

    def finish(self, deliveries: Sequence[Delivery[Picture]]) -> list[Outcome]:
        """Decode, recover and score, in order."""
        settings = self.config.recovery.model_dump()
        shown_keys = [digest("show", self._generator_key, settings, *d.packets) for d in deliveries]
        shown = self._memo.arrays(shown_keys, lambda todo: self._show([deliveries[i].packets for i in todo]))
        judged_keys = [
            digest("judge", d.picture.drawn_key, key, self._scorer_key)
            for d, key in zip(deliveries, shown_keys, strict=True)
        ]
        judged = self._memo.arrays(
            judged_keys,
            lambda todo: self._judge(
                np.stack([deliveries[i].picture.image for i in todo]), np.stack([shown[i]["recovered"] for i in todo])
            ),
        )
        return [self._outcome(one, scores) for one, scores in zip(shown, judged, strict=True)]

    def _show(self, packets: list[list[bytes]]) -> list[Arrays]:
        decoded = [decode(each) for each in packets]
        images, known = [one.image for one in decoded], [one.known_HW for one in decoded]
        prompts, seeds = [one.prompt for one in decoded], [one.seed for one in decoded]
        recovered = recover(self.models, images, known, prompts, seeds, self.config.recovery)
        return [{"received": images[i], "known": known[i], "recovered": recovered[i]} for i in range(len(packets))]

    def _judge(self, originals: NDArray[np.uint8], recovered: NDArray[np.uint8]) -> list[Arrays]:
        found = self._scorer.score(originals, recovered, self.config.jpsq_weight)
        scores_B4 = np.stack([found.s_B, found.q_B, found.psnr_db_B, found.ssim_B], axis=1)
        return [{"s_q_psnr_db_ssim": one} for one in scores_B4]

    def _outcome(self, shown: Arrays, judged: Arrays) -> Outcome:
        s, q, psnr_db, ssim = judged["s_q_psnr_db_ssim"].tolist()
        w = self.config.jpsq_weight
        return Outcome(
            inpainted=self.config.recovery.kind == "inpaint" and not shown["known"].all(),
            s=s,
            q=q,
            jpsq=w * s + (1 - w) * q,
            psnr_db=psnr_db,
            ssim=ssim,
            received=shown["received"],
            known=shown["known"],
            recovered=shown["recovered"],
        )

    @cached_property
    def _scorer(self) -> Scorer:
        return make_scorer(self.config.scorer)

    @cached_property
    def _generator_key(self) -> str:
        versions = _versions("torch", "diffusers", "transformers", "pillow")
        return digest(__version__, versions, generator_hashes(self.config))

    @cached_property
    def _scorer_key(self) -> str:
        versions = _versions("torch", "torchvision", "open_clip_torch", "pyiqa")
        return digest(__version__, versions, self.config.scorer.model_dump(), scorer_hashes(self.config))

    def _load(self) -> None:
        blank = np.zeros((1, *self.models.size_hw, 3), np.uint8)
        self._scorer.score(blank, blank)


def _versions(*packages: str) -> list[str]:
    found = []
    for package in packages:
        try:
            found.append(version(package))
        except PackageNotFoundError:
            found.append("")
    return found
