"""Advantages of single users: each answers for what its own requests earned and for the blocks it took.

All users share one reward, so the advantage of a joint action carries the luck of everybody. A block that one user
takes is a block that another goes without. Where the band is full, charging each user the price λ of its blocks changes
the sum of all rewards by a constant, but tells each user what it cost the others: with the right price, what is best
for each is best for all. A price that is too low ends in overuse, one too high in thrift.

Sources: Kelly, Maulloo, Tan, J. Oper. Res. Soc. 49, 1998 (decomposition by prices); Wolpert, Tumer, "Optimal payoff
functions for members of collectives", Adv. Complex Syst. 4, 2001 (difference rewards).

A user's episode is the time it has something to send. Within it the generalised advantage estimate of Schulman et al.,
"High-dimensional continuous control using generalized advantage estimation", ICLR 2016, is taken over its own rewards.

Shapes: T steps, N environments, A tokens.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Rollout:
    """What a rollout tells about credit."""

    user_TNA: Indices
    """Identity of each token in the observation acted on, T + 1 of them; −1 for padding."""
    earned_TNA: Floats
    """What the user of each token got for itself in the step."""
    reward_TN: Floats
    """Reward of everybody together."""
    over_TN: Mask
    """Whether the environment started anew after the step."""
    value_TNA: Floats
    """Predicted return of each token, T + 1 of them."""


def user_advantages(rollout: Rollout, gamma: float, gae_lambda: float) -> Floats:
    """Advantage (T, N, A) of each token from its own rewards; 0 for padding."""
    user_TNA, value_TNA = rollout.user_TNA, rollout.value_TNA
    advantage_TNA = np.zeros_like(rollout.earned_TNA)
    later_NA = np.zeros_like(advantage_TNA[0])
    for t in range(len(advantage_TNA) - 1, -1, -1):
        same_NAA = (user_TNA[t][:, :, None] == user_TNA[t + 1][:, None, :]) & (user_TNA[t] >= 0)[:, :, None]
        goes_on_NA = same_NAA.any(axis=2) & ~rollout.over_TN[t][:, None]
        place_NA = same_NAA.argmax(axis=2)
        next_value_NA = np.where(goes_on_NA, np.take_along_axis(value_TNA[t + 1], place_NA, axis=1), 0.0)
        next_advantage_NA = np.where(goes_on_NA, np.take_along_axis(later_NA, place_NA, axis=1), 0.0)
        error_NA = rollout.earned_TNA[t] + gamma * next_value_NA - value_TNA[t]
        later_NA = np.where(user_TNA[t] >= 0, error_NA + gamma * gae_lambda * next_advantage_NA, 0.0)
        advantage_TNA[t] = later_NA
    return advantage_TNA


def shared_advantages(rollout: Rollout, gamma: float, gae_lambda: float) -> Floats:
    """Advantage (T, N, 1) of all users together, as the sum of those of single users.

    What a block does for one user and what it costs the others both show in their values at the next step, so with a
    small `gae_lambda` neither luck nor a price is needed.
    """
    shared_TN1: Floats = user_advantages(rollout, gamma, gae_lambda).sum(axis=2, keepdims=True)
    return shared_TN1


def joint_advantages(rollout: Rollout, mean_reward: float, gamma: float, gae_lambda: float) -> Floats:
    """Advantage (T, N) of all users together; the value of a state is the sum over its tokens.

    `mean_reward` is subtracted from every reward, so that values stay small where episodes only end by a time limit.
    """
    value_TN = np.where(rollout.user_TNA >= 0, rollout.value_TNA, 0.0).sum(axis=2)
    advantage_TN = np.zeros_like(rollout.reward_TN)
    later_N = np.zeros_like(advantage_TN[0])
    for t in range(len(advantage_TN) - 1, -1, -1):
        goes_on_N = ~rollout.over_TN[t]
        error_N = rollout.reward_TN[t] - mean_reward + gamma * goes_on_N * value_TN[t + 1] - value_TN[t]
        later_N = error_N + gamma * gae_lambda * goes_on_N * later_N
        advantage_TN[t] = later_N
    return advantage_TN
