"""Policies of SB3 for SAC, TQC, TD3 and DDPG whose networks see a set of users instead of one long vector.

The actor is the same small head on every user (permuting users permutes actions) and starts near the zero action, a
critic is a sum over users (see `SumHead`), and padded users matter to neither. One encoder belongs to the critic and
learns from its loss; the actor reads it without gradient, and the target networks share the slowly moving copy (SB3's
`share_features_extractor` would train the encoder by the actor's loss alone). `net_arch` holds the one hidden width of
all heads.

Entropy. For every state SAC asks for an entropy of −1 nat per action number, here H̄(s) = −2 · users in s. The
Lagrangian of that problem (Haarnoja et al., "Soft actor-critic algorithms and applications", 2018, section 5) pays
α (H(π|s) − H̄(s)); the second term may be dropped only where it is constant, which it is not when the number of users
depends on what the policy does. So `action_log_prob` is log π(a|s) + H̄(s), and the algorithm must be built with
`target_entropy=0`.

Shapes: B batch, N tokens, W width, A action numbers of a batch row (N·2), M critics.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from sb3_contrib.tqc.policies import Critic as QuantileCritic
from sb3_contrib.tqc.policies import TQCPolicy
from stable_baselines3.common.policies import BaseModel, ContinuousCritic
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.type_aliases import PyTorchObs, Schedule
from stable_baselines3.sac.policies import LOG_STD_MAX, LOG_STD_MIN, SACPolicy
from stable_baselines3.sac.policies import Actor as GaussianActor
from stable_baselines3.td3.policies import Actor as PointActor
from stable_baselines3.td3.policies import TD3Policy
from torch import Tensor, nn

from ...scheduling.add.diffusion import start_near_zero
from ...scheduling.tokens import ACTIONS
from .masked import MaskedSquashedGaussian, action_mask
from .set_networks import Borrowed, SumHead, UserHead, Users


class SetGaussianActor(GaussianActor):
    """Squashed Gaussian of SAC and TQC: the same heads give mean and deviation of each user's actions."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        last = self.net_arch[-1] if self.net_arch else self.features_dim
        self.mu = nn.Linear(last, ACTIONS)
        start_near_zero(self.mu)
        self.log_std = nn.Linear(last, ACTIONS)  # type: ignore[assignment]
        self.action_dist = MaskedSquashedGaussian(self.action_space.shape[0])  # type: ignore[assignment]

    def get_action_dist_params(self, obs: PyTorchObs) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Mean and log-deviation before tanh (B, A), and the mask (B, A) as keyword."""
        vectors_BNW, mask_BN = self.extract_features(obs, self.features_extractor)
        latent_BNW = self.latent_pi(vectors_BNW)
        log_std_BA = self.log_std(latent_BNW).flatten(1).clamp(LOG_STD_MIN, LOG_STD_MAX)  # type: ignore[operator]
        return self.mu(latent_BNW).flatten(1), log_std_BA, {"mask": action_mask(mask_BN, ACTIONS)}

    def action_log_prob(self, obs: PyTorchObs) -> tuple[Tensor, Tensor]:
        """A sample (B, A) and log π + H̄ (B,), whose mean is 0 where the entropy is on the target of the state."""
        mean_BA, log_std_BA, keywords = self.get_action_dist_params(obs)
        actions_BA, log_prob_B = self.action_dist.log_prob_from_params(mean_BA, log_std_BA, **keywords)
        return actions_BA, log_prob_B - keywords["mask"].sum(1)


class SetPointActor(PointActor):
    """Deterministic actor of TD3 and DDPG."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        head = UserHead(self.features_dim, ACTIONS, self.net_arch, squash=True)
        start_near_zero(cast(nn.Linear, head.net[-2]))
        self.mu = head  # type: ignore[assignment]


class SetCritic(ContinuousCritic):
    """Twin critics of SAC and TD3, the single one of DDPG: a sum over the users each, on one encoder."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.q_networks = _sum_heads(self, kwargs, outputs=1)

    def forward(self, obs: Tensor, actions: Tensor) -> tuple[Tensor, ...]:
        """Values (B, 1) of actions (B, A), one a critic."""
        users = _encode(self, obs, actions)
        return tuple(head(users, actions) for head in self.q_networks)

    def q1_forward(self, obs: Tensor, actions: Tensor) -> Tensor:
        """Value (B, 1) by the first critic, which improves the actor of TD3."""
        value_B1: Tensor = self.q_networks[0](_encode(self, obs, actions), actions)
        return value_B1


class SetQuantileCritic(QuantileCritic):
    """Critics of TQC: quantiles of the return, a sum over the users each, on one encoder."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.q_networks = _sum_heads(self, kwargs, outputs=self.n_quantiles)  # type: ignore[assignment]

    def forward(self, obs: PyTorchObs, action: Tensor) -> Tensor:
        """Quantiles (B, M, n_quantiles) of actions (B, A)."""
        users = _encode(self, obs, action)
        return torch.stack([head(users, action) for head in self.q_networks], 1)


