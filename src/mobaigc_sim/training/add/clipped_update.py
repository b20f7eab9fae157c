"""The clipped policy gradient on steps of the denoising chain, and the regression of values.

Every step of the chain is an action whose ratio is clipped for each user by itself, as PPO does (Schulman et al.,
"Proximal policy optimization algorithms", 2017); earlier steps have discounted advantages (Ren et al., "Diffusion
policy policy optimization", ICLR 2025).

Shapes: B decisions, S steps of the chain, A tokens, L length of an observation.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .chain import log_likelihood
from .on_policy_nets import OnPolicyADDPolicy

AT_ONCE = 4096
"""Decisions whose likelihood before the update is computed together."""


class Decisions(NamedTuple):
    """A rollout as one batch."""

    seen_BL: Tensor
    chain_BSA2: Tensor
    mask_BA: Tensor
    advantage_BA: Tensor
    target_BA: Tensor
    """What the values of tokens should have been."""


def standardised(advantage_TNA: NDArray[np.float32], mask_TNA: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Advantages with mean 0 and standard deviation 1 over the tokens that are there."""
    counted = advantage_TNA[mask_TNA]
    scaled: NDArray[np.float32] = ((advantage_TNA - counted.mean()) / (counted.std() + 1e-6)).astype(np.float32)
    return scaled


class ClippedUpdate(NamedTuple):
    """How a policy is improved."""

    policy: OnPolicyADDPolicy
    clip_range: float
    vf_coef: float
    max_grad_norm: float
    step_discount: float

    def run(self, decisions: Decisions, n_epochs: int, batch_size: int, rng: np.random.Generator) -> dict[str, float]:
        """Go some times through the decisions in an order drawn anew; means of the losses."""
        with torch.no_grad():
            parts = torch.split(torch.arange(len(decisions.seen_BL)), AT_ONCE)
            before_BSA = torch.cat([self._likelihood(decisions, part) for part in parts])
        busy = np.flatnonzero(decisions.mask_BA.any(dim=1).numpy())
        losses: list[tuple[float, float, float]] = []
        for _ in range(n_epochs):
            rng.shuffle(busy)
            for part in torch.split(torch.from_numpy(busy), batch_size):
                losses.append(self._step(decisions, part, before_BSA[part]))
        means = np.mean(losses, axis=0).tolist()
        return dict(zip(("policy_loss", "value_loss", "ratio_change"), means, strict=True))

    def _likelihood(self, decisions: Decisions, part: Tensor) -> Tensor:
        network = self.policy.network
        h_BAW, mask_BA = network.encoder(decisions.seen_BL[part])
        return log_likelihood(network.actor, self.policy.steps, h_BAW, mask_BA, decisions.chain_BSA2[part])

    def _step(self, decisions: Decisions, part: Tensor, before_BSA: Tensor) -> tuple[float, float, float]:
        mask_BA = decisions.mask_BA[part]
        count = mask_BA.sum()
        discount_S1 = self.step_discount ** torch.arange(self.policy.network.actor.steps - 1, -1, -1.0)[:, None]
        advantage_BSA = decisions.advantage_BA[part][:, None] * discount_S1
        ratio_BSA = (self._likelihood(decisions, part) - before_BSA).exp()
        clipped_BSA = ratio_BSA.clamp(1 - self.clip_range, 1 + self.clip_range)
        gain_BA = torch.minimum(ratio_BSA * advantage_BSA, clipped_BSA * advantage_BSA).sum(1)
        policy_loss = -(gain_BA * mask_BA).sum() / count
        value_BA, _ = self.policy.values(decisions.seen_BL[part])
        value_loss = ((value_BA - decisions.target_BA[part]).square() * mask_BA).sum() / count
        self.policy.optimizer.zero_grad()
        (policy_loss + self.vf_coef * value_loss).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.policy.parameters(), self.max_grad_norm)
        self.policy.optimizer.step()
        return policy_loss.item(), value_loss.item(), (ratio_BSA - 1).abs().mean().item()
