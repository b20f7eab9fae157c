"""Training runs of a plan and their folders: OUT/NAME/seed-K.

| file | holds |
|---|---|
| config.json | what was trained, on which traces |
| curve.csv | an evaluation a line |
| weights.safetensors | the policy of the best evaluation |
| last.safetensors | the policy at the end |
| checkpoint/ | where ADD goes on after a break; gone at the end |
| tensorboard/ | curves of the training itself |
| done.json | written last |
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import MobaigcError, UnknownNameError
from ..results.files import read_json
from .config import AgentConfig
from .plan import Part, Plan
from .pools import PoolFile, cached_pool, pool_digest

CONFIG, CURVE, WEIGHTS, LAST, DONE = "config.json", "curve.csv", "weights.safetensors", "last.safetensors", "done.json"
CHECKPOINT, TENSORBOARD = "checkpoint", "tensorboard"
SIZES = ("cells", "tokens", "steps", "evaluate_every")
PARTS: tuple[Part, Part] = ("training", "validation")


@dataclass(frozen=True)
class TrainingRun:
    """One agent with one seed."""

    entry: AgentConfig
    seed: int
    folder: Path
    training: PoolFile
    validation: PoolFile
    cells: int
    tokens: int
    steps: int
    evaluate_every: int

    def settings(self) -> dict[str, Any]:
        """What config.json says; runs of equal settings are the same run."""
        return _settings(
            self.entry, self.seed, self, {"training": self.training.digest, "validation": self.validation.digest}
        )

    @property
    def is_done(self) -> bool:
        """Whether it ended."""
        return (self.folder / DONE).is_file()


def settings_of(plan: Plan, entry: AgentConfig, seed: int, digests: dict[str, str]) -> dict[str, Any]:
    """The settings that a run of a plan has or would have; `digests` are those of `digests_of`."""
    return _settings(entry, seed, plan.config, digests)


def digests_of(plan: Plan) -> dict[str, str]:
    """Digests of the pools of traces that a plan trains on."""
    return {part: pool_digest(plan.scenarios(part)) for part in PARTS}


def _settings(entry: AgentConfig, seed: int, sizes: object, digests: dict[str, str]) -> dict[str, Any]:
    told: dict[str, Any] = {"agent": entry.model_dump(mode="json", exclude={"seeds"}), "seed": seed}
    return told | {name: getattr(sizes, name) for name in SIZES} | digests


def run_folder(out: Path, agent: str, seed: int) -> Path:
    """Where a run is kept."""
    return out / agent / f"seed-{seed}"


def runs_to_do(
    plan: Plan, out: Path, only: Collection[str] = (), seeds: Collection[int] | None = None
) -> list[TrainingRun]:
    """The runs of a plan that are not done, the first seed of every agent first.

    Raises UnknownNameError for an agent that is not in the file, and MobaigcError where a folder holds a run of other
    settings or a plan has nothing of what is asked for.
    """
    config = plan.config
    names = [agent.name for agent in config.agents]
    for name in only:
        if name not in names:
            raise UnknownNameError("agent", name, names)
    chosen = [agent for agent in config.agents if not only or agent.name in only]
    pairs = [(agent, seed) for agent in chosen for seed in config.runs_of(agent) if seeds is None or seed in seeds]
    if not pairs:
        raise MobaigcError(f"{plan.file}: nothing to train: no agent has such a seed")
    training, validation = (cached_pool(plan.scenarios(part), out / "traces", part) for part in PARTS)
    runs = [
        TrainingRun(
            agent, seed, run_folder(out, agent.name, seed), training, validation,
            config.cells, config.tokens, config.steps, config.evaluate_every,
        )
        for agent, seed in sorted(pairs, key=lambda pair: pair[1])
    ]  # fmt: skip
    for run in runs:
        found = run.folder / CONFIG
        if found.is_file() and read_json(found) != run.settings():
            raise MobaigcError(
                f"{run.folder}: holds a run of other settings (see {CONFIG}); remove it or choose another --out"
            )
    return [run for run in runs if not run.is_done]
