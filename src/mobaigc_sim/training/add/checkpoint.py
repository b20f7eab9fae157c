"""Checkpoints of ADD from which training goes on as if it had never stopped; no pickle in them.

A folder holds `tensors.safetensors` (weights, targets, running scales, optimisers, torch's random state),
`arrays.npz` (replay buffer, last observations, numpy's random state) and `state.json` (arguments, counters, the random
state of the action space). The state of the environment is not in it: restore it and say `env_restored=True`, or
else the environment is reset, and the episodes cut by the break count as ended by a time limit.

A checkpoint is whole only between a training step and the next collected step: save after `learn`, or during it with
`SaveCheckpoint`. Random numbers are those of the CPU; runs on a GPU are not promised to repeat.
"""

from __future__ import annotations

import json
import shutil
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv
from torch import Tensor

from ...errors import MobaigcError

if TYPE_CHECKING:
    from .algorithm import ADD

FORMAT = "mobaigc-add-checkpoint-1"
ARGUMENTS = (
    "buffer_size",
    "learning_starts",
    "batch_size",
    "tau",
    "gamma",
    "gradient_steps",
    "n_steps",
    "actor_update",
    "credit",
    "denoising_steps",
    "candidates",
    "particles",
    "kl_target",
    "exploration",
    "reward_centring",
    "critic_norm",
    "tensorboard_log",
    "verbose",
    "policy_kwargs",
)
COUNTERS = ("num_timesteps", "_n_updates", "_episode_num")
REPLAYED = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")
OPTIMIZERS = ("actor_optimizer", "critic_optimizer")
LAST = ("_last_obs", "_last_original_obs", "_last_episode_starts")


class CheckpointError(MobaigcError):
    """A folder that holds no checkpoint of ADD, or one that does not fit the environment."""


def save_checkpoint(model: ADD, folder: Path) -> None:
    """Write the checkpoint; an older one in `folder` is replaced once the new one is complete."""
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    save_file(_tensors(model), part / "tensors.safetensors")
    np.savez(part / "arrays.npz", allow_pickle=False, **_arrays(model))
    (part / "state.json").write_text(json.dumps(_state(model), default=float))
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)


def load_checkpoint(cls: type[ADD], folder: Path, env: VecEnv, *, env_restored: bool = False, **changes: Any) -> ADD:
    """The model of a checkpoint on `env`; call `learn(..., reset_num_timesteps=False)` with the steps that remain.

    `changes` replace stored arguments; a learning rate that was a function must be among them. Raises CheckpointError.
    """
    try:
        state = json.loads((folder / "state.json").read_text())
        tensors = load_file(folder / "tensors.safetensors")
        with np.load(folder / "arrays.npz", allow_pickle=False) as file:
            arrays = dict(file)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{folder}: no complete checkpoint: {error}") from error
    if state.get("format") != FORMAT:
        raise CheckpointError(f"{folder}: not a checkpoint of ADD ({state.get('format')!r}, not {FORMAT!r})")
    if state["n_envs"] != env.num_envs:
        raise CheckpointError(f"{folder}: was trained on {state['n_envs']} environments, not {env.num_envs}")
    arguments = {**state["arguments"], **changes}
    if arguments["learning_rate"] is None:
        raise CheckpointError(f"{folder}: the learning rate was a function; pass learning_rate")
    arguments["train_freq"] = tuple(arguments["train_freq"])
    model = cls("SetPolicy", env, seed=None, **arguments)
    model.seed = state["seed"]
    _restore_tensors(model, tensors)
    _restore_replay(model, arrays, state)
    for name in COUNTERS:
        setattr(model, name, state[name])
    model.ep_info_buffer = deque(state["ep_info"], maxlen=model._stats_window_size)
    model.ep_success_buffer = deque(state["ep_success"], maxlen=model._stats_window_size)
    if env_restored:
        for name in LAST:
            setattr(model, name, arrays.get(name))
    elif model.replay_buffer is not None and model.replay_buffer.size():
        last = model.replay_buffer.pos - 1
        model.replay_buffer.timeouts[last] = 1 - model.replay_buffer.dones[last]
    name, position, has_gauss, gauss = state["numpy_rng"]
    np.random.set_state((name, arrays["numpy_rng"], position, has_gauss, gauss))
    model.action_space.np_random.bit_generator.state = state["action_space_rng"]
    torch.set_rng_state(tensors["torch_rng"])
    return model


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
            save_checkpoint(cast("ADD", self.model), self.folder)

    def _on_step(self) -> bool:
        return True


