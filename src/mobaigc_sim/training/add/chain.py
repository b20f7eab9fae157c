"""The denoising chain as a decision process of its own, so that a policy gradient can be taken through its steps.

Each step draws a_{t−1} from a Gaussian around the posterior mean; its likelihood is known, that of the action at the
end is not. With the spread of every step at least `least_std` the chain explores, and the last step has a likelihood
too.

Source: A. Z. Ren et al., "Diffusion policy policy optimization", ICLR 2025 (DPPO); the chain is that of
`scheduling.add.diffusion`.

Shapes: B batch, C cells, U users, N tokens, W width, T denoising steps; the last axis, 2, is a user's action.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ...scheduling.add.diffusion import DiffusionActor


class Steps(NamedTuple):
    """Coefficients of the steps in the order they are taken, the noisiest first, each (T)."""

    number: Tensor
    clean: Tensor
    kept: Tensor
    std: Tensor


def steps_of(actor: DiffusionActor, least_std: float) -> Steps:
    """The ancestral steps of an actor with their spreads raised to `least_std`."""
    order = torch.arange(actor.steps - 1, -1, -1)
    clean_T, kept_T, std_T = (torch.tensor(each)[order] for each in actor.ancestral)
    return Steps(order, clean_T, kept_T, std_T.clamp_min(least_std))


@torch.no_grad()
def walk(actor: DiffusionActor, steps: Steps, h_BNW: Tensor, mask_BN: Tensor, noise_BSN2: Tensor) -> Tensor:
    """A chain (B, T + 1, N, 2) for each state, from the noise it starts with to the action; noise (B, T + 1, N, 2)."""
    states = [actor.start_scale * noise_BSN2[:, :1]]
    for place, (number, clean, kept, std) in enumerate(zip(*steps, strict=True)):
        found = actor(h_BNW, mask_BN, states[-1], number.expand(len(h_BNW), 1))
        states.append(clean * found + kept * states[-1] + std * noise_BSN2[:, place + 1, None])
    return torch.cat(states, 1)


def log_likelihood(actor: DiffusionActor, steps: Steps, h_BNW: Tensor, mask_BN: Tensor, chain_BSN2: Tensor) -> Tensor:
    """Log density (B, T, N) of every step of chains (B, T + 1, N, 2), up to a constant; of each user by itself."""
    before, after = chain_BSN2[:, :-1], chain_BSN2[:, 1:]
    clean, kept, std = (each[:, None, None] for each in steps[1:])
    mean = clean * actor(h_BNW, mask_BN, before, steps.number.expand(len(before), -1)) + kept * before
    density_BTN: Tensor = (-0.5 * ((after - mean) / std).square()).sum(-1)
    return density_BTN
