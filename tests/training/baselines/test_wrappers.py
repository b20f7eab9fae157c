import numpy as np
import pytest
from gymnasium import spaces
from stable_baselines3.common.vec_env import VecMonitor

from mobaigc_sim.scheduling.tokens import TokenLayout
from mobaigc_sim.training.baselines.wrappers import CentredReward, DiscreteActions, Undiscretised, constant_actions

from .toy import SetBandit

LAYOUT = TokenLayout(3, 2)


def test_centred_rewards_have_mean_zero_and_episodes_stay_raw() -> None:
    raw_env = SetBandit(LAYOUT, 8, seed=4, offset=5.0)
    env = CentredReward(VecMonitor(raw_env), step_size=0.01)
    env.reset()
    centred, raw = [], []
    for _ in range(1000):
        _, rewards, _, infos = env.step(np.zeros((8, LAYOUT.actions), np.float32))
        centred.append(rewards)
        raw.append([info["raw_reward"] for info in infos])
        assert [info["episode"]["r"] for info in infos] == pytest.approx(raw[-1])
    assert np.mean(raw) == pytest.approx(5 - 0.89 / 3, abs=0.02)
    assert env.mean == pytest.approx(np.mean(raw[-300:]), abs=0.02)
    assert np.mean(centred[500:]) == pytest.approx(0, abs=0.02)
    differences = np.ptp(np.array(raw) - np.array(centred), axis=1)
    assert differences.max() < 1e-5


def test_first_mean_has_no_weight_and_later_ones_follow_the_recursion() -> None:
    env = CentredReward(SetBandit(LAYOUT, 2, offset=3.0), step_size=0.1)
    env.reset()
    means, weights = [], []
    for step in range(1, 6):
        raw = [info["raw_reward"] for info in env.step(np.zeros((2, LAYOUT.actions), np.float32))[3]]
        means.append(np.mean(raw))
        weights = [0.1 * 0.9 ** (step - 1 - age) for age in range(step)]
        assert env.mean == pytest.approx(np.average(means, weights=weights), rel=1e-5)


def test_step_size_outside_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match="step_size"):
        CentredReward(SetBandit(LAYOUT), step_size=0.0)


def test_discrete_actions_give_all_users_the_same_pair() -> None:
    env = DiscreteActions(SetBandit(LAYOUT, 2))
    assert env.action_space == spaces.Discrete(15)
    pairs = constant_actions(LAYOUT.actions).reshape(15, 3, 2)
    assert (pairs == pairs[:, :1]).all() and len(np.unique(pairs[:, 0], axis=0)) == 15
    assert not pairs[7].any()
    env.reset()
    env.step(np.array([0, 14]))
    np.testing.assert_array_equal(env.venv.actions, [[-1] * 6, [1] * 6])  # type: ignore[attr-defined]


def test_undiscretised_choices_are_the_constant_actions() -> None:
    class Always3:
        def predict(self, observation, state=None, episode_start=None, deterministic=False):  # type: ignore[no-untyped-def]
            return np.full(np.shape(observation)[:-1], 3), state

    predictor = Undiscretised(Always3(), LAYOUT.actions)
    np.testing.assert_allclose(predictor.predict(np.zeros((2, 5)))[0], [[-1, 0.5] * 3] * 2)
    np.testing.assert_allclose(predictor.predict(np.zeros(5))[0], [-1, 0.5] * 3)
