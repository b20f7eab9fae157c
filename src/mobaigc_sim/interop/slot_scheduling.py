"""The scheduling problem as a Gymnasium environment.

| | |
|---|---|
| step | a decision interval (`service.allocation_interval`) |
| observation | Box (L,), packed as `scheduling.tokens.TokenLayout`; `unpack` takes it apart |
| action | Box [−1, 1] (A·2,): corrections of each token's priority and price, 0 for the priced rule |
| reward | as the scenario's `reward` counts |
| end | truncated when every request of the trace has ended |

    env = gymnasium.make("mobaigc_sim:SlotScheduling-v0", scenario="scenarios/cell_overload.yaml")
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box
from numpy.typing import NDArray

from ..scheduling.tokens import BOUND, Tokens
from .problem import REWARD_PARTS, SchedulingProblem, Source, pool_of

Vector = NDArray[np.float32]


class SlotScheduling(gymnasium.Env[Vector, Vector]):
    """One cell. `scenario` is a file, a Scenario, a list of them or a pool of traces that is ready.

    `traces`: replications to draw from at every reset; `options={"trace": k}` takes one. The same seed and the same
    actions give the same episode, and the trace is that of a plain run of its scenario and replication.
    """

    metadata = {"render_modes": []}  # noqa: RUF012

    def __init__(
        self,
        scenario: Source = None,
        traces: int = 16,
        tokens: int = 16,
        overrides: Iterable[str] = (),
        render_mode: None = None,
    ) -> None:
        pool = pool_of(scenario, traces, overrides)
        self.problem = SchedulingProblem(pool, 1, tokens)
        layout = self.problem.layout
        self.observation_space = Box(-BOUND, BOUND, (layout.size,), np.float32)
        self.action_space = Box(-1.0, 1.0, (layout.actions,), np.float32)
        self.render_mode = None

    def unpack(self, observation: Vector) -> Tokens:
        """The parts of an observation."""
        return self.problem.layout.unpack(observation)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Vector, dict[str, Any]]:
        """Begin on a trace drawn by the seed, or on `options["trace"]`; raises ValueError for one that is not there."""
        super().reset(seed=seed)
        trace = int(self.np_random.integers(self.problem.traces))
        if options is not None and "trace" in options:
            trace = options["trace"]
            if not 0 <= trace < self.problem.traces:
                raise ValueError(f"expected a trace from 0 to {self.problem.traces - 1}, got {trace}")
        self.problem.start(0, trace)
        return self.problem.observation_NL[0].copy(), {"trace": trace}

    def step(self, action: Vector) -> tuple[Vector, float, bool, bool, dict[str, Any]]:
        """One decision; `info` has the parts of the reward, and at the end what became of the requests."""
        self.problem.step(np.asarray(action, np.float32)[None])
        parts = self.problem.reward_N4[0]
        info: dict[str, Any] = dict(zip(REWARD_PARTS, parts.tolist(), strict=True))
        over = bool(self.problem.over_N[0])
        if over:
            info |= self.problem.summary(0)
        return self.problem.observation_NL[0].copy(), float(parts.sum()), False, over, info
