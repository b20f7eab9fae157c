"""Drift plus penalty: MaxWeight that knows deadlines by a virtual queue, against the blocks that a bit costs.

    winner of block b = argmax over u of (Q[u] + Z[u] + V) · rate[u, b]
    Z[u] ← max(Z[u] + ε[u] − μ[u], 0),    ε[u] = Q[u] / slots to the deadline of its request

Source: M. J. Neely, "Stochastic Network Optimization with Application to Communication and Queueing Systems", Morgan &
Claypool 2010, chapters 3 and 4: each slot minimises V · penalty − Σ (Q + Z) · μ, which bounds the drift of all queues.
The penalty here is −Σ μ, bits that are not sent: V = 0 looks at queues alone, a large V serves the best channels. The
virtual queue is that of M. J. Neely, "Opportunistic scheduling with worst case delay guarantees in single and multi-hop
networks", IEEE INFOCOM 2011, whose ε is a constant; the ε here is the rate that would be just in time, so Z are the
bits by which a request is behind that.

    | here                    | paper                                                               |
    | backlog_bits_U          | Q, what waits                                                       |
    | granted bits            | μ; a slot in which a user may not send moves neither μ nor Z        |

Z is 0 when another request comes into service. A user without a deadline has one second for what waits.

Shapes: U users, B resource blocks.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from ..base import Allocation, SlotState, schedulers
from ..fill import fill
from .keep import FixedKeep, FixedKeepConfig
from .urgency import has_deadline

_NONE = -1


class DriftPlusPenaltyConfig(FixedKeepConfig):
    """Blocks by backlog and by what a request is behind its deadline, times the rate."""

    kind: Literal["drift_plus_penalty"] = "drift_plus_penalty"
    """Name of the scheduler."""
    penalty_bits: Annotated[float, Field(ge=0)] = 20_000.0
    """V: backlog in bits that counts as much as the rate itself; 0 for queues alone."""


@schedulers.register("drift_plus_penalty")
class DriftPlusPenalty(FixedKeep):
    """Blocks by backlog and by what a request is behind its deadline, times the rate."""

    Config = DriftPlusPenaltyConfig

    def __init__(self, config: DriftPlusPenaltyConfig) -> None:
        super().__init__(config)
        self._penalty_bits = config.penalty_bits
        self._behind_bits_U = np.zeros(0)
        self._deadline_ns_U = np.zeros(0, np.int64)

    def allocate(self, state: SlotState) -> Allocation:
        """Owner of each free block; the virtual queues of the users listed move on by a slot."""
        ue_U = state.ue_U
        self._make_room(int(ue_U.max(initial=-1)) + 1)
        timed_U = has_deadline(state)
        slack_ns_U = np.where(timed_U, state.deadline_slack_ns_U, 0)
        deadline_ns_U = np.where(timed_U, state.now_ns + slack_ns_U, _NONE)
        behind_bits_U = np.where(deadline_ns_U == self._deadline_ns_U[ue_U], self._behind_bits_U[ue_U], 0.0)

        weight_U = state.backlog_bits_U + behind_bits_U + self._penalty_bits
        owner_B = fill(
            weight_U[:, None] * state.bits_per_prb_UB, state.bits_per_prb_UB, state.backlog_bits_U, state.prb_free_B
        )
        taken_B = np.flatnonzero(owner_B >= 0)
        bits_B = state.bits_per_prb_UB[owner_B[taken_B], taken_B]
        granted_bits_U = np.bincount(owner_B[taken_B], weights=bits_B, minlength=len(ue_U))
        left_ns_U = np.where(timed_U, np.maximum(slack_ns_U, state.slot_ns), 1e9)
        needed_bits_U = state.backlog_bits_U * state.slot_ns / left_ns_U
        self._behind_bits_U[ue_U] = np.maximum(behind_bits_U + needed_bits_U - granted_bits_U, 0.0)
        self._deadline_ns_U[ue_U] = deadline_ns_U
        return Allocation(owner_B)

    def _make_room(self, n_ue: int) -> None:
        """Let users up to a number have a virtual queue."""
        new = n_ue - len(self._behind_bits_U)
        if new > 0:
            self._behind_bits_U = np.append(self._behind_bits_U, np.zeros(new))
            self._deadline_ns_U = np.append(self._deadline_ns_U, np.full(new, _NONE))
