"""MaxWeight: blocks to the longest queue that they serve best.

    winner of block b = argmax over u of backlog[u] · rate[u, b]

Source: L. Tassiulas, A. Ephremides, "Stability properties of constrained queueing systems and scheduling policies for
maximum throughput in multihop radio networks", IEEE Trans. Autom. Control 37(12), 1992: it keeps every queue stable
that any rule can keep stable.

Shapes: U users, B resource blocks.
"""

from __future__ import annotations

from typing import Literal

from ..base import Allocation, SlotState, schedulers
from ..fill import fill
from .keep import FixedKeep, FixedKeepConfig


class MaxWeightConfig(FixedKeepConfig):
    """Blocks to the user with the largest product of backlog and rate."""

    kind: Literal["max_weight"] = "max_weight"
    """Name of the scheduler."""


@schedulers.register("max_weight")
class MaxWeight(FixedKeep):
    """Blocks to the user with the largest product of backlog and rate."""

    Config = MaxWeightConfig

    def allocate(self, state: SlotState) -> Allocation:
        """Owner of each free block."""
        metric_UB = state.backlog_bits_U[:, None] * state.bits_per_prb_UB
        return Allocation(fill(metric_UB, state.bits_per_prb_UB, state.backlog_bits_U, state.prb_free_B))
