"""ADD on a bandit over sets whose best action is known, and as users of Stable-Baselines3 expect it to behave."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from stable_baselines3.common.callbacks import EvalCallback
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import VecMonitor

from mobaigc_sim.scheduling.add.network import AddNetwork
from mobaigc_sim.training.add import ADD, CheckpointError, SaveCheckpoint
from mobaigc_sim.training.policies import load_weights

from .toy import LAYOUT, SetBandit

STEPS = 240


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def make(env: SetBandit | None = None, sizes: dict[str, Any] | None = None, **options: Any) -> ADD:
    small = {"learning_starts": 80, "batch_size": 16, "buffer_size": 320, "seed": 3}
    network = {"width": 16, "hidden": 8, **(sizes or {})}
    return ADD("SetPolicy", env or SetBandit(), **{**small, "policy_kwargs": network, **options})


def some_states(count: int = 5) -> np.ndarray:
    return SetBandit(count, seed=9).reset()


def test_it_learns_the_best_action_of_every_user() -> None:
    """Zero actions get 0.573, the best 1."""
    env = SetBandit()
    agent = make(env, {"width": 32, "hidden": 32}, learning_rate=2e-3, gamma=0.0, batch_size=64, buffer_size=8000)
    agent.learn(8000)
    seen = some_states(200)
    assert env.rewards(seen, agent.predict(seen, deterministic=True)[0]).mean() > 0.9


@pytest.mark.parametrize(
    ("options", "sizes"),
    [({"denoising_steps": 0}, {}), ({"denoising_steps": 1}, {}), ({}, {"encoder": "padded"}), ({}, {"content": False})],
)
def test_the_ablations_learn_too_and_weights_alone_decide_alike(
    tmp_path: Path, options: dict[str, Any], sizes: dict[str, Any]
) -> None:
    agent = make(None, sizes, **options)
    before = [p.detach().clone() for p in agent.policy.parameters()]
    agent.learn(160)
    after = list(agent.policy.parameters())
    assert all(torch.isfinite(p).all() for p in after)
    assert any(not torch.equal(a, b) for a, b in zip(before, after, strict=True))
    agent.policy.network.save(tmp_path / "policy.safetensors")
    network, _ = AddNetwork.load(tmp_path / "policy.safetensors")
    seen = some_states()
    ours = network.act(torch.from_numpy(seen), 1, deterministic=True).flatten(1).numpy()
    np.testing.assert_allclose(ours, agent.predict(seen, deterministic=True)[0], atol=1e-6)
    other = make(None, sizes, **options, seed=4)
    load_weights(other, tmp_path / "policy.safetensors")
    np.testing.assert_array_equal(
        other.predict(seen, deterministic=True)[0], agent.predict(seen, deterministic=True)[0]
    )


def test_log_probability_is_that_of_the_last_draw() -> None:
    """By the change of variables of tanh, user by user; 1 nat an action number is the target that counts as 0."""
    agent = make()
    obs = torch.from_numpy(some_states(3))
    torch.manual_seed(5)
    with torch.no_grad():
        mean_BA, log_std_BA, keywords = agent.policy.actor.get_action_dist_params(obs)
    torch.manual_seed(5)
    with torch.no_grad():
        actions_BA, log_prob_B = agent.policy.actor.action_log_prob(obs)
    mask = keywords["mask"].bool()
    for b in range(3):
        want = -float(mask[b].sum())
        for m, s, a in zip(mean_BA[b][mask[b]], log_std_BA[b][mask[b]], actions_BA[b][mask[b]], strict=True):
            z = (math.atanh(float(a)) - float(m)) / math.exp(float(s))
            want += -0.5 * z * z - float(s) - 0.5 * math.log(2 * math.pi) - math.log(1 - float(a) ** 2)
        assert float(log_prob_B[b]) == pytest.approx(want, rel=1e-3)
    assert not bool(actions_BA[~mask].any())


def test_a_gaussian_starts_from_no_noise_and_a_chain_tells_equal_users_apart() -> None:
    for steps, same in ((0, True), (5, False)):
        agent = make(denoising_steps=steps)
        seen = torch.zeros(1, LAYOUT.size)
        parts = LAYOUT.unpack(seen)
        parts.mask_N[:, :2], parts.users_NF[:, :2] = 1.0, 0.5
        action = agent.policy.network.act(seen, 1, deterministic=True)[0, :2]
        assert torch.allclose(action[0], action[1], atol=1e-6) == same


def test_every_step_of_the_chain_gets_a_gradient_from_the_critic() -> None:
    agent = make()
    chain = agent.policy.actor.chain  # type: ignore[union-attr]
    actions, _ = agent.policy.actor.action_log_prob(torch.from_numpy(some_states(16)))
    torch.cat(agent.policy.critic(torch.from_numpy(some_states(16)), actions), 1).amin(1).mean().backward()  # type: ignore[no-untyped-call]
    assert chain.enter.weight.grad is not None
    of_steps = chain.enter.weight.grad[:, 2:].abs().sum(0)
    assert bool((of_steps > 0).all()) and len(of_steps) == 5


def test_rewards_are_stored_less_their_running_mean() -> None:
    agent = make(learning_starts=1000).learn(160)
    raw = make(learning_starts=1000, reward_centring=False).learn(160)
    assert agent.replay_buffer is not None and raw.replay_buffer is not None
    less, plain = agent.replay_buffer.rewards[:20], raw.replay_buffer.rewards[:20]
    np.testing.assert_array_equal(less[0], plain[0])
    np.testing.assert_allclose(plain[1] - less[1], plain[0].mean(), rtol=1e-5)
    assert agent._mean_reward.mean == pytest.approx(plain.mean(), rel=0.02)


def test_deterministic_decisions_have_no_noise() -> None:
    agent, seen = make(), some_states()
    assert np.array_equal(agent.predict(seen, deterministic=True)[0], agent.predict(seen, deterministic=True)[0])
    assert not np.array_equal(agent.predict(seen)[0], agent.predict(seen)[0])


def test_same_seed_same_policy() -> None:
    first, second = make().learn(160), make().learn(160)
    for a, b in zip(first.policy.parameters(), second.policy.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_saved_agent_decides_and_learns_on(tmp_path: Path) -> None:
    agent = make().learn(160)
    agent.save(tmp_path / "agent")
    again = ADD.load(tmp_path / "agent", env=SetBandit())
    seen = some_states()
    assert np.array_equal(agent.predict(seen, deterministic=True)[0], again.predict(seen, deterministic=True)[0])
    network = again.policy.network.act(torch.from_numpy(seen), 1, deterministic=True).flatten(1).numpy()
    np.testing.assert_allclose(network, again.predict(seen, deterministic=True)[0], atol=1e-6)
    again.learn(80, reset_num_timesteps=False)
    assert again.num_timesteps == 240


def test_tools_of_sb3_take_it(tmp_path: Path) -> None:
    agent = make(tensorboard_log=str(tmp_path))
    callback = EvalCallback(VecMonitor(SetBandit(2)), eval_freq=10, best_model_save_path=str(tmp_path), verbose=0)
    agent.learn(320, callback)
    assert list(tmp_path.rglob("events.out.tfevents.*")) and (tmp_path / "best_model.zip").is_file()
    mean, _ = evaluate_policy(agent, VecMonitor(SetBandit(2)), n_eval_episodes=4)
    assert np.isfinite(mean)


def assert_same(one: ADD, other: ADD) -> None:
    for (name, a), b in zip(one.policy.state_dict().items(), other.policy.state_dict().values(), strict=True):
        assert torch.equal(a, b), name
    assert one.log_ent_coef is not None and other.log_ent_coef is not None
    assert torch.equal(one.log_ent_coef, other.log_ent_coef)
    assert one.replay_buffer is not None
    for name in ("observations", "actions", "rewards", "timeouts", "pos", "full"):
        np.testing.assert_array_equal(getattr(one.replay_buffer, name), getattr(other.replay_buffer, name))
    assert (one.num_timesteps, one._n_updates) == (other.num_timesteps, other._n_updates)


@pytest.mark.parametrize("options", [{}, {"n_steps": 3, "gamma": 0.9}, {"learning_starts": 300}])
def test_a_resumed_run_equals_an_unbroken_one(tmp_path: Path, options: dict[str, Any]) -> None:
    """Also across the wrap of the replay buffer, and (last case) in the middle of the warm-up."""
    env = SetBandit()
    model = make(env, **options)
    model.learn(STEPS)
    model.save_checkpoint(tmp_path / "point")
    kept = env.state()
    model.learn(STEPS, reset_num_timesteps=False)
    torch.manual_seed(999)
    np.random.seed(999)
    other = SetBandit()
    other.restore(kept)
    again = ADD.load_checkpoint(tmp_path / "point", other, env_restored=True)
    again.learn(STEPS, reset_num_timesteps=False)
    assert_same(model, again)


def test_a_callback_saves_and_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    make().learn(STEPS, SaveCheckpoint(tmp_path / "point", 100))
    with pytest.raises(CheckpointError, match="8 environments, not 4"):
        ADD.load_checkpoint(tmp_path / "point", SetBandit(4))
    (tmp_path / "point" / "arrays.npz").unlink()
    with pytest.raises(CheckpointError, match="no complete checkpoint"):
        ADD.load_checkpoint(tmp_path / "point", SetBandit())
