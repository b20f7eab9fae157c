from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from mobaigc_sim.scheduling.add.network import AddConfig, AddNetwork, WeightsError
from mobaigc_sim.scheduling.tokens import USER_FEATURES, TokenLayout

CONFIG = AddConfig(tokens=6, levels=3, width=16, hidden=16)


def observe(users: int, tokens: int = 6, batch: int = 3) -> Tensor:
    layout = TokenLayout(tokens, 3)
    obs = torch.zeros(batch, layout.size)
    parts, generator = layout.unpack(obs), torch.Generator().manual_seed(5)
    parts.mask_N[:, :users] = 1
    parts.users_NF[:, :users] = torch.randn(batch, users, USER_FEATURES, generator=generator)
    parts.content_NKC[:, :users] = torch.randn(batch, users, 3, 4, generator=generator)
    parts.cell_G[:] = torch.randn(batch, 6, generator=generator)
    return obs


@pytest.fixture
def network() -> AddNetwork:
    """A network whose actor is not near zero any more, and whose critic prefers what it draws."""
    torch.manual_seed(0)
    network = AddNetwork(CONFIG)
    network.actor.out.weight.data.mul_(20)
    return network


class Prefers(nn.Module):
    """A critic for which the best action of every user is a given one."""

    def __init__(self, best: tuple[float, float]) -> None:
        super().__init__()
        self.best = torch.tensor(best)

    def forward(self, h: Tensor, mask: Tensor, cell: Tensor, actions: Tensor) -> Tensor:
        values: Tensor = -((actions - self.best).square().sum(-1) * mask[:, None]).sum(-1)
        return torch.stack((values, values + 1))


class Busy(nn.Module):
    """A critic for which the action furthest from zero is best."""

    def forward(self, h: Tensor, mask: Tensor, cell: Tensor, actions: Tensor) -> Tensor:
        values: Tensor = (actions.square().sum(-1) * mask[:, None]).sum(-1)
        return torch.stack((values, values + 1))


def test_deterministic_actions_repeat_and_draw_no_noise(network: AddNetwork) -> None:
    network.critic = Busy()  # type: ignore[assignment]
    obs = observe(4)
    before = torch.get_rng_state()
    first = network.act(obs, 8, deterministic=True)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(77)
    assert torch.equal(network.act(obs, 8, deterministic=True), first)
    for row in range(3):
        alone = network.act(obs[row : row + 1], 8, deterministic=True)
        torch.testing.assert_close(alone, first[row : row + 1], atol=1e-5, rtol=1e-4)
    assert (first[:, :4].abs() > 0.01).any()
    assert bool((first[:, 4:] == 0).all())


def test_padding_beyond_the_trained_tokens_changes_no_decision(network: AddNetwork) -> None:
    network.critic = Busy()  # type: ignore[assignment]
    narrow = network.act(observe(6), 4, deterministic=True)
    wide = network.act(observe(6, tokens=40), 4, deterministic=True)
    torch.testing.assert_close(wide[:, :6], narrow, atol=1e-5, rtol=1e-4)


def test_noise_comes_from_the_generator_alone(network: AddNetwork) -> None:
    obs = observe(4)
    before = torch.get_rng_state()
    drawn = [network.act(obs, 2, torch.Generator().manual_seed(seed), temperature=1.0) for seed in (1, 1, 2)]
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_the_best_candidate_is_taken_and_the_zero_action_is_one(network: AddNetwork) -> None:
    obs = observe(4)
    network.critic = Prefers((0.0, 0.0))  # type: ignore[assignment]
    assert bool((network.act(obs, 8, deterministic=True) == 0).all())
    network.critic = Prefers((1.0, 1.0))  # type: ignore[assignment]
    state = network.encode(obs)
    drawn = network.draw_fixed(state, 8)
    candidates = torch.cat((torch.zeros_like(drawn[:, :1]), drawn), 1)
    far = (candidates[:, :, :4] - 1).square().sum((2, 3))
    best = candidates[torch.arange(3), far.argmin(1)]
    torch.testing.assert_close(network.act(obs, 8, deterministic=True)[:, :4], best[:, :4])


def test_temperature_draws_by_softmax_of_the_value(network: AddNetwork) -> None:
    """One candidate that always lands at `a`, and zero: zero is taken with probability σ((Q(0) − Q(a)) / τ)."""
    network.actor.out.weight.data.zero_()
    network.actor.out.bias.data.fill_(0.5)
    network.critic = Prefers((0.0, 0.0))  # type: ignore[assignment]
    obs = observe(4, batch=1).expand(4000, -1)
    taken = network.act(obs, 1, torch.Generator().manual_seed(0), temperature=2.0)
    gap = 4 * 2 * torch.tensor(0.5).tanh() ** 2
    want = float(torch.sigmoid(gap / 2.0))
    assert float((taken == 0).all(-1).all(-1).float().mean()) == pytest.approx(want, abs=0.03)


def test_states_without_users_get_zeros(network: AddNetwork) -> None:
    assert bool((network.act(observe(0), 4, deterministic=True) == 0).all())


def test_saved_weights_decide_the_same_and_keep_their_metadata(network: AddNetwork, tmp_path: Path) -> None:
    network.save(tmp_path / "w.safetensors", {"trained": "yes"})
    loaded, metadata = AddNetwork.load(tmp_path / "w.safetensors")
    assert metadata == {"trained": "yes"}
    assert loaded.config == CONFIG
    obs = observe(5)
    assert torch.equal(loaded.act(obs, 8, deterministic=True), network.act(obs, 8, deterministic=True))


def test_wrong_files_are_refused_in_one_line(network: AddNetwork, tmp_path: Path) -> None:
    text, foreign, cut = tmp_path / "a.txt", tmp_path / "b.safetensors", tmp_path / "c.safetensors"
    text.write_text("not weights")
    save_file({"x": torch.zeros(2)}, foreign)
    network.save(cut)
    for path, complaint in [(tmp_path / "none", "cannot be read"), (text, "cannot be read"), (foreign, "no ADD")]:
        with pytest.raises(WeightsError, match=complaint) as caught:
            AddNetwork.load(path)
        assert "\n" not in str(caught.value)
    config = '{"tokens": 6, "levels": 3, "width": 32}'
    save_file(network.state_dict(), cut, {"format": "mobaigc-add-1", "config": config})
    with pytest.raises(WeightsError, match="do not fit"):
        AddNetwork.load(cut)
