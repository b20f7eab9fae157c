"""Best of a few candidates by the agent's own critics: search at decision time, the same for every actor-critic.

Candidates are the policy's mean action, the zero action (no correction) and draws: samples of a stochastic policy, or
the deterministic action plus clipped normal noise. The smallest of the critics' values decides (clipped double Q:
Fujimoto et al., "Addressing function approximation error in actor-critic methods", 2018); ties go to the mean action.

Shapes: B observations, L their length, A action numbers, S candidates.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sb3_contrib import TQC
from stable_baselines3 import SAC, TD3
from stable_baselines3.common.base_class import BaseAlgorithm
from torch import Tensor

from ...errors import MobaigcError


class BestOf:
    """A predictor over n + 1 candidates: the mean action, n − 1 draws and the zero action.

    Works for SAC, TQC, TD3 and DDPG, MLP or set; MobaigcError for other agents. `noise` is the deviation of the draws
    around a deterministic action. Draws come from an own generator: equal seeds and observations give equal actions.
    """

    def __init__(self, agent: BaseAlgorithm, n: int = 8, noise: float = 0.1, seed: int = 0) -> None:
        if not isinstance(agent, SAC | TD3 | TQC):
            raise MobaigcError(
                f"best-of-n needs critics of state and action (SAC, TQC, TD3, DDPG), which {type(agent).__name__} lacks"
            )
        if n < 1:
            raise ValueError(f"n = {n} leaves no candidate of the policy")
        self.agent = agent
        self.n = n
        self.noise = noise
        self._generator = torch.Generator().manual_seed(seed)

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> tuple[NDArray[np.float32], Any]:
        """Actions (B, A), or (A,) for a single observation, and `state` as it came; the other arguments do nothing."""
        policy = self.agent.policy
        policy.set_training_mode(False)
        obs, batched = policy.obs_to_tensor(observation)
        assert isinstance(obs, Tensor)
        with torch.no_grad():
            candidates_SBA = self.candidates(obs)
            best_B = self.values(obs, candidates_SBA).argmax(0)
        chosen_BA = candidates_SBA[best_B, torch.arange(len(obs))].numpy()
        actions = policy.unscale_action(chosen_BA)
        return (actions if batched else actions[0]), state

    def candidates(self, obs_BL: Tensor) -> Tensor:
        """Actions (n + 1, B, A) in [−1, 1]: the mean, n − 1 draws, zero."""
        actor: Any = self.agent.policy.actor
        if isinstance(self.agent, TD3):
            mean_BA = actor(obs_BL)
            draws_SBA = (mean_BA + self.noise * self._normal(mean_BA)).clamp(-1, 1)
        else:
            raw_mean_BA, log_std_BA, _ = actor.get_action_dist_params(obs_BL)
            mean_BA = torch.tanh(raw_mean_BA)
            draws_SBA = torch.tanh(raw_mean_BA + log_std_BA.exp() * self._normal(mean_BA))
        return torch.cat([mean_BA[None], draws_SBA, torch.zeros_like(mean_BA)[None]])

    def values(self, obs_BL: Tensor, actions_SBA: Tensor) -> Tensor:
        """Smallest value (S, B) among the agent's critics; a critic of TQC counts with its mean over quantiles."""
        count, batch, numbers = actions_SBA.shape
        obs = obs_BL.repeat(count, 1)
        actions = actions_SBA.reshape(-1, numbers)
        critic: Any = self.agent.policy.critic
        by_critic = critic(obs, actions).mean(2) if isinstance(self.agent, TQC) else torch.cat(critic(obs, actions), 1)
        values_SB: Tensor = by_critic.amin(1).view(count, batch)
        return values_SB

    def _normal(self, like_BA: Tensor) -> Tensor:
        return torch.randn((self.n - 1, *like_BA.shape), generator=self._generator)
