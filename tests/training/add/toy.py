"""A contextual bandit over a set of users whose best action is known."""

from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.vec_env import VecEnv

from mobaigc_sim.scheduling.tokens import TokenLayout

LAYOUT = TokenLayout(4, 2)
EPISODE_STEPS = 5


class SetBandit(VecEnv):
    """States are drawn anew each step; the reward is 1 − mean over users of ‖a − a*‖², a* = ±0.8 times two features.

    The best reward is 1; the zero action gets 1 − 2 · 0.64 / 3 = 0.573 on average.
    """

    def __init__(self, envs: int = 8, seed: int = 0) -> None:
        box = spaces.Box(-1.0, 1.0, (LAYOUT.actions,), np.float32)
        super().__init__(envs, spaces.Box(-np.inf, np.inf, (LAYOUT.size,), np.float32), box)
        self.rng = np.random.default_rng(seed)
        self.step_count = 0
        self.returns = np.zeros(envs)

    def draw(self) -> np.ndarray:
        self.obs = np.zeros((self.num_envs, LAYOUT.size), np.float32)
        parts = LAYOUT.unpack(self.obs)
        users = self.rng.integers(1, LAYOUT.tokens + 1, self.num_envs)
        parts.mask_N[:] = np.arange(LAYOUT.tokens) < users[:, None]
        parts.users_NF[:] = self.rng.uniform(-1, 1, parts.users_NF.shape) * parts.mask_N[..., None]
        return self.obs.copy()

    def best(self, obs: np.ndarray) -> np.ndarray:
        users = LAYOUT.unpack(obs).users_NF
        return np.stack((0.8 * users[..., 0], -0.8 * users[..., 1]), -1)

    def rewards(self, obs: np.ndarray, actions: np.ndarray) -> np.ndarray:
        mask = LAYOUT.unpack(obs).mask_N
        miss = np.square(actions.reshape(len(obs), -1, 2) - self.best(obs)).sum(-1)
        return 1 - (miss * mask).sum(-1) / mask.sum(-1)

    def reset(self) -> np.ndarray:
        self.step_count, self.returns[:] = 0, 0
        return self.draw()

    def step_async(self, actions: np.ndarray) -> None:
        self.actions = actions

    def step_wait(self) -> Any:
        rewards = self.rewards(self.obs, self.actions)
        self.returns += rewards
        self.step_count += 1
        obs, over = self.draw(), self.step_count == EPISODE_STEPS
        infos: list[dict[str, Any]] = [{} for _ in rewards]
        if over:
            for info, last, total in zip(infos, obs, self.returns, strict=True):
                info |= {"TimeLimit.truncated": True, "terminal_observation": last.copy()}
                info["episode"] = {"r": float(total), "l": EPISODE_STEPS, "t": 0.0}
            obs = self.reset()
        return obs, rewards.astype(np.float32), np.full(self.num_envs, over), infos

    def state(self) -> Any:
        return self.rng.bit_generator.state, self.obs.copy(), self.step_count, self.returns.copy()

    def restore(self, state: Any) -> None:
        self.rng.bit_generator.state, self.obs, self.step_count, self.returns = (
            state[0],
            state[1].copy(),
            state[2],
            state[3].copy(),
        )

    def mean_reward(self, model: Any, states: int = 512) -> float:
        """Mean reward of deterministic decisions in states of its own."""
        test = SetBandit(states, seed=99)
        obs = test.reset()
        return float(test.rewards(obs, model.predict(obs, deterministic=True)[0]).mean())

    def close(self) -> None: ...

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [getattr(self, attr_name, None)] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None: ...

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        return []

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        return [False] * self.num_envs
