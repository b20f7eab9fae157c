"""Rewards of the rule as the reference of an agent on the same traces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mobaigc_sim.cell.world import TracePool
from mobaigc_sim.interop.problem import pool_of
from mobaigc_sim.training.baselines.wrappers import RelativeReward
from mobaigc_sim.training.episodes import Rule, play
from mobaigc_sim.training.vec_env import CellVecEnv

OVERLOAD = Path(__file__).parents[2] / "scenarios" / "cell_overload.yaml"


@pytest.fixture(scope="module")
def pool() -> TracePool:
    return pool_of(OVERLOAD, 3, ("duration=500 ms",))


def test_they_are_those_of_the_rule_and_played_once(pool: TracePool) -> None:
    env = CellVecEnv(pool, 1)
    reward_KE = env.rule_rewards()
    np.testing.assert_allclose(reward_KE.sum(axis=1), play(Rule(), pool, 16)["reward"], atol=1e-5)
    assert env.rule_rewards() is reward_KE


def relative(pool: TracePool, size: float, steps: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Relative and raw rewards of random corrections of a size, and how many episodes ended."""
    env = RelativeReward(CellVecEnv(pool, 2, seed=1))
    env.reset()
    rng, relative, raw, ends = np.random.default_rng(0), [], [], 0
    for _ in range(steps):
        action = (size * rng.normal(size=(2, 32))).clip(-1, 1).astype(np.float32)
        _, reward_N, over_N, infos = env.step(action)
        relative.append(reward_N)
        raw.append([info["raw_reward"] for info in infos])
        ends += int(over_N.sum())
    return np.array(relative), np.array(raw), ends


def test_an_agent_that_corrects_nothing_earns_nothing_across_the_end_of_episodes(pool: TracePool) -> None:
    told, raw, ends = relative(pool, 0.0, CellVecEnv(pool, 1).problem.world.epochs + 20)
    assert ends == 2
    np.testing.assert_allclose(told, 0.0, atol=1e-6)
    assert raw.std() > 0


def test_the_reference_takes_away_the_luck_of_the_trace(pool: TracePool) -> None:
    epochs = CellVecEnv(pool, 1).problem.world.epochs
    told, raw, ends = relative(pool, 0.1, 12 * epochs)
    assert ends == 24
    of_episode, raw_of_episode = (rewards.reshape(12, epochs, 2).sum(axis=1) for rewards in (told, raw))
    assert 0 < of_episode.std() < 0.5 * raw_of_episode.std()
