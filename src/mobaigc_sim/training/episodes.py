"""A policy or a rule on every trace of a pool, once each: the rows that all comparisons are made of.

Shapes: N cells, 4 the parts of the reward.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..cell.replay import replay
from ..cell.world import TracePool, World
from ..interop.problem import REWARD_PARTS, SchedulingProblem, summary
from ..registry import PluginConfig
from ..scheduling import schedulers


class Predictor(Protocol):
    """What Stable-Baselines3's algorithms have in common with anything that maps observations to actions."""

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> tuple[Any, Any]:
        """Actions (N, A·2) for observations (N, L), and the next state of recurrent policies."""


class Rule:
    """The priced rule itself: no correction."""

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> tuple[Any, Any]:
        """Zeros of the right number; every action shape is broadcast from it."""
        return np.zeros((len(observation), 1), np.float32), state


def play(policy: Predictor, pool: TracePool, tokens: int = 16) -> pd.DataFrame:
    """One row a trace: reward, its parts, and what became of the requests; decisions are deterministic."""
    count = len(pool.traces)
    problem = SchedulingProblem(pool, count, tokens)
    for n in range(count):
        problem.start(n, n)
    parts_N4 = np.zeros((count, 4))
    while not problem.over_N.any():
        action, _ = policy.predict(problem.observation_NL, deterministic=True)
        problem.step(np.broadcast_to(np.asarray(action, np.float32), (count, problem.layout.actions)))
        parts_N4 += problem.reward_N4
    return pd.DataFrame([_row(problem.world, n, n, parts_4) for n, parts_4 in enumerate(parts_N4)])


def play_scheduler(config: PluginConfig, pool: TracePool) -> pd.DataFrame:
    """The rows of `play` for any scheduler, which begins anew on every trace."""
    world = World(pool)
    rows = []
    for trace in range(len(pool.traces)):
        replay(world, schedulers.get(config.kind)(config), trace)
        rows.append(_row(world, 0, trace, world.members[0].cell.reward_4))
    return pd.DataFrame(rows)


def _row(world: World, n: int, trace: int, parts_4: NDArray[np.float64]) -> dict[str, Any]:
    parts = dict(zip(REWARD_PARTS, parts_4.tolist(), strict=True))
    return {"trace": trace, "reward": float(parts_4.sum()), **parts, **summary(world, n)}
