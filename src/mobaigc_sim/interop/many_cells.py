"""Many cells as one Gymnasium vector environment; a cell that ends starts anew in the same step.

Shapes: N cells, L length of an observation, A tokens.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from gymnasium.spaces import Box
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from ..scheduling.tokens import BOUND
from .problem import REWARD_PARTS, SchedulingProblem, Source, pool_of

Vectors = NDArray[np.float32]


class ManyCells(VectorEnv[Vectors, Vectors, NDArray[Any]]):
    """As `SlotScheduling`, N times; each cell draws its traces from a generator of its own."""

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012

    def __init__(
        self,
        num_envs: int = 16,
        scenario: Source = None,
        traces: int = 16,
        tokens: int = 16,
        overrides: Iterable[str] = (),
        render_mode: None = None,
    ) -> None:
        pool = pool_of(scenario, traces, overrides)
        self.num_envs = num_envs
        self.problem = SchedulingProblem(pool, num_envs, tokens)
        layout = self.problem.layout
        self.single_observation_space = Box(-BOUND, BOUND, (layout.size,), np.float32)
        self.single_action_space = Box(-1.0, 1.0, (layout.actions,), np.float32)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.render_mode = None
        self._generators = [np.random.default_rng(n) for n in range(num_envs)]

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Vectors, dict[str, Any]]:
        """Begin in every cell; `options={"traces": [...]}` names the trace of each."""
        if seed is not None:
            self._generators = [np.random.default_rng([seed, n]) for n in range(self.num_envs)]
        named = None if options is None else options.get("traces")
        for n in range(self.num_envs):
            self._start(n) if named is None else self.problem.start(n, int(named[n]))
        return self.problem.observation_NL.copy(), {}

    def _start(self, n: int) -> None:
        self.problem.start(n, int(self._generators[n].integers(self.problem.traces)))

    def step(self, actions: Vectors) -> tuple[Vectors, NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        """One decision in every cell; `info` tells the last observation and the requests of those that end."""
        self.problem.step(actions)
        reward_N4 = self.problem.reward_N4
        info: dict[str, Any] = {}
        for name, part_N in zip(REWARD_PARTS, reward_N4.T.copy(), strict=True):
            info |= {name: part_N, f"_{name}": np.ones(self.num_envs, np.bool_)}
        truncated_N = self.problem.over_N
        for n in np.flatnonzero(truncated_N).tolist():
            told = {"final_obs": self.problem.observation_NL[n].copy(), "final_info": self.problem.summary(n)}
            info = self._add_info(info, told, n)
            self._start(n)
        observation_NL = self.problem.observation_NL.copy()
        return observation_NL, reward_N4.sum(axis=1), np.zeros(self.num_envs, np.bool_), truncated_N, info
