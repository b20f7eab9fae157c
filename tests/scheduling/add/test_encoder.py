import pytest
import torch
from torch import Tensor

from mobaigc_sim.scheduling.add.encoder import SetEncoder
from mobaigc_sim.scheduling.tokens import CELL_FEATURES, CONTENT_FEATURES, USER_FEATURES, TokenLayout

LAYOUT = TokenLayout(6, 3)


def pack(users: Tensor, content: Tensor, mask: Tensor, cell: Tensor) -> Tensor:
    return torch.cat((users.flatten(1), content.flatten(1), mask, cell), 1)


def parts(users: int, tokens: int, batch: int = 3, seed: int = 0) -> list[Tensor]:
    """Random states of `users` users each, padded to `tokens`."""
    generator = torch.Generator().manual_seed(seed)
    mask = (torch.arange(tokens) < users).float().expand(batch, -1)
    drawn = torch.randn(batch, users, USER_FEATURES, generator=generator)
    content = torch.randn(batch, users, LAYOUT.levels, CONTENT_FEATURES, generator=generator)
    cell = torch.randn(batch, CELL_FEATURES, generator=generator)
    pad = tokens - users
    return [
        torch.cat((drawn, torch.zeros(batch, pad, USER_FEATURES)), 1),
        torch.cat((content, torch.zeros(batch, pad, LAYOUT.levels, CONTENT_FEATURES)), 1),
        mask,
        cell,
    ]


@pytest.fixture
def encoder() -> SetEncoder:
    torch.manual_seed(1)
    return SetEncoder(LAYOUT, width=16, heads=2, layers=2)


def test_permuting_the_users_permutes_the_vectors(encoder: SetEncoder) -> None:
    users, content, mask, cell = parts(6, 6)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    h, _ = encoder(pack(users, content, mask, cell))
    moved, _ = encoder(pack(users[:, order], content[:, order], mask, cell))
    torch.testing.assert_close(moved, h[:, order], atol=1e-5, rtol=1e-4)
    assert (h[:, 0] - h[:, 1]).abs().max() > 0.1


def test_padding_changes_nothing_and_more_tokens_than_in_the_layout_work(encoder: SetEncoder) -> None:
    h, mask = encoder(pack(*parts(4, 4)))
    padded, padded_mask = encoder(pack(*parts(4, 40)))
    torch.testing.assert_close(padded[:, :4], h, atol=1e-5, rtol=1e-4)
    assert bool((padded[:, 4:] == 0).all())
    assert mask.all()
    assert padded_mask.sum(1).tolist() == [4, 4, 4]


def test_a_state_without_users_gives_zeros_and_finite_gradients(encoder: SetEncoder) -> None:
    users, content, mask, cell = parts(4, 6)
    mask = mask.clone()
    mask[1] = 0
    h, _ = encoder(pack(users, content, mask, cell))
    h.square().sum().backward()
    assert bool((h[1] == 0).all())
    assert all(bool(p.grad.isfinite().all()) for p in encoder.parameters() if p.grad is not None)
    assert all(p.grad is not None for p in encoder.parameters())


def test_users_attend_to_each_other_but_never_across_states(encoder: SetEncoder) -> None:
    users, content, mask, cell = parts(5, 6)
    users.requires_grad_()
    h, _ = encoder(pack(users, content, mask, cell))
    (gradient,) = torch.autograd.grad(h[0, 0].square().sum(), users)
    assert bool((gradient[0, :5].abs().sum(-1) > 0).all())
    assert bool((gradient[1:] == 0).all())
    assert bool((gradient[0, 5] == 0).all())


def test_content_attention_is_multi_head_attention_with_linear_keys_and_values() -> None:
    """Key and value maps folded into the query and the output give what explicit ones give."""
    torch.manual_seed(2)
    attention = SetEncoder(LAYOUT, width=16, heads=2).content
    assert attention is not None
    x, content = torch.randn(6, 16), torch.randn(6, LAYOUT.levels, CONTENT_FEATURES)
    got = attention(x, content)
    embedded = torch.relu(attention.embed(content))
    query = attention.query(attention.norm(x)).view(6, 2, -1)
    out = attention.out.weight.view(16, 2, -1)
    for u in range(6):
        want = attention.out.bias.clone()
        for head in range(2):
            scores = torch.stack([query[u, head] @ e for e in embedded[u]]) / embedded.shape[-1] ** 0.5
            for weight, e in zip(torch.softmax(scores, 0), embedded[u], strict=True):
                want = want + weight * (out[:, head] @ e)
        torch.testing.assert_close(got[u], want, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("content", [True, False])
def test_content_can_be_left_out(content: bool) -> None:
    torch.manual_seed(3)
    encoder = SetEncoder(LAYOUT, width=16, content=content)
    users, tokens, mask, cell = parts(4, 6)
    first, _ = encoder(pack(users, tokens, mask, cell))
    second, _ = encoder(pack(users, tokens + mask[..., None, None], mask, cell))
    assert (float((first - second).detach().abs().max()) > 1e-3) is content


def test_observations_of_no_number_of_tokens_are_refused(encoder: SetEncoder) -> None:
    with pytest.raises(ValueError, match="keep ratios"):
        encoder(torch.zeros(2, LAYOUT.size + 1))
    with pytest.raises(ValueError, match="keep ratios"):
        encoder(torch.zeros(2, CELL_FEATURES))
