"""Checkpoints of algorithms that learn from a replay buffer."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.type_aliases import TrainFreq, TrainFrequencyUnit
from torch import Tensor

from .checkpoint import CheckpointError, Resumable

REPLAYED = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")


class ReplayResumable(Resumable, OffPolicyAlgorithm):
    """An off-policy algorithm whose checkpoints hold the replay buffer too."""

    def _kept(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        buffer, freq = self.replay_buffer, self.train_freq
        assert buffer is not None
        arrays = {name: getattr(buffer, name)[: buffer.size()] for name in REPLAYED}
        train_freq = freq.frequency, freq.unit.value  # type: ignore[union-attr]
        return arrays, {"replay_pos": buffer.pos, "replay_full": buffer.full, "train_freq": train_freq}

    def _restore(
        self,
        tensors: dict[str, Tensor],
        arrays: dict[str, NDArray[Any]],
        state: dict[str, Any],
        *,
        env_restored: bool,
    ) -> None:
        """Also the replay buffer; episodes cut by the break count as ended by a time limit."""
        super()._restore(tensors, arrays, state, env_restored=env_restored)
        count, unit = state["train_freq"]
        self.train_freq = TrainFreq(count, TrainFrequencyUnit(unit))  # type: ignore[assignment]
        buffer = self.replay_buffer
        assert buffer is not None
        for name in REPLAYED:
            stored = getattr(buffer, name)
            if stored.shape[1:] != arrays[name].shape[1:] or len(stored) < len(arrays[name]):
                raise CheckpointError(f"the replayed {name} do not fit the environment or buffer_size")
            stored[: len(arrays[name])] = arrays[name]
        buffer.pos, buffer.full = state["replay_pos"], state["replay_full"]
        if not env_restored and buffer.size():
            buffer.timeouts[buffer.pos - 1] = 1 - buffer.dones[buffer.pos - 1]
