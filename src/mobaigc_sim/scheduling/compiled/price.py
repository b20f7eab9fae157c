"""The priced rule, compiled: what a resource block costs, how much of an image is worth its price, who comes first.

    price           log λ = a + b · (seconds of work that requests wait for, of a user at most its time to the deadline)
    keep ratio      ρ* = argmax over ρ of worth(ρ) − (λ + cost of a block) · n(ρ),    n(ρ) = bits(ρ) / (bits per block)
    density         what delivery earns, per block: max over {base, all that waits} of gain / n, times 1 + h / slack
    weight          (density / rate)^γ, what a bit earns; times the rate of the slot it says who gets a block (`weigh`)

With γ = 1 blocks go where they earn most, with γ = 0 where they carry most. Worth is what a request earns on average at
a keep ratio; a base earns the cost of a failure on top, since without it the request fails, and all that waits the
cost of latency.

Source: the price is a Lagrange multiplier of the capacity of a slot, as in F. P. Kelly, A. K. Maulloo, D. K. H. Tan,
"Rate control for communication networks", J. Oper. Res. Soc. 49, 1998; the density is that of the fractional knapsack,
G. B. Dantzig, "Discrete-variable extremum problems", Oper. Res. 5(2), 1957.

Shapes: U users, K keep ratios.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...kernel.lean import lean

LEAST = 1e-9


class Pricing(NamedTuple):
    """Numbers of the rule."""

    log_price: float
    """a: logarithm of the price of a block, in reward, when nothing waits."""
    per_second: float
    """b: what a second of waiting work adds to it."""
    sharpness: float
    """γ."""
    urgency_s: float
    """h."""
    worth_K: NDArray[Any]
    """Expected worth of a request at each keep ratio, rising."""
    base_worth: float
    """Expected worth of the bases alone."""


class Plan(NamedTuple):
    """What the rule finds."""

    log_weight_U: NDArray[Any]
    level_U: NDArray[Any]
    """Place of the keep ratio in the grid."""
    log_density_U: NDArray[Any]
    blocks_U: NDArray[Any]
    """Blocks that would finish what waits, and new requests at the chosen keep ratio."""
    base_blocks_U: NDArray[Any]
    cell_2: NDArray[Any]
    """Seconds of work that wait, and the logarithm of the price."""


def empty_plan(n_ue: int) -> Plan:
    """Room for what the priced rule finds."""
    zeros_U = [np.zeros(n_ue) for _ in range(4)]
    return Plan(zeros_U[0], np.zeros(n_ue, np.int64), zeros_U[1], zeros_U[2], zeros_U[3], np.zeros(2))


@lean
def rate_of(view: Any, u: int) -> float:
    """Bits that a block is expected to carry, the usual ones where the last report has none."""
    bits = view.bits_per_prb_U[u]
    return float(max(bits if bits > 0.0 else view.usual_bits_U[u], 1.0))


@lean
def plan(view: Any, pricing: Any, priority_U: Any, price_U: Any, out: Any) -> None:
    """Fill `out`; `priority_U` and `price_U` are added to the logarithms of weights and prices."""
    n_ue, n_levels = view.bits_UK.shape
    work_s = 0.0
    for u in range(n_ue):
        if view.requests_U[u] > 0:
            bits = view.backlog_bits_U[u] + (view.base_bits_UK[u, 0] if view.new_U[u] else 0)
            work_s += min(bits / rate_of(view, u) / view.prb_per_s_1[0], max(view.slack_ns_U[u] * 1e-9, 0.0))
    out.cell_2[0], out.cell_2[1] = work_s, pricing.log_price + pricing.per_second * work_s
    for u in range(n_ue):
        out.log_weight_U[u], out.level_U[u], out.log_density_U[u] = 0.0, 0, 0.0
        out.blocks_U[u], out.base_blocks_U[u] = 0.0, 0.0
        if not view.active_U[u]:
            continue
        rate = rate_of(view, u)
        level, gain_base, gain_all = 0, 0.0, 0.0
        base, blocks = view.base_bits_U[u] / rate, view.backlog_bits_U[u] / rate
        if view.new_U[u]:
            price = math.exp(min(out.cell_2[1] + price_U[u], 20.0)) + view.reward_3[2]
            best = -math.inf
            for k in range(n_levels):
                net = pricing.worth_K[k] - price * view.bits_UK[u, k] / rate
                if net > best:
                    best, level = net, k
            base += view.base_bits_UK[u, level] / rate
            blocks += view.bits_UK[u, level] / rate
            gain_all = pricing.worth_K[level]
        elif view.backlog_bits_U[u] > 0:
            level = view.level_U[u]
            gain_all = pricing.worth_K[level]
        if base > 0.0:
            gain_base = view.reward_3[1] + pricing.base_worth
            gain_all += view.reward_3[1]
        else:
            enhancement = max(view.bits_UK[u, level] - view.base_bits_UK[u, level], 1)
            gain_all = (gain_all - pricing.base_worth) * min(view.backlog_bits_U[u] / enhancement, 1.0)
        gain_all += view.reward_3[0]
        slack_s = max(view.slack_ns_U[u] * 1e-9, 1e-3)
        density = gain_all / max(blocks, LEAST) if blocks > 0.0 else 0.0
        if base > 0.0:
            density = max(density, gain_base / base)
        density *= 1.0 + pricing.urgency_s / slack_s
        out.level_U[u], out.blocks_U[u], out.base_blocks_U[u] = level, blocks, base
        out.log_density_U[u] = math.log(max(density, LEAST))
        weight = pricing.sharpness * (out.log_density_U[u] - math.log(rate))
        out.log_weight_U[u] = weight + priority_U[u]
