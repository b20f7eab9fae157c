"""Rate against JPSQ: the attention-guided stream and every other way to get the same picture onto the phone.

| method | what is sent | what the phone does |
|---|---|---|
| attention-guided | patches by attention and by what the thumbnail gets wrong, thumbnail, prompt | paints the rest |
| … by attention alone, by error alone, by chance, from the middle | the same, other patches | paints the rest |
| attention-guided, filled; Telea | as the first | enlarges the thumbnail, or marches from edges |
| low resolution + diffusion | thumbnail and prompt | image-to-image from the thumbnail |
| prompt + seed | the smallest base packet: prompt, seed, a thumbnail of 4 px | draws the same picture again |
| prompt alone | the same | draws a picture of its own |
| WebP, AVIF, JPEG | the whole picture | shows it |
| WebP, AVIF, JPEG + autoencoder | the whole picture | passes it through the generator's autoencoder |
| WebP, AVIF, JPEG + restoration | the whole picture, prompt | removes artefacts by the last denoising steps |
| PNG | the whole picture, without loss | shows it |

Restoration is what the attention-guided stream does with patches that arrived (`RecoveryConfig.polish`), so that a
rival is not beaten by that alone; its depth was not tuned for them. Its prompt costs the bytes it has in a base packet,
and no frame. All see the same pictures; all other bytes are those of real packets or files.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from multiprocessing import get_context

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from .codec_base import CodecConfig, codecs
from .config import MediaConfig
from .decode import decode
from .encode import ProgressiveEncoder, encode_whole
from .entropy import Writer
from .generate import Generated, generate
from .importance import importance_map
from .model_set import ModelSet, load_model_set
from .prompt_code import code_prompt
from .recover import RecoveryConfig, recover
from .score import Scorer, make_scorer
from .words import role_of

BATCH = 16
OURS = "attention-guided"
AUTOENCODER, RESTORATION = " + autoencoder", " + restoration"
OTHER_SELECTORS = {
    "by attention alone": "attention",
    "by error alone": "error",
    "by chance": "random",
    "from the middle": "centre",
}
LABELS = {"webp": "WebP", "avif": "AVIF", "jpeg": "JPEG"}
COLUMNS = ("method", "setting", "prompt", "bytes", "s", "q", "jpsq", "psnr_db", "ssim")
KEEPS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.65, 0.8, 1.0)
SPARSE_KEEPS = (0.1, 0.25, 0.5)
SIDES_PX = (16, 24, 32, 48, 64, 96)
QUALITIES = {"webp": (1, 5, 15, 30, 50, 70), "avif": (1, 3, 6, 9, 12, 20, 30, 60), "jpeg": (3, 8, 15, 30, 55)}
"""Of the plain codecs, beside the reference quality of each."""
Pictures = list[NDArray[np.uint8]]


def reference_quality(kind: str) -> int:
    """Quality of a whole picture that savings are stated against: the codec's own default, about 36 dB."""
    return int(codecs.get(kind).Config().quality)


def rate_table(prompts: Sequence[str], seeds: Sequence[int], config: MediaConfig, jobs: int = 1) -> pd.DataFrame:
    """`RateStudy.table` of many prompts, shared among `jobs` processes."""
    share = BATCH * math.ceil(len(prompts) / (BATCH * jobs))
    starts = range(0, len(prompts), share)
    studies = [RateStudy(tuple(prompts[i : i + share]), tuple(seeds[i : i + share]), config) for i in starts]
    with ProcessPoolExecutor(jobs, get_context("spawn"), _share_cores, (jobs,)) as pool:
        parts = list(pool.map(RateStudy.table, studies))
    moved = [part.assign(prompt=part["prompt"] + start) for part, start in zip(parts, starts, strict=True)]
    return pd.concat(moved, ignore_index=True)


