"""Networks over a set of users: the encoder as a features extractor of SB3, and heads that respect the set.

Shapes: B batch, N tokens, W width of the encoder, O outputs of a head, A action numbers of a user.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, create_mlp
from torch import Tensor, nn

from ...scheduling.add.encoder import SetEncoder
from ...scheduling.add.padded_encoder import PaddedEncoder

Users = tuple[Tensor, Tensor]
"""Vectors (B, N, W) of the users, and the mask (B, N), True where there is one."""


class SetFeatures(BaseFeaturesExtractor):
    """The set encoder in the place where SB3 flattens the observation."""

    def __init__(
        self,
        observation_space: spaces.Space[object],
        width: int,
        make_encoder: Callable[[], SetEncoder | PaddedEncoder],
    ) -> None:
        super().__init__(observation_space, width)
        self.encoder = make_encoder()

    def forward(self, obs: Tensor) -> Users:
        """The users of observations (B, layout.size)."""
        users: Users = self.encoder(obs)
        return users


class Borrowed(BaseFeaturesExtractor):
    """Somebody else's encoder, read without gradient: not among the parameters of who borrows it."""

    def __init__(self, owner: BaseFeaturesExtractor) -> None:
        super().__init__(owner._observation_space, owner.features_dim)
        self._owner = (owner,)

    def forward(self, obs: Tensor) -> Users:
        """The users of observations (B, layout.size), detached."""
        with torch.no_grad():
            users: Users = self._owner[0](obs)
        return users


class UserHead(nn.Module):
    """The same MLP for each user: permuting the users permutes the result."""

    def __init__(self, width: int, outputs: int, hidden: list[int], squash: bool = False) -> None:
        super().__init__()
        self.net = nn.Sequential(*create_mlp(width, outputs, hidden, squash_output=squash))

    def forward(self, users: Users) -> Tensor:
        """Flat (B, N·O), row by row; 0 for padding."""
        vectors_BNW, mask_BN = users
        out_BNO: Tensor = self.net(vectors_BNW)
        return (out_BNO * mask_BN.unsqueeze(-1)).flatten(1)


class SumHead(nn.Module):
    """b + Σ over users of f(vector, action, mean vector): does not depend on order or padding.

    The constant b is the value of a cell without users, whatever is on its way to them. Sums over users carry over to
    other numbers of users (Zaheer et al., "Deep sets", 2017, theorem 2). The first layer of f is linear in all three,
    so that the part of the mean vector is computed once for all users.
    """

    def __init__(self, width: int, per_user: int, outputs: int, hidden: int) -> None:
        super().__init__()
        self.own = nn.Linear(width + per_user, hidden)
        self.shared = nn.Linear(width, hidden, bias=False)
        self.out = nn.Linear(hidden, outputs)
        self.empty_O = nn.Parameter(torch.zeros(outputs))

    def forward(self, users: Users, actions: Tensor | None = None) -> Tensor:
        """(B, O) for users and their actions (B, N·A), or without actions if there are none."""
        vectors_BNW, mask_BN = users
        real_BN1 = mask_BN.unsqueeze(-1).to(vectors_BNW.dtype)
        mean_BW = (vectors_BNW * real_BN1).sum(1) / real_BN1.sum(1).clamp(min=1)
        own = vectors_BNW if actions is None else torch.cat([vectors_BNW, actions.view(*mask_BN.shape, -1)], -1)
        hidden_BNH = F.relu(self.own(own) + self.shared(mean_BW).unsqueeze(1))
        total_BO: Tensor = (self.out(hidden_BNH) * real_BN1).sum(1) + self.empty_O
        return total_BO
