"""How long a decision takes, of a policy and of a rule: what is asked once an epoch."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ..cell.replay import replay
from ..cell.world import TracePool, World
from ..interop.problem import SchedulingProblem
from ..registry import PluginConfig
from ..scheduling import schedulers
from .episodes import Predictor

TIMED_EPOCHS = 100
ASKED = ("begin_epoch", "allocate", "keep_ratio")
"""What a cell asks a scheduler."""


def policy_decision_us(policy: Predictor, pool: TracePool, tokens: int) -> float:
    """Median time of a decision, over observations of the first trace under the rule."""
    problem = SchedulingProblem(pool, 1, tokens)
    problem.start(0, 0)
    zero_1A = np.zeros((1, problem.layout.actions), np.float32)
    spent_ns = []
    for _ in range(min(TIMED_EPOCHS, problem.world.epochs)):
        began_ns = time.perf_counter_ns()
        policy.predict(problem.observation_NL, deterministic=True)
        spent_ns.append(time.perf_counter_ns() - began_ns)
        problem.step(zero_1A)
    return float(np.median(spent_ns)) / 1e3


def rule_decision_us(config: PluginConfig, pool: TracePool) -> float:
    """Mean time that a scheduler takes of an epoch of the first trace, for all slots of it if it decides in each."""
    world, scheduler = World(pool), schedulers.get(config.kind)(config)
    spent_ns = [0]
    for name in ASKED:
        if hasattr(scheduler, name):
            setattr(scheduler, name, _timed(getattr(scheduler, name), spent_ns))
    replay(world, scheduler, 0)
    return spent_ns[0] / world.epochs / 1e3


def _timed(ask: Callable[..., Any], spent_ns: list[int]) -> Callable[..., Any]:
    def asked(*told: Any) -> Any:
        began_ns = time.perf_counter_ns()
        answer = ask(*told)
        spent_ns[0] += time.perf_counter_ns() - began_ns
        return answer

    return asked
