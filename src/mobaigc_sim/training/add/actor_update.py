"""Three ways to improve the diffusion actor; each returns a loss whose gradient is asked for the actor alone.

- `weighted`: mirror descent by weighted denoising, without back-propagation through the chain or the critic. Candidate
  actions are weighted by softmax(Q/τ) and regressed to (Ma et al., "Efficient online reinforcement learning for
  diffusion policy", ICML 2025, DPMD; Ding et al., "Diffusion-based reinforcement learning via Q-weighted variational
  policy optimization", NeurIPS 2024, QVPO):

      loss = mean over users of Σ_m w_m ‖x̂(a_m,t, t) − a_m‖²

  With `credit="joint"` all users of a particle have its weight; with "user" each has its own, from its own term of the
  critic's sum (as if the other users did not matter to it; Sunehag et al., "Value-decomposition networks", AAMAS 2018).

- `bptt`: −Q of an action from the chain, back-propagated through all its steps (Diffusion-QL, Wang et al., ICLR 2023,
  without its cloning term; DACER, Wang et al., NeurIPS 2024).
- `q_gradient`: regress to candidates moved one step up the gradient of Q (Yang et al., "Policy representation via
  diffusion probability model for reinforcement learning", 2023, DIPO).

Shapes: B batch, M particles, N tokens, C columns of weights (1 or N); the last axis of actions, 2, is a user's action.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from ...scheduling.add.network import AddNetwork, Encoded

ActorUpdate = Literal["weighted", "bptt", "q_gradient"]
Credit = Literal["joint", "user"]
PERTURBATION_STD = 0.2
"""Without perturbed draws the weights choose among what the actor already does, and it hardly moves."""
ACTION_STEP = 0.1
"""Length of a `q_gradient` step: root mean square over the numbers of an action."""
TEMPERATURE_RATE = 0.05
SCALE_RATE = 0.05


class Scales(nn.Module):
    """Running numbers that belong to the state of training: saved with the weights, not trained by gradient."""

    log_temperature: Tensor
    advantage_scale: Tensor
    reward_mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("log_temperature", torch.zeros(()))
        self.register_buffer("advantage_scale", torch.ones(()))
        self.register_buffer("reward_mean", torch.zeros(()))

    @property
    def exploration_temperature(self) -> float:
        """Temperature of the weights in units of value."""
        return float(self.log_temperature.exp() * self.advantage_scale)

    @torch.no_grad()
    def weigh(self, values_BMC: Tensor, mask_BC: Tensor, kl_target: float) -> tuple[Tensor, Tensor]:
        """Weights (B, M, C) = softmax over M of A / τ, and their mean KL(weights ‖ uniform) in nats.

        A is the value less its mean over the particles, in units of its root mean square over the batch; only where
        `mask_BC` is True does it count. Then log τ moves towards the KL target, by at most 0.05.
        """
        mask_B1C = mask_BC.unsqueeze(1)
        counted = mask_BC.sum().clamp_min(1)
        advantage_BMC = (values_BMC - values_BMC.mean(1, keepdim=True)) * mask_B1C
        scale = (advantage_BMC.square().mean(1).sum() / counted).sqrt().clamp_min(1e-8)
        log_weights_BMC = torch.log_softmax(advantage_BMC / (scale * self.log_temperature.exp()), 1)
        weights_BMC = log_weights_BMC.exp()
        kl_BC = (weights_BMC * log_weights_BMC).sum(1) + math.log(values_BMC.shape[1])
        kl = (kl_BC * mask_BC).sum() / counted
        of_state_B = advantage_BMC.sum(-1).square().mean(1)
        self.advantage_scale.lerp_((of_state_B.sum() / mask_BC.any(-1).sum().clamp_min(1)).sqrt(), SCALE_RATE)
        self.log_temperature.add_(TEMPERATURE_RATE * (kl / kl_target - 1).clamp(-1, 1)).clamp_(-7, 7)
        return weights_BMC, kl


@dataclass(frozen=True)
class Updated:
    """What an update hands back: the loss to minimise and the KL of the weights of the actions it compared."""

    loss: Tensor
    kl: Tensor


@dataclass(frozen=True)
class Update:
    """How the actor is improved. Raises ValueError for arguments that make no sense."""

    kind: ActorUpdate
    particles: int
    kl_target: float
    credit: Credit = "joint"

    def __post_init__(self) -> None:
        if self.kind not in get_args(ActorUpdate):
            raise ValueError(f"actor_update must be one of {', '.join(get_args(ActorUpdate))}, not {self.kind!r}")
        if self.credit not in get_args(Credit):
            raise ValueError(f"credit must be one of {', '.join(get_args(Credit))}, not {self.credit!r}")
        if self.particles < 4:
            raise ValueError(f"particles must be at least 4, not {self.particles}")
        if not 0 < self.kl_target < math.log(self.particles):
            raise ValueError(f"kl_target must lie between 0 and log(particles), not {self.kl_target}")

    def __call__(self, network: AddNetwork, state: Encoded, replay_BN2: Tensor, scales: Scales) -> Updated:
        """Loss of the actor on a batch of encoded states and the actions replayed for them."""
        return _UPDATES[self.kind](self, network, state, replay_BN2, scales)


def particles(network: AddNetwork, state: Encoded, replay_BN2: Tensor, count: int) -> Tensor:
    """Actions (B, M, N, 2) to compare: zero, the replayed one, draws of the actor, `count`//4 of these perturbed."""
    near = count // 4
    replay_B1N2 = replay_BN2.unsqueeze(1)
    drawn_BMN2 = network.draw(state, count - 2 - near)
    near_BMN2 = torch.randn_like(drawn_BMN2[:, :near]).mul_(PERTURBATION_STD).add_(drawn_BMN2[:, :near]).clamp_(-1, 1)
    return torch.cat((torch.zeros_like(replay_B1N2), replay_B1N2, near_BMN2, drawn_BMN2), 1)


