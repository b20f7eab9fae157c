from typing import Any

import numpy as np
import pytest
import torch

from mobaigc_sim.errors import MobaigcError
from mobaigc_sim.scheduling.tokens import TokenLayout
from mobaigc_sim.training.baselines.agents import hyper_class, make_agent
from mobaigc_sim.training.baselines.best_of import BestOf

from .toy import SetBandit, observations, shake

LAYOUT = TokenLayout(4, 2)
COUNTS = [4, 1, 2, 3, 0, 4, 4, 2]
NAMES = ["sac", "td3", "ddpg", "tqc", "sac-set", "td3-set", "ddpg-set", "tqc-set"]


def agent(name: str) -> Any:
    made = make_agent(name, SetBandit(LAYOUT), hyper_class(name)(width=16, hidden=(16,), buffer_size=100))
    shake(made)
    return made


def own_q(made: Any, obs: np.ndarray, actions: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        found = made.policy.critic(torch.as_tensor(obs), torch.as_tensor(actions))
    each = [q.mean(1) for q in found.unbind(1)] if isinstance(found, torch.Tensor) else [q[:, 0] for q in found]
    return torch.stack(each).amin(0).numpy()


@pytest.mark.parametrize("name", NAMES)
def test_chosen_actions_are_never_worse_than_mean_and_zero_by_own_q(name: str) -> None:
    made = agent(name)
    obs = observations(LAYOUT, COUNTS)
    mean, _ = made.predict(obs, deterministic=True)
    chosen, state = BestOf(made, 8).predict(obs, state="kept")
    q = own_q(made, obs, chosen)
    assert state == "kept" and np.abs(chosen).max() <= 1
    assert (q >= own_q(made, obs, mean) - 1e-5).all()
    assert (q >= own_q(made, obs, np.zeros_like(mean)) - 1e-5).all()
    assert (q > own_q(made, obs, mean) + 1e-4).any()


@pytest.mark.parametrize("name", ["sac-set", "td3"])
def test_equal_seeds_choose_equally_and_more_candidates_find_more(name: str) -> None:
    made = agent(name)
    obs = observations(LAYOUT, COUNTS)
    first, again, other = (BestOf(made, 8, seed=seed).predict(obs)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    many = BestOf(made, 64, seed=1).predict(obs)[0]
    assert own_q(made, obs, many).mean() > own_q(made, obs, first).mean()


def test_one_candidate_is_the_better_of_mean_and_zero() -> None:
    made = agent("sac-set")
    obs = observations(LAYOUT, COUNTS)
    mean, _ = made.predict(obs, deterministic=True)
    zero = np.zeros_like(mean)
    better = np.where((own_q(made, obs, zero) > own_q(made, obs, mean))[:, None], zero, mean)
    real = LAYOUT.unpack(obs).mask_N.repeat(2, 1)
    np.testing.assert_allclose(BestOf(made, 1).predict(obs)[0] * real, better, atol=1e-6)
    assert BestOf(made, 1).predict(obs[0])[0].shape == (LAYOUT.actions,)


def test_draws_follow_the_policy() -> None:
    made = agent("sac-set")
    obs = torch.as_tensor(observations(LAYOUT, [4]))
    with torch.no_grad():
        draws_SA = torch.atanh(BestOf(made, 4001).candidates(obs)[1:-1, 0].double().clamp(-1 + 1e-7, 1 - 1e-7))
        mean_1A, log_std_1A, _ = made.policy.actor.get_action_dist_params(obs)
    torch.testing.assert_close(draws_SA.median(0).values.float(), mean_1A[0], atol=0.1, rtol=0.1)
    spread = (draws_SA.quantile(0.6915, 0) - draws_SA.quantile(0.3085, 0)).float()
    torch.testing.assert_close(spread, log_std_1A[0].exp(), atol=0.1, rtol=0.15)


def test_agents_without_such_critics_are_refused() -> None:
    made = make_agent("ppo", SetBandit(LAYOUT))
    with pytest.raises(MobaigcError, match="best-of-n needs critics of state and action"):
        BestOf(made)
    with pytest.raises(ValueError, match="no candidate"):
        BestOf(agent("sac"), 0)
