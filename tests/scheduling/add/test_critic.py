import pytest
import torch
from torch import Tensor

from mobaigc_sim.scheduling.add import critic as module
from mobaigc_sim.scheduling.add.critic import TwinCritic
from mobaigc_sim.scheduling.tokens import CELL_FEATURES


def state(users: int, tokens: int, batch: int = 3) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    h = torch.zeros(batch, tokens, 8)
    h[:, :users] = torch.randn(batch, users, 8, generator=generator)
    mask = (torch.arange(tokens) < users).expand(batch, -1)
    return h, mask, torch.randn(batch, CELL_FEATURES, generator=generator)


def make(**options: object) -> TwinCritic:
    torch.manual_seed(1)
    return TwinCritic(8, 16, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("pooling", ["sum", "mean"])
def test_value_ignores_order_padding_and_the_actions_of_padding(pooling: str) -> None:
    critic = make(pooling=pooling)
    h, mask, cell = state(4, 4)
    actions = torch.rand(3, 5, 4, 2) * 2 - 1
    values = critic(h, mask, cell, actions)
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(critic(h[:, order], mask, cell, actions[:, :, order]), values, atol=1e-5, rtol=1e-4)
    wide, wide_mask, _ = state(4, 9)
    padded = torch.cat((actions, torch.rand(3, 5, 5, 2)), 2)
    torch.testing.assert_close(critic(wide, wide_mask, cell, padded), values, atol=1e-5, rtol=1e-4)
    assert (values[:, :, 0] - values[:, :, 1]).abs().max() > 1e-3
    assert (values[0] - values[1]).abs().max() > 1e-3


def test_many_actions_are_valued_as_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    critic = make()
    h, mask, cell = state(3, 4, batch=5)
    actions = torch.rand(5, 6, 4, 2)
    together = critic(h, mask, cell, actions)
    alone = torch.cat([critic(h, mask, cell, actions[:, m : m + 1]) for m in range(6)], -1)
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)
    monkeypatch.setattr(module, "CHUNK", 2 * 6 * 4)
    torch.testing.assert_close(critic(h, mask, cell, actions), together, atol=1e-5, rtol=1e-4)


def test_value_is_the_sum_of_user_terms_and_a_state_term() -> None:
    h, mask, cell = state(3, 4)
    actions = torch.rand(3, 2, 4, 2)
    critic = make()
    terms = critic.user_terms(h, mask, actions)
    assert bool((terms[..., 3] == 0).all())
    rest = critic.state_value(h, mask, cell).unsqueeze(-1)
    torch.testing.assert_close(critic(h, mask, cell, actions), terms.sum(-1) + rest)
    torch.testing.assert_close(make(pooling="mean")(h, mask, cell, actions), terms.sum(-1) / 3 + rest)


def test_a_state_without_users_is_worth_what_its_cell_says() -> None:
    critic = make()
    h, mask, cell = state(0, 4)
    values = critic(h, mask, cell, torch.rand(3, 2, 4, 2))
    assert bool(values.isfinite().all())
    torch.testing.assert_close(values[..., 0], values[..., 1])
    assert (values[:, 0] - values[:, 1]).abs().max() > 1e-4


def test_gradient_by_the_actions_is_right() -> None:
    critic = make().double()
    h, mask, cell = state(3, 4, batch=2)
    actions = (torch.rand(2, 2, 4, 2, dtype=torch.float64) * 2 - 1).requires_grad_()
    module_pool = module.pool_weights
    try:
        module.pool_weights = lambda mask: module_pool(mask).double()  # type: ignore[assignment]
        assert torch.autograd.gradcheck(lambda a: critic(h.double(), mask, cell.double(), a), actions)
    finally:
        module.pool_weights = module_pool


def test_the_norm_bounds_what_is_said_of_absurd_actions() -> None:
    h, mask, _ = state(3, 4)
    absurd = torch.full((3, 1, 4, 2), 1e4)
    bounded = make().user_terms(h, mask, absurd)
    limit = (16**0.5) * make().out_2D1.norm(dim=1).max()
    assert bool((bounded.abs() <= limit + 1e-5).all())
    assert make(norm=False).user_terms(h, mask, absurd).abs().max() > 10 * limit
