"""The policy of SB3 for PPO and A2C over a set of users.

One encoder, trained by the losses of actor and critic together; the same small head on every user gives the mean of
its actions, two deviations (priority and price) hold for all users and states, the value is a sum over users (see
`SumHead`). Probabilities and entropies count real users only, and padded users act 0.

Shapes: B batch, N tokens, W width, A action numbers of a batch row (N·2).
"""

from __future__ import annotations

from typing import Any

import torch
from stable_baselines3.common.distributions import Distribution
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.type_aliases import Schedule
from torch import Tensor, nn

from ...scheduling.tokens import ACTIONS
from .masked import MaskedGaussian, action_mask
from .set_networks import SumHead, UserHead, Users

_SMALL_GAIN = 0.01


class SetActorCriticPolicy(ActorCriticPolicy):
    """PPO and A2C over a set; `net_arch` holds the one hidden width of both heads."""

    def _build(self, lr_schedule: Schedule) -> None:
        assert isinstance(self.net_arch, list)
        self.mlp_extractor = _Same()  # type: ignore[assignment]
        self.action_dist = MaskedGaussian(self.action_space.shape[0])  # type: ignore[index]
        self.action_net = UserHead(self.features_dim, ACTIONS, self.net_arch)
        self.init_weights(self.action_net.net[-1], _SMALL_GAIN)
        self.log_std = nn.Parameter(torch.full((ACTIONS,), self.log_std_init))
        self.value_net = SumHead(self.features_dim, 0, 1, *self.net_arch)  # type: ignore[assignment]
        rate: Any = {"lr": lr_schedule(1)}
        self.optimizer = self.optimizer_class(self.parameters(), **rate, **self.optimizer_kwargs)

    def _get_action_dist_from_latent(self, latent_pi: Any) -> Distribution:
        users: Users = latent_pi
        mean_BA: Tensor = self.action_net(users)
        log_std_A = self.log_std.repeat(users[1].shape[1])
        return self.action_dist.proba_distribution(mean_BA, log_std_A, action_mask(users[1], ACTIONS))


class _Same(nn.Module):
    """In the place of SB3's MLP between features and heads: hands the users on to both."""

    def forward(self, users: Users) -> tuple[Users, Users]:
        return users, users

    def forward_actor(self, users: Users) -> Users:
        """The users, for the actor."""
        return users

    def forward_critic(self, users: Users) -> Users:
        """The users, for the value."""
        return users
