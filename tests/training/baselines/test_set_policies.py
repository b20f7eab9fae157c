from typing import Any

import numpy as np
import pytest
import torch

from mobaigc_sim.scheduling.tokens import TokenLayout
from mobaigc_sim.training.baselines.agents import AGENTS, hyper_class, make_agent

from .toy import SetBandit, observations, rearranged, shake

LAYOUT = TokenLayout(4, 3)
COUNTS = [4, 2, 1, 0, 3]
PLACES = [5, 0, 3, 1]
"""Where users 0 … 3 go among 6 places: another order, and gaps between them."""
SETS = [name for name in AGENTS if name.endswith("-set")]
OFF_POLICY = [name for name in SETS if name not in ("ppo-set", "a2c-set")]


def agent(name: str, layout: TokenLayout = LAYOUT) -> Any:
    small: dict[str, Any] = {"width": 16}
    if name in OFF_POLICY:
        small["buffer_size"] = 1000
    made = make_agent(name, SetBandit(layout), hyper_class(name)(**small), seed=0)
    shake(made)
    return made


def pair(name: str) -> tuple[Any, Any, torch.Tensor, torch.Tensor]:
    """An agent, one with the same weights for 6 users, and the same states for both."""
    obs = observations(LAYOUT, COUNTS)
    wide, moved = rearranged(LAYOUT, obs, PLACES, 6)
    first, second = agent(name), agent(name, wide)
    second.policy.load_state_dict(first.policy.state_dict())
    return first, second, torch.as_tensor(obs), torch.as_tensor(moved)


def move(actions_BA: torch.Tensor) -> torch.Tensor:
    moved_BN2 = torch.full((len(actions_BA), 6, 2), 0.5)
    moved_BN2[:, PLACES] = actions_BA.view(len(actions_BA), 4, 2)
    return moved_BN2.flatten(1)


@pytest.mark.parametrize("name", SETS)
def test_actors_are_equivariant_and_padding_does_not_matter(name: str) -> None:
    first, second, obs, moved = pair(name)
    mean_BN2 = first.predict(obs.numpy(), deterministic=True)[0].reshape(-1, 4, 2)
    moved_BN2 = second.predict(moved.numpy(), deterministic=True)[0].reshape(-1, 6, 2)
    np.testing.assert_allclose(moved_BN2[:, PLACES], mean_BN2, atol=1e-5)
    assert np.ptp(mean_BN2[0, :, 0]) > 1e-3
    assert not mean_BN2[1, 2:].any() and not moved_BN2[:, [2, 4]].any()


@pytest.mark.parametrize("name", OFF_POLICY)
def test_critics_are_invariant_and_ignore_actions_of_padding(name: str) -> None:
    first, second, obs, moved = pair(name)
    actions_BA = torch.rand((len(COUNTS), LAYOUT.actions), generator=torch.Generator().manual_seed(1)) * 2 - 1
    for network in ("critic", "critic_target"):
        one, other = getattr(first.policy, network), getattr(second.policy, network)
        before, after = one(obs, actions_BA), other(moved, move(actions_BA))
        for q, moved_q in zip(before, after, strict=True):
            torch.testing.assert_close(q, moved_q, rtol=1e-4, atol=1e-4)
    other_actions_BA = actions_BA.clone()
    other_actions_BA[1, 4:] = 0.123
    q, other_q = (torch.stack(tuple(first.policy.critic(obs, a))) for a in (actions_BA, other_actions_BA))
    torch.testing.assert_close(q, other_q)
    other_actions_BA[1, 3] += 0.3
    assert not torch.allclose(q, torch.stack(tuple(first.policy.critic(obs, other_actions_BA))))


@pytest.mark.parametrize("name", ["ppo-set", "a2c-set"])
def test_values_probabilities_and_entropies_are_invariant(name: str) -> None:
    first, second, obs, moved = pair(name)
    actions_BA = torch.randn((len(COUNTS), LAYOUT.actions), generator=torch.Generator().manual_seed(1))
    before = first.policy.evaluate_actions(obs, actions_BA)
    after = second.policy.evaluate_actions(moved, move(actions_BA))
    for one, other in zip(before, after, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(first.policy.predict_values(obs), before[0])
    assert first.policy.log_std.shape == (2,)


@pytest.mark.parametrize("name", ["sac-set", "tqc-set"])
def test_entropy_target_follows_the_number_of_users(name: str) -> None:
    made = agent(name)
    obs = torch.as_tensor(observations(LAYOUT, COUNTS))
    actor = made.policy.actor
    assert made.target_entropy == 0
    actions_BA, excess_B = actor.action_log_prob(obs)
    mean_BA, log_std_BA, keywords = actor.get_action_dist_params(obs)
    log_prob_B = actor.action_dist.proba_distribution(mean_BA, log_std_BA, **keywords).log_prob(actions_BA)
    torch.testing.assert_close(excess_B - log_prob_B, -2.0 * torch.tensor(COUNTS), rtol=1e-3, atol=1e-3)
    assert excess_B[3] == 0


@pytest.mark.parametrize("name", OFF_POLICY)
def test_the_critic_trains_the_encoder_and_the_actor_its_own_heads(name: str) -> None:
    made = agent(name)
    obs = torch.as_tensor(observations(LAYOUT, COUNTS))
    actor, critic = made.policy.actor, made.policy.critic
    actions_BA = actor(obs)
    assert actions_BA.requires_grad
    torch.cat([q.flatten() for q in critic(obs, actions_BA)]).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in actor.mu.parameters())
    assert all(p.grad is None for p in critic.features_extractor.parameters())
    torch.cat([q.flatten() for q in critic(obs, actions_BA.detach())]).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in critic.features_extractor.parameters())
    assert sum(p.grad.abs().sum() > 0 for p in critic.features_extractor.parameters()) > 10
    owned = {id(p) for p in critic.features_extractor.parameters()}
    assert not owned & {id(p) for p in actor.parameters()}


def test_gradient_of_the_critic_by_actions_is_the_slope() -> None:
    made = agent("sac-set")
    obs = torch.as_tensor(observations(LAYOUT, [2]))
    critic = made.policy.critic.double()
    actions_1A = torch.zeros((1, LAYOUT.actions), dtype=torch.float64, requires_grad=True)
    obs = obs.double()
    made.policy.critic.extract_features = lambda x, extractor: extractor(x)
    critic(obs, actions_1A)[0].backward()
    assert actions_1A.grad is not None
    for place in range(LAYOUT.actions):
        step = torch.zeros_like(actions_1A)
        step[0, place] = 1e-4
        with torch.no_grad():
            slope = (critic(obs, actions_1A + step)[0] - critic(obs, actions_1A - step)[0]).item() / 2e-4
        assert actions_1A.grad[0, place].item() == pytest.approx(slope, abs=1e-5)


@pytest.mark.parametrize("name", ["td3-set", "sac-set"])
def test_the_target_encoder_follows_by_tau_once(name: str) -> None:
    made = make_agent(
        name, SetBandit(LAYOUT), hyper_class(name)(width=16, buffer_size=500, learning_starts=64, tau=0.1)
    )
    made.learn(64)
    policy: Any = made.policy
    target = policy.critic_target.features_extractor.encoder.users.weight
    old = target.detach().clone()
    made.train(2 if name == "td3-set" else 1, 32)  # type: ignore[attr-defined]
    new = policy.critic.features_extractor.encoder.users.weight
    torch.testing.assert_close(target, old + 0.1 * (new - old), rtol=1e-4, atol=1e-6)
    assert not torch.equal(target, old)