def _sum_heads(critic: BaseModel, arguments: dict[str, Any], outputs: int) -> list[nn.Module]:
    """One head a critic, in the place of the MLPs that SB3 made."""
    heads: list[nn.Module] = []
    for place in range(arguments["n_critics"]):
        heads.append(SumHead(arguments["features_dim"], ACTIONS, outputs, *arguments["net_arch"]))
        setattr(critic, f"qf{place}", heads[-1])
    return heads


def _encode(critic: SetCritic | SetQuantileCritic, obs: PyTorchObs, actions: Tensor) -> Users:
    """The users; without gradient where only the actions are to be improved."""
    with torch.set_grad_enabled(torch.is_grad_enabled() and not actions.requires_grad):
        users: Any = critic.extract_features(obs, critic.features_extractor)
    return cast(Users, users)


def _build(policy: SACPolicy | TQCPolicy | TD3Policy, lr_schedule: Schedule) -> None:
    """Make the networks so that the actor borrows the encoder of the critic; one optimiser each."""
    policy.critic = policy.make_critic()
    policy.critic_target = policy.make_critic()
    policy.critic_target.load_state_dict(policy.critic.state_dict())
    policy.critic_target.set_training_mode(False)
    policy.actor = policy.make_actor(Borrowed(policy.critic.features_extractor))
    for network in (policy.actor, policy.critic):
        rate: Any = {"lr": lr_schedule(1)}
        network.optimizer = policy.optimizer_class(network.parameters(), **rate, **policy.optimizer_kwargs)


class SetSACPolicy(SACPolicy):
    """SAC over a set; needs `target_entropy=0`, see the module."""

    def _build(self, lr_schedule: Schedule) -> None:
        _build(self, lr_schedule)

    def make_actor(self, features_extractor: BaseFeaturesExtractor | None = None) -> SetGaussianActor:
        """A new actor on the encoder handed in."""
        return SetGaussianActor(**self._update_features_extractor(self.actor_kwargs, features_extractor))

    def make_critic(self, features_extractor: BaseFeaturesExtractor | None = None) -> SetCritic:
        """New critics with an encoder of their own, unless one is handed in."""
        return SetCritic(**self._update_features_extractor(self.critic_kwargs, features_extractor))


class SetTQCPolicy(TQCPolicy):
    """TQC over a set; needs `target_entropy=0`, see the module."""

    def _build(self, lr_schedule: Schedule) -> None:
        _build(self, lr_schedule)

    def make_actor(self, features_extractor: BaseFeaturesExtractor | None = None) -> SetGaussianActor:  # type: ignore[override]
        """A new actor on the encoder handed in."""
        return SetGaussianActor(**self._update_features_extractor(self.actor_kwargs, features_extractor))

    def make_critic(self, features_extractor: BaseFeaturesExtractor | None = None) -> SetQuantileCritic:
        """New critics with an encoder of their own, unless one is handed in."""
        return SetQuantileCritic(**self._update_features_extractor(self.critic_kwargs, features_extractor))


class SetTD3Policy(TD3Policy):
    """TD3 and DDPG over a set."""

    def _build(self, lr_schedule: Schedule) -> None:
        _build(self, lr_schedule)
        self.actor_target = self.make_actor(Borrowed(self.critic_target.features_extractor))
        self.actor_target.load_state_dict(self.actor.state_dict())
        self.actor_target.set_training_mode(False)

    def make_actor(self, features_extractor: BaseFeaturesExtractor | None = None) -> SetPointActor:
        """A new actor on the encoder handed in."""
        return SetPointActor(**self._update_features_extractor(self.actor_kwargs, features_extractor))

    def make_critic(self, features_extractor: BaseFeaturesExtractor | None = None) -> SetCritic:
        """New critics with an encoder of their own, unless one is handed in."""
        return SetCritic(**self._update_features_extractor(self.critic_kwargs, features_extractor))
