import math
from itertools import pairwise

import pytest
import torch

from mobaigc_sim.scheduling.add.diffusion import DiffusionActor, alpha_bars, ancestral_steps, ddim_steps

SCHEDULES = ["vp", "log_snr"]


def make(steps: int = 5, width: int = 8, seed: int = 0) -> DiffusionActor:
    torch.manual_seed(seed)
    return DiffusionActor(width, 16, steps)


def state(users: int, tokens: int, batch: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    h = torch.zeros(batch, tokens, 8)
    h[:, :users] = torch.randn(batch, users, 8, generator=torch.Generator().manual_seed(3))
    return h, (torch.arange(tokens) < users).expand(batch, -1)


def test_the_vp_schedule_has_its_closed_form() -> None:
    """The sum of 2k − 1 is t², so ᾱ_t = exp(−0.1 t/T − 9.9 t²/(2T²)) whatever T."""
    for steps in (1, 5, 20):
        want = [math.exp(-0.1 * t / steps - 9.9 * t**2 / (2 * steps**2)) for t in range(1, steps + 1)]
        assert alpha_bars(steps, "vp") == pytest.approx(want)


def test_the_log_snr_schedule_steps_evenly_from_ratio_tenth_to_five() -> None:
    ratios = [math.sqrt(1 / a - 1) for a in alpha_bars(5, "log_snr")]
    assert [ratios[0], ratios[-1]] == pytest.approx([0.1, 5.0])
    assert [b / a for a, b in pairwise(ratios)] == pytest.approx([50**0.25] * 4)
    assert alpha_bars(1, "log_snr") == pytest.approx([1 / 26])
    with pytest.raises(ValueError, match="log_snr, vp"):
        alpha_bars(5, "cosine")  # type: ignore[arg-type]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_one_jump_has_the_moments_of_many_small_steps(schedule: str) -> None:
    bars = alpha_bars(5, schedule)  # type: ignore[arg-type]
    generator = torch.Generator().manual_seed(0)
    a = torch.full((200_000,), 0.8)
    actor, before = DiffusionActor(8, 16, 5, schedule), 1.0  # type: ignore[arg-type]
    for step, bar in enumerate(bars):
        alpha = bar / before
        a = math.sqrt(alpha) * a + math.sqrt(1 - alpha) * torch.randn(a.shape, generator=generator)
        before = bar
        noise = torch.randn(1, 1, 100_000, 2, generator=generator)
        jump = actor.diffuse(torch.full_like(noise, 0.8), torch.tensor([[step]]), noise)
        assert float(a.mean()) == pytest.approx(float(jump.mean()), abs=0.01)
        assert float(a.var()) == pytest.approx(float(jump.var()), abs=0.015)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_ancestral_steps_are_the_posterior_by_bayes(schedule: str) -> None:
    """Prior N(√ᾱ' x, 1 − ᾱ') of a_{t−1} times the likelihood N(√α a_{t−1}, 1 − α) of a_t."""
    bars = alpha_bars(5, schedule)  # type: ignore[arg-type]
    steps = ancestral_steps(bars)
    assert (steps.clean_T[0], steps.kept_T[0], steps.spread_T[0]) == pytest.approx((1.0, 0.0, 0.0))
    for t in range(1, 5):
        alpha, before = bars[t] / bars[t - 1], bars[t - 1]
        precision = 1 / (1 - before) + alpha / (1 - alpha)
        assert steps.spread_T[t] ** 2 == pytest.approx(1 / precision)
        assert steps.clean_T[t] == pytest.approx(math.sqrt(before) / (1 - before) / precision)
        assert steps.kept_T[t] == pytest.approx(math.sqrt(alpha) / (1 - alpha) / precision)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_ddim_with_the_true_action_recovers_it(schedule: str) -> None:
    bars = alpha_bars(5, schedule)  # type: ignore[arg-type]
    steps, clean, noise = ddim_steps(bars), 0.37, -1.4
    a = math.sqrt(bars[4]) * clean + math.sqrt(1 - bars[4]) * noise
    for t in range(4, 0, -1):
        a = steps.clean_T[t] * clean + steps.kept_T[t] * a
        assert a == pytest.approx(math.sqrt(bars[t - 1]) * clean + math.sqrt(1 - bars[t - 1]) * noise)
    assert steps.clean_T[0] * clean + steps.kept_T[0] * a == pytest.approx(clean)
    assert steps.spread_T == [0.0] * 5


@pytest.mark.parametrize("ancestral", [True, False])
def test_the_sampler_walks_the_chain_of_its_denoiser(ancestral: bool) -> None:
    actor = make()
    h, mask = state(3, 4)
    noise = torch.randn(5, 3, 2, 4, 2)
    clean_T, kept_T, spread_T = actor.ancestral if ancestral else actor.ddim
    a = noise[-1]
    for t in range(4, -1, -1):
        clean = actor(h, mask, a, torch.full((3, 2), t))
        a = clean_T[t] * clean + kept_T[t] * a + (spread_T[t] * noise[t - 1] if t else 0)
    got = actor.sample(h, mask, noise[-1], noise[:-1] if ancestral else None)
    torch.testing.assert_close(got, a, atol=1e-5, rtol=1e-4)


def test_samples_follow_a_permutation_and_ignore_padding() -> None:
    actor = make()
    actor.out.weight.data.mul_(10)
    h, mask = state(4, 4)
    noise = torch.randn(5, 3, 2, 4, 2)
    got = actor.sample(h, mask, noise[-1], noise[:-1])
    order = torch.tensor([2, 0, 3, 1])
    moved = actor.sample(h[:, order], mask, noise[-1][:, :, order], noise[:-1][..., order, :])
    torch.testing.assert_close(moved, got[:, :, order], atol=1e-5, rtol=1e-4)
    wide, wide_mask = state(4, 7)
    padded = torch.cat((noise, torch.randn(5, 3, 2, 3, 2)), 3)
    torch.testing.assert_close(
        actor.sample(wide, wide_mask, padded[-1], padded[:-1])[:, :, :4], got, atol=1e-5, rtol=1e-4
    )
    assert bool((got.abs() < 1).all())
    empty = actor.sample(wide, torch.zeros(3, 7, dtype=torch.bool), padded[-1])
    assert bool(empty.isfinite().all())


def test_no_gradient_is_dead_even_far_out() -> None:
    """A clamp inside the chain would cut the gradient of every element beyond its bounds."""
    actor = make()
    h, mask = state(4, 4)
    start = (6 * torch.randn(3, 2, 4, 2)).requires_grad_()
    actor.sample(h, mask, start).sum().backward()
    assert start.grad is not None
    assert bool((start.grad != 0).all())
    assert all(bool((p.grad != 0).any()) for p in actor.parameters() if p.grad is not None)
    assert all(p.grad is not None for p in actor.parameters())


def test_gradient_through_the_chain_is_right() -> None:
    actor = make(steps=3, seed=2)
    actor.out.weight.data.mul_(10)
    h, mask = state(3, 3, batch=1)
    start = torch.randn(1, 1, 3, 2)
    weight = actor.mix.weight
    (gradient,) = torch.autograd.grad(actor.sample(h, mask, start).sum(), weight)
    index = divmod(int(gradient.abs().argmax()), 16)
    sums = []
    for shift in (1e-2, -1e-2):
        with torch.no_grad():
            weight[index] += shift
            sums.append(float(actor.sample(h, mask, start).sum()))
            weight[index] -= shift
    assert (sums[0] - sums[1]) / 2e-2 == pytest.approx(float(gradient[index]), rel=0.02)


def test_a_chain_has_no_negative_number_of_steps() -> None:
    with pytest.raises(ValueError, match="at least 0"):
        DiffusionActor(8, 16, -1)
