"""What a request costs in the media stack: batched, one by one, and with the libraries called the plain way.

The sides take turns within each round, and each round starts with another one, so that what else the machine does
hits all of them; figures are medians over rounds. A first request of every side, which loads and warms the models,
is not counted.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np

from ..errors import MobaigcError
from ..media.bank_stack import BankStack
from ..media.base import Delivery, Media
from ..media.cache_cost import measure_cache
from ..media.config import MediaConfig
from ..media.naive import NaivePipeline
from ..media.score import Scorer, make_scorer
from ..media.stack import BATCH, MediaStack
from ..traffic.prompts import EmbeddedPromptsConfig, PromptSource
from .bank_build import build_bank

STAGES = ("generate", "encode", "recover", "score")
CURVE = "keep curve"
TOTAL = "total"
BATCHED, ALONE, NAIVE = "batched", "one by one", "plain diffusers"
SIDES = (BATCHED, ALONE, NAIVE)
COLUMNS = ("CPU ms (wall ms)", *SIDES)
_LOOKUPS = 2000


@dataclass(frozen=True)
class Cost:
    """Seconds: of all threads together on the processor, and on the wall."""

    cpu_s: float = 0.0
    wall_s: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.cpu_s + other.cpu_s, self.wall_s + other.wall_s)

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.cpu_s - other.cpu_s, self.wall_s - other.wall_s)

    def per(self, count: int) -> Cost:
        """The mean over so many requests."""
        return Cost(self.cpu_s / count, self.wall_s / count)


Stages = dict[str, Cost]


@dataclass(frozen=True)
class MediaBench:
    """Costs of one request; `rounds[side]` has one entry a round, with every stage the side has and `TOTAL`."""

    count: int
    batch: int
    threads: int
    rounds: dict[str, list[Stages]]
    first_s: float
    """Wall seconds of a request that the cache does not know, its curve included."""
    hit_s: float
    """The same request again."""
    lookups_per_s: float
    """Requests that a bank answers in a second."""

    def cost(self, side: str, stage: str) -> Cost | None:
        """Medians over rounds, CPU and wall on their own; None for a stage that a side has not."""
        found = [stages[stage] for stages in self.rounds[side] if stage in stages]
        return Cost(median(c.cpu_s for c in found), median(c.wall_s for c in found)) if found else None

    def ratio(self, side: str) -> Cost:
        """How many times the cost of the batched stack a side takes: the median over rounds of the round's ratio."""
        pairs = [(a[TOTAL], b[TOTAL]) for a, b in zip(self.rounds[side], self.rounds[BATCHED], strict=True)]
        return Cost(median(a.cpu_s / b.cpu_s for a, b in pairs), median(a.wall_s / b.wall_s for a, b in pairs))


@dataclass
class Stopwatch:
    """Adds up what each named stage takes."""

    stages: Stages = field(default_factory=dict)

    @contextmanager
    def time(self, stage: str) -> Iterator[None]:
        """Count the block to a stage."""
        cpu, wall = time.process_time(), time.perf_counter()
        yield
        spent = Cost(time.process_time() - cpu, time.perf_counter() - wall)
        self.stages[stage] = self.stages.get(stage, Cost()) + spent


