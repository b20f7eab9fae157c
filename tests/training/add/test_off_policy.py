from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3.common.callbacks import EvalCallback
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import VecMonitor
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mobaigc_sim.scheduling.add.network import AddNetwork
from mobaigc_sim.scheduling.tokens import TokenLayout
from mobaigc_sim.training.add import OffPolicyADD as ADD
from mobaigc_sim.training.spaces import layout_of

from .toy import LAYOUT, SetBandit


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def make(env: Any = None, **options: Any) -> ADD:
    options = {"policy_kwargs": {"width": 16, "hidden": 16}, "seed": 1, **options}
    defaults = {"gamma": 0.0, "learning_starts": 80, "batch_size": 32, "buffer_size": 4000}
    return ADD("SetPolicy", env or SetBandit(), **{**defaults, **options})


@pytest.mark.parametrize(
    ("update", "credit", "reached"),
    [("weighted", "joint", 0.75), ("weighted", "user", 0.8), ("bptt", "joint", 0.85), ("q_gradient", "joint", 0.75)],
)
def test_every_actor_update_learns_the_set_bandit(update: str, credit: str, reached: float) -> None:
    """Zero actions get 0.57, uniform ones about −0.1, the best 1."""
    env = SetBandit()
    model = make(
        env,
        actor_update=update,
        credit=credit,
        learning_starts=800,
        batch_size=64,
        learning_rate=2e-3,
        policy_kwargs={"width": 32},
    )
    assert env.mean_reward(model) == pytest.approx(0.573, abs=0.03)
    model.learn(3200, log_interval=None)
    assert env.mean_reward(model) > reached


def test_deterministic_predictions_repeat_and_draw_no_noise() -> None:
    model = make().learn(240)
    obs = SetBandit(16, seed=5).reset()
    before = torch.get_rng_state()
    first, _ = model.predict(obs, deterministic=True)
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_array_equal(model.predict(obs, deterministic=True)[0], first)
    np.testing.assert_allclose(model.predict(obs[3], deterministic=True)[0], first[3], atol=1e-5)
    assert not np.array_equal(model.predict(obs)[0], model.predict(obs)[0])
    assert np.abs(first).max() <= 1


def test_collected_actions_carry_the_exploration_noise() -> None:
    """With candidates that all land at 0, what is collected is N(0, exploration²)."""
    env = SetBandit(512)
    model = make(env, exploration=0.2, buffer_size=5120)
    for last in (model.policy.network.actor.out, model.policy.network.actor.direct):
        last.weight.data.zero_()
    model.num_timesteps, model._last_obs = 100, env.reset()
    actions, stored = model._sample_action(80, None, 512)
    np.testing.assert_allclose(actions, stored, atol=1e-6)
    assert float(stored.std()) == pytest.approx(0.2, rel=0.05)
    model.exploration = 0.0
    assert not model._sample_action(80, None, 512)[0].any()


def test_saved_models_predict_the_same_and_learn_on(tmp_path: Path) -> None:
    model = make(actor_update="q_gradient").learn(240)
    model.save(tmp_path / "model")
    loaded = ADD.load(tmp_path / "model", env=SetBandit())
    obs = SetBandit(16, seed=5).reset()
    np.testing.assert_array_equal(loaded.predict(obs, deterministic=True)[0], model.predict(obs, deterministic=True)[0])
    assert loaded.actor_update == "q_gradient"
    assert loaded.policy.scales.exploration_temperature == model.policy.scales.exploration_temperature
    assert loaded.policy.actor_optimizer.state_dict()["state"][0]["step"] == model._n_updates
    loaded.learn(80, reset_num_timesteps=False)
    assert loaded.num_timesteps == 320
    assert loaded._n_updates > model._n_updates


def test_trained_network_alone_decides_as_the_policy(tmp_path: Path) -> None:
    model = make().learn(240)
    model.policy.network.save(tmp_path / "weights.safetensors")
    network, _ = AddNetwork.load(tmp_path / "weights.safetensors")
    obs = SetBandit(16, seed=5).reset()
    alone = network.act(torch.as_tensor(obs), model.candidates, deterministic=True).flatten(1).numpy()
    np.testing.assert_allclose(model.predict(obs, deterministic=True)[0], alone, atol=1e-6)


