"""Every baseline by name: `dqn`, `ddpg`, `td3`, `sac`, `tqc`, `ppo`, `a2c` with SB3's MLP, and `<name>-set` with the
set encoder of ADD instead (not for DQN, which chooses one correction for the whole cell).

All run on the CPU. Sources of the algorithms: Mnih et al. 2015 (DQN), Lillicrap et al. 2016 (DDPG), Fujimoto et al.
2018 (TD3), Haarnoja et al. 2018 (SAC), Kuznetsov et al. 2020 (TQC), Schulman et al. 2017 (PPO), Mnih et al. 2016 (A2C).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from sb3_contrib import TQC
from stable_baselines3 import A2C, DDPG, DQN, PPO, SAC, TD3
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.vec_env import VecEnv

from ...errors import UnknownNameError
from ...scheduling.add.encoder import SetEncoder
from ..spaces import layout_of
from .hyper import (
    A2cHyper,
    AgentHyper,
    DeterministicHyper,
    DqnHyper,
    EntropyHyper,
    OffPolicyHyper,
    OnPolicyHyper,
    PpoHyper,
)
from .set_networks import SetFeatures
from .set_on_policy import SetActorCriticPolicy
from .set_policies import SetSACPolicy, SetTD3Policy, SetTQCPolicy
from .wrappers import DiscreteActions


@dataclass(frozen=True)
class _Recipe:
    algorithm: Callable[..., BaseAlgorithm]
    hyper: type[AgentHyper]
    set_policy: type[Any] | None = None


_RECIPES = {
    "dqn": _Recipe(DQN, DqnHyper),
    "ddpg": _Recipe(DDPG, DeterministicHyper, SetTD3Policy),
    "td3": _Recipe(TD3, DeterministicHyper, SetTD3Policy),
    "sac": _Recipe(SAC, EntropyHyper, SetSACPolicy),
    "tqc": _Recipe(TQC, EntropyHyper, SetTQCPolicy),
    "ppo": _Recipe(PPO, PpoHyper, SetActorCriticPolicy),
    "a2c": _Recipe(A2C, A2cHyper, SetActorCriticPolicy),
}
AGENTS = (*_RECIPES, *(f"{name}-set" for name, recipe in _RECIPES.items() if recipe.set_policy is not None))
"""Names of all agents."""


def hyper_class(name: str) -> type[AgentHyper]:
    """The class of an agent's hyperparameters; UnknownNameError with the nearest name if there is no such agent."""
    if name not in AGENTS:
        raise UnknownNameError("agent", name, AGENTS)
    return _RECIPES[name.removesuffix("-set")].hyper


def make_agent(
    name: str, env: VecEnv, hyper: AgentHyper | None = None, seed: int = 0, tensorboard: str | None = None
) -> BaseAlgorithm:
    """A fresh agent on environments with the observations and actions of `scheduling.tokens`.

    Without `hyper` it has the defaults of its family. DQN is given `DiscreteActions` around the environments
    (`Undiscretised` turns its choices back). `tensorboard` is a folder for curves, which needs tensorboard installed.
    Raises UnknownNameError, TypeError if `hyper` belongs to another family, and SpacesError if an agent over sets
    meets observations that are not those of `TokenLayout`.
    """
    family = hyper_class(name)
    hyper = family() if hyper is None else hyper
    if type(hyper) is not family:
        raise TypeError(f"agent '{name}' takes a {family.__name__}, not a {type(hyper).__name__}")
    base = name.removesuffix("-set")
    recipe = _RECIPES[base]
    options: dict[str, Any] = {
        "learning_rate": hyper.learning_rate,
        "gamma": hyper.gamma,
        "seed": seed,
        "tensorboard_log": tensorboard,
        "device": "cpu",
        **_family_options(hyper, env),
    }
    if base == "dqn":
        env = DiscreteActions(env)
    if name == base:
        return recipe.algorithm("MlpPolicy", env, policy_kwargs={"net_arch": list(hyper.hidden)}, **options)
    if isinstance(hyper, EntropyHyper):
        options["target_entropy"] = 0.0
    layout = layout_of(env.observation_space, env.action_space)
    policy = {
        "net_arch": [hyper.width],
        "features_extractor_class": SetFeatures,
        "features_extractor_kwargs": {
            "width": hyper.width,
            "make_encoder": partial(SetEncoder, layout, hyper.width, hyper.heads, hyper.layers),
        },
    }
    return recipe.algorithm(recipe.set_policy, env, policy_kwargs=policy, **options)


def _family_options(hyper: AgentHyper, env: VecEnv) -> dict[str, Any]:
    """Arguments of SB3 for all hyperparameters that not every agent has."""
    options: dict[str, Any] = {}
    if isinstance(hyper, OffPolicyHyper):
        common = ("batch_size", "buffer_size", "train_freq", "gradient_steps", "learning_starts", "tau", "n_steps")
        options |= {field: getattr(hyper, field) for field in common}
    if isinstance(hyper, DqnHyper):
        options["exploration_fraction"] = hyper.exploration_fraction
        options["exploration_final_eps"] = hyper.exploration_final
        options["target_update_interval"] = hyper.train_freq * env.num_envs
    if isinstance(hyper, DeterministicHyper):
        numbers = env.action_space.shape[0]  # type: ignore[index]
        options["action_noise"] = NormalActionNoise(np.zeros(numbers), np.full(numbers, hyper.exploration_noise))
    if isinstance(hyper, EntropyHyper):
        options["ent_coef"] = f"auto_{hyper.initial_temperature}"
    if isinstance(hyper, OnPolicyHyper):
        options |= {
            "n_steps": hyper.rollout_steps,
            "gae_lambda": hyper.gae_lambda,
            "ent_coef": hyper.entropy_weight,
            "vf_coef": hyper.value_weight,
        }
    if isinstance(hyper, PpoHyper):
        options |= {"batch_size": hyper.batch_size, "n_epochs": hyper.epochs, "clip_range": hyper.clip_range}
    return options
