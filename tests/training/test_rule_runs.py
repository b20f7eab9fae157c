"""Runs of the rule as the reference of an agent on the same traces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mobaigc_sim.cell.world import TracePool
from mobaigc_sim.interop.problem import pool_of
from mobaigc_sim.training.add.credit import Rollout, joint_advantages
from mobaigc_sim.training.baselines.wrappers import RelativeReward
from mobaigc_sim.training.rule_runs import RuleRuns
from mobaigc_sim.training.vec_env import CellVecEnv

OVERLOAD = Path(__file__).parents[2] / "scenarios" / "cell_overload.yaml"
STEPS = 60


@pytest.fixture(scope="module")
def pool() -> TracePool:
    return pool_of(OVERLOAD, 3, ("duration=500 ms",))


def values(seen_NL: np.ndarray) -> np.ndarray:
    return np.asarray(seen_NL[:, :16] - seen_NL[:, 16:32], np.float32)


def both(pool: TracePool, noise: float) -> tuple[Rollout, Rollout]:
    """A rollout across the end of episodes, and the rule's on the same epochs."""
    env = CellVecEnv(pool, 4, seed=3)
    rng = np.random.default_rng(0)
    seen = env.reset()
    places, users, earned, value, reward, over = [], [], [], [], [], []
    for _ in range(env.problem.world.epochs - STEPS // 2):
        seen, *_ = env.step(np.zeros((4, 32), np.float32))
    for _ in range(STEPS):
        places.append(env.places_now())
        value.append(values(seen))
        action = (noise * rng.normal(size=(4, 32))).clip(-1, 1).astype(np.float32)
        seen, reward_N, over_N, infos = env.step(action)
        users.append(np.stack([info["user"] for info in infos]))
        earned.append(np.stack([info["earned"] for info in infos]))
        reward.append(reward_N)
        over.append(over_N)
    places.append(env.places_now())
    value.append(values(seen))
    users.append(np.stack(env.users_now()))
    ours = Rollout(*(np.stack(x) for x in (users, earned, reward, over, value)))
    return ours, env.rule_runs().rollout(np.stack(places), ours.over_TN, values)


def test_an_agent_that_corrects_nothing_is_its_own_reference(pool: TracePool) -> None:
    ours, of_rule = both(pool, 0.0)
    assert ours.over_TN.any()
    np.testing.assert_array_equal(of_rule.user_TNA, ours.user_TNA)
    np.testing.assert_allclose(of_rule.earned_TNA, ours.earned_TNA, atol=1e-6)
    np.testing.assert_allclose(of_rule.reward_TN, ours.reward_TN, atol=1e-6)
    np.testing.assert_array_equal(of_rule.value_TNA, ours.value_TNA)


def test_the_reference_takes_away_the_luck_of_the_trace(pool: TracePool) -> None:
    ours, of_rule = both(pool, 0.1)
    a, b = (joint_advantages(r, 0.0, 0.99, 0.95) for r in (ours, of_rule))
    assert (a - b).std() < 0.8 * a.std()


def test_runs_are_played_once(pool: TracePool) -> None:
    env = CellVecEnv(pool, 1)
    first = env.rule_runs()
    assert isinstance(first, RuleRuns)
    assert env.rule_runs() is first


def test_relative_rewards_of_the_rule_are_nothing_across_the_end_of_episodes(pool: TracePool) -> None:
    env = RelativeReward(CellVecEnv(pool, 2, seed=1))
    env.reset()
    nothing, ends, raw = np.zeros((2, 32), np.float32), 0, []
    for _ in range(env.venv.problem.world.epochs + 20):  # type: ignore[attr-defined]
        _, reward_N, over_N, infos = env.step(nothing)
        np.testing.assert_allclose(reward_N, 0.0, atol=1e-6)
        ends += int(over_N.sum())
        raw += [info["raw_reward"] for info in infos]
    assert ends == 2
    assert np.std(raw) > 0
    _, reward_N, _, infos = env.step(nothing + 1)
    for _ in range(20):
        _, reward_N, _, infos = env.step(nothing + 1)
    assert np.abs(reward_N).max() > 0
