"""What the rule that agents correct earns on the traces of a pool.

Arrivals and fading are those that an agent has on the same trace, whatever it does: what the rule makes of them is a
control variate for what the agent makes of them. Mao et al., "Variance reduction for reinforcement learning in
input-driven environments", ICLR 2019, have the argument why such a baseline leaves the gradient unbiased.

Shapes: K traces, E epochs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..cell.world import TracePool
from ..interop.problem import SchedulingProblem


def rule_rewards(pool: TracePool, tokens: int) -> NDArray[np.float32]:
    """Reward (K, E) of every epoch of every trace under the rule."""
    count = len(pool.traces)
    problem = SchedulingProblem(pool, count, tokens)
    reward_KE = np.empty((count, problem.world.epochs), np.float32)
    nothing = np.zeros((count, problem.layout.actions), np.float32)
    for trace in range(count):
        problem.start(trace, trace)
    for epoch in range(problem.world.epochs):
        problem.step(nothing)
        reward_KE[:, epoch] = problem.reward_N4.sum(axis=1)
    return reward_KE