def _tensors(model: ADD) -> dict[str, Tensor]:
    """Weights, optimisers and torch's random state."""
    tensors = {f"policy.{name}": tensor for name, tensor in model.policy.state_dict().items()}
    for optimizer in OPTIMIZERS:
        for index, moments in getattr(model.policy, optimizer).state_dict()["state"].items():
            tensors |= {f"{optimizer}.{index}.{name}": tensor for name, tensor in moments.items()}
    tensors["torch_rng"] = torch.get_rng_state()
    return {name: tensor.contiguous() for name, tensor in tensors.items()}


def _restore_tensors(model: ADD, tensors: dict[str, Tensor]) -> None:
    model.policy.load_state_dict({k.removeprefix("policy."): t for k, t in tensors.items() if k.startswith("policy.")})
    for optimizer in OPTIMIZERS:
        moments: dict[int, dict[str, Tensor]] = {}
        for key in (key for key in tensors if key.startswith(f"{optimizer}.")):
            _, index, name = key.split(".")
            moments.setdefault(int(index), {})[name] = tensors[key]
        groups = getattr(model.policy, optimizer).state_dict()["param_groups"]
        getattr(model.policy, optimizer).load_state_dict({"state": moments, "param_groups": groups})


def _arrays(model: ADD) -> dict[str, NDArray[Any]]:
    """The filled part of the replay buffer, the last observations and numpy's random state."""
    buffer = model.replay_buffer
    assert buffer is not None
    arrays = {name: getattr(buffer, name)[: buffer.size()] for name in REPLAYED}
    arrays |= {name: value for name in LAST if (value := getattr(model, name)) is not None}
    arrays["numpy_rng"] = np.random.get_state()[1]  # type: ignore[index]
    return arrays


def _restore_replay(model: ADD, arrays: dict[str, NDArray[Any]], state: dict[str, Any]) -> None:
    buffer = model.replay_buffer
    assert buffer is not None
    for name in REPLAYED:
        stored = getattr(buffer, name)
        if stored.shape[1:] != arrays[name].shape[1:] or len(stored) < len(arrays[name]):
            raise CheckpointError(f"the replayed {name} do not fit the environment or buffer_size")
        stored[: len(arrays[name])] = arrays[name]
    buffer.pos, buffer.full = state["replay_pos"], state["replay_full"]


def _state(model: ADD) -> dict[str, Any]:
    """All that is neither tensor nor array."""
    buffer, freq = model.replay_buffer, model.train_freq
    name, _, position, has_gauss, gauss = np.random.get_state()
    assert buffer is not None
    arguments = {argument: getattr(model, argument) for argument in ARGUMENTS}
    arguments["learning_rate"] = None if callable(model.learning_rate) else model.learning_rate
    arguments["train_freq"] = (freq.frequency, freq.unit.value)  # type: ignore[union-attr]
    arguments["stats_window_size"] = model._stats_window_size
    return {
        "format": FORMAT,
        "arguments": arguments,
        "seed": model.seed,
        "n_envs": model.n_envs,
        "numpy_rng": (name, position, has_gauss, gauss),
        "action_space_rng": model.action_space.np_random.bit_generator.state,
        "replay_pos": buffer.pos,
        "replay_full": buffer.full,
        "ep_info": list(model.ep_info_buffer or ()),
        "ep_success": list(model.ep_success_buffer or ()),
        **{counter: getattr(model, counter) for counter in COUNTERS},
    }
