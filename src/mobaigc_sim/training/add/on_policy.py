"""ADD on-policy, by a clipped policy gradient through the denoising chain: an ablation of `algorithm`.

A rollout is collected with the chain's own noise. Every denoising step of every user is an action whose likelihood is
known (`chain`). Its advantage is that of all users together (`credit`) less what the corrected rule would have had on
the same trace (`training.rule_runs`). Actor and value function are then improved for a few epochs (`clipped_update`).

Shapes: T steps of a rollout, N environments, A tokens, L length of an observation, S denoising steps.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self, get_args

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.type_aliases import GymEnv, MaybeCallback, Schedule
from stable_baselines3.common.vec_env import VecEnv
from torch import Tensor

from ...scheduling.tokens import ACTIONS
from .chain import walk
from .checkpoint import Resumable
from .clipped_update import ClippedUpdate, Decisions, standardised
from .credit import Rollout, joint_advantages, user_advantages
from .on_policy_nets import OnPolicyADDPolicy

MEAN_RATE = 0.05
"""Least weight of a rollout in the running mean of the reward, which starts as a plain mean."""

CreditRule = Literal["shared", "joint"]
Reference = Literal["rule", "none"]


class OnPolicyADD(Resumable, OnPolicyAlgorithm):
    """Diffusion actor, value function, set encoders; clipped policy gradient.

    Beyond what `stable_baselines3.PPO` takes:

    - `credit`: "shared", the value of a state is the sum of what each user can expect for itself, which needs the infos
      of `training.vec_env.CellVecEnv`; "joint", one value of one return;
    - `reference`: "rule", advantages are less those that the corrected rule has in the same epochs of the same traces,
      which needs `credit="shared"`; "none", they are taken as they are;
    - `denoising_steps` (0 for a Gaussian), `least_std` of a step while collecting, evenly from there to `last_std` at
      the end of training, `step_discount` of the advantage for each step before the last.

    Raises ValueError for spaces that no token layout fits and for an unknown credit or reference.
    """

    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {"SetPolicy": OnPolicyADDPolicy}
    policy: OnPolicyADDPolicy  # type: ignore[assignment]
    CHECKPOINT_OPTIMIZERS = ("optimizer",)
    CHECKPOINT_ARGUMENTS = (
        "n_steps", "batch_size", "n_epochs", "gamma", "gae_lambda", "clip_range", "vf_coef",
        "max_grad_norm", "credit", "reference", "denoising_steps", "least_std", "last_std",
        "step_discount", "tensorboard_log", "verbose", "policy_kwargs",
    )  # fmt: skip

    def __init__(
        self,
        policy: str | type[OnPolicyADDPolicy],
        env: GymEnv | str,
        learning_rate: float | Schedule = 1e-3,
        n_steps: int = 128,
        batch_size: int = 512,
        n_epochs: int = 8,
        gamma: float = 0.99,
        gae_lambda: float = 0.95,
        clip_range: float = 0.2,
        vf_coef: float = 0.5,
        max_grad_norm: float = 1.0,
        credit: CreditRule = "shared",
        reference: Reference = "rule",
        denoising_steps: int = 5,
        least_std: float = 0.3,
        last_std: float | None = 0.1,
        step_discount: float = 0.7,
        stats_window_size: int = 100,
        tensorboard_log: str | None = None,
        policy_kwargs: dict[str, Any] | None = None,
        verbose: int = 0,
        seed: int | None = None,
        device: torch.device | str = "cpu",
        _init_setup_model: bool = True,
    ) -> None:
        if credit not in get_args(CreditRule):
            raise ValueError(f"credit must be one of {', '.join(get_args(CreditRule))}, not {credit!r}")
        if reference not in get_args(Reference):
            raise ValueError(f"reference must be one of {', '.join(get_args(Reference))}, not {reference!r}")
        if reference == "rule" and credit != "shared":
            raise ValueError(f"reference 'rule' needs credit 'shared', not {credit!r}")
        self.reference = reference
        self.batch_size, self.n_epochs, self.clip_range = batch_size, n_epochs, clip_range
        self.credit, self.denoising_steps, self.step_discount = credit, denoising_steps, step_discount
        self.least_std, self.last_std = least_std, least_std if last_std is None else last_std
        self._mean_reward = 0.0
        super().__init__(
            policy,  # type: ignore[arg-type]
            env,
            learning_rate=learning_rate,
            n_steps=n_steps,
            gamma=gamma,
            gae_lambda=gae_lambda,
            ent_coef=0.0,
            vf_coef=vf_coef,
            max_grad_norm=max_grad_norm,
            use_sde=False,
            sde_sample_freq=-1,
            stats_window_size=stats_window_size,
            tensorboard_log=tensorboard_log,
            policy_kwargs=policy_kwargs,
            verbose=verbose,
            seed=seed,
            device=device,
            _init_setup_model=_init_setup_model,
            supported_action_spaces=(spaces.Box,),
        )

    def _setup_model(self) -> None:
        self._setup_lr_schedule()
        self.set_random_seed(self.seed)
        self.rollout_buffer = None  # type: ignore[assignment]
        self.policy_kwargs |= {"denoising_steps": self.denoising_steps, "least_std": self.least_std}
        self.policy = self.policy_class(
            self.observation_space, self.action_space, self.lr_schedule, **self.policy_kwargs
        ).to(self.device)  # type: ignore[assignment]
        self._rng = np.random.default_rng(self.seed)

    def collect_rollouts(
        self, env: VecEnv, callback: BaseCallback, rollout_buffer: RolloutBuffer, n_rollout_steps: int
    ) -> bool:
        """Act for some steps in every environment; False where the callback ends the training."""
        shape = n_rollout_steps, env.num_envs
        tokens, steps = self.policy.config.tokens, self.policy.network.actor.steps
        self._seen_TNL = np.empty((*shape, self.policy.config.layout.size), np.float32)
        self._chain_TNSA2 = np.empty((*shape, steps + 1, tokens, ACTIONS), np.float32)
        rollout = Rollout(
            np.full((n_rollout_steps + 1, env.num_envs, tokens), -1),
            np.zeros((*shape, tokens), np.float32),
            np.zeros(shape, np.float32),
            np.zeros(shape, np.bool_),
            np.zeros((n_rollout_steps + 1, env.num_envs, tokens), np.float32),
        )
        place_TN2 = np.zeros((n_rollout_steps + 1, env.num_envs, 2), np.int64)
        done = min(self.num_timesteps / self._total_timesteps, 1.0)
        self.policy.explore_with(self.least_std + done * (self.last_std - self.least_std))
        self.policy.set_training_mode(False)
        callback.on_rollout_start()
        for t in range(n_rollout_steps):
            seen_NL = torch.as_tensor(self._last_obs)
            h_NAW, mask_NA = self.policy.network.encoder(seen_NL)
            noise_NSA2 = torch.randn(env.num_envs, steps + 1, tokens, ACTIONS)
            chain_NSA2 = walk(self.policy.network.actor, self.policy.steps, h_NAW, mask_NA, noise_NSA2)
            self._seen_TNL[t], self._chain_TNSA2[t] = seen_NL, chain_NSA2
            rollout.value_TNA[t] = self._values(seen_NL)
            if self.reference == "rule":
                place_TN2[t] = env.env_method("places_now")[0]
            rollout.user_TNA[t] = np.where(mask_NA, np.arange(tokens), -1)
            action_NX = chain_NSA2[:, -1].flatten(1).clamp(-1, 1).numpy()
            seen, reward_N, over_N, infos = env.step(action_NX)
            self._last_obs = seen  # type: ignore[assignment]
            rollout.reward_TN[t], rollout.over_TN[t] = reward_N, over_N
            self.num_timesteps += env.num_envs
            self._give_credit(rollout, t, infos)
            callback.update_locals(locals())
            if not callback.on_step():
                return False
            self._update_info_buffer(infos, rollout.over_TN[t])
        seen_NL = torch.as_tensor(self._last_obs)
        rollout.value_TNA[-1] = self._values(seen_NL)
        if self.credit == "joint":
            rollout.user_TNA[-1] = np.where(self.policy.config.layout.unpack(seen_NL).mask_N > 0, np.arange(tokens), -1)
        else:
            rollout.user_TNA[-1] = np.stack(env.env_method("users_now")[0])
        self._rollout = rollout
        self._of_rule = None
        if self.reference == "rule":
            place_TN2[-1] = env.env_method("places_now")[0]
            self._of_rule = env.env_method("rule_runs")[0].rollout(place_TN2, rollout.over_TN, self._values)
        callback.on_rollout_end()
        return True

    def _values(self, seen_NL: Tensor | NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.no_grad():
            value_NA: NDArray[np.float32] = self.policy.values(torch.as_tensor(seen_NL))[0].numpy()
        return value_NA

    def _give_credit(self, rollout: Rollout, t: int, infos: list[dict[str, Any]]) -> None:
        if self.credit == "joint":
            return
        for n, info in enumerate(infos):
            rollout.user_TNA[t, n] = info["user"]
            rollout.earned_TNA[t, n] = info["earned"]

    def train(self) -> None:
        """Improve actor and value function on the rollout."""
        policy, rollout = self.policy, self._rollout
        policy.set_training_mode(True)
        self._update_learning_rate(policy.optimizer)
        mask_TNA = rollout.user_TNA[:-1] >= 0
        if not mask_TNA.any():
            return
        advantage_TNA, target_TNA = self._advantages(rollout)
        decisions = Decisions(
            torch.from_numpy(self._seen_TNL).flatten(0, 1),
            torch.from_numpy(self._chain_TNSA2).flatten(0, 1),
            torch.from_numpy(mask_TNA).flatten(0, 1),
            torch.from_numpy(standardised(advantage_TNA, mask_TNA)).flatten(0, 1),
            torch.from_numpy(target_TNA).flatten(0, 1),
        )
        update = ClippedUpdate(policy, self.clip_range, self.vf_coef, self.max_grad_norm, self.step_discount)
        told = update.run(decisions, self.n_epochs, self.batch_size, self._rng)
        self._n_updates += self.n_epochs
        for name, value in told.items():
            self.logger.record(f"train/{name}", value)
        self.logger.record("train/advantage_std", float(advantage_TNA[mask_TNA].std()))
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")

    def _advantages(self, rollout: Rollout) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Advantages and what the values of tokens should have been, both (T, N, A)."""
        if self.credit != "joint":
            own_TNA = user_advantages(rollout, self.gamma, self.gae_lambda)
            shared_TN = joint_advantages(rollout, 0.0, self.gamma, self.gae_lambda)
            if self._of_rule is not None:
                shared_TN = shared_TN - joint_advantages(self._of_rule, 0.0, self.gamma, self.gae_lambda)
            return np.broadcast_to(shared_TN[:, :, None], own_TNA.shape), rollout.value_TNA[:-1] + own_TNA
        self._mean_reward += (float(rollout.reward_TN.mean()) - self._mean_reward) * max(
            1 / (self._n_updates + 1), MEAN_RATE
        )
        advantage_TN1 = joint_advantages(rollout, self._mean_reward, self.gamma, self.gae_lambda)[:, :, None]
        users_TN1 = (rollout.user_TNA[:-1] >= 0).sum(axis=2, keepdims=True).clip(1)
        target_TNA = rollout.value_TNA[:-1] + advantage_TN1 / users_TN1
        return np.broadcast_to(advantage_TN1, target_TNA.shape), target_TNA

    def learn(
        self,
        total_timesteps: int,
        callback: MaybeCallback = None,
        log_interval: int = 1,
        tb_log_name: str = "OnPolicyADD",
        reset_num_timesteps: bool = True,
        progress_bar: bool = False,
    ) -> Self:
        """Train for a number of environment steps, as every algorithm of Stable-Baselines3."""
        return super().learn(total_timesteps, callback, log_interval, tb_log_name, reset_num_timesteps, progress_bar)

    def _kept(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        return {}, {"shuffle_rng": self._rng.bit_generator.state, "mean_reward": self._mean_reward}

    def _restore(
        self,
        tensors: dict[str, Tensor],
        arrays: dict[str, NDArray[Any]],
        state: dict[str, Any],
        *,
        env_restored: bool,
    ) -> None:
        super()._restore(tensors, arrays, state, env_restored=env_restored)
        self._rng.bit_generator.state, self._mean_reward = state["shuffle_rng"], state["mean_reward"]

    def _excluded_save_params(self) -> list[str]:
        return [
            *BaseAlgorithm._excluded_save_params(self),
            "_rollout",
            "_of_rule",
            "_seen_TNL",
            "_chain_TNSA2",
        ]
