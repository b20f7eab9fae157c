"""A contextual bandit over a set of users with known best actions: (0.8 f, −0.5 f), f the first feature of the user."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.vec_env import VecEnv

from mobaigc_sim.scheduling.tokens import CELL_FEATURES, CONTENT_FEATURES, USER_FEATURES, TokenLayout

BEST = np.array([0.8, -0.5], np.float32)


def observations(layout: TokenLayout, counts: list[int], seed: int = 0) -> np.ndarray:
    """Random observations (B, size) with the given numbers of users."""
    rng = np.random.default_rng(seed)
    rows = []
    for count in counts:
        users = np.zeros((layout.tokens, USER_FEATURES), np.float32)
        content = np.zeros((layout.tokens, layout.levels, CONTENT_FEATURES), np.float32)
        mask = np.zeros(layout.tokens, np.float32)
        users[:count] = rng.uniform(-1, 1, (count, USER_FEATURES))
        content[:count] = rng.uniform(-1, 1, (count, *content.shape[1:]))
        mask[:count] = 1
        rows.append(np.concatenate([users.ravel(), content.ravel(), mask, rng.uniform(-1, 1, CELL_FEATURES)]))
    return np.array(rows, np.float32)


def rearranged(layout: TokenLayout, obs: np.ndarray, places: list[int], tokens: int) -> tuple[TokenLayout, np.ndarray]:
    """The same observations with user i of N moved to places[i] of `tokens`."""
    parts = layout.unpack(obs)
    users = np.zeros((len(obs), tokens, USER_FEATURES), np.float32)
    content = np.zeros((len(obs), tokens, layout.levels, CONTENT_FEATURES), np.float32)
    mask = np.zeros((len(obs), tokens), np.float32)
    users[:, places], content[:, places], mask[:, places] = parts.users_NF, parts.content_NKC, parts.mask_N
    flat = [users.reshape(len(obs), -1), content.reshape(len(obs), -1), mask, parts.cell_G]
    return TokenLayout(tokens, layout.levels), np.concatenate(flat, 1)


class SetBandit(VecEnv):
    """One decision an episode; reward −mean over real users of the squared distance to `BEST`·f, plus `offset`."""

    def __init__(self, layout: TokenLayout, num_envs: int = 8, seed: int = 0, offset: float = 0.0) -> None:
        self.layout = layout
        self.offset = offset
        self.rng = np.random.default_rng(seed)
        super().__init__(
            num_envs,
            spaces.Box(-np.inf, np.inf, (layout.size,), np.float32),
            spaces.Box(-1, 1, (layout.actions,), np.float32),
        )

    def _draw(self) -> np.ndarray:
        counts = self.rng.integers(1, self.layout.tokens + 1, self.num_envs)
        self.obs = observations(self.layout, counts.tolist(), int(self.rng.integers(1 << 30)))
        return self.obs

    def regret(self, actions: np.ndarray) -> np.ndarray:
        """Mean squared distance (E,) of actions (E, N·2) to the best for the present observations."""
        parts = self.layout.unpack(self.obs)
        wrong = actions.reshape(self.num_envs, -1, 2) - BEST * parts.users_NF[..., :1]
        return (np.square(wrong).sum(-1) * parts.mask_N).sum(1) / parts.mask_N.sum(1)

    def reset(self) -> np.ndarray:
        return self._draw()

    def step_async(self, actions: np.ndarray) -> None:
        assert actions.shape == (self.num_envs, self.layout.actions)
        self.actions = actions

    def step_wait(self) -> Any:
        rewards = (self.offset - self.regret(self.actions)).astype(np.float32)
        infos: list[dict[str, Any]] = [{"terminal_observation": row} for row in self.obs]
        return self._draw(), rewards, np.ones(self.num_envs, bool), infos

    def close(self) -> None: ...

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [getattr(self, attr_name, None)] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None: ...

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        return []

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        return [False] * self.num_envs


def regret_of(agent: Any, layout: TokenLayout, rounds: int = 20) -> float:
    """Mean regret of a predictor on fresh observations."""
    env = SetBandit(layout, 16, seed=999)
    total = 0.0
    for _ in range(rounds):
        actions, _ = agent.predict(env.reset(), deterministic=True)
        total += float(env.regret(actions).mean())
    return total / rounds


def shake(agent: Any, seed: int = 0) -> None:
    """Move every weight away from its start, so that no invariance holds by initialisation."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in agent.policy.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator))
