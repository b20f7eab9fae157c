"""Advantages: what became of the users after a decision, against what their values had promised.

All users share one reward, and the value of a state is the sum of what each of its users can expect for itself: the
value decomposition of P. Sunehag et al., "Value-decomposition networks for cooperative multi-agent learning", AAMAS
2018, for advantages. A block that one user takes and another goes without shows in the values of both. Those who come
later count from the step they appear in, so what a decision leaves for them is not lost.

A user's episode is the time it has something to send. Within it the generalised advantage estimate of Schulman et al.,
"High-dimensional continuous control using generalized advantage estimation", ICLR 2016, is taken over its own rewards:
with the value it makes the target that the value is fitted to. The same estimate over all users is what decisions are
judged by.

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
