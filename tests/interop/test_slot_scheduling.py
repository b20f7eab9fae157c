"""The scheduling problem as environments: checkers, determinism, and the same world as a plain run."""

from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as check_env_of_sb3

from mobaigc_sim.cell.world import TracePool
from mobaigc_sim.experiment.many import run_in_memory
from mobaigc_sim.interop.many_cells import ManyCells
from mobaigc_sim.interop.problem import pool_of
from mobaigc_sim.interop.slot_scheduling import SlotScheduling
from mobaigc_sim.scenario.load import load_scenario
from mobaigc_sim.training.vec_env import CellVecEnv

OVERLOAD = Path(__file__).parents[2] / "scenarios" / "cell_overload.yaml"
SHORT = ("duration=1 s",)


@pytest.fixture(scope="module")
def pool() -> TracePool:
    return pool_of(OVERLOAD, 4, SHORT)


def actions(env: Any, steps: int, seed: int = 0) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [rng.uniform(-1, 1, env.action_space.shape).astype(np.float32) for _ in range(steps)]


def test_gymnasium_and_sb3_find_nothing_wrong(pool: TracePool) -> None:
    env = gymnasium.make("mobaigc_sim:SlotScheduling-v0", scenario=pool)
    check_env(env.unwrapped)
    check_env_of_sb3(env.unwrapped)


def test_gymnasium_makes_the_batched_form(pool: TracePool) -> None:
    env = gymnasium.make_vec("mobaigc_sim:SlotScheduling-v0", num_envs=3, scenario=pool)
    observation, _ = env.reset(seed=3)
    assert observation.shape == (3, *env.single_observation_space.shape)


def test_seed_and_actions_say_everything(pool: TracePool) -> None:
    def episode(seed: int) -> list[float]:
        env = SlotScheduling(pool)
        env.reset(seed=seed)
        return [env.step(action)[1] for action in actions(env, 150)]

    assert episode(5) == episode(5)
    assert episode(5) != episode(6)


def test_no_action_is_the_plain_run(pool: TracePool) -> None:
    env = SlotScheduling(pool)
    env.reset(options={"trace": 2})
    total, over, info = 0.0, False, {}
    while not over:
        _, reward, terminated, over, info = env.step(np.zeros(env.action_space.shape, np.float32))
        assert not terminated
        total += reward
    scenario = load_scenario(OVERLOAD, (*SHORT, "replication=2"))
    run = run_in_memory(scenario, ["requests", "slots"])
    table = run.requests.sort_values("request")
    np.testing.assert_array_equal(env.problem.world.requests(0)["finished_ns"], table.finished_ns)
    np.testing.assert_array_equal(env.problem.world.requests(0)["jpsq"], table.jpsq)
    assert info["requests"] == len(table)
    assert info["jpsq"] == pytest.approx(table.jpsq.mean())
    assert info["failed"] == pytest.approx((table.status == "failed").mean())


def test_forms_agree(pool: TracePool) -> None:
    single, many, venv = SlotScheduling(pool), ManyCells(2, pool), CellVecEnv(pool, 2)
    single.reset(options={"trace": 1})
    many.reset(options={"traces": [1, 3]})
    venv.reset()
    for n, trace in enumerate((1, 3)):
        venv.problem.start(n, trace)
    for action in actions(many, 60):
        one = single.step(action[0])
        both = many.step(action)
        venv.step_async(action)
        theirs = venv.step_wait()
        np.testing.assert_array_equal(one[0], both[0][0])
        np.testing.assert_array_equal(both[0], theirs[0])
        assert one[1] == both[1][0] == pytest.approx(theirs[1][0], abs=1e-6)


def test_what_a_vector_tells_is_in_the_format_of_gymnasium(pool: TracePool) -> None:
    many, single = ManyCells(2, pool), SlotScheduling(pool)
    many.reset(options={"traces": [1, 3]})
    single.reset(options={"trace": 3})
    zero = np.zeros((2, many.problem.layout.actions), np.float32)
    for _ in range(many.problem.world.epochs):
        _, _, _, truncated, info = many.step(zero)
        last, *_, told = single.step(zero[0])
    assert truncated.all() and info["_final_obs"].all() and info["_reward_worth"].all()
    np.testing.assert_array_equal(info["final_obs"][1], last)
    assert info["final_info"]["requests"][1] == told["requests"]
    assert info["final_info"]["_requests"].all()


def test_cells_start_anew_when_they_end(pool: TracePool) -> None:
    venv = CellVecEnv(pool, 2, seed=1)
    venv.reset()
    length, episodes = venv.problem.world.epochs, []
    zero = np.zeros((2, *venv.action_space.shape), np.float32)
    for step in range(2 * length):
        _, _rewards, dones, infos = venv.step(zero)
        assert dones.all() == ((step + 1) % length == 0)
        episodes += [info for info in infos if "episode" in info]
    assert [e["episode"]["l"] for e in episodes] == [length] * 4
    assert all(e["TimeLimit.truncated"] for e in episodes)


def test_a_token_says_what_the_world_knows(pool: TracePool) -> None:
    env = SlotScheduling(pool)
    observation, _ = env.reset(options={"trace": 0})
    view = env.problem.world.members[0].seen
    for action in actions(env, 100):
        tokens = env.unpack(observation)
        users = np.flatnonzero(view.active_U)
        order = users[np.argsort(view.slack_ns_U[users], kind="stable")]
        assert tokens.mask_N.sum() == len(order)
        np.testing.assert_allclose(tokens.users_NF[: len(order), 7], view.slack_ns_U[order] / 2e9, rtol=1e-6)
        np.testing.assert_allclose(tokens.users_NF[: len(order), 12], view.new_U[order])
        assert not tokens.users_NF[len(order) :].any()
        observation = env.step(action)[0]


def test_users_beyond_the_tokens_follow_the_rule(pool: TracePool) -> None:
    narrow, wide = SlotScheduling(pool, tokens=1), SlotScheduling(pool, tokens=16)
    for env in (narrow, wide):
        env.reset(options={"trace": 0})
    rewards = []
    for env in (narrow, wide):
        zero = np.zeros(env.action_space.shape, np.float32)
        rewards.append([env.step(zero)[1] for _ in range(100)])
    assert rewards[0] == rewards[1]


def test_a_thousand_starts_leak_nothing(pool: TracePool) -> None:
    env = SlotScheduling(pool)
    zero = np.zeros(env.action_space.shape, np.float32)

    def starts(count: int) -> int:
        for k in range(count):
            env.reset(seed=k)
            env.step(zero)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        first = starts(500)
        a_quarter_of_an_observation_each = 1000 * env.observation_space.shape[0]
        assert starts(1000) - first < a_quarter_of_an_observation_each
    finally:
        tracemalloc.stop()


def test_a_trace_that_is_not_there_is_refused(pool: TracePool) -> None:
    with pytest.raises(ValueError, match="from 0 to 3, got 9"):
        SlotScheduling(pool).reset(options={"trace": 9})
