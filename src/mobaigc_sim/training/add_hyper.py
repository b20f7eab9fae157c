"""Hyperparameters of ADD as a training file writes them: of the algorithm, and of another way to train it."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from ..registry import FrozenConfig
from ..scheduling.add.critic import Pooling
from ..scheduling.add.diffusion import Schedule
from ..scheduling.add.network import EncoderKind
from .add.actor_update import ActorUpdate, Credit
from .baselines.hyper import Positive, Rate


class _ReplayHyper(FrozenConfig):
    """What learns from a replay buffer; it has the meaning and the defaults of the off-policy baselines."""

    OF_NETWORK: ClassVar[tuple[str, ...]] = ("width", "heads", "layers", "hidden", "content", "schedule")

    width: Positive = 64
    """Width of the encoder."""
    heads: Positive = 2
    """Attention heads of the encoder."""
    layers: Annotated[int, Field(ge=0)] = 1
    """Self-attention layers of the encoder."""
    content: bool = True
    """Whether the content tokens are seen."""
    schedule: Schedule = "log_snr"
    """Noise levels of the chain."""
    gamma: Annotated[float, Field(ge=0, lt=1)] = 0.99
    """Discount factor of a decision step."""
    batch_size: Positive = 128
    """Transitions a gradient step."""
    buffer_size: Positive = 100_000
    """Transitions kept, over all environments; each holds two observations."""
    train_freq: Positive = 1
    """Steps of the vector of environments between two rounds of training."""
    gradient_steps: Positive = 1
    """Gradient steps a round of training."""
    learning_starts: Annotated[int, Field(ge=0)] = 1000
    """Transitions collected with random actions before training."""
    tau: Rate = 0.005
    """Step size of the target network."""
    n_steps: Positive = 1
    """Rewards summed before the critic is asked (n-step return)."""
    denoising_steps: Annotated[int, Field(ge=0)] = 5
    """Steps of the chain; 0 for a Gaussian in its place."""

    @model_validator(mode="after")
    def _heads_divide_width(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}")
        return self

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of the algorithm."""
        told = dict(self)
        network = {name: told.pop(name) for name in self.OF_NETWORK}
        return {**told, "policy_kwargs": network}


class AddHyper(_ReplayHyper):
    """Of ADD."""

    OF_NETWORK: ClassVar[tuple[str, ...]] = (*_ReplayHyper.OF_NETWORK, "encoder")

    hidden: Positive = 64
    """Width of the heads."""
    encoder: EncoderKind = "attention"
    """`padded` for an MLP over all numbers."""
    learning_rate: Rate = 1e-4
    """Step size of the optimisers."""
    initial_temperature: Annotated[float, Field(gt=0)] = 0.1
    """Weight of the entropy at the start; it is then learned."""
    reward_centring: bool = True
    """Learn from rewards less their running mean."""


class OffPolicyAddHyper(_ReplayHyper):
    """Of ADD off-policy; what it shares with the off-policy baselines has their defaults."""

    OF_NETWORK: ClassVar[tuple[str, ...]] = (*_ReplayHyper.OF_NETWORK, "pooling")

    hidden: Positive = 32
    """Width of the heads."""
    learning_rate: Rate = 3e-4
    """Step size of the optimisers."""
    actor_update: ActorUpdate = "weighted"
    """How the actor is improved."""
    credit: Credit = "joint"
    """Whether the weights of an update are those of a whole action or of each user's."""
    denoising_steps: Positive = 5
    """Steps of the chain."""
    candidates: Positive = 8
    """Actions of the chain that are compared for a decision, beside the zero action."""
    particles: Annotated[int, Field(ge=4)] = 8
    """Actions that an update weighs."""
    kl_target: Annotated[float, Field(gt=0)] = 0.5
    """Mean divergence (nats) of the weights from uniform, to which their temperature is tuned."""
    exploration: Annotated[float, Field(ge=0)] = 0.1
    """Standard deviation of the noise on collected actions."""
    reward_centring: bool = False
    """Subtract the running mean of the reward in the target of the critic."""
    critic_norm: bool = True
    """LayerNorm in the critic."""
    pooling: Pooling = "sum"
    """How the critic joins the terms of the users."""

    @model_validator(mode="after")
    def _weights_can_differ_so_much(self) -> Self:
        if self.kl_target >= math.log(self.particles):
            raise ValueError(f"kl_target {self.kl_target} is not below log(particles) = {math.log(self.particles):.3f}")
        return self