def _share_cores(jobs: int) -> None:
    import torch

    torch.set_num_threads(max(1, torch.get_num_threads() // jobs))


@dataclass(frozen=True)
class RateStudy:
    """The methods over one set of prompts; `table` runs them all."""

    prompts: tuple[str, ...]
    seeds: tuple[int, ...]
    config: MediaConfig = field(default_factory=MediaConfig)

    def table(self) -> pd.DataFrame:
        """One row for each method, setting and prompt: COLUMNS; bytes of all packets, JPSQ with the config's w."""
        rows: list[tuple[object, ...]] = []
        for start in range(0, len(self.prompts), BATCH):
            part = slice(start, start + BATCH)
            drawn = generate(
                self._models,
                self.prompts[part],
                self.seeds[part],
                steps=self.config.generation.steps,
                guidance=self.config.generation.guidance,
            )
            for method, setting, sizes, shown in self._every_method(drawn):
                scores = self._scorer.score(
                    np.stack([d.image for d in drawn]), np.stack(shown), self.config.jpsq_weight
                )
                columns = (scores.s_B, scores.q_B, scores.jpsq_B, scores.psnr_db_B, scores.ssim_B)
                for i, size in enumerate(sizes):
                    rows.append((method, setting, start + i, size, *(float(c[i]) for c in columns)))
        return pd.DataFrame(rows, columns=list(COLUMNS))

    def _every_method(self, drawn: list[Generated]) -> Iterator[tuple[str, float, list[int], Pictures]]:
        inpaint, fill = self.config.recovery, self.config.recovery.model_copy(update={"kind": "fill"})
        codec = self.config.codec
        assert isinstance(codec, CodecConfig)
        for keep in KEEPS:
            yield OURS, keep, *self._patches(drawn, codec, keep, inpaint)
        for keep in SPARSE_KEEPS:
            for name, selector in OTHER_SELECTORS.items():
                other = codec.model_copy(update={"selector": selector})
                yield name, keep, *self._patches(drawn, other, keep, inpaint)
            yield f"{OURS}, filled", keep, *self._patches(drawn, codec, keep, fill)
            yield f"{OURS}, Telea", keep, *self._patches(drawn, codec, keep, fill, "telea")
        for side in SIDES_PX:
            yield "low resolution + diffusion", float(side), *self._thumbnails(drawn, codec, side)
        yield "prompt + seed", 0.0, self._prompt_sizes(drawn, codec), [d.image for d in drawn]
        yield "prompt alone", 0.0, self._prompt_sizes(drawn, codec), self._drawn_elsewhere(drawn)
        for kind, qualities in QUALITIES.items():
            for quality in sorted({*qualities, reference_quality(kind)}):
                yield from self._plain(drawn, kind, quality)
        yield "PNG", 0.0, [_png_bytes(d.image) for d in drawn], [d.image for d in drawn]

    def _patches(
        self, drawn: list[Generated], codec: CodecConfig, keep: float, recovery: RecoveryConfig, fill: str = "thumbnail"
    ) -> tuple[list[int], Pictures]:
        streams = [list(self._encoder(d, codec).at(keep).packets) for d in drawn]
        return [sum(map(len, s)) for s in streams], self._shown(streams, recovery, fill)

    def _thumbnails(self, drawn: list[Generated], codec: CodecConfig, side: int) -> tuple[list[int], Pictures]:
        finer = codec.model_copy(update={"thumbnail": side})
        bases = [[self._encoder(d, finer).at(0.01).packets[0]] for d in drawn]
        return [len(b[0]) for b in bases], self._shown(bases, self.config.recovery)

    def _prompt_sizes(self, drawn: list[Generated], codec: CodecConfig) -> list[int]:
        smallest = codec.model_copy(update={"thumbnail": 4, "thumbnail_quality": 1})
        return [len(self._encoder(d, smallest).at(0.01).packets[0]) for d in drawn]

    def _drawn_elsewhere(self, drawn: list[Generated]) -> Pictures:
        settings = self.config.generation
        again = generate(
            self._models,
            [d.prompt for d in drawn],
            [d.seed + 1_000_003 for d in drawn],
            steps=settings.steps,
            guidance=settings.guidance,
        )
        return [d.image for d in again]

    def _plain(
        self, drawn: list[Generated], kind: str, quality: int
    ) -> Iterator[tuple[str, float, list[int], Pictures]]:
        config = codecs.get(kind).Config(quality=quality)
        packets = [encode_whole(d.image, config) for d in drawn]
        sizes = [len(p) for p in packets]
        decoded = [decode([p]).image for p in packets]
        name, known = LABELS[kind], [np.ones(d.shape[:2], bool) for d in decoded]
        yield name, float(quality), sizes, decoded
        prompts, seeds, through = [d.prompt for d in drawn], [d.seed for d in drawn], RecoveryConfig(known="decoded")
        shown = recover(self._models, decoded, known, [""] * len(drawn), seeds, through)
        yield name + AUTOENCODER, float(quality), sizes, shown
        sizes = [size + _prompt_bytes(prompt) for size, prompt in zip(sizes, prompts, strict=True)]
        shown = recover(self._models, decoded, known, prompts, seeds, self.config.recovery)
        yield name + RESTORATION, float(quality), sizes, shown

    def _shown(self, streams: Sequence[list[bytes]], recovery: RecoveryConfig, fill: str = "thumbnail") -> Pictures:
        found = [decode(s, fill) for s in streams]
        return recover(
            self._models,
            [f.image for f in found],
            [f.known_HW for f in found],
            [f.prompt for f in found],
            [f.seed for f in found],
            recovery,
        )

    def _encoder(self, one: Generated, codec: CodecConfig) -> ProgressiveEncoder:
        roles = {word: role_of(word) for word in one.word_maps}
        importance = importance_map(one.word_maps, roles, self.config.importance)
        return ProgressiveEncoder(one.image, importance, one.prompt, one.seed, codec)

    @cached_property
    def _models(self) -> ModelSet:
        return load_model_set(self.config.models)

    @cached_property
    def _scorer(self) -> Scorer:
        return make_scorer(self.config.scorer)


def _prompt_bytes(prompt: str) -> int:
    coder = Writer()
    code_prompt(coder, prompt)
    return len(coder.finish())


def _png_bytes(image: NDArray[np.uint8]) -> int:
    out = io.BytesIO()
    Image.fromarray(image).save(out, "PNG", optimize=True)
    return len(out.getvalue())
