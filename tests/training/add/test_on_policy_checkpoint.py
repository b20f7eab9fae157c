"""A run of ADD that is stopped and goes on, against one that was never stopped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from mobaigc_sim.cell.world import TracePool
from mobaigc_sim.interop.problem import pool_of
from mobaigc_sim.training.add import CheckpointError, OffPolicyADD, OnPolicyADD
from mobaigc_sim.training.environment_state import environment_arrays, restore_environment
from mobaigc_sim.training.vec_env import CellVecEnv

OVERLOAD = Path(__file__).parents[3] / "scenarios" / "cell_overload.yaml"
SIZES = {"n_steps": 8, "batch_size": 16, "n_epochs": 2, "policy_kwargs": {"width": 16}}


@pytest.fixture(scope="module")
def pool() -> TracePool:
    return pool_of(OVERLOAD, 3, ("duration=500 ms",))


@pytest.mark.parametrize("options", [{"least_std": 0.5}, {"credit": "joint", "reference": "none"}])
def test_a_resumed_run_equals_an_unbroken_one(pool: TracePool, tmp_path: Path, options: dict[str, object]) -> None:
    torch.set_num_threads(1)
    env = CellVecEnv(pool, 3, seed=0)
    agent = OnPolicyADD("SetPolicy", env, seed=1, **SIZES, **options)  # type: ignore[arg-type]
    agent.learn(8 * 3 * 2)
    agent.save_checkpoint(tmp_path / "point")
    kept = environment_arrays(env)
    agent.learn(8 * 3 * 3, reset_num_timesteps=False)

    torch.manual_seed(9)
    np.random.seed(9)
    again = CellVecEnv(pool, 3, seed=7)
    again.reset()
    restore_environment(again, kept)
    resumed = OnPolicyADD.load_checkpoint(tmp_path / "point", again, env_restored=True)
    assert resumed.num_timesteps == 48
    resumed.learn(8 * 3 * 3, reset_num_timesteps=False)
    assert resumed.num_timesteps == agent.num_timesteps == 120
    for (name, a), b in zip(agent.policy.state_dict().items(), resumed.policy.state_dict().values(), strict=True):
        assert torch.equal(a, b), name
    assert resumed._mean_reward == agent._mean_reward


def test_a_checkpoint_of_the_other_algorithm_is_refused(pool: TracePool, tmp_path: Path) -> None:
    env = CellVecEnv(pool, 1, seed=0)
    OnPolicyADD("SetPolicy", env, seed=1, **SIZES).save_checkpoint(tmp_path / "point")  # type: ignore[arg-type]
    with pytest.raises(CheckpointError, match="not a checkpoint of OffPolicyADD"):
        OffPolicyADD.load_checkpoint(tmp_path / "point", env)
