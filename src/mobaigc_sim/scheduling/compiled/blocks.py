"""`scheduling.fill`, compiled: see there for what it does.

Shapes: U users, B resource blocks.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...kernel.lean import copy, lean, numbers


@lean
def fill_blocks(metric_UB: Any, bits_UB: Any, backlog_bits_U: Any, free_B: Any, owner_B: Any) -> None:
    """Write the owner of each block into `owner_B`; `metric_UB` may have one column for all blocks."""
    n_ue, n_prb = bits_UB.shape
    in_need_U, open_B, held_bits_U = numbers(n_ue, True), numbers(n_prb, True), numbers(n_ue, 0.0)
    for u in range(n_ue):
        in_need_U[u] = backlog_bits_U[u] > 0
    copy(free_B, open_B)
    owner_B[:] = -1
    one_metric = metric_UB.shape[1] == 1
    rounds_left = True
    while rounds_left:
        rounds_left = False
        for b in range(n_prb):
            if not open_B[b]:
                continue
            open_B[b] = False
            best = -np.inf
            for u in range(n_ue):
                metric = metric_UB[u, 0 if one_metric else b]
                if in_need_U[u] and bits_UB[u, b] > 0.0 and metric > best:
                    best = metric
                    owner_B[b] = u
        held_bits_U[:] = 0.0
        for b in range(n_prb):
            if owner_B[b] >= 0:
                held_bits_U[owner_B[b]] += bits_UB[owner_B[b], b]
        for u in range(n_ue):
            if in_need_U[u] and held_bits_U[u] >= backlog_bits_U[u]:
                in_need_U[u] = False
                rounds_left |= _trim(u, bits_UB[u], backlog_bits_U[u], owner_B, open_B)


@lean
def _trim(user: int, bits_B: Any, backlog_bits: int, owner_B: Any, open_B: Any) -> bool:
    """Leave a covered user the fewest of its best blocks and open the others; False when there are none."""
    kept_B = numbers(len(owner_B), True)
    kept_B[:] = False
    total = 0.0
    while total < backlog_bits:
        best = -1
        for b in range(len(owner_B)):
            if owner_B[b] == user and not kept_B[b] and (best < 0 or bits_B[b] > bits_B[best]):
                best = b
        if best < 0:
            return False
        kept_B[best] = True
        total += bits_B[best]
    opened = False
    for b in range(len(owner_B)):
        if owner_B[b] == user and not kept_B[b]:
            owner_B[b] = -1
            open_B[b] = True
            opened = True
    return opened
