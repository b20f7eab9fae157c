"""Earliest deadline first: the band goes to the user whose request must be there first, whatever the channel.

    winner of every block = argmin over u of the time left to the deadline

Source: C. L. Liu, J. W. Layland, "Scheduling algorithms for multiprogramming in a hard-real-time environment", J. ACM
20(1), 1973. Users without a deadline come last; among equals, the one with the least average rate comes first.

Shapes: U users, B resource blocks.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from ..base import Allocation, SlotState, schedulers
from ..fill import fill
from .keep import FixedKeep, FixedKeepConfig


class EdfConfig(FixedKeepConfig):
    """Blocks to the user whose deadline comes first."""

    kind: Literal["edf"] = "edf"
    """Name of the scheduler."""


@schedulers.register("edf")
class Edf(FixedKeep):
    """Blocks to the user whose deadline comes first."""

    Config = EdfConfig

    def allocate(self, state: SlotState) -> Allocation:
        """Owner of each free block."""
        last_first_N = np.lexsort((state.mean_rate_bps_U, state.deadline_slack_ns_U))[::-1]
        metric_U1 = np.empty((len(last_first_N), 1))
        metric_U1[last_first_N, 0] = np.arange(len(last_first_N))
        return Allocation(fill(metric_U1, state.bits_per_prb_UB, state.backlog_bits_U, state.prb_free_B))
