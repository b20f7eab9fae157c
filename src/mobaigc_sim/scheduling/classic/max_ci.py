"""Maximum carrier-to-interference: each block to the user who gets the most bits through it.

    winner of block b = argmax over u of rate[u, b]

Source: R. Knopp, P. A. Humblet, "Information capacity and power control in single-cell multiuser communications",
IEEE ICC 1995. With K users in independent Rayleigh fading of equal mean the winner's mean gain is 1 + 1/2 + … + 1/K
times that of one user.

Channel reports are coarse, so equal rates are common. They go to the user with the smallest average rate; otherwise
the order of the users would decide for ever.

Shapes: U users, B resource blocks.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from ..base import Allocation, SlotState, schedulers
from ..fill import fill
from .keep import FixedKeep, FixedKeepConfig


class MaxCiConfig(FixedKeepConfig):
    """Each block to the user who gets the most bits through it; the most throughput, the least fairness."""

    kind: Literal["max_ci"] = "max_ci"
    """Name of the scheduler."""


@schedulers.register("max_ci")
class MaxCi(FixedKeep):
    """Each block to the user who gets the most bits through it; the most throughput, the least fairness."""

    Config = MaxCiConfig

    def allocate(self, state: SlotState) -> Allocation:
        """Owner of each free block."""
        # Users in ascending order of their average: `fill` gives equal metrics to the first.
        order_U = np.argsort(state.mean_rate_bps_U, kind="stable")
        bits_UB = state.bits_per_prb_UB[order_U]
        place_B = fill(bits_UB, bits_UB, state.backlog_bits_U[order_U], state.prb_free_B)
        owner_B = np.full_like(place_B, -1)
        owner_B[place_B >= 0] = order_U[place_B[place_B >= 0]]
        return Allocation(owner_B)
