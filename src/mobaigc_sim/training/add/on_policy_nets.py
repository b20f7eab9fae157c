"""The ADD network as a Stable-Baselines3 policy: encoder and diffusion actor, and a value function beside.

Shapes: B batch, N tokens, L length of an observation.
"""

from __future__ import annotations

from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.type_aliases import PyTorchObs, Schedule
from torch import Tensor, nn

from ...scheduling.add.diffusion import Schedule as DiffusionSchedule
from ...scheduling.add.network import AddConfig, AddNetwork, EncoderKind
from ...scheduling.tokens import ACTIONS
from ..spaces import layout_of
from .chain import steps_of, walk


class OnPolicyADDPolicy(BasePolicy):
    """Actor and value function with encoders of their own, and one optimiser."""

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Box,
        lr_schedule: Schedule,
        *,
        width: int = 32,
        heads: int = 2,
        layers: int = 1,
        hidden: int = 32,
        encoder: EncoderKind = "attention",
        content: bool = True,
        denoising_steps: int = 5,
        schedule: DiffusionSchedule = "log_snr",
        least_std: float = 0.3,
    ) -> None:
        super().__init__(observation_space, action_space, squash_output=True)
        layout = layout_of(observation_space, action_space)
        self.config = AddConfig(
            layout.tokens,
            layout.levels,
            width=width,
            heads=heads,
            layers=layers,
            hidden=hidden,
            denoising_steps=denoising_steps,
            schedule=schedule,
            encoder=encoder,
            content=content,
            critic=False,
        )
        self.network = AddNetwork(self.config)
        self.explore_with(least_std)
        self.value_encoder = self.config.make_encoder()
        self.value_head = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, 1))
        self.optimizer = torch.optim.Adam(self.parameters(), lr=lr_schedule(1), fused=True)

    def explore_with(self, least_std: float) -> None:
        """The least spread of a step from now on, of actions that are not deterministic."""
        self.least_std = least_std
        self.steps = steps_of(self.network.actor, least_std)

    def values(self, obs_BL: Tensor) -> tuple[Tensor, Tensor]:
        """Predicted return of each token (B, N), and which tokens there are (B, N)."""
        h_BNW, mask_BN = self.value_encoder(obs_BL)
        return self.value_head(h_BNW).squeeze(-1) * mask_BN, mask_BN

    def forward(self, obs: PyTorchObs, deterministic: bool = False) -> Tensor:
        """As `predict`, on tensors."""
        return self._predict(obs, deterministic)

    def _predict(self, observation: PyTorchObs, deterministic: bool = False) -> Tensor:
        assert isinstance(observation, Tensor)
        if deterministic:
            return self.network.act(observation.float(), 1, deterministic=True).flatten(1)
        h_BNW, mask_BN = self.network.encoder(observation.float())
        noise_BSN2 = torch.randn(len(mask_BN), self.network.actor.steps + 1, mask_BN.shape[1], ACTIONS)
        action_BN2: Tensor = walk(self.network.actor, self.steps, h_BNW, mask_BN, noise_BSN2)[:, -1]
        action_BN2 = action_BN2.clamp(-1, 1) * mask_BN.unsqueeze(-1)
        return action_BN2.flatten(1)

    def _get_constructor_parameters(self) -> dict[str, Any]:
        parameters = super()._get_constructor_parameters()
        del parameters["normalize_images"]
        names = ("width", "heads", "layers", "hidden", "encoder", "content", "denoising_steps", "schedule")
        return {
            **parameters,
            **{name: getattr(self.config, name) for name in names},
            "least_std": self.least_std,
            "lr_schedule": self._dummy_schedule,
        }
