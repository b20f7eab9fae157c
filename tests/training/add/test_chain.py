"""Likelihoods of denoising steps against densities written out, and their gradient."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Normal

from mobaigc_sim.scheduling.add.diffusion import DiffusionActor
from mobaigc_sim.training.add.chain import log_likelihood, steps_of, walk

B, N, W = 3, 5, 8


@pytest.fixture
def actor() -> DiffusionActor:
    torch.manual_seed(0)
    return DiffusionActor(W, 8, 4)


def states() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    return torch.randn(B, N, W), torch.arange(N).expand(B, N) < torch.tensor([[5], [3], [1]])


def test_each_step_is_a_gaussian_around_the_posterior_mean(actor: DiffusionActor) -> None:
    h, mask = states()
    steps = steps_of(actor, 0.25)
    chain = walk(actor, steps, h, mask, torch.randn(B, actor.steps + 1, N, 2))
    found = log_likelihood(actor, steps, h, mask, chain)
    clean, kept, spread = actor.ancestral
    for place, number in enumerate(range(actor.steps - 1, -1, -1)):
        std = max(spread[number], 0.25)
        x = actor(h, mask, chain[:, place : place + 1], torch.full((B, 1), number))[:, 0]
        density = Normal(clean[number] * x + kept[number] * chain[:, place], std).log_prob(chain[:, place + 1]).sum(-1)
        constant = 2 * Normal(0.0, std).log_prob(torch.zeros(()))
        torch.testing.assert_close(found[:, place], density - constant)


def test_walks_spread_as_the_steps_say(actor: DiffusionActor) -> None:
    h, mask = states()
    steps = steps_of(actor, 0.25)
    torch.manual_seed(2)
    noise = torch.randn(4000, actor.steps + 1, N, 2)
    chain = walk(actor, steps, h[:1].expand(4000, -1, -1), mask[:1].expand(4000, -1), noise)
    before, after = chain[:, -2], chain[:, -1]
    mean = (
        steps.clean[-1]
        * actor(
            h[:1].expand(4000, -1, -1),
            mask[:1].expand(4000, -1),
            before[:, None],
            torch.zeros(4000, 1, dtype=torch.int64),
        )[:, 0]
        + steps.kept[-1] * before
    )
    assert (after - mean).std().item() == pytest.approx(0.25, rel=0.03)


def test_raising_the_likelihood_moves_the_action_there(actor: DiffusionActor) -> None:
    h, mask = states()
    steps = steps_of(actor, 0.25)
    chain = walk(actor, steps, h, mask, torch.randn(B, actor.steps + 1, N, 2))
    chain[:, -1] = 0.6
    optimizer = torch.optim.Adam(actor.parameters(), lr=1e-2)
    for _ in range(200):
        loss = -log_likelihood(actor, steps, h, mask, chain)[:, -1][mask].mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    last = actor(h, mask, chain[:, -2:-1], torch.zeros(B, 1, dtype=torch.int64))[:, 0]
    assert (last[mask] - 0.6).abs().mean() < 0.1
