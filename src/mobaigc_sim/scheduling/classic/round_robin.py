"""Round robin: blocks are dealt in turn, whatever the channel.

Source: E. L. Hahne, "Round-robin scheduling for max-min fairness in data networks", IEEE J. Sel. Areas Commun. 9(7),
1991, with resource blocks for packets: nobody who still has data gets fewer blocks than another, but for one.

In slot n the user who comes after the one that opened slot n − 1 opens. While the same K users wait, K slots in a row
therefore give each of them every block exactly once.

Shapes: U users, B resource blocks; P and Q the users and blocks still open.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..base import Allocation, SlotState, schedulers
from ..fill import deal
from .keep import FixedKeep, FixedKeepConfig


class RoundRobinConfig(FixedKeepConfig):
    """Blocks in turn to every user with data, whatever the channel."""

    kind: Literal["round_robin"] = "round_robin"
    """Name of the scheduler."""


@schedulers.register("round_robin")
class RoundRobin(FixedKeep):
    """Blocks in turn to every user with data, whatever the channel."""

    Config = RoundRobinConfig

    def __init__(self, config: RoundRobinConfig) -> None:
        super().__init__(config)
        self._opened_by = -1

    def allocate(self, state: SlotState) -> Allocation:
        """Owner of each free block; remembers who opened the slot."""
        ue_U = state.ue_U
        if not len(ue_U):
            return Allocation(np.full(len(state.prb_free_B), -1, np.int64))
        # Turn of each user: identities after the last opener first, then from the smallest again.
        turn_U = np.empty(len(ue_U), np.int64)
        turn_U[np.lexsort((ue_U, ue_U <= self._opened_by))] = np.arange(len(ue_U))
        self._opened_by = int(ue_U[turn_U.argmin()])
        held_U = np.zeros(len(ue_U), np.int64)

        def in_turn(
            users_P: NDArray[np.int64], prbs_Q: NDArray[np.int64], usable_PQ: NDArray[np.bool_]
        ) -> NDArray[np.int64]:
            # Place of each user in this round: who has fewest blocks so far, then by turn.
            place_P = np.empty(len(users_P), np.int64)
            place_P[np.lexsort((turn_U[users_P], held_U[users_P]))] = np.arange(len(users_P))
            wait_PQ = (place_P[:, None] - np.arange(len(prbs_Q))) % len(users_P)
            winner_Q: NDArray[np.int64] = np.where(usable_PQ, wait_PQ, len(users_P)).argmin(axis=0)
            held_U[:] += np.bincount(users_P[winner_Q], minlength=len(held_U))
            return winner_Q

        return Allocation(deal(in_turn, state.bits_per_prb_UB, state.backlog_bits_U, state.prb_free_B))
