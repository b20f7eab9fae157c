"""Wrappers of vectors of environments that any agent of SB3 can be trained on.

Shapes: E environments, C constant actions, A numbers of an action (N users × 2, row by row).
"""

from __future__ import annotations

from itertools import product
from typing import Any, Protocol

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvObs, VecEnvStepReturn

PRIORITIES = (-1.0, 0.0, 1.0)
PRICES = (-1.0, -0.5, 0.0, 0.5, 1.0)


class Predictor(Protocol):
    """What an agent of SB3 offers for evaluation."""

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> tuple[NDArray[Any], Any]:
        """Actions and the next hidden state."""
        ...


def constant_actions(numbers: int) -> NDArray[np.float32]:
    """The 15 actions (C, A) that give every user the same pair of `PRIORITIES` × `PRICES`, priority major."""
    pairs_C2 = np.array(list(product(PRIORITIES, PRICES)), np.float32)
    return np.tile(pairs_C2, numbers // 2)


class DiscreteActions(VecEnvWrapper):
    """A choice among `constant_actions` for learners that need a finite one (DQN): corrections for the whole cell."""

    def __init__(self, venv: VecEnv) -> None:
        assert isinstance(venv.action_space, spaces.Box)
        self.actions_CA = constant_actions(venv.action_space.shape[0])
        super().__init__(venv, action_space=spaces.Discrete(len(self.actions_CA)))

    def reset(self) -> VecEnvObs:
        """First observations."""
        return self.venv.reset()

    def step_async(self, actions: NDArray[Any]) -> None:
        """Take the constant actions of numbers (E,)."""
        self.venv.step_async(self.actions_CA[actions])

    def step_wait(self) -> VecEnvStepReturn:
        """What the environments answer."""
        return self.venv.step_wait()


class Undiscretised:
    """A predictor of continuous actions from one that was trained on `DiscreteActions`."""

    def __init__(self, agent: Predictor, numbers: int) -> None:
        self.agent = agent
        self.actions_CA = constant_actions(numbers)

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> tuple[NDArray[np.float32], Any]:
        """Actions (E, A), or (A,) for a single observation."""
        chosen, state = self.agent.predict(observation, state, episode_start, deterministic)
        return self.actions_CA[chosen], state


class RunningMean:
    """The running mean r̄ of rewards, for simple reward centring (Naik et al., "Reward centering", RLJ 2024, eq. 5).

    r̄ ← r̄ + β (r − r̄), once a step with the mean over environments. β starts at 1 and falls to `step_size` such that the
    first value of r̄ has no weight (Sutton & Barto, 2nd edition, eq. 2.9).
    """

    def __init__(self, step_size: float = 1e-3) -> None:
        if not 0 < step_size <= 1:
            raise ValueError(f"step_size {step_size} is not in (0, 1]")
        self.step_size = step_size
        self.mean = 0.0
        self.trace = 0.0

    def centred(self, rewards_E: NDArray[Any]) -> NDArray[Any]:
        """Rewards less the mean as it was before, so that no reward is part of its own mean."""
        centred_E = rewards_E - np.float32(self.mean)
        self.trace += self.step_size * (1 - self.trace)
        self.mean += self.step_size / self.trace * (float(rewards_E.mean()) - self.mean)
        return centred_E


class CentredReward(VecEnvWrapper):
    """Rewards minus their running mean, so that values do not carry r̄/(1 − γ) as a constant.

    Wrap it around VecMonitor: then returns of episodes are raw; `info["raw_reward"]` always is. Meant for episodes that
    end by truncation: after a true end, a centred return claims the mean reward for ever.
    """

    def __init__(self, venv: VecEnv, step_size: float = 1e-3) -> None:
        super().__init__(venv)
        self._running = RunningMean(step_size)

    @property
    def mean(self) -> float:
        """The running mean."""
        return self._running.mean

    def reset(self) -> VecEnvObs:
        """First observations; the mean is kept."""
        return self.venv.reset()

    def step_wait(self) -> VecEnvStepReturn:
        """What the environments answer, with centred rewards (E,)."""
        observations, rewards_E, dones_E, infos = self.venv.step_wait()
        for info, reward in zip(infos, rewards_E, strict=True):
            info["raw_reward"] = float(reward)
        return observations, self._running.centred(rewards_E), dones_E, infos


class RelativeReward(VecEnvWrapper):
    """Rewards less those that the corrected rule has in the same epochs of the same traces.

    The luck of arrivals and fading, common to both, goes; what is best stays so, for the subtrahend does not depend on
    actions (see `training.rule_runs`). Needs the methods of `training.vec_env.CellVecEnv`; `info["raw_reward"]` is the
    reward as it was.
    """

    def reset(self) -> VecEnvObs:
        """First observations."""
        return self.venv.reset()

    def step_async(self, actions: NDArray[Any]) -> None:
        """Note where the environments are, and act."""
        self._place_E2 = self.venv.env_method("places_now")[0]
        self.venv.step_async(actions)

    def step_wait(self) -> VecEnvStepReturn:
        """What the environments answer, with relative rewards (E,)."""
        observations, rewards_E, dones_E, infos = self.venv.step_wait()
        reward_KE = self.venv.env_method("rule_rewards")[0]
        for info, reward in zip(infos, rewards_E, strict=True):
            info["raw_reward"] = float(reward)
        return observations, rewards_E - reward_KE[tuple(self._place_E2.T)], dones_E, infos
