"""On-policy ADD on short traces of a cell, as users of Stable-Baselines3 expect it to behave."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.evaluation import evaluate_policy

from mobaigc_sim.cell.world import TracePool
from mobaigc_sim.interop.problem import pool_of
from mobaigc_sim.scheduling.add.network import AddNetwork
from mobaigc_sim.training.add import OnPolicyADD
from mobaigc_sim.training.vec_env import CellVecEnv

OVERLOAD = Path(__file__).parents[3] / "scenarios" / "cell_overload.yaml"


@pytest.fixture(scope="module")
def pool() -> TracePool:
    return pool_of(OVERLOAD, 3, ("duration=1 s",))


def make(pool: TracePool, **changes: object) -> OnPolicyADD:
    torch.set_num_threads(1)
    options = {"n_steps": 16, "batch_size": 32, "n_epochs": 2, "seed": 0, "policy_kwargs": {"width": 16}} | changes
    return OnPolicyADD("SetPolicy", CellVecEnv(pool, 4, seed=0), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(("credit", "reference"), [("shared", "rule"), ("shared", "none"), ("joint", "none")])
def test_it_learns_from_every_kind_of_credit(pool: TracePool, credit: str, reference: str) -> None:
    agent = make(pool, credit=credit, reference=reference)
    before = [p.detach().clone() for p in agent.policy.network.actor.parameters()]
    agent.learn(256)
    assert agent.num_timesteps == 256
    after = agent.policy.network.actor.parameters()
    assert all(torch.isfinite(p).all() for p in agent.policy.parameters())
    assert any(not torch.equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("changes", [{"denoising_steps": 0}, {"denoising_steps": 1}, {"encoder": "padded"}])
def test_the_ablations_learn_too(pool: TracePool, tmp_path: Path, changes: dict[str, object]) -> None:
    encoder = {"encoder": changes.pop("encoder")} if "encoder" in changes else {}
    agent = make(pool, policy_kwargs={"width": 16, **encoder}, **changes).learn(128)
    assert agent._n_updates > 0
    agent.policy.network.save(tmp_path / "policy.safetensors")
    network, _ = AddNetwork.load(tmp_path / "policy.safetensors")
    seen = np.random.default_rng(0).normal(size=(2, agent.policy.config.layout.size)).astype(np.float32)
    ours = network.act(torch.from_numpy(seen), 1, deterministic=True).flatten(1).numpy()
    np.testing.assert_allclose(ours, agent.predict(seen, deterministic=True)[0], atol=1e-6)


def test_a_gaussian_starts_from_no_noise(pool: TracePool) -> None:
    """Two users that look the same get the same; the chain, which starts from noise, tells them apart."""
    for steps, same in ((0, True), (5, False)):
        agent = make(pool, denoising_steps=steps)
        layout = agent.policy.config.layout
        seen = torch.zeros(1, layout.size)
        parts = layout.unpack(seen)
        parts.mask_N[:, :2], parts.users_NF[:, :2] = 1.0, 0.5
        action = agent.policy.network.act(seen, 1, deterministic=True)[0, :2]
        assert torch.allclose(action[0], action[1], atol=1e-6) == same


class Spreads(BaseCallback):
    """Notes the least spread of every rollout."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[float] = []

    def _on_rollout_start(self) -> None:
        self.seen.append(self.model.policy.least_std)
        assert float(self.model.policy.steps.std.min()) == pytest.approx(self.seen[-1])

    def _on_step(self) -> bool:
        return True


@pytest.mark.parametrize(("last", "wanted"), [(0.2, [0.8, 0.65, 0.5, 0.35]), (None, [0.8] * 4)])
def test_exploration_falls_evenly_to_the_end_of_training(
    pool: TracePool, last: float | None, wanted: list[float]
) -> None:
    spreads = Spreads()
    make(pool, least_std=0.8, last_std=last).learn(256, spreads)
    assert spreads.seen == pytest.approx(wanted)


def test_same_seed_same_policy(pool: TracePool) -> None:
    first, second = make(pool).learn(128), make(pool).learn(128)
    for a, b in zip(first.policy.parameters(), second.policy.parameters(), strict=True):
        assert torch.equal(a, b)


def test_deterministic_decisions_have_no_noise(pool: TracePool) -> None:
    agent = make(pool)
    seen = agent.env.reset()  # type: ignore[union-attr]
    for _ in range(40):
        seen = agent.env.step(np.zeros((4, 32), np.float32))[0]  # type: ignore[union-attr]
    assert np.array_equal(agent.predict(seen, deterministic=True)[0], agent.predict(seen, deterministic=True)[0])
    assert not np.array_equal(agent.predict(seen)[0], agent.predict(seen)[0])


def test_a_saved_agent_decides_and_learns_on(pool: TracePool, tmp_path: Path) -> None:
    agent = make(pool).learn(128)
    agent.save(tmp_path / "agent")
    again = OnPolicyADD.load(tmp_path / "agent", env=CellVecEnv(pool, 4, seed=0))
    seen = np.random.default_rng(0).normal(size=(4, agent.policy.config.layout.size)).astype(np.float32)
    assert np.array_equal(agent.predict(seen, deterministic=True)[0], again.predict(seen, deterministic=True)[0])
    again.learn(64, reset_num_timesteps=False)
    assert again.num_timesteps == 192


def test_weights_alone_decide_alike(pool: TracePool, tmp_path: Path) -> None:
    agent = make(pool).learn(64)
    agent.policy.network.save(tmp_path / "policy.safetensors")
    network, _ = AddNetwork.load(tmp_path / "policy.safetensors")
    seen = np.random.default_rng(0).normal(size=(2, agent.policy.config.layout.size)).astype(np.float32)
    ours = network.act(torch.from_numpy(seen), 1, deterministic=True).flatten(1).numpy()
    np.testing.assert_allclose(ours, agent.predict(seen, deterministic=True)[0], atol=1e-6)


def test_tools_of_sb3_take_it(pool: TracePool, tmp_path: Path) -> None:
    agent = make(pool, tensorboard_log=str(tmp_path))
    agent.learn(128)
    assert list(tmp_path.rglob("events.out.tfevents.*"))
    mean, _ = evaluate_policy(agent, CellVecEnv(pool, 2, seed=1), n_eval_episodes=2, warn=False)
    assert np.isfinite(mean)


def test_an_unknown_credit_is_refused(pool: TracePool) -> None:
    with pytest.raises(ValueError, match="shared, joint"):
        make(pool, credit="fair")


def test_an_unknown_reference_is_refused(pool: TracePool) -> None:
    with pytest.raises(ValueError, match="rule, none"):
        make(pool, reference="best")
    with pytest.raises(ValueError, match="needs credit 'shared'"):
        make(pool, credit="joint", reference="rule")
