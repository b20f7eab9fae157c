from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from pydantic import ValidationError
from stable_baselines3.common.vec_env import VecMonitor

from mobaigc_sim.errors import MobaigcError, UnknownNameError
from mobaigc_sim.scheduling.tokens import TokenLayout
from mobaigc_sim.training.baselines.agents import AGENTS, hyper_class, make_agent
from mobaigc_sim.training.baselines.hyper import DeterministicHyper, EntropyHyper, OffPolicyHyper, PpoHyper
from mobaigc_sim.training.baselines.wrappers import CentredReward, Undiscretised

from .toy import SetBandit, observations, regret_of

LAYOUT = TokenLayout(4, 2)


def small(name: str, n_steps: int = 1) -> Any:
    family = hyper_class(name)
    options: dict[str, Any] = {"width": 16, "hidden": (32,)}
    if issubclass(family, OffPolicyHyper):
        options |= {"learning_starts": 64, "batch_size": 32, "buffer_size": 1000, "n_steps": n_steps}
    else:
        options["rollout_steps"] = 8
    if family is PpoHyper:
        options["batch_size"] = 32
    return family(**options)


def weights(agent: Any) -> np.ndarray:
    return np.concatenate([p.detach().numpy().ravel() for p in agent.policy.parameters()])


@pytest.mark.parametrize("name", AGENTS)
def test_every_agent_learns_and_repeats_itself(name: str) -> None:
    runs = []
    for _ in range(2):
        made = make_agent(name, CentredReward(VecMonitor(SetBandit(LAYOUT))), small(name, n_steps=2), seed=3)
        before = weights(made)
        made.learn(200)
        assert made.num_timesteps >= 200
        assert not np.array_equal(before, weights(made)) and np.isfinite(weights(made)).all()
        runs.append(weights(made))
    np.testing.assert_array_equal(runs[0], runs[1])
    predictor: Any = Undiscretised(made, LAYOUT.actions) if name == "dqn" else made
    actions, _ = predictor.predict(observations(LAYOUT, [1, 4, 0]), deterministic=True)
    assert actions.shape == (3, LAYOUT.actions) and np.abs(actions).max() <= 1


@pytest.mark.parametrize("name", ["sac-set", "tqc-set", "td3-set", "ppo-set"])
def test_saved_agents_act_as_before(name: str, tmp_path: Path) -> None:
    made = make_agent(name, SetBandit(LAYOUT), small(name))
    made.learn(100)
    made.save(tmp_path / "agent.zip")
    again = type(made).load(tmp_path / "agent.zip", device="cpu")
    obs = observations(LAYOUT, [4, 2])
    np.testing.assert_array_equal(again.predict(obs, deterministic=True)[0], made.predict(obs, deterministic=True)[0])


def test_sac_on_sets_learns_a_bandit_of_known_optimum() -> None:
    hyper = EntropyHyper(width=32, learning_rate=2e-3, batch_size=64, learning_starts=200, buffer_size=5000)
    made = make_agent("sac-set", SetBandit(LAYOUT), hyper, seed=1)
    made.learn(4500)
    assert regret_of(made, LAYOUT) < 0.15  # 0.30 for no correction at all


def test_ppo_on_sets_learns_a_bandit_of_known_optimum() -> None:
    hyper = PpoHyper(width=16, learning_rate=2e-3, rollout_steps=64, epochs=5)
    made = make_agent("ppo-set", SetBandit(LAYOUT), hyper, seed=1)
    assert regret_of(made, LAYOUT) > 0.25
    made.learn(5000)
    assert regret_of(made, LAYOUT) < 0.15


def test_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'sac-set'"):
        make_agent("sac-sett", SetBandit(LAYOUT))
    with pytest.raises(UnknownNameError, match="unknown agent 'dqn-set'"):
        hyper_class("dqn-set")


def test_hyperparameters_of_another_family_are_refused() -> None:
    with pytest.raises(TypeError, match="EntropyHyper, not a DeterministicHyper"):
        make_agent("sac", SetBandit(LAYOUT), DeterministicHyper())


@pytest.mark.parametrize(
    "field", [{"gamma": 1.0}, {"batch_size": 0}, {"hidden": (64, 0)}, {"tau": 0.0}, {"width": 10, "heads": 3}, {"x": 1}]
)
def test_hyperparameters_are_checked(field: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        EntropyHyper(**field)


def test_spaces_of_no_layout_are_refused() -> None:
    other = SetBandit(LAYOUT)
    other.observation_space = spaces.Box(-1, 1, (LAYOUT.size + 1,), np.float32)
    with pytest.raises(MobaigcError, match="TokenLayout"):
        make_agent("sac-set", other)


def test_common_hyperparameters_reach_every_off_policy_agent() -> None:
    for name in AGENTS:
        family = hyper_class(name)
        if issubclass(family, OffPolicyHyper):
            hyper = family(
                gamma=0.9, tau=0.02, train_freq=3, gradient_steps=2, n_steps=4, buffer_size=800, batch_size=7
            )
            made: Any = make_agent(name, SetBandit(LAYOUT), hyper)
            seen = (made.gamma, made.tau, made.train_freq.frequency, made.gradient_steps, made.n_steps)
            assert seen == (0.9, 0.02, 3, 2, 4) and made.batch_size == 7 and made.replay_buffer.n_steps == 4
