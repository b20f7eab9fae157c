"""Weights of users to resource blocks, compiled: a block goes to the user of the largest weight times rate.

    winner of block b = argmax over u of log w[u] + log rate[u, b]

Weights hold for an epoch, rates are those of the slot, so users are served on their peaks. Work-conserving and capped
by need, as every rule that goes through `fill`.

Source: the rule that maximises a weighted sum of rates, D. Tse, P. Viswanath, "Fundamentals of Wireless
Communication", Cambridge 2005, section 6.7; with weights from queues and prices it is MaxWeight (`max_weight`).

Shapes: U users, N users who may send, B resource blocks.
"""

from __future__ import annotations

import math
from typing import Any

from ...kernel.lean import lean, numbers
from .blocks import fill_blocks


@lean
def weigh_blocks(
    ue_N: Any, log_weight_U: Any, bits_NB: Any, metric_NB: Any, backlog_bits_U: Any, owner_B: Any, wish_B: Any
) -> None:
    """Write the winners of the blocks that have no owner (< 0) into `wish_B` (−1 for nobody).

    `bits_NB`: what a block is expected to carry; `metric_NB`: room as large; `log_weight_U`:
    logarithms of the weights, up to a constant.
    """
    count, n_prb = bits_NB.shape
    backlog_bits_N, free_B = numbers(count, 0), numbers(n_prb, True)
    for b in range(n_prb):
        free_B[b] = owner_B[b] < 0
    for n in range(count):
        u = ue_N[n]
        backlog_bits_N[n] = backlog_bits_U[u]
        for b in range(n_prb):
            bits = bits_NB[n, b]
            metric_NB[n, b] = log_weight_U[u] + math.log(bits) if bits > 0.0 else -math.inf
    fill_blocks(metric_NB, bits_NB, backlog_bits_N, free_B, wish_B)
    for b in range(n_prb):
        if wish_B[b] >= 0:
            wish_B[b] = ue_N[wish_B[b]]
