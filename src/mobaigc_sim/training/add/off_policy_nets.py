"""The ADD network with critics as a Stable-Baselines3 policy, with its target copy and its two optimisers."""

from __future__ import annotations

import copy
from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.type_aliases import PyTorchObs, Schedule
from torch import Tensor

from ...scheduling.add.critic import Pooling
from ...scheduling.add.diffusion import Schedule as DiffusionSchedule
from ...scheduling.add.network import AddConfig, AddNetwork
from ..spaces import layout_of
from .actor_update import Scales


class OffPolicyADDPolicy(BasePolicy):
    """Network, target network (Polyak average of all of it), running scales and optimisers.

    One optimiser holds the encoder and the critics, the other the actor, whose input is detached: the encoder learns
    from the TD loss alone.
    """

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Box,
        lr_schedule: Schedule,
        *,
        width: int = 64,
        heads: int = 2,
        layers: int = 1,
        hidden: int = 32,
        content: bool = True,
        pooling: Pooling = "sum",
        critic_norm: bool = True,
        denoising_steps: int = 5,
        schedule: DiffusionSchedule = "log_snr",
        candidates: int = 8,
    ) -> None:
        super().__init__(observation_space, action_space, squash_output=True)
        layout = layout_of(observation_space, action_space)
        self.candidates = candidates
        self.config = AddConfig(
            layout.tokens,
            layout.levels,
            width=width,
            heads=heads,
            layers=layers,
            hidden=hidden,
            denoising_steps=denoising_steps,
            schedule=schedule,
            content=content,
            critic_norm=critic_norm,
            pooling=pooling,
        )
        self.network = AddNetwork(self.config)
        self.target = copy.deepcopy(self.network).requires_grad_(False)
        self.scales = Scales()
        rate = lr_schedule(1)
        self.actor_parameters = list(self.network.actor.parameters())
        critic_parameters = [*self.network.encoder.parameters(), *self.network.critic.parameters()]
        self.actor_optimizer = torch.optim.Adam(self.actor_parameters, lr=rate, fused=True)
        self.critic_optimizer = torch.optim.Adam(critic_parameters, lr=rate, fused=True)

    def forward(self, obs: PyTorchObs, deterministic: bool = False) -> Tensor:
        """As `predict`, on tensors."""
        return self._predict(obs, deterministic)

    def _predict(self, observation: PyTorchObs, deterministic: bool = False) -> Tensor:
        assert isinstance(observation, Tensor)
        action_BN2 = self.network.act(
            observation.float(),
            self.candidates,
            deterministic=deterministic,
            temperature=self.scales.exploration_temperature,
        )
        return action_BN2.flatten(1)

    def update_target(self, tau: float) -> None:
        """Move every weight of the target the share `tau` of the way to the network's."""
        with torch.no_grad():
            torch._foreach_lerp_(list(self.target.parameters()), list(self.network.parameters()), tau)

    def _get_constructor_parameters(self) -> dict[str, Any]:
        parameters = super()._get_constructor_parameters()
        del parameters["normalize_images"]
        sizes = {name: getattr(self.config, name) for name in self.config.__dataclass_fields__}
        del sizes["tokens"], sizes["levels"]
        return {**parameters, **sizes, "candidates": self.candidates, "lr_schedule": self._dummy_schedule}
