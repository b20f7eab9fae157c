"""One training run: learn, evaluate on the validation traces now and then, keep the best policy.

An evaluation stands between a round of training and the next step collected, where the state is whole: ADD goes on
from there after a break as if there had been none. Other agents begin anew.
"""

from __future__ import annotations

import csv
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback

from ..cell.world import TracePool
from ..results.files import recovered_folder, replace_folder, replace_with, write_json
from .add.checkpoint import Resumable
from .averaging import AveragedWeights
from .environment_state import environment_arrays, restore_environment
from .episodes import Predictor, Rule, play
from .policies import RESUMABLE, decider, make_policy, save_weights
from .runs import CHECKPOINT, CONFIG, CURVE, DONE, LAST, TENSORBOARD, WEIGHTS, TrainingRun
from .vec_env import CellVecEnv

AVERAGE = "average.safetensors"
AVERAGE_EVERY = 2048
"""Steps from one weighing in of the weights to the next, at least."""
MEANS = ("failed", "partial", "jpsq", "latency_p50_s", "latency_p95_s", "keep", "prb_s_per_image")
"""Columns of `play` whose means over the validation traces are in the curve."""


def train_one(run: TrainingRun) -> Path:
    """Train until the last step and return the folder; goes on where there is a checkpoint."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        _train(run)
    finally:
        torch.set_num_threads(threads)
    return run.folder


def _train(run: TrainingRun) -> None:
    env = CellVecEnv(run.training.load(), run.cells, run.tokens, run.seed)
    agent = _resumed(run, env)
    if agent is None:
        shutil.rmtree(run.folder, ignore_errors=True)
        run.folder.mkdir(parents=True)
        write_json(run.folder / CONFIG, run.settings())
        agent = make_policy(run.entry, env, run.seed, str(run.folder / TENSORBOARD))
    policy = decider(run.entry, agent, run.tokens * 2)
    watch = _Watch(run, env, policy, run.validation.load())
    remaining = max(run.steps - agent.num_timesteps, 0)
    agent.learn(remaining, callback=watch, tb_log_name="run", reset_num_timesteps=agent.num_timesteps == 0)
    save_weights(agent, env.problem.rule, run.folder / LAST)
    best = max(watch.rows, key=lambda row: row["reward"])
    told = {"steps": agent.num_timesteps, "seconds": watch.rows[-1]["seconds"], "best": best}
    write_json(run.folder / DONE, told)
    shutil.rmtree(run.folder / CHECKPOINT, ignore_errors=True)


def _resumed(run: TrainingRun, env: CellVecEnv) -> BaseAlgorithm | None:
    """ADD and its environment as the checkpoint has them; None if there is none."""
    folder = recovered_folder(run.folder / CHECKPOINT)
    if not (folder / "environment.npz").is_file():
        return None
    algorithm = RESUMABLE[run.entry.agent]
    agent = algorithm.load_checkpoint(
        folder / "agent", env, env_restored=True, tensorboard_log=str(run.folder / TENSORBOARD), device="cpu"
    )
    with np.load(folder / "environment.npz", allow_pickle=False) as file:
        restore_environment(env, file)
    return agent


class _Watch(BaseCallback):
    """Evaluates and writes down."""

    def __init__(self, run: TrainingRun, env: CellVecEnv, policy: Predictor, validation: TracePool) -> None:
        super().__init__()
        self.run, self.env, self.policy, self.validation = run, env, policy, validation
        self.rule_T = play(Rule(), validation, run.tokens)["reward"].to_numpy()
        self.rows: list[dict[str, Any]] = []
        self.average: AveragedWeights

    def _on_training_start(self) -> None:
        steps = self.model.num_timesteps
        path = self.run.folder / CURVE
        if path.is_file():
            with path.open(newline="", encoding="utf-8") as file:
                told = [{name: float(text) for name, text in row.items()} for row in csv.DictReader(file)]
            self.rows = [{**row, "steps": int(row["steps"])} for row in told if row["steps"] <= steps]
        self.average = AveragedWeights(self.model.policy, self.run.entry.averaged, steps)
        if (saved := self.run.folder / CHECKPOINT / AVERAGE).is_file():
            self.average.tensors = load_file(saved)
        before_s = self.rows[-1]["seconds"] if self.rows else 0.0
        self.began_s = time.perf_counter() - before_s
        self.next = 0 if not self.rows else self._after(steps)

    def _after(self, steps: int) -> int:
        return (steps // self.run.evaluate_every + 1) * self.run.evaluate_every

    def _on_rollout_start(self) -> None:
        steps = self.model.num_timesteps
        if steps >= min(self.next, self.average.steps + AVERAGE_EVERY):
            self.average.follow(steps)
        if steps >= self.next:
            self._evaluate()

    def _on_step(self) -> bool:
        return True

    def _on_training_end(self) -> None:
        if not self.rows or self.rows[-1]["steps"] < self.model.num_timesteps:
            self.average.follow(self.model.num_timesteps)
            self._evaluate()

    def _evaluate(self) -> None:
        steps = self.model.num_timesteps
        self.next = self._after(steps)
        with self.average.in_force():
            table = play(self.policy, self.validation, self.run.tokens)
        paired_T = table["reward"].to_numpy() - self.rule_T
        row = {
            "steps": steps,
            "seconds": round(time.perf_counter() - self.began_s, 1),
            "reward": float(table["reward"].mean()),
            "difference": float(paired_T.mean()),
            "difference_se": float(paired_T.std(ddof=1) / len(paired_T) ** 0.5) if len(paired_T) > 1 else 0.0,
            **{name: float(table[name].mean()) for name in MEANS},
        }
        if all(row["reward"] > earlier["reward"] for earlier in self.rows):
            with self.average.in_force():
                replace_with(self.run.folder / WEIGHTS, self._write_weights)
        self.rows.append(row)
        replace_with(self.run.folder / CURVE, self._write_curve)
        self._checkpoint()
        self.logger.record("validation/reward", row["reward"])
        self.logger.record("validation/difference", row["difference"])
        print(
            f"{self.run.entry.name} seed {self.run.seed}: {steps} of {self.run.steps} steps, {row['seconds']:.0f} s, "
            f"reward {row['reward']:.3f}, to the rule {row['difference']:+.3f} ± {row['difference_se']:.3f}, "
            f"failed {100 * row['failed']:.1f} %",
            flush=True,
        )

    def _write_weights(self, path: Path) -> None:
        save_weights(self.model, self.env.problem.rule, path)

    def _write_curve(self, path: Path) -> None:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(self.rows[-1]))
            writer.writeheader()
            writer.writerows(self.rows)

    def _checkpoint(self) -> None:
        if not isinstance(self.model, Resumable) or not self.model.num_timesteps:
            return
        folder = self.run.folder / CHECKPOINT
        part = folder.with_name(f"{CHECKPOINT}.part")
        shutil.rmtree(part, ignore_errors=True)
        self.model.save_checkpoint(part / "agent")
        np.savez(part / "environment.npz", allow_pickle=False, **environment_arrays(self.env))
        save_file(self.average.tensors, part / AVERAGE)
        replace_folder(part, folder)
