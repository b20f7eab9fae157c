"""Hyperparameters of the agents: the same set for all off-policy ones, another for the on-policy ones."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from ...registry import FrozenConfig

Positive = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(gt=0, le=1)]


class AgentHyper(FrozenConfig):
    """What every agent has."""

    learning_rate: Rate = 3e-4
    """Step size of the optimiser."""
    gamma: Annotated[float, Field(ge=0, lt=1)] = 0.99
    """Discount factor of a decision step."""
    hidden: Annotated[tuple[Positive, ...], Field(strict=False)] = (256, 256)
    """Hidden layers of the MLPs; not used by agents over sets."""
    width: Positive = 64
    """Width of the set encoder and of the one hidden layer of its heads; not used by MLP agents."""
    heads: Positive = 2
    """Attention heads of the set encoder."""
    layers: Annotated[int, Field(ge=0)] = 1
    """Self-attention layers of the set encoder."""

    @model_validator(mode="after")
    def _heads_divide_width(self) -> AgentHyper:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}")
        return self


class OffPolicyHyper(AgentHyper):
    """Common to DQN, DDPG, TD3, SAC and TQC."""

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
    """Step size of the target networks."""
    n_steps: Positive = 1
    """Rewards summed before the critic is asked (n-step return)."""


class DqnHyper(OffPolicyHyper):
    """Of DQN."""

    exploration_fraction: Rate = 0.1
    """Part of the training over which random choices fall from all to `exploration_final`."""
    exploration_final: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Share of random choices afterwards."""


class DeterministicHyper(OffPolicyHyper):
    """Of DDPG and TD3."""

    exploration_noise: Annotated[float, Field(ge=0)] = 0.1
    """Standard deviation of the normal noise on each action number while training."""


class EntropyHyper(OffPolicyHyper):
    """Of SAC and TQC."""

    initial_temperature: Annotated[float, Field(gt=0)] = 0.1
    """Weight of the entropy at the start; it is then learned."""


class OnPolicyHyper(AgentHyper):
    """Common to PPO and A2C."""

    rollout_steps: Positive = 128
    """Steps of every environment between two updates."""
    gae_lambda: Annotated[float, Field(ge=0, le=1)] = 0.95
    """Trace decay of the advantage estimate."""
    entropy_weight: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the entropy in the loss."""
    value_weight: Annotated[float, Field(ge=0)] = 0.5
    """Weight of the squared error of the value in the loss."""


class PpoHyper(OnPolicyHyper):
    """Of PPO."""

    batch_size: Annotated[int, Field(ge=2)] = 128
    """Transitions a gradient step."""
    epochs: Positive = 10
    """Passes over a rollout."""
    clip_range: Rate = 0.2
    """Largest change of a probability ratio that is rewarded."""


class A2cHyper(OnPolicyHyper):
    """Of A2C."""

    learning_rate: Rate = 7e-4
    """Step size of the optimiser."""
    rollout_steps: Positive = 5
    """Steps of every environment between two updates."""
    gae_lambda: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Trace decay of the advantage estimate."""
