"""Gaussians over the actions of a set: padded users act 0, and count in no probability and no entropy.

Shapes: B batch, A action numbers (N tokens × 2, row by row).
"""

from __future__ import annotations

import math
from typing import Self

import torch
import torch.nn.functional as F
from stable_baselines3.common.distributions import DiagGaussianDistribution
from torch import Tensor

_CLIP = 1 - 1e-6
_LOG_ROOT_2PI = 0.5 * math.log(2 * math.pi)


class MaskedGaussian(DiagGaussianDistribution):
    """Independent normals over the actions of real users."""

    mean_BA: Tensor
    log_std_BA: Tensor
    mask_BA: Tensor

    def proba_distribution(self, mean_actions: Tensor, log_std: Tensor, mask: Tensor | None = None) -> Self:
        """Set mean (B, A), logarithm of the deviation (B, A) or (A,), and the mask (B, A), 1 where it is real."""
        assert mask is not None
        self.mean_BA, self.log_std_BA, self.mask_BA = mean_actions, log_std.expand_as(mean_actions), mask
        return self

    def log_prob(self, actions: Tensor) -> Tensor:
        """Log-density (B,) of actions (B, A), summed over real users."""
        return self._sum(self._log_density(actions))

    def entropy(self) -> Tensor | None:
        """Differential entropy (B,) in nats, summed over real users."""
        return self._sum(self.log_std_BA + 0.5 + _LOG_ROOT_2PI)

    def sample(self) -> Tensor:
        """Actions (B, A), reparametrised; 0 for padding."""
        return (self.mean_BA + self.log_std_BA.exp() * torch.randn_like(self.mean_BA)) * self.mask_BA

    def mode(self) -> Tensor:
        """Mean actions (B, A); 0 for padding."""
        return self.mean_BA * self.mask_BA

    def actions_from_params(
        self, mean_actions: Tensor, log_std: Tensor, deterministic: bool = False, mask: Tensor | None = None
    ) -> Tensor:
        """Actions (B, A) of a distribution set at once."""
        return self.proba_distribution(mean_actions, log_std, mask).get_actions(deterministic)

    def log_prob_from_params(
        self, mean_actions: Tensor, log_std: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """A sample (B, A) and its log-density (B,) under a distribution set at once."""
        actions_BA = self.actions_from_params(mean_actions, log_std, mask=mask)
        return actions_BA, self.log_prob(actions_BA)

    def _log_density(self, actions_BA: Tensor) -> Tensor:
        scaled_BA = (actions_BA - self.mean_BA) * (-self.log_std_BA).exp()
        return -0.5 * scaled_BA.square() - self.log_std_BA - _LOG_ROOT_2PI

    def _sum(self, values_BA: Tensor) -> Tensor:
        return (values_BA * self.mask_BA).sum(1)


class MaskedSquashedGaussian(MaskedGaussian):
    """The same through tanh, with the change of density (Haarnoja et al., "Soft actor-critic", 2018, appendix C)."""

    def log_prob(self, actions: Tensor, gaussian_actions: Tensor | None = None) -> Tensor:
        """Log-density (B,) of actions (B, A) in (−1, 1); exact if the values before tanh are handed in as well."""
        raw_BA = torch.atanh(actions.clamp(-_CLIP, _CLIP)) if gaussian_actions is None else gaussian_actions
        log_slope_BA = 2 * (math.log(2) - raw_BA - F.softplus(-2 * raw_BA))
        return self._sum(self._log_density(raw_BA) - log_slope_BA)

    def entropy(self) -> Tensor | None:
        """None: there is no closed form."""
        return None

    def sample(self) -> Tensor:
        """Actions (B, A), reparametrised; 0 for padding."""
        return torch.tanh(super().sample())

    def mode(self) -> Tensor:
        """Squashed means (B, A); 0 for padding."""
        return torch.tanh(super().mode())

    def log_prob_from_params(
        self, mean_actions: Tensor, log_std: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """A sample (B, A) and its log-density (B,) under a distribution set at once."""
        raw_BA = MaskedGaussian.sample(self.proba_distribution(mean_actions, log_std, mask))
        return torch.tanh(raw_BA), self.log_prob(raw_BA, raw_BA)


def action_mask(mask_BN: Tensor, per_user: int) -> Tensor:
    """Mask of action numbers (B, N·per_user), 1.0 where the user (B, N) is real."""
    mask: Tensor = mask_BN.repeat_interleave(per_user, 1).float()
    return mask
