"""An `EpochView` and what the priced rule makes of it, packed as `tokens.TokenLayout` says, compiled.

Numbers are brought near [−1, 1] by fixed physical scales, so that a policy can be carried from cell to cell.

| user feature | |
| 0 | log bits per block |
| 1 | logarithm of that over its slow average |
| 2 | log mean rate |
| 3 | speed |
| 4, 5 | log blocks that finish what waits; that bring the bases |
| 6 | log bits in flight |
| 7, 8 | time to the deadline; since the request |
| 9, 10 | images of a request; requests |
| 11 | keep ratio of the first request, as a share of the grid |
| 12 | 1 if it waits for one |
| 13 | logarithm of the density by the priced rule, less the largest |
| 14 | keep ratio of the priced rule |
| 15 | 1 if bases wait |
| 16 | logarithm of weight times rate by the priced rule, less the largest |

| keep ratio | attention inside; log bits; log blocks; worth less price |
| cell | seconds of work; log price; users; requests new, coming; largest log density |

Shapes: U users, N tokens.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...kernel.lean import lean
from ..tokens import BOUND, CELL_FEATURES, CONTENT_FEATURES, USER_FEATURES
from .price import rate_of


@lean
def choose_tokens(view: Any, ue_N: Any) -> int:
    """Users with something to send, those of the earliest deadlines if they are too many; returns how many.

    Unused places hold −1.
    """
    count, room = 0, len(ue_N)
    for u in range(len(view.active_U)):
        if not view.active_U[u]:
            continue
        place = min(count, room)
        while place > 0 and view.slack_ns_U[u] < view.slack_ns_U[ue_N[place - 1]]:
            if place < room:
                ue_N[place] = ue_N[place - 1]
            place -= 1
        if place < room:
            ue_N[place] = u
            count = min(count + 1, room)
    for n in range(count, room):
        ue_N[n] = -1
    return count


@lean
def pack(view: Any, pricing: Any, plan: Any, ue_N: Any, flat: Any) -> None:
    """Write the observation of the users `ue_N`."""
    room, n_levels = len(ue_N), view.bits_UK.shape[1]
    flat[:] = 0.0
    contents = room * USER_FEATURES
    masks = contents + room * n_levels * CONTENT_FEATURES
    cells = masks + room
    price = math.exp(min(plan.cell_2[1], 20.0)) + view.reward_3[2]
    best, index, users, new = -30.0, -math.inf, 0, 0
    for u in range(len(view.active_U)):
        if view.active_U[u]:
            best = max(best, plan.log_density_U[u])
            index = max(index, plan.log_weight_U[u] + math.log(rate_of(view, u)))
            users += 1
            new += view.new_U[u]
    for n in range(room):
        u = ue_N[n]
        if u < 0:
            break
        rate = rate_of(view, u)
        f = flat[n * USER_FEATURES : (n + 1) * USER_FEATURES]
        f[0] = math.log(rate) / 7.0
        f[1] = min(max(math.log(rate / max(view.usual_bits_U[u], 1.0)), -2.0), 2.0)
        f[2] = math.log1p(view.mean_rate_bps_U[u] / 1e4) / 5.0
        f[3] = view.speed_mps_U[u] / 30.0
        f[4] = math.log1p(plan.blocks_U[u]) / 6.0
        f[5] = math.log1p(plan.base_blocks_U[u]) / 6.0
        f[6] = math.log1p(view.in_flight_bits_U[u]) / 10.0
        f[7] = min(view.slack_ns_U[u] * 1e-9, 4.0) / 2.0
        f[8] = min(view.age_ns_U[u] * 1e-9, 4.0) / 2.0
        f[9] = view.images_U[u] / 4.0
        f[10] = view.requests_U[u] / 4.0
        f[11] = (view.level_U[u] + 1) / n_levels
        f[12] = 1.0 if view.new_U[u] else 0.0
        f[13] = max(plan.log_density_U[u] - best, -12.0) / 4.0
        f[14] = (plan.level_U[u] + 1) / n_levels
        f[15] = 1.0 if plan.base_blocks_U[u] > 0.0 else 0.0
        f[16] = max(plan.log_weight_U[u] + math.log(rate) - index, -12.0) / 4.0
        for k in range(n_levels):
            at = contents + (n * n_levels + k) * CONTENT_FEATURES
            bits = view.bits_UK[u, k]
            flat[at] = view.mass_UK[u, k]
            flat[at + 1] = math.log1p(bits) / 10.0
            flat[at + 2] = math.log1p(bits / rate) / 6.0
            flat[at + 3] = min(max(pricing.worth_K[k] - price * bits / rate, -1.0), 1.0)
        flat[masks + n] = 1.0
    g = flat[cells : cells + CELL_FEATURES]
    g[0] = min(plan.cell_2[0], 4.0)
    g[1] = min(max(plan.cell_2[1], -12.0), 4.0) / 4.0
    g[2] = users / 16.0
    g[3] = new / 4.0
    g[4] = view.coming_1[0] / 8.0
    g[5] = max(best, -12.0) / 4.0
    for at in range(len(flat)):
        flat[at] = min(max(flat[at], -BOUND), BOUND)


@lean
def corrections(action_N2: Any, ue_N: Any, range_2: Any, priority_U: Any, price_U: Any) -> None:
    """Spread the actions of tokens over the users; `range_2`: what an action of 1 adds to either logarithm."""
    priority_U[:] = 0.0
    price_U[:] = 0.0
    for n in range(len(ue_N)):
        if ue_N[n] >= 0:
            priority_U[ue_N[n]] = range_2[0] * min(max(action_N2[n, 0], np.float32(-1.0)), np.float32(1.0))
            price_U[ue_N[n]] = range_2[1] * min(max(action_N2[n, 1], np.float32(-1.0)), np.float32(1.0))
