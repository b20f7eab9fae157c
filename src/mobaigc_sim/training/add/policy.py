"""The networks of ADD as a Stable-Baselines3 policy: twin critics with an encoder over sets, and a chain that acts.

A decision is drawn in two stages: noise a_T, which the chain of denoising steps turns into the mean of a squashed
Gaussian, and a draw from that Gaussian:

    a_T ~ N(0, 1),    m, σ = chain(a_T; s),    a = tanh(m + σ ε)

A policy of this form can have several modes, one Gaussian cannot. log π(a | a_T, s) is known; minus its mean is a
lower bound of the entropy of a. Without noise, the decision is tanh(m) from a fixed a_T.

Source: the latent-variable policies of T. Haarnoja et al., "Latent space policies for hierarchical reinforcement
learning", ICML 2018; the chain is that of `scheduling.add.diffusion`, its encoder and critics those of the baselines.

Shapes: B batch, L length of an observation, A action numbers (N tokens × 2), N tokens, D width of the heads.
"""

from __future__ import annotations

from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.type_aliases import PyTorchObs, Schedule
from stable_baselines3.sac.policies import LOG_STD_MAX, LOG_STD_MIN
from torch import Tensor, nn

from ...scheduling.add.diffusion import DiffusionActor
from ...scheduling.add.diffusion import Schedule as DiffusionSchedule
from ...scheduling.add.network import AddConfig, AddNetwork, EncoderKind, fixed_start
from ...scheduling.tokens import ACTIONS
from ..baselines.masked import action_mask
from ..baselines.set_networks import SetFeatures
from ..baselines.set_policies import SetGaussianActor, SetSACPolicy
from ..spaces import layout_of


class ChainActor(SetGaussianActor):
    """A squashed Gaussian whose mean is what the chain makes of noise."""

    def __init__(self, config: AddConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        del self.latent_pi, self.mu
        self.chain = DiffusionActor(config.width, config.hidden, config.denoising_steps, config.schedule)
        self.log_std = nn.Linear(config.hidden, ACTIONS)  # type: ignore[assignment]

    def get_action_dist_params(
        self, obs: PyTorchObs, deterministic: bool = False
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Mean and log-deviation before tanh (B, A), and the mask (B, A) as keyword; noise is drawn, or fixed."""
        h_BNW, mask_BN = self.extract_features(obs, self.features_extractor)
        batch, tokens = mask_BN.shape
        start_B1N2 = fixed_start(batch, 1, tokens) if deterministic else torch.randn(batch, 1, tokens, ACTIONS)
        mean_B1N2, alone_B1ND = self.chain.before_tanh(h_BNW, mask_BN, start_B1N2.to(h_BNW.device))
        log_std_BA = self.log_std(alone_B1ND).flatten(1).clamp(LOG_STD_MIN, LOG_STD_MAX)  # type: ignore[operator]
        return mean_B1N2.flatten(1), log_std_BA, {"mask": action_mask(mask_BN, ACTIONS)}

    def forward(self, obs: PyTorchObs, deterministic: bool = False) -> Tensor:
        """Actions (B, A)."""
        mean_BA, log_std_BA, keywords = self.get_action_dist_params(obs, deterministic)
        actions_BA: Tensor = self.action_dist.actions_from_params(
            mean_BA, log_std_BA, deterministic=deterministic, **keywords
        )
        return actions_BA


class ADDPolicy(SetSACPolicy):
    """Actor, twin critics and their targets; needs `target_entropy=0`, see `baselines.set_policies`."""

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Box,
        lr_schedule: Schedule,
        *,
        width: int = 64,
        heads: int = 2,
        layers: int = 1,
        hidden: int = 64,
        encoder: EncoderKind = "attention",
        content: bool = True,
        denoising_steps: int = 5,
        schedule: DiffusionSchedule = "log_snr",
        use_sde: bool = False,
    ) -> None:
        layout = layout_of(observation_space, action_space)
        self.config = AddConfig(
            layout.tokens, layout.levels, width=width, heads=heads, layers=layers, hidden=hidden, encoder=encoder,
            content=content, denoising_steps=denoising_steps, schedule=schedule, critic=False,
        )  # fmt: skip
        super().__init__(
            observation_space, action_space, lr_schedule, net_arch=[hidden], use_sde=use_sde,
            features_extractor_class=SetFeatures,
            features_extractor_kwargs={"width": width, "make_encoder": self.config.make_encoder},
        )  # fmt: skip
        features, actor = self.critic.features_extractor, self.actor
        assert isinstance(features, SetFeatures) and isinstance(actor, ChainActor)
        self._network = (AddNetwork.of(self.config, features.encoder, actor.chain),)

    @property
    def network(self) -> AddNetwork:
        """What decides in a cell: encoder and chain; the tensors are those of the policy."""
        return self._network[0]

    @property
    def actor_optimizer(self) -> torch.optim.Optimizer:
        """Of the chain."""
        return self.actor.optimizer

    @property
    def critic_optimizer(self) -> torch.optim.Optimizer:
        """Of the critics and their encoder."""
        return self.critic.optimizer

    def make_actor(self, features_extractor: BaseFeaturesExtractor | None = None) -> ChainActor:
        """A new actor on the encoder handed in."""
        return ChainActor(self.config, **self._update_features_extractor(self.actor_kwargs, features_extractor))

    def _get_constructor_parameters(self) -> dict[str, Any]:
        names = ("width", "heads", "layers", "hidden", "encoder", "content", "denoising_steps", "schedule")
        return {
            "observation_space": self.observation_space,
            "action_space": self.action_space,
            "lr_schedule": self._dummy_schedule,
            **{name: getattr(self.config, name) for name in names},
        }
