"""ADD whose actor is improved by weighted denoising, or by the gradient of the critics: ablations of `algorithm`.

One gradient step: the encoder runs once on the observations and, as its slow target copy, once on the next ones. Both
critics and the encoder follow the TD error, y = r − r̄ + γ min(Q₁', Q₂')(s', a'), with a' drawn from the target actor;
then the actor is improved on the detached encoding (`actor_update`); then the targets follow.

While collecting, a few actions are drawn from the chain, the zero action is added, one of them is chosen by
softmax(Q/τ) with the temperature of the actor's weights, and Gaussian noise of standard deviation `exploration` is
added. `predict(deterministic=True)` takes the best without any noise.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.noise import ActionNoise
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.type_aliases import (
    GymEnv,
    MaybeCallback,
    ReplayBufferSamples,
    Schedule,
)
from torch import Tensor
from torch.nn import functional

from ...scheduling.add.network import Encoded
from ...scheduling.tokens import ACTIONS
from .actor_update import ActorUpdate, Credit, Update
from .off_policy_nets import OffPolicyADDPolicy
from .replay import ReplayResumable

CENTRING_RATE = 1e-3
"""Least weight of a batch in the running mean of the reward, which starts as a plain mean."""


class OffPolicyADD(ReplayResumable):
    """Diffusion actor, twin critics and a set encoder, trained off-policy.

    Beyond what every off-policy algorithm of Stable-Baselines3 takes:

    - `actor_update`: "weighted", "bptt" or "q_gradient", and `credit` of its weights: "joint" or "user", see
      `actor_update.py`;
    - `denoising_steps` of the chain, `candidates` compared for a decision, `particles` (at least 4) for an update;
    - `kl_target`: mean KL (nats) of the particles' weights from uniform that their temperature is tuned to; about half
      the particles are the actor's, alike once it has converged, so targets above log 2 drive the temperature to 0;
    - `exploration`: standard deviation of the Gaussian noise on collected actions;
    - `reward_centring`: subtract the running mean of the reward in the TD target (Naik et al., "Reward centering",
      RLJ 2024); meant for tasks that go on, where episodes only end by a time limit;
    - `critic_norm`: LayerNorm in the critic.

    Raises ValueError for spaces that no token layout fits and for contradictory arguments.
    """

    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {"SetPolicy": OffPolicyADDPolicy}
    policy: OffPolicyADDPolicy
    CHECKPOINT_OPTIMIZERS = ("actor_optimizer", "critic_optimizer")
    CHECKPOINT_ARGUMENTS = (
        "buffer_size", "learning_starts", "batch_size", "tau", "gamma", "gradient_steps", "n_steps", "actor_update",
        "credit", "denoising_steps", "candidates", "particles", "kl_target", "exploration", "reward_centring",
        "critic_norm", "tensorboard_log", "verbose", "policy_kwargs",
    )  # fmt: skip

    def __init__(
        self,
        policy: str | type[OffPolicyADDPolicy],
        env: GymEnv | str,
        learning_rate: float | Schedule = 3e-4,
        buffer_size: int = 100_000,
        learning_starts: int = 1000,
        batch_size: int = 128,
        tau: float = 0.005,
        gamma: float = 0.99,
        train_freq: int | tuple[int, str] = 1,
        gradient_steps: int = 1,
        n_steps: int = 1,
        actor_update: ActorUpdate = "weighted",
        credit: Credit = "joint",
        denoising_steps: int = 5,
        candidates: int = 8,
        particles: int = 8,
        kl_target: float = 0.5,
        exploration: float = 0.1,
        reward_centring: bool = False,
        critic_norm: bool = True,
        stats_window_size: int = 100,
        tensorboard_log: str | None = None,
        policy_kwargs: dict[str, Any] | None = None,
        verbose: int = 0,
        seed: int | None = None,
        device: torch.device | str = "auto",
        _init_setup_model: bool = True,
    ) -> None:
        Update(actor_update, particles, kl_target, credit)
        if reward_centring and n_steps > 1 and gamma == 1:
            raise ValueError("reward_centring with n_steps > 1 needs gamma < 1")
        super().__init__(
            policy,
            env,
            learning_rate,
            buffer_size,
            learning_starts,
            batch_size,
            tau,
            gamma,
            train_freq,
            gradient_steps,
            n_steps=n_steps,
            policy_kwargs=policy_kwargs,
            stats_window_size=stats_window_size,
            tensorboard_log=tensorboard_log,
            verbose=verbose,
            device=device,
            support_multi_env=True,
            seed=seed,
            sde_support=False,
            supported_action_spaces=(spaces.Box,),
        )
        self.actor_update = actor_update
        self.credit = credit
        self.denoising_steps = denoising_steps
        self.candidates = candidates
        self.particles = particles
        self.kl_target = kl_target
        self.exploration = exploration
        self.reward_centring = reward_centring
        self.critic_norm = critic_norm
        if _init_setup_model:
            self._setup_model()

    def _setup_model(self) -> None:
        self.policy_kwargs = {
            **self.policy_kwargs,
            "denoising_steps": self.denoising_steps,
            "candidates": self.candidates,
            "critic_norm": self.critic_norm,
        }
        super()._setup_model()

    def _sample_action(
        self, learning_starts: int, action_noise: ActionNoise | None = None, n_envs: int = 1
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        actions, scaled = super()._sample_action(learning_starts, action_noise, n_envs)
        if self.num_timesteps < learning_starts or self.exploration <= 0:
            return actions, scaled
        noise = self.exploration * np.random.standard_normal(scaled.shape)
        scaled = np.clip(scaled + noise, -1, 1).astype(np.float32)
        return self.policy.unscale_action(scaled), scaled

    def train(self, gradient_steps: int, batch_size: int = 128) -> None:
        """Update critics, encoder, actor and targets `gradient_steps` times."""
        policy = self.policy
        policy.set_training_mode(True)
        self._update_learning_rate([policy.critic_optimizer, policy.actor_optimizer])
        assert self.replay_buffer is not None
        improve = Update(self.actor_update, self.particles, self.kl_target, self.credit)
        sums: dict[str, Tensor] = {}
        for _ in range(gradient_steps):
            data = self.replay_buffer.sample(batch_size, env=self._vec_normalize_env)
            replay_BN2 = data.actions.view(batch_size, -1, ACTIONS)
            state, critic_loss, value = self._critic_step(data, replay_BN2)
            update = improve(policy.network, state, replay_BN2, policy.scales)
            policy.actor_optimizer.zero_grad()
            update.loss.backward(inputs=policy.actor_parameters)  # type: ignore[no-untyped-call]
            policy.actor_optimizer.step()
            policy.update_target(self.tau)
            self._n_updates += 1
            seen = {"critic_loss": critic_loss, "actor_loss": update.loss, "weights_kl": update.kl, "value": value}
            for name, number in seen.items():
                sums[name] = sums.get(name, 0) + number.detach()
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        for name, total in sums.items():
            self.logger.record(f"train/{name}", total.item() / gradient_steps)
        self.logger.record("train/temperature", policy.scales.exploration_temperature)
        self.logger.record("train/reward_mean", policy.scales.reward_mean.item())

    def _critic_step(self, data: ReplayBufferSamples, replay_BN2: Tensor) -> tuple[Encoded, Tensor, Tensor]:
        """One TD step; the detached encoding of the observations, the loss and the mean value."""
        network, target = self.policy.network, self.policy.target
        discounts_B1 = data.discounts if data.discounts is not None else torch.full_like(data.rewards, self.gamma)
        with torch.no_grad():
            next_state = target.encode(data.next_observations)
            next_value_B1 = target.values(next_state, target.draw(next_state, 1))
            rewards_B1 = self._centred(data.rewards, discounts_B1)
            goal_B1 = rewards_B1 + (1 - data.dones) * discounts_B1 * next_value_B1
        state = network.encode(data.observations)
        values_2B1 = network.critic(*state, replay_BN2.unsqueeze(1))
        loss: Tensor = functional.mse_loss(values_2B1, goal_B1.expand_as(values_2B1))
        self.policy.critic_optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.policy.critic_optimizer.step()
        return Encoded(state.h_BNW.detach(), state.mask_BN, state.cell_BG), loss, values_2B1.mean()

    def _centred(self, rewards_B1: Tensor, discounts_B1: Tensor) -> Tensor:
        """Returns over the k steps that `discounts_B1` = γ^k covers, less the mean reward of each of them."""
        if not self.reward_centring:
            return rewards_B1
        weights_B1 = torch.ones_like(rewards_B1) if self.n_steps == 1 else (1 - discounts_B1) / (1 - self.gamma)
        mean = self.policy.scales.reward_mean
        mean.lerp_(rewards_B1.mean() / weights_B1.mean(), max(1 / (self._n_updates + 1), CENTRING_RATE))
        return rewards_B1 - mean * weights_B1

    def learn(
        self,
        total_timesteps: int,
        callback: MaybeCallback = None,
        log_interval: int = 4,
        tb_log_name: str = "OffPolicyADD",
        reset_num_timesteps: bool = True,
        progress_bar: bool = False,
    ) -> Self:
        """Train for a number of environment steps, as every algorithm of Stable-Baselines3."""
        return super().learn(total_timesteps, callback, log_interval, tb_log_name, reset_num_timesteps, progress_bar)

    def _get_torch_save_params(self) -> tuple[list[str], list[str]]:
        return ["policy", "policy.actor_optimizer", "policy.critic_optimizer"], []
