"""Checkpoints of ADD from which training goes on as if it had never stopped; no pickle in them.

A folder holds `tensors.safetensors` (policy, optimisers, torch's random state), `arrays.npz` (the last observations,
numpy's random state, what else the algorithm keeps) and `state.json` (arguments, counters, the random state of the
action space). The state of the environment is not in it: restore it and say `env_restored=True`, or else the
environment is reset.

A checkpoint is whole only between a training step and the next collected step: save after `learn`, or during it with
`SaveCheckpoint`. Random numbers are those of the CPU; runs on a GPU are not promised to repeat.
"""

from __future__ import annotations

import json
import shutil
from collections import deque
from pathlib import Path
from typing import Any, ClassVar, Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv
from torch import Tensor

from ...errors import MobaigcError
from ...results.files import recovered_folder, replace_folder

FORMAT = "mobaigc-add-checkpoint-3"
COUNTERS = ("num_timesteps", "_n_updates", "_episode_num")
LAST = ("_last_obs", "_last_original_obs")


class CheckpointError(MobaigcError):
    """A folder that holds no checkpoint of the algorithm, or one that does not fit the environment."""


class Resumable(BaseAlgorithm):
    """An algorithm of Stable-Baselines3 with checkpoints; it says what they hold."""

    CHECKPOINT_ARGUMENTS: ClassVar[tuple[str, ...]]
    """Arguments of the constructor that are attributes of the same name."""
    CHECKPOINT_OPTIMIZERS: ClassVar[tuple[str, ...]]
    """Attributes of the policy."""

    def save_checkpoint(self, folder: Path | str) -> None:
        """Write all that training needs; an older checkpoint in `folder` is replaced once the new one is complete."""
        folder = Path(folder)
        part = folder.with_name(folder.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        arrays, state = self._kept()
        arrays |= {name: value for name in LAST if (value := getattr(self, name)) is not None}
        arrays["numpy_rng"] = np.random.get_state()[1]  # type: ignore[index]
        save_file(self._kept_tensors(), part / "tensors.safetensors")
        np.savez(part / "arrays.npz", allow_pickle=False, **arrays)
        (part / "state.json").write_text(json.dumps(self._kept_state() | state, default=float))
        replace_folder(part, folder)

    @classmethod
    def load_checkpoint(cls, folder: Path | str, env: VecEnv, *, env_restored: bool = False, **changes: Any) -> Self:
        """The model of a checkpoint on `env`; call `learn(..., reset_num_timesteps=False)` with the steps that remain.

        `changes` replace stored arguments; a learning rate that was a function must be among them. Raises
        CheckpointError.
        """
        folder = recovered_folder(Path(folder))
        try:
            state = json.loads((folder / "state.json").read_text())
            tensors = load_file(folder / "tensors.safetensors")
            with np.load(folder / "arrays.npz", allow_pickle=False) as file:
                arrays = dict(file)
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{folder}: no complete checkpoint: {error}") from error
        expected = f"{FORMAT} {cls.__name__}"
        if state.get("format") != expected:
            raise CheckpointError(f"{folder}: not a checkpoint of {cls.__name__} ({state.get('format')!r})")
        if state["n_envs"] != env.num_envs:
            raise CheckpointError(f"{folder}: was trained on {state['n_envs']} environments, not {env.num_envs}")
        arguments = {**state["arguments"], **changes}
        if arguments["learning_rate"] is None:
            raise CheckpointError(f"{folder}: the learning rate was a function; pass learning_rate")
        model = cls("SetPolicy", env, seed=None, **arguments)
        model.seed = state["seed"]
        for name in COUNTERS:
            setattr(model, name, state[name])
        model.ep_info_buffer = deque(state["ep_info"], maxlen=model._stats_window_size)
        model.ep_success_buffer = deque(state["ep_success"], maxlen=model._stats_window_size)
        if env_restored:
            for name in LAST:
                setattr(model, name, arrays.get(name))
        model._restore(tensors, arrays, state, env_restored=env_restored)
        name, position, has_gauss, gauss = state["numpy_rng"]
        np.random.set_state((name, arrays["numpy_rng"], position, has_gauss, gauss))
        model.action_space.np_random.bit_generator.state = state["action_space_rng"]
        torch.set_rng_state(tensors["torch_rng"])
        return model

    def _kept(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Further arrays, and what else JSON can hold."""
        return {}, {}

    def _restore(
        self,
        tensors: dict[str, Tensor],
        arrays: dict[str, NDArray[Any]],
        state: dict[str, Any],
        *,
        env_restored: bool,
    ) -> None:
        """Take in what `_kept` and the policy had; raises CheckpointError where it does not fit."""
        own = {name.removeprefix("policy."): t for name, t in tensors.items() if name.startswith("policy.")}
        self.policy.load_state_dict(own)
        for optimizer in self.CHECKPOINT_OPTIMIZERS:
            moments: dict[int, dict[str, Tensor]] = {}
            for key in (key for key in tensors if key.startswith(f"{optimizer}.")):
                _, index, name = key.split(".")
                moments.setdefault(int(index), {})[name] = tensors[key]
            groups = getattr(self.policy, optimizer).state_dict()["param_groups"]
            getattr(self.policy, optimizer).load_state_dict({"state": moments, "param_groups": groups})

    def _kept_tensors(self) -> dict[str, Tensor]:
        tensors = {f"policy.{name}": tensor for name, tensor in self.policy.state_dict().items()}
        for optimizer in self.CHECKPOINT_OPTIMIZERS:
            for index, moments in getattr(self.policy, optimizer).state_dict()["state"].items():
                tensors |= {f"{optimizer}.{index}.{name}": tensor for name, tensor in moments.items()}
        tensors["torch_rng"] = torch.get_rng_state()
        return {name: tensor.contiguous() for name, tensor in tensors.items()}

    def _kept_state(self) -> dict[str, Any]:
        name, _, position, has_gauss, gauss = np.random.get_state()
        arguments = {argument: getattr(self, argument) for argument in self.CHECKPOINT_ARGUMENTS}
        arguments["learning_rate"] = None if callable(self.learning_rate) else self.learning_rate
        arguments["stats_window_size"] = self._stats_window_size
        return {
            "format": f"{FORMAT} {type(self).__name__}",
            "arguments": arguments,
            "seed": self.seed,
            "n_envs": self.n_envs,
            "numpy_rng": (name, position, has_gauss, gauss),
            "action_space_rng": self.action_space.np_random.bit_generator.state,
            "ep_info": list(self.ep_info_buffer or ()),
            "ep_success": list(self.ep_success_buffer or ()),
            **{counter: getattr(self, counter, 0) for counter in COUNTERS},
        }


class SaveCheckpoint(BaseCallback):
    """Save into `folder` at the first whole moment after every `every_steps` environment steps."""

    def __init__(self, folder: Path | str, every_steps: int) -> None:
        super().__init__()
        self.folder = Path(folder)
        self.every_steps = every_steps
        self.saved_steps = 0

    def _on_training_start(self) -> None:
        self.saved_steps = self.num_timesteps = self.model.num_timesteps

    def _on_rollout_start(self) -> None:
        if self.model.num_timesteps - self.saved_steps >= self.every_steps:
            self.saved_steps = self.model.num_timesteps
            cast(Resumable, self.model).save_checkpoint(self.folder)

    def _on_step(self) -> bool:
        return True
