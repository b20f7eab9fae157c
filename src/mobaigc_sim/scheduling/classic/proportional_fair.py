"""Proportional fair: each block to the user for whom it is best compared with what that user is used to.

    winner of block b = argmax over u of rate[u, b] / T[u]

Source: D. Tse, P. Viswanath, "Fundamentals of Wireless Communication", Cambridge 2005, section 6.7.1; block by block
as in P. Viswanath, D. Tse, R. Laroia, "Opportunistic beamforming using dumb antennas", IEEE Trans. Inf. Theory 48(6),
2002. In the long run it maximises the sum of log T.

    | here                    | paper                                                        |
    | bits_per_prb_UB         | R_k, in bits per block and slot (the scale cancels)          |
    | mean_rate_bps_U         | T_k, kept by the cell                                        |

T moves as T ← (1 − β) T + β R with R the bits *granted* per second of the slot and β = slot / window: counting
acknowledged bits would reward failure. What keeps outdated reports from locking the rule in is the outer loop of link
adaptation, which lowers the rate of a user whose blocks fail: held still, this rule does worse than round robin
whichever bits are counted (`mobaigc-sim verify --only lock_in`).

Shapes: U users, B resource blocks.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from ..base import Allocation, SlotState, schedulers
from ..fill import fill
from .keep import FixedKeep, FixedKeepConfig

LEAST_BPS = 1.0


class ProportionalFairConfig(FixedKeepConfig):
    """Each block to the user with the best rate there relative to its average rate."""

    kind: Literal["proportional_fair"] = "proportional_fair"
    """Name of the scheduler."""


@schedulers.register("proportional_fair")
class ProportionalFair(FixedKeep):
    """Each block to the user with the best rate there relative to its average rate."""

    Config = ProportionalFairConfig

    def allocate(self, state: SlotState) -> Allocation:
        """Owner of each free block; an average below 1 bit/s counts as 1 bit/s, so newcomers compete by rate."""
        metric_UB = state.bits_per_prb_UB / np.maximum(state.mean_rate_bps_U, LEAST_BPS)[:, None]
        return Allocation(fill(metric_UB, state.bits_per_prb_UB, state.backlog_bits_U, state.prb_free_B))
