"""The one way from preferences to resource blocks: work-conserving and capped by need.

Every rule, classic or learned, divides the band through `fill` (block by block, the best metric wins) or `deal` (the
same with any other way to pick winners). What holds for every result:

- a free block stays idle only if no user with data left could use it;
- no block could be taken away from a user and leave its backlog covered: what is superfluous goes to the others.

Backlogs are covered by the bits expected. A transport block on several resource blocks may carry some per cent less
(see `Scheduler.allocate`), and the remainder waits for the next slot.

Shapes: U users, B resource blocks; P and Q the users and blocks still open in a round.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Choose = Callable[[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]], NDArray[np.int64]]
"""(users_P, prbs_Q, usable_PQ) → place in users_P of the winner of each block; every block is usable by somebody."""


def fill(
    metric_UB: NDArray[np.float64],
    bits_per_prb_UB: NDArray[np.float64],
    backlog_bits_U: NDArray[np.int64],
    prb_free_B: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Owner (B,) of each block: the user of the largest finite metric that can use it and still needs it, or −1.

    A user whose backlog is covered keeps the blocks that carry most and leaves the others to the next best.
    Equal metrics go to the user listed first. `metric_UB` may be (U, 1) when it is the same on every block.
    """
    from .compiled.blocks import fill_blocks

    n_prb = bits_per_prb_UB.shape[1]
    if len(prb_free_B) != n_prb or metric_UB.shape[1] not in (1, n_prb) or len(metric_UB) != len(bits_per_prb_UB):
        raise ValueError("expected metrics, bits and free blocks of the same users and blocks")
    owner_B = np.empty(len(prb_free_B), np.int64)
    fill_blocks(metric_UB, bits_per_prb_UB, backlog_bits_U, prb_free_B, owner_B)
    return owner_B


def deal(
    choose: Choose,
    bits_per_prb_UB: NDArray[np.float64],
    backlog_bits_U: NDArray[np.int64],
    prb_free_B: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Owner (B,) of each block, −1 for nobody, where `choose` names the winners among the users still in need.

    Rounds: all open blocks are given at once; each user then found covered is trimmed to the fewest of its best
    blocks and leaves; the blocks it returns are open in the next round. A round without a covered user is the last,
    hence at most U + 1 rounds of vectorised work.
    """
    owner_B = np.full(len(prb_free_B), -1, np.int64)
    users_P = np.flatnonzero(backlog_bits_U > 0)
    prbs_Q = np.flatnonzero(prb_free_B)
    while len(users_P) and len(prbs_Q):
        usable_PQ = bits_per_prb_UB[np.ix_(users_P, prbs_Q)] > 0
        for_somebody_Q = usable_PQ.any(axis=0)
        if not for_somebody_Q.all():
            prbs_Q, usable_PQ = prbs_Q[for_somebody_Q], usable_PQ[:, for_somebody_Q]
            if not len(prbs_Q):
                break
        owner_B[prbs_Q] = users_P[choose(users_P, prbs_Q, usable_PQ)]
        held_B = np.flatnonzero(owner_B >= 0)
        bits_B = bits_per_prb_UB[owner_B[held_B], held_B]
        got_bits_U = np.bincount(owner_B[held_B], weights=bits_B, minlength=len(backlog_bits_U))
        covered_P = got_bits_U[users_P] >= backlog_bits_U[users_P]
        returned = [_trim(int(u), owner_B, bits_per_prb_UB[u], int(backlog_bits_U[u])) for u in users_P[covered_P]]
        users_P = users_P[~covered_P]
        prbs_Q = np.sort(np.concatenate(returned)) if returned else prbs_Q[:0]
    return owner_B


def _trim(user: int, owner_B: NDArray[np.int64], bits_B: NDArray[np.float64], backlog_bits: int) -> NDArray[np.int64]:
    """Leave a covered user the fewest of its best blocks; returns those freed, now −1 in `owner_B`."""
    own = np.flatnonzero(owner_B == user)
    own = own[np.argsort(-bits_B[own], kind="stable")]
    enough = int(np.searchsorted(np.cumsum(bits_B[own]), backlog_bits)) + 1
    freed: NDArray[np.int64] = own[enough:]
    owner_B[freed] = -1
    return freed
