"""Twin critic over a set of users: a sum of per-user terms and a term of the state alone.

    Q(s, a) = Σ_u q(h_u, a_u, mean over users of φ(h_u, a_u)) + v(mean over users of h_u, cell)

Sums and means run over the users that exist, so Q does not depend on their order or on padding, and one critic serves
any number of users. Two critics are trained and the smaller is believed (Fujimoto, van Hoof, Meger, "Addressing
function approximation error in actor-critic methods", ICML 2018). LayerNorm before the last layer bounds what the
critic may say of actions never tried (Ball et al., "Efficient online RL with offline data", ICML 2023).

Shapes: 2 critics first; B batch, M actions per state, N tokens, W width of the encoder, D width of the head, G
features of the cell; X rows of a matrix, Z = 2·D; the last axis of actions, 2, is a user's action.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..tokens import ACTIONS, CELL_FEATURES
from .diffusion import FIRST_SCALE

Pooling = Literal["sum", "mean"]
CHUNK = 4096
"""Users times actions evaluated at once: what follows from larger pieces no longer fits the cache (2–3× slower)."""


def pool_weights(mask_BN: Tensor) -> Tensor:
    """Weights (B, 1, N) of the mean over the users that exist; all zero where there is none."""
    ones_B1N = mask_BN.to(torch.float32).unsqueeze(1)
    return ones_B1N / ones_B1N.sum(-1, keepdim=True).clamp_min(1.0)


class TwinCritic(nn.Module):
    """Two critics evaluated at once; many actions of a state share the work on the state."""

    def __init__(self, width: int, hidden: int = 32, *, norm: bool = True, pooling: Pooling = "sum") -> None:
        super().__init__()
        self.hidden = hidden
        self.norm = norm
        self.pooling = pooling
        self.context = nn.Linear(width, 2 * hidden, bias=False)
        self.enter = nn.Linear(ACTIONS, 2 * hidden)
        self.mix_2DD = nn.Parameter(_uniform(2, hidden, hidden))
        self.bias_21D = nn.Parameter(torch.zeros(2, 1, hidden))
        self.pool_2DD = nn.Parameter(_uniform(2, hidden, hidden))
        self.out_2D1 = nn.Parameter(FIRST_SCALE * _uniform(2, hidden, 1))
        self.state = nn.Linear(width + CELL_FEATURES, 2 * hidden)
        self.state_out_2D = nn.Parameter(FIRST_SCALE * _uniform(2, hidden))

    def forward(self, h_BNW: Tensor, mask_BN: Tensor, cell_BG: Tensor, actions_BMN2: Tensor) -> Tensor:
        """Values (2, B, M) of the actions of each state."""
        terms_2BMN = self.user_terms(h_BNW, mask_BN, actions_BMN2)
        total_2BM = terms_2BMN.sum(-1)
        if self.pooling == "mean":
            total_2BM = total_2BM / mask_BN.sum(-1, keepdim=True).clamp_min(1)
        return total_2BM + self.state_value(h_BNW, mask_BN, cell_BG).unsqueeze(-1)

    def state_value(self, h_BNW: Tensor, mask_BN: Tensor, cell_BG: Tensor) -> Tensor:
        """The term (2, B) that no action changes."""
        pooled_BW = torch.bmm(pool_weights(mask_BN), h_BNW).squeeze(1)
        z_B2D = F.relu(self.state(torch.cat((pooled_BW, cell_BG), -1))).view(-1, 2, self.hidden)
        return (z_B2D * self.state_out_2D).sum(-1).T

    def user_terms(self, h_BNW: Tensor, mask_BN: Tensor, actions_BMN2: Tensor) -> Tensor:
        """The term (2, B, M, N) of each user, zero for padding."""
        states = max(1, CHUNK // (actions_BMN2.shape[1] * actions_BMN2.shape[2]))
        parts = zip(*(torch.split(x, states) for x in (h_BNW, mask_BN, actions_BMN2)), strict=True)
        return torch.cat([self._terms(*part) for part in parts], 1)

    def _terms(self, h_BNW: Tensor, mask_BN: Tensor, actions_BMN2: Tensor) -> Tensor:
        batch, samples, tokens, _ = actions_BMN2.shape
        z_BNMZ = self.enter(actions_BMN2.transpose(1, 2)).add_(self.context(h_BNW).unsqueeze(2))
        z_BNMZ = F.relu(z_BNMZ, inplace=True)
        pooled_BMZ = torch.bmm(pool_weights(mask_BN), z_BNMZ.view(batch, tokens, -1))
        pooled_2XD = torch.bmm(pooled_BMZ.view(-1, 2, self.hidden).transpose(0, 1), self.pool_2DD)
        y_2XD = torch.baddbmm(self.bias_21D, z_BNMZ.view(-1, 2, self.hidden).transpose(0, 1), self.mix_2DD)
        y_2BNMD = y_2XD.view(2, batch, tokens, samples, self.hidden)
        y_2BNMD = y_2BNMD.add_(pooled_2XD.view(2, batch, 1, samples, self.hidden))
        if self.norm:
            y_2BNMD = F.layer_norm(y_2BNMD, (self.hidden,))
        terms_2X1 = torch.bmm(F.relu(y_2BNMD, inplace=True).view(2, -1, self.hidden), self.out_2D1)
        return (terms_2X1.view(2, batch, tokens, samples) * mask_BN[..., None]).transpose(2, 3)


def _uniform(*shape: int) -> Tensor:
    """Weights uniform within ±1/√(inputs), as in `torch.nn.Linear`; inputs are the second axis."""
    bound = 1 / math.sqrt(shape[1])
    return torch.empty(shape).uniform_(-bound, bound)
