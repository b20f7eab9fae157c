"""Many cells as a Stable-Baselines3 `VecEnv`.

Shapes: N cells, L length of an observation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.spaces import Box
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvObs, VecEnvStepReturn

from ..cell.world import TracePool
from ..interop.problem import SchedulingProblem
from ..scheduling.tokens import BOUND
from .rule_runs import rule_rewards


class CellVecEnv(VecEnv):
    """Cells on the traces of a pool; a cell that ends starts anew on a trace drawn from its own generator.

    `info["episode"]` of an ended cell has SB3's keys r and l; what became of requests stands beside it.
    """

    def __init__(self, pool: TracePool, cells: int = 1, tokens: int = 16, seed: int = 0) -> None:
        self.render_mode = None
        self.problem = SchedulingProblem(pool, cells, tokens)
        layout = self.problem.layout
        super().__init__(
            cells,
            Box(-BOUND, BOUND, (layout.size,), np.float32),
            Box(-1.0, 1.0, (layout.actions,), np.float32),
        )
        self._action: NDArray[np.float32] = np.zeros((cells, layout.actions), np.float32)
        self._return_N, self._length_N = np.zeros(cells), np.zeros(cells, np.int64)
        self._rule_rewards_KE: NDArray[np.float32] | None = None
        self.seed(seed)

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Give every cell the generator of its traces anew."""
        seeds = [0 if seed is None else seed] * self.num_envs
        self._generators = [np.random.default_rng([s, n]) for n, s in enumerate(seeds)]
        return seeds

    def reset(self) -> VecEnvObs:
        """Begin in every cell."""
        for n in range(self.num_envs):
            self._start(n)
        return self.problem.observation_NL.copy()

    def _start(self, n: int) -> None:
        self.problem.start(n, int(self._generators[n].integers(self.problem.traces)))
        self._return_N[n], self._length_N[n] = 0.0, 0

    def step_async(self, actions: NDArray[Any]) -> None:
        """Remember the actions."""
        self._action = actions

    def step_wait(self) -> VecEnvStepReturn:
        """One decision in every cell."""
        self.problem.step(self._action)
        reward_N = self.problem.reward_N4.sum(axis=1)
        self._return_N += reward_N
        self._length_N += 1
        over_N = self.problem.over_N
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for n in np.flatnonzero(over_N).tolist():
            infos[n] = self.problem.summary(n) | {
                "TimeLimit.truncated": True,
                "terminal_observation": self.problem.observation_NL[n].copy(),
                "episode": {"r": float(self._return_N[n]), "l": int(self._length_N[n]), "t": 0.0},
            }
            self._start(n)
        return self.problem.observation_NL.copy(), reward_N.astype(np.float32), over_N, infos

    def places_now(self) -> NDArray[np.int64]:
        """Trace and epoch of every cell, (N, 2)."""
        return np.array([self.problem.place(n) for n in range(self.num_envs)])

    def rule_rewards(self) -> NDArray[np.float32]:
        """Rewards of the rule, a row a trace, a column an epoch; played when they are first asked for."""
        if self._rule_rewards_KE is None:
            self._rule_rewards_KE = rule_rewards(self.problem.world.pool, self.problem.layout.tokens)
        return self._rule_rewards_KE

    def close(self) -> None:
        """Nothing is held open."""

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """An attribute, once a cell."""
        return [getattr(self, attr_name)] * len(list(self._get_indices(indices)))

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Set an attribute, of all cells together."""
        setattr(self, attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: VecEnvIndices = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call a method, once."""
        return [getattr(self, method_name)(*method_args, **method_kwargs)]

    def env_is_wrapped(self, wrapper_class: Any, indices: VecEnvIndices = None) -> list[bool]:
        """Nothing is wrapped, but episodes are counted as `Monitor` does."""
        from stable_baselines3.common.monitor import Monitor

        return [wrapper_class is Monitor] * len(list(self._get_indices(indices)))
