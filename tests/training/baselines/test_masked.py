import math

import pytest
import torch
from torch.distributions import Independent, Normal, TanhTransform, TransformedDistribution

from mobaigc_sim.training.baselines.masked import MaskedGaussian, MaskedSquashedGaussian, action_mask

COUNTS = [3, 1, 0, 2]
MASK_BN = torch.tensor([[place < count for place in range(3)] for count in COUNTS])
MASK_BA = action_mask(MASK_BN, 2)


def parameters() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(4, 6, generator=generator), 0.5 * torch.randn(4, 6, generator=generator) - 0.5


@pytest.mark.parametrize("squashed", [False, True])
def test_log_prob_is_that_of_the_unpadded_users(squashed: bool) -> None:
    mean_BA, log_std_BA = parameters()
    kind = MaskedSquashedGaussian if squashed else MaskedGaussian
    actions_BA = kind(6).actions_from_params(mean_BA, log_std_BA, mask=MASK_BA)
    with_rubbish_BA = torch.where(MASK_BA > 0, actions_BA, torch.tensor(0.9))
    log_prob_B = kind(6).proba_distribution(mean_BA, log_std_BA, MASK_BA).log_prob(with_rubbish_BA)
    for row, count in enumerate(COUNTS):
        real = slice(0, 2 * count)
        plain = Normal(mean_BA[row, real], log_std_BA[row, real].exp())
        one = TransformedDistribution(plain, TanhTransform()) if squashed else plain
        expected = Independent(one, 1).log_prob(actions_BA[row, real]) if count else torch.tensor(0.0)
        assert log_prob_B[row].item() == pytest.approx(expected.item(), rel=1e-4, abs=1e-5)


def test_sampled_log_prob_is_the_log_prob_of_the_sample_even_far_out() -> None:
    mean_BA, log_std_BA = parameters()
    actions_BA, log_prob_B = MaskedSquashedGaussian(6).log_prob_from_params(mean_BA, log_std_BA, MASK_BA)
    again_B = MaskedSquashedGaussian(6).proba_distribution(mean_BA, log_std_BA, MASK_BA).log_prob(actions_BA)
    torch.testing.assert_close(log_prob_B, again_B, rtol=1e-3, atol=1e-3)
    far = torch.full((4, 6), 30.0, requires_grad=True)
    _, far_log_prob_B = MaskedSquashedGaussian(6).log_prob_from_params(far, log_std_BA, MASK_BA)
    far_log_prob_B.sum().backward()
    assert far_log_prob_B.isfinite().all() and far.grad is not None and far.grad.isfinite().all()
    assert far_log_prob_B[0] > 100


def test_squashed_density_integrates_to_one() -> None:
    grid_B1 = torch.linspace(-1, 1, 20001)[1:-1, None]
    one = MaskedSquashedGaussian(1).proba_distribution(
        torch.full_like(grid_B1, 0.3), torch.full_like(grid_B1, -0.7), torch.ones_like(grid_B1)
    )
    assert one.log_prob(grid_B1).exp().sum().item() * 1e-4 == pytest.approx(1, abs=1e-3)


def test_entropy_counts_real_users_only() -> None:
    mean_BA, log_std_BA = parameters()
    entropy_B = MaskedGaussian(6).proba_distribution(mean_BA, log_std_BA, MASK_BA).entropy()
    assert entropy_B is not None
    per_number_BA = log_std_BA + 0.5 * math.log(2 * math.pi * math.e)
    for row, count in enumerate(COUNTS):
        assert entropy_B[row].item() == pytest.approx(per_number_BA[row, : 2 * count].sum().item(), abs=1e-5)
    assert MaskedSquashedGaussian(6).proba_distribution(mean_BA, log_std_BA, MASK_BA).entropy() is None


def test_padding_acts_zero_and_gets_no_gradient() -> None:
    mean_BA, log_std_BA = (x.requires_grad_() for x in parameters())
    actions_BA, log_prob_B = MaskedSquashedGaussian(6).log_prob_from_params(mean_BA, log_std_BA, MASK_BA)
    assert (actions_BA[MASK_BA == 0] == 0).all() and (actions_BA[MASK_BA == 1] != 0).all()
    (log_prob_B.sum() + actions_BA.sum()).backward()
    for grad in (mean_BA.grad, log_std_BA.grad):
        assert grad is not None
        assert (grad[MASK_BA == 0] == 0).all() and (grad[MASK_BA == 1] != 0).all()