def test_evaluation_callbacks_and_tensorboard(tmp_path: Path) -> None:
    test_env = VecMonitor(SetBandit(4, seed=7))
    callback = EvalCallback(test_env, n_eval_episodes=8, eval_freq=20, verbose=0)
    model = make(tensorboard_log=str(tmp_path)).learn(480, callback=callback, log_interval=8)
    mean, _ = evaluate_policy(model, test_env, n_eval_episodes=16)
    assert callback.last_mean_reward == pytest.approx(mean, abs=1.5)
    assert 0.5 * 5 < float(np.mean(mean)) < 5
    events = EventAccumulator(str(tmp_path / "OffPolicyADD_1"))
    events.Reload()
    wanted = {"train/critic_loss", "train/actor_loss", "train/weights_kl", "train/temperature", "rollout/ep_rew_mean"}
    assert wanted <= set(events.Tags()["scalars"])


def test_evaluating_while_training_does_not_change_training() -> None:
    plain = make().learn(320)
    watched = make().learn(320, callback=EvalCallback(VecMonitor(SetBandit(4, seed=7)), eval_freq=10, verbose=0))
    for one, other in zip(plain.policy.parameters(), watched.policy.parameters(), strict=True):
        assert torch.equal(one, other)


def test_targets_follow_and_gradients_stay_apart() -> None:
    model = make(tau=0.25).learn(160)
    network, target = model.policy.network, model.policy.target
    before = {name: p.clone() for name, p in target.named_parameters()}
    encoder = network.encoder.users.weight.clone()
    data = model.replay_buffer.sample(32)
    state, *_ = model._critic_step(data, data.actions.view(32, -1, 2))
    assert not state.h_BNW.requires_grad
    assert not torch.equal(network.encoder.users.weight, encoder)
    assert all(torch.equal(p, before[name]) for name, p in target.named_parameters())
    model.policy.update_target(0.25)
    for name, p in network.named_parameters():
        torch.testing.assert_close(target.get_parameter(name), 0.75 * before[name] + 0.25 * p)


def test_centred_rewards_leave_a_constant_reward_worthless() -> None:
    """With r = 1 for ever Q grows towards 1 / (1 − γ); less the mean reward it stays near 0."""

    class Constant(SetBandit):
        def rewards(self, obs: np.ndarray, actions: np.ndarray) -> np.ndarray:
            return np.ones(len(obs))

    options = {"gamma": 0.9, "tau": 0.1, "learning_rate": 3e-3, "n_steps": 2}
    values = []
    for centring in (True, False):
        model = make(Constant(), reward_centring=centring, **options).learn(1200)
        data = model.replay_buffer.sample(64)
        state = model.policy.network.encode(data.observations)
        values.append(float(model.policy.network.values(state, data.actions.view(64, 1, -1, 2)).mean()))
    assert abs(values[0]) < 0.3
    assert values[1] > 3


def test_n_step_returns_are_centred_step_by_step() -> None:
    model = make(gamma=0.5, n_steps=3, reward_centring=True)
    model._n_updates = 10**6
    model.policy.scales.reward_mean.fill_(2.0)
    discounts = torch.tensor([[0.5], [0.25], [0.125]])
    centred = model._centred(2 * torch.tensor([[1.0], [1.5], [1.75]]), discounts)
    torch.testing.assert_close(centred, torch.zeros(3, 1))


def test_layout_is_read_off_the_spaces() -> None:
    for layout in (TokenLayout(1, 1), TokenLayout(16, 10), LAYOUT):
        box = spaces.Box(-1.0, 1.0, (layout.actions,))
        assert layout_of(spaces.Box(-9.0, 9.0, (layout.size,)), box) == layout
    actions = spaces.Box(-1.0, 1.0, (8,))
    for observed, acted in [
        (spaces.Box(-9.0, 9.0, (LAYOUT.size + 1,)), actions),
        (spaces.Box(-9.0, 9.0, (4,)), actions),
        (spaces.Box(-9.0, 9.0, (LAYOUT.size,)), spaces.Box(-2.0, 2.0, (8,))),
        (spaces.Box(-9.0, 9.0, (LAYOUT.size,)), spaces.Discrete(8)),
        (spaces.Box(-9.0, 9.0, (LAYOUT.size, 1)), actions),
    ]:
        with pytest.raises(ValueError, match="needs the observations and actions of a TokenLayout"):
            layout_of(observed, acted)
