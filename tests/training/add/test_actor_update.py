import math

import pytest
import torch
from torch import Tensor, nn

from mobaigc_sim.scheduling.add.network import AddConfig, AddNetwork, Encoded
from mobaigc_sim.training.add.actor_update import Scales, Update, denoising_loss, particles

USERS = 2


class TwoModes(nn.Module):
    """Actions whose first number is 0.7 or −0.7, and whose second is 0, are equally good; in between is worse."""

    def user_terms(self, h: Tensor, mask: Tensor, actions: Tensor) -> Tensor:
        miss = (actions[..., 0].abs() - 0.7).square() + actions[..., 1].square()
        return (-miss * mask[:, None]).expand(2, -1, -1, -1)

    def forward(self, h: Tensor, mask: Tensor, cell: Tensor, actions: Tensor) -> Tensor:
        return self.user_terms(h, mask, actions).sum(-1)


def setting(batch: int = 64) -> tuple[AddNetwork, Encoded]:
    torch.manual_seed(0)
    network = AddNetwork(AddConfig(USERS, 2, width=16))
    network.critic = TwoModes()  # type: ignore[assignment]
    mask = torch.ones(batch, USERS, dtype=torch.bool)
    return network, Encoded(torch.zeros(batch, USERS, 16), mask, torch.zeros(batch, 6))


def test_weights_meet_the_kl_target_whatever_the_scale_of_values() -> None:
    generator, mask = torch.Generator().manual_seed(0), torch.ones(256, 1, dtype=torch.bool)
    for scale in (1e-3, 1.0, 1e4):
        scales = Scales()
        for _ in range(300):
            values = scale * (7 + torch.randn(256, 8, 1, generator=generator))
            weights, kl = scales.weigh(values, mask, kl_target=0.6)
        assert float(kl) == pytest.approx(0.6, abs=0.06)
        entropy = -(weights * weights.log()).sum(1).mean()
        assert float(kl) == pytest.approx(math.log(8) - float(entropy), rel=1e-4)
        torch.testing.assert_close(weights.sum(1), torch.ones(256, 1))
        ratio = (weights[:, 0] / weights[:, 1]).log() / (values[:, 0] - values[:, 1])
        assert float(ratio.std() / ratio.mean()) < 1e-2
        assert 1 / float(ratio.mean()) == pytest.approx(scales.exploration_temperature, rel=0.1)


def test_users_that_do_not_exist_do_not_count_in_the_weights() -> None:
    values = torch.randn(16, 8, 3)
    mask = torch.tensor([True, True, False]).expand(16, -1)
    wild = values.clone()
    wild[..., 2] = 1e6 * torch.randn(16, 8)
    first, second = (Scales().weigh(v, mask, 0.5) for v in (values, wild))
    torch.testing.assert_close(first[0][..., :2], second[0][..., :2])
    torch.testing.assert_close(first[1], second[1])


def test_particles_hold_the_zero_and_the_replayed_action() -> None:
    network, state = setting(batch=3)
    replayed = torch.rand(3, USERS, 2) * 2 - 1
    compared = particles(network, state, replayed, 8)
    assert compared.shape == (3, 8, USERS, 2)
    assert bool((compared[:, 0] == 0).all())
    assert torch.equal(compared[:, 1], replayed)
    assert bool((compared.abs() <= 1).all())
    moved = compared[:, 2:4] - compared[:, 4:6]
    assert 0.1 < float(moved.std()) < 0.3


def test_weighted_denoising_of_broad_candidates_lands_on_both_modes() -> None:
    """A Gaussian fitted to the same weights would have its mean, the most likely action, at 0."""
    network, state = setting()
    scales, optimizer = Scales(), torch.optim.Adam(network.actor.parameters(), lr=3e-3)
    for _ in range(500):
        broad = torch.rand(64, 32, USERS, 2) * 2 - 1
        terms = network.critic.user_terms(state.h_BNW, state.mask_BN, broad).amin(0)
        weights, _ = scales.weigh(terms, state.mask_BN, kl_target=2.0)
        optimizer.zero_grad()
        denoising_loss(network, state, broad, weights).backward()
        optimizer.step()
    with torch.no_grad():
        for drawn in (network.draw(state, 16)[..., 0], network.draw_fixed(state, 16)[:1, ..., 0]):
            assert 0.25 < float((drawn > 0).float().mean()) < 0.75
            assert float((drawn.abs() > 0.4).float().mean()) > 0.75
            assert float((drawn.abs() < 0.2).float().mean()) < 0.12
            assert abs(float(drawn.mean())) < 0.35


@pytest.mark.parametrize(
    "update",
    [
        Update("weighted", 8, 0.5),
        Update("weighted", 8, 0.5, "user"),
        Update("bptt", 8, 0.5),
        Update("q_gradient", 8, 0.5),
    ],
    ids=["weighted", "weighted-user", "bptt", "q_gradient"],
)
def test_every_update_leaves_the_middle_for_a_mode(update: Update) -> None:
    network, state = setting()
    scales, optimizer = Scales(), torch.optim.Adam(network.actor.parameters(), lr=1e-3)
    with torch.no_grad():
        before = float(network.values(state, network.draw(state, 16)).mean())
    for _ in range(400):
        noisy = (network.draw(state, 1)[:, 0] + 0.2 * torch.randn(64, USERS, 2)).detach().clamp(-1, 1)
        optimizer.zero_grad()
        update(network, state, noisy, scales).loss.backward(inputs=list(network.actor.parameters()))
        optimizer.step()
    with torch.no_grad():
        after = float(network.values(state, network.draw(state, 16)).mean())
    assert before < -0.85
    assert after > -0.25


def test_weighted_loss_is_the_mean_over_users_that_exist() -> None:
    """With a denoiser that always says 0 the loss is Σ_m w_m ‖a_m‖², averaged over users."""
    network, state = setting(batch=4)
    for last in (network.actor.out, network.actor.direct):
        last.weight.data.zero_()
    state = state._replace(mask_BN=torch.tensor([[True, True], [True, False], [False, False], [True, True]]))
    clean, weights = torch.rand(4, 3, USERS, 2), torch.softmax(torch.randn(4, 3, 1), 1)
    total, users = 0.0, 0
    for b in range(4):
        for u in range(USERS):
            if state.mask_BN[b, u]:
                users += 1
                total += sum(float(weights[b, m, 0] * clean[b, m, u].square().sum()) for m in range(3))
    assert float(denoising_loss(network, state, clean, weights)) == pytest.approx(total / users, rel=1e-5)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("sac", 8, 0.5), "actor_update"),
        (("weighted", 3, 0.5), "particles"),
        (("weighted", 8, 2.1), "kl_target"),
        (("weighted", 8, 0.5, "none"), "credit"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments: tuple[object, ...], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Update(*arguments)  # type: ignore[arg-type]