def denoising_loss(network: AddNetwork, state: Encoded, clean_BMN2: Tensor, weights_BMC: Tensor) -> Tensor:
    """Mean over users of the weighted squared error of the denoiser at one random step per particle."""
    step_BM = torch.randint(network.actor.steps, clean_BMN2.shape[:2], device=clean_BMN2.device)
    noisy_BMN2 = network.actor.diffuse(clean_BMN2, step_BM, torch.randn_like(clean_BMN2))
    error_BMN = (network.actor(state.h_BNW, state.mask_BN, noisy_BMN2, step_BM) - clean_BMN2).square().sum(-1)
    error_BN = (error_BMN * weights_BMC).sum(1)
    loss: Tensor = (error_BN * state.mask_BN).sum() / state.mask_BN.sum().clamp_min(1)
    return loss


def _weighted(update: Update, network: AddNetwork, state: Encoded, replay_BN2: Tensor, scales: Scales) -> Updated:
    with torch.no_grad():
        clean_BMN2 = particles(network, state, replay_BN2, update.particles)
        if update.credit == "user":
            terms_BMN = network.critic.user_terms(state.h_BNW, state.mask_BN, clean_BMN2).amin(0)
            weights_BMC, kl = scales.weigh(terms_BMN, state.mask_BN, update.kl_target)
        else:
            weights_BMC, kl = _weigh_jointly(scales, state, network.values(state, clean_BMN2), update.kl_target)
    return Updated(denoising_loss(network, state, clean_BMN2, weights_BMC), kl)


def _bptt(update: Update, network: AddNetwork, state: Encoded, replay_BN2: Tensor, scales: Scales) -> Updated:
    """One drawn action learns; the zero and the replayed action are compared with it only to set the scales."""
    values_B1 = network.values(state, network.draw(state, 1))
    with torch.no_grad():
        others_BMN2 = torch.stack((torch.zeros_like(replay_BN2), replay_BN2), 1)
        compared_BM = torch.cat((values_B1, network.values(state, others_BMN2)), 1)
    return Updated(-values_B1.mean(), _weigh_jointly(scales, state, compared_BM, update.kl_target)[1])


def _q_gradient(update: Update, network: AddNetwork, state: Encoded, replay_BN2: Tensor, scales: Scales) -> Updated:
    with torch.no_grad():
        start_BMN2 = particles(network, state, replay_BN2, update.particles)
    values_BM = network.values(state, start_BMN2.requires_grad_())
    (gradient_BMN2,) = torch.autograd.grad(values_BM.sum(), start_BMN2)
    with torch.no_grad():
        numbers_B111 = 2 * state.mask_BN.sum(1).clamp_min(1)[:, None, None, None]
        length = (gradient_BMN2.square().sum((2, 3), keepdim=True) / numbers_B111).sqrt().clamp_min(1e-8)
        clean_BMN2 = (start_BMN2 + ACTION_STEP * gradient_BMN2 / length).clamp(-1, 1)
        kl = _weigh_jointly(scales, state, values_BM, update.kl_target)[1]
        alike_BM1 = torch.full_like(values_BM, 1 / update.particles).unsqueeze(-1)
    return Updated(denoising_loss(network, state, clean_BMN2, alike_BM1), kl)


_UPDATES = {"weighted": _weighted, "bptt": _bptt, "q_gradient": _q_gradient}


def _weigh_jointly(scales: Scales, state: Encoded, values_BM: Tensor, kl_target: float) -> tuple[Tensor, Tensor]:
    """One weight (B, M, 1) for all users; states without users do not count."""
    return scales.weigh(values_BM.detach().unsqueeze(-1), state.mask_BN.any(1, keepdim=True), kl_target)
