"""What the rule that agents correct meets and earns on the traces of a pool.

Arrivals and fading are those that an agent has on the same trace, whatever it does: what the rule makes of them is a
control variate for what the agent makes of them. Mao et al., "Variance reduction for reinforcement learning in
input-driven environments", ICLR 2019, have the argument why such a baseline leaves the gradient unbiased.

Shapes: K traces, E epochs, T steps, N cells, A tokens, L length of an observation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ..cell.world import TracePool
from ..interop.problem import SchedulingProblem
from .add.credit import Mask, Rollout


@dataclass(frozen=True)
class RuleRuns:
    """Runs of the rule, one a trace."""

    seen_KEL: NDArray[np.float32]
    """Observation at the start of an epoch."""
    user_KEA: NDArray[np.int64]
    """Identity of each token, −1 for padding."""
    earned_KEA: NDArray[np.float32]
    """What the user of each token got for itself in the epoch, less the price of its blocks."""
    reward_KE: NDArray[np.float32]
    """Reward of everybody together."""

    @classmethod
    def of(cls, pool: TracePool, tokens: int) -> Self:
        """Play the rule on every trace of a pool."""
        count = len(pool.traces)
        problem = SchedulingProblem(pool, count, tokens)
        shape = count, problem.world.epochs
        runs = cls(
            np.empty((*shape, problem.layout.size), np.float32),
            np.empty((*shape, tokens), np.int64),
            np.empty((*shape, tokens), np.float32),
            np.empty(shape, np.float32),
        )
        nothing = np.zeros((count, problem.layout.actions), np.float32)
        for trace in range(count):
            problem.start(trace, trace)
        for epoch in range(problem.world.epochs):
            runs.seen_KEL[:, epoch] = problem.observation_NL
            problem.step(nothing)
            runs.user_KEA[:, epoch] = problem.credit.user
            runs.earned_KEA[:, epoch] = problem.earned_NA
            runs.reward_KE[:, epoch] = problem.reward_N4.sum(axis=1)
        return runs

    def rollout(
        self, place_TN2: NDArray[np.int64], over_TN: Mask, values: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    ) -> Rollout:
        """The rule in the place of an agent that was in these T + 1 epochs of traces.

        `values` gives the predicted returns (N, A) of tokens from observations (N, L).
        """
        at = place_TN2[..., 0], place_TN2[..., 1]
        before = place_TN2[:-1, :, 0], place_TN2[:-1, :, 1]
        value_TNA = np.stack([values(seen_NL) for seen_NL in self.seen_KEL[at]])
        return Rollout(self.user_KEA[at], self.earned_KEA[before], self.reward_KE[before], over_TN, value_TNA)