def bench_media(
    count: int = 16,
    batch: int = 8,
    rounds: int = 3,
    models: str = "embedded",
    threads: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    config: MediaConfig | None = None,
) -> MediaBench:
    """Serve `count` requests of the shipped prompts on every side in each round; by default torch's own threads.

    `config` replaces the default settings but for the models. Raises MobaigcError for a batch that the stack would
    split, ModelSetError for models that are not there.
    """
    if not 1 <= batch <= BATCH:
        raise MobaigcError(f"--batch {batch}: the stack takes up to {BATCH} requests at a time; expected 1 to {BATCH}")
    if count < 1 or rounds < 1:
        raise MobaigcError(f"expected at least one request and one round, got {count} and {rounds}")
    settings = (config or MediaConfig()).model_copy(update={"models": models, "cache": None, "mode": "live"})
    shipped = PromptSource(EmbeddedPromptsConfig()).prompts
    prompts = [shipped[i * len(shipped) // count % len(shipped)] for i in range(count)]
    with _threads(threads) as used:
        sides = _sides(settings, batch)
        steps, done = rounds * len(SIDES) + len(SIDES) + 1, 0
        found: dict[str, list[Stages]] = {side: [] for side in SIDES}
        for number in range(-1, rounds):
            for turn in range(len(SIDES)):
                side = SIDES[(number + turn) % len(SIDES)]
                served = prompts if number >= 0 else prompts[:1]
                stages = sides[side](served)
                if number >= 0:
                    found[side].append({stage: cost.per(len(served)) for stage, cost in stages.items()})
                done += 1
                if on_progress is not None:
                    on_progress(done, steps)
        cache = measure_cache(settings, prompts[:batch], range(min(batch, count)), settings.keep)
        lookups = _lookups_per_s(settings, prompts[0])
    if on_progress is not None:
        on_progress(steps, steps)
    return MediaBench(count, batch, used, found, cache.first_s, cache.hit_s, lookups)


def rows(bench: MediaBench) -> list[tuple[str, ...]]:
    """The costs of a request as text under COLUMNS: stage by stage, their sum, then the keep curve."""
    told = []
    for stage in (*STAGES, TOTAL, CURVE):
        costs = [bench.cost(side, stage) for side in SIDES]
        told.append((stage, *("" if c is None else f"{_ms(c.cpu_s)} ({_ms(c.wall_s)})" for c in costs)))
    return told


def facts(bench: MediaBench) -> list[str]:
    """What was measured, the ratios, and what requests cost that nothing is computed for."""
    told = [
        f"{bench.count} requests a side and round, {len(bench.rounds[BATCHED])} rounds in turns, batch {bench.batch}, "
        f"{bench.threads} threads; medians per request, the first request of each side is not counted",
    ]
    for side in (ALONE, NAIVE):
        ratio = bench.ratio(side)
        told.append(f"{side}: {ratio.cpu_s:.2f} times the CPU time of batched, {ratio.wall_s:.2f} times the wall time")
    told.append(f"cache hit: {_ms(bench.hit_s)} ms instead of {_ms(bench.first_s)} ms with the keep curve (wall)")
    told.append(f"bank: {bench.lookups_per_s:.0f} requests answered a second")
    return told


def _sides(config: MediaConfig, batch: int) -> dict[str, Callable[[Sequence[str]], Stages]]:
    stack, naive = MediaStack(config), NaivePipeline(config)
    scorer = make_scorer(config.scorer)
    return {
        BATCHED: lambda prompts: _serve_stack(stack, scorer, prompts, batch),
        ALONE: lambda prompts: _serve_stack(stack, scorer, prompts, 1),
        NAIVE: lambda prompts: _serve_naive(naive, prompts),
    }


def _serve_stack(stack: MediaStack, scorer: Scorer, prompts: Sequence[str], batch: int) -> Stages:
    """Stages of all requests. `finish` recovers and scores in one: scoring again tells the two apart."""
    watch = Stopwatch()
    for start in range(0, len(prompts), batch):
        part = prompts[start : start + batch]
        with watch.time("generate"):
            pictures = stack.generate(part, range(start, start + len(part)))
        with watch.time("encode"):
            offers = [stack.offer(picture, stack.config.keep) for picture in pictures]
        with watch.time(CURVE):
            for picture in pictures:
                stack.content_curve(picture)
        with watch.time("finish"):
            outcomes = stack.finish([Delivery(p, offer) for p, offer in zip(pictures, offers, strict=True)])
        with watch.time("score"):
            scorer.score(np.stack([p.image for p in pictures]), np.stack([o.recovered for o in outcomes]))
    stages = watch.stages
    finish = stages.pop("finish")
    stages["recover"] = finish - stages["score"]
    return stages | {TOTAL: stages["generate"] + stages["encode"] + finish}


def _serve_naive(naive: NaivePipeline, prompts: Sequence[str]) -> Stages:
    watch = Stopwatch()
    for seed, prompt in enumerate(prompts):
        with watch.time("generate"):
            picture = naive.generate(prompt, seed)
        with watch.time("encode"):
            file = naive.encode(picture)
        with watch.time("recover"):
            shown = naive.recover(file, prompt, seed)
        with watch.time("score"):
            naive.score(picture, shown)
    return watch.stages | {TOTAL: sum(watch.stages.values(), Cost())}


def _lookups_per_s(config: MediaConfig, prompt: str) -> float:
    """Requests a second that a bank of one picture answers: draw, keep curve, packets, score."""
    with tempfile.TemporaryDirectory() as folder:
        path = build_bank(Path(folder) / "bank", config, [prompt], [0], [config.keep])
        bank: Media = BankStack(config.model_copy(update={"mode": "bank", "bank": str(path)}))
        started = time.perf_counter()
        for _ in range(_LOOKUPS):
            (picture,) = bank.generate([prompt], [0])
            bank.content_curve(picture)
            bank.finish([Delivery(picture, bank.offer(picture, config.keep))])
        return _LOOKUPS / (time.perf_counter() - started)


@contextmanager
def _threads(wanted: int | None) -> Iterator[int]:
    """Torch works with so many threads inside the block; yields how many."""
    import torch

    before = torch.get_num_threads()
    if wanted is not None:
        torch.set_num_threads(wanted)
    try:
        yield torch.get_num_threads()
    finally:
        torch.set_num_threads(before)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f}"
