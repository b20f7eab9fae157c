"""Shares of the band to resource blocks, compiled: work-conserving and capped by need, like `fill`.

In every slot each user in need earns its share of the free blocks as credit; the user with the most credit takes the
best block left to it and pays one, until no user in need can use what is left. Shares count among those in need alone,
so what one user does not need falls to the others in proportion, and with weights far apart users are served one after
the other. Credit that is not used up stays as long as a user may send.

This is weighted fair queueing in units of blocks: A. K. Parekh, R. G. Gallager, "A generalized processor sharing
approach to flow control in integrated services networks", IEEE/ACM Trans. Netw. 1(3), 1993, served by largest deficit.

Shapes: U users, N users who may send, B resource blocks.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit


@njit(cache=True)
def share_blocks(
    ue_N: Any, log_weight_U: Any, credit_U: Any, bits_NB: Any, backlog_bits_U: Any, owner_B: Any, wish_B: Any
) -> None:
    """Write the winners of the blocks that have no owner (< 0) into `wish_B` (−1 for nobody); credits change in place.

    `bits_NB`: what a block is expected to carry; `log_weight_U`: logarithms of the shares, up to a constant.
    """
    count, n_prb = bits_NB.shape
    open_B = owner_B < 0
    before_U = credit_U.copy()
    credit_U[:] = 0.0
    for n in range(count):
        credit_U[ue_N[n]] = before_U[ue_N[n]]
    need_bits_N = np.empty(count)
    free = 0
    for b in range(n_prb):
        wish_B[b] = -1
        free += open_B[b]
    greatest = -np.inf
    for n in range(count):
        need_bits_N[n] = backlog_bits_U[ue_N[n]]
        greatest = max(greatest, log_weight_U[ue_N[n]])
    total = 0.0
    for n in range(count):
        total += math.exp(log_weight_U[ue_N[n]] - greatest)
    for n in range(count):
        credit_U[ue_N[n]] += free * math.exp(log_weight_U[ue_N[n]] - greatest) / total
    while free > 0:
        winner, block = -1, -1
        for n in range(count):
            if need_bits_N[n] <= 0.0 or (winner >= 0 and not _before(ue_N[n], ue_N[winner], credit_U, log_weight_U)):
                continue
            best = -1
            for b in range(n_prb):
                if open_B[b] and bits_NB[n, b] > 0.0 and (best < 0 or bits_NB[n, b] > bits_NB[n, best]):
                    best = b
            if best >= 0:
                winner, block = n, best
        if winner < 0:
            return
        wish_B[block], open_B[block] = ue_N[winner], False
        free -= 1
        need_bits_N[winner] -= bits_NB[winner, block]
        credit_U[ue_N[winner]] -= 1.0


@njit(cache=True, inline="always")
def _before(u: int, v: int, credit_U: Any, log_weight_U: Any) -> bool:
    """Whether u is served before v: more credit, then more weight, then the lower number."""
    if credit_U[u] != credit_U[v]:
        return bool(credit_U[u] > credit_U[v])
    if log_weight_U[u] != log_weight_U[v]:
        return bool(log_weight_U[u] > log_weight_U[v])
    return u < v
