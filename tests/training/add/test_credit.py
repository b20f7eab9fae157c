"""Advantages of users against returns summed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mobaigc_sim.training.add.credit import Rollout, joint_advantages, user_advantages

GAMMA = 0.9


def rollout(steps: int = 12, tokens: int = 4, seed: int = 0) -> Rollout:
    """Two environments, users that come, change places and go, one environment that starts anew."""
    rng = np.random.default_rng(seed)
    user = np.full((steps + 1, 2, tokens), -1)
    for t in range(steps + 1):
        for n in range(2):
            count = rng.integers(0, tokens + 1)
            user[t, n, :count] = rng.choice(6, count, replace=False)
    over = np.zeros((steps, 2), np.bool_)
    over[5, 1] = True
    earned = rng.normal(size=(steps, 2, tokens)).astype(np.float32)
    value = rng.normal(size=(steps + 1, 2, tokens)).astype(np.float32)
    return Rollout(user, earned, rng.normal(size=(steps, 2)).astype(np.float32), over, value)


def own_return(r: Rollout, t: int, n: int, ue: int) -> float:
    """What a user earns from a step on until it has nothing to send, then nothing; beyond the rollout, its value."""
    total, discount = 0.0, 1.0
    while True:
        place = np.flatnonzero(r.user_TNA[t, n] == ue)
        if not len(place):
            return total
        if t == len(r.earned_TNA):
            return total + discount * float(r.value_TNA[t, n, place[0]])
        total += discount * float(r.earned_TNA[t, n, place[0]])
        discount *= GAMMA
        if r.over_TN[t, n]:
            return total
        t += 1


@pytest.mark.parametrize("seed", range(5))
def test_with_lambda_one_it_is_the_return_less_the_value(seed: int) -> None:
    r = rollout(seed=seed)
    advantage = user_advantages(r, GAMMA, 1.0)
    for t, n, a in np.ndindex(advantage.shape):
        ue = int(r.user_TNA[t, n, a])
        wanted = own_return(r, t, n, ue) - float(r.value_TNA[t, n, a]) if ue >= 0 else 0.0
        assert advantage[t, n, a] == pytest.approx(wanted, abs=1e-5)


def test_what_others_earn_does_not_matter() -> None:
    r = rollout()
    advantage = user_advantages(r, GAMMA, 0.95)
    theirs = r.user_TNA[:-1] != 2
    r.earned_TNA[theirs] += 100.0
    np.testing.assert_array_equal(user_advantages(r, GAMMA, 0.95)[~theirs], advantage[~theirs])


def test_order_of_tokens_does_not_matter() -> None:
    r = rollout()
    advantage = user_advantages(r, GAMMA, 0.95)
    rng = np.random.default_rng(1)
    order = np.array([[rng.permutation(4) for _ in range(2)] for _ in range(13)])
    user, value = (np.take_along_axis(x, order, axis=2) for x in (r.user_TNA, r.value_TNA))
    earned = np.take_along_axis(r.earned_TNA, order[:-1], axis=2)
    shuffled = user_advantages(Rollout(user, earned, r.reward_TN, r.over_TN, value), GAMMA, 0.95)
    np.testing.assert_allclose(shuffled, np.take_along_axis(advantage, order[:-1], axis=2), rtol=1e-5)


def test_joint_advantages_sum_the_values_of_the_users() -> None:
    r = rollout()
    advantage = joint_advantages(r, 0.3, GAMMA, 1.0)
    value = np.where(r.user_TNA >= 0, r.value_TNA, 0).sum(axis=2)
    for n in range(2):
        total = value[-1, n]
        for t in range(11, -1, -1):
            total = r.reward_TN[t, n] - 0.3 + (0.0 if r.over_TN[t, n] else GAMMA * total)
            assert advantage[t, n] == pytest.approx(total - value[t, n], abs=1e-4)


def test_their_sums_are_the_returns_of_all_users_less_their_values() -> None:
    r = rollout(seed=3)
    found = user_advantages(r, GAMMA, 1.0).sum(axis=2)
    for t in range(len(r.earned_TNA)):
        for n in range(2):
            users = r.user_TNA[t, n][r.user_TNA[t, n] >= 0]
            values = r.value_TNA[t, n][r.user_TNA[t, n] >= 0]
            wanted = sum(own_return(r, t, n, int(ue)) for ue in users) - values.sum()
            assert found[t, n] == pytest.approx(wanted, abs=1e-4)
