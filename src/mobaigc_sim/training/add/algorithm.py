"""Attention-aware Deep Diffusion (ADD): a soft actor-critic whose actor is a chain of denoising steps over the users.

The critics and their encoder follow the soft TD error; the actor follows the gradient of the smaller critic through all
steps of the chain, and is paid for the entropy that its last draw has (`policy`). Everything else is SAC.

Rewards are stored less their running mean: episodes only end by a time limit (Naik et al., "Reward centering", RLJ
2024).

Source: T. Haarnoja et al., "Soft actor-critic algorithms and applications", 2018; diffusion actors trained through
their chain: Y. Wang et al., "Diffusion actor-critic with entropy regulator", NeurIPS 2024.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import torch
from numpy.typing import NDArray
from stable_baselines3 import SAC
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.type_aliases import GymEnv, MaybeCallback, Schedule
from torch import Tensor

from ..baselines.wrappers import RunningMean
from .policy import ADDPolicy
from .replay import ReplayResumable


class ADD(ReplayResumable, SAC):
    """Diffusion actor, twin critics and a set encoder.

    Beyond what `stable_baselines3.SAC` takes: `denoising_steps` (0 for a plain Gaussian), `initial_temperature` (weight
    of the entropy at the start; it is learned) and `reward_centring`. `policy_kwargs` has the sizes of the network.

    Raises ValueError for spaces that no token layout fits, and for centring under a `VecNormalize`, which has its own
    idea of rewards.
    """

    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {"SetPolicy": ADDPolicy}
    policy: ADDPolicy
    CHECKPOINT_OPTIMIZERS = ("actor_optimizer", "critic_optimizer")
    CHECKPOINT_ARGUMENTS = (
        "buffer_size", "learning_starts", "batch_size", "tau", "gamma", "gradient_steps", "n_steps", "denoising_steps",
        "initial_temperature", "reward_centring", "tensorboard_log", "verbose", "policy_kwargs",
    )  # fmt: skip

    def __init__(
        self,
        policy: str | type[ADDPolicy],
        env: GymEnv | str,
        learning_rate: float | Schedule = 1e-4,
        buffer_size: int = 100_000,
        learning_starts: int = 1000,
        batch_size: int = 128,
        tau: float = 0.005,
        gamma: float = 0.99,
        train_freq: int | tuple[int, str] = 1,
        gradient_steps: int = 1,
        n_steps: int = 1,
        denoising_steps: int = 5,
        initial_temperature: float = 0.1,
        reward_centring: bool = True,
        stats_window_size: int = 100,
        tensorboard_log: str | None = None,
        policy_kwargs: dict[str, Any] | None = None,
        verbose: int = 0,
        seed: int | None = None,
        device: torch.device | str = "cpu",
        _init_setup_model: bool = True,
    ) -> None:
        self.denoising_steps, self.initial_temperature = denoising_steps, initial_temperature
        self.reward_centring = reward_centring
        self._mean_reward = RunningMean()
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
            ent_coef=f"auto_{initial_temperature}",
            target_entropy=0.0,
            stats_window_size=stats_window_size,
            tensorboard_log=tensorboard_log,
            policy_kwargs={**(policy_kwargs or {}), "denoising_steps": denoising_steps},
            verbose=verbose,
            seed=seed,
            device=device,
            _init_setup_model=_init_setup_model,
        )

    def learn(
        self,
        total_timesteps: int,
        callback: MaybeCallback = None,
        log_interval: int = 4,
        tb_log_name: str = "ADD",
        reset_num_timesteps: bool = True,
        progress_bar: bool = False,
    ) -> Self:
        """Train for a number of environment steps, as every algorithm of Stable-Baselines3."""
        if self.reward_centring and self._vec_normalize_env is not None:
            raise ValueError("reward_centring and VecNormalize do not go together")
        return super().learn(total_timesteps, callback, log_interval, tb_log_name, reset_num_timesteps, progress_bar)

    def _store_transition(
        self,
        replay_buffer: ReplayBuffer,
        buffer_action: NDArray[Any],
        new_obs: NDArray[Any] | dict[str, NDArray[Any]],
        reward: NDArray[Any],
        dones: NDArray[Any],
        infos: list[dict[str, Any]],
    ) -> None:
        if self.reward_centring:
            reward = self._mean_reward.centred(reward)
        super()._store_transition(replay_buffer, buffer_action, new_obs, reward, dones, infos)

    def _kept(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        arrays, state = super()._kept()
        return arrays, state | {"mean_reward": [self._mean_reward.mean, self._mean_reward.trace]}

    def _kept_tensors(self) -> dict[str, Tensor]:
        assert self.log_ent_coef is not None and self.ent_coef_optimizer is not None
        moments = self.ent_coef_optimizer.state_dict()["state"].get(0, {})
        own = {"entropy.log": self.log_ent_coef.detach(), **{f"entropy.{name}": t for name, t in moments.items()}}
        return super()._kept_tensors() | own

    def _restore(
        self,
        tensors: dict[str, Tensor],
        arrays: dict[str, NDArray[Any]],
        state: dict[str, Any],
        *,
        env_restored: bool,
    ) -> None:
        super()._restore(tensors, arrays, state, env_restored=env_restored)
        self._mean_reward.mean, self._mean_reward.trace = state["mean_reward"]
        own = {name.removeprefix("entropy."): t for name, t in tensors.items() if name.startswith("entropy.")}
        assert self.log_ent_coef is not None and self.ent_coef_optimizer is not None
        with torch.no_grad():
            self.log_ent_coef.copy_(own.pop("log"))
        groups = self.ent_coef_optimizer.state_dict()["param_groups"]
        self.ent_coef_optimizer.load_state_dict({"state": {0: own} if own else {}, "param_groups": groups})
