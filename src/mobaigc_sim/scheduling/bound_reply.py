"""How one request is served best when blocks have a price and nobody else is there: exact, by enumeration.

For each point and each epoch of completion the bits are sent in the epochs up to it in which a bit is cheapest.

Shapes: T epochs, K points, W open epochs of a window; V a pair of axes (W last epoch, W epochs by price of a bit).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .bound import BoundProblem


@dataclass(frozen=True)
class Reply:
    """How one request is served best at given prices and room; failed if `gain` is 0."""

    gain: float
    """Reward above failure, less the price of the blocks."""
    reward: float
    """Reward above failure, before blocks are paid."""
    bits: float
    """Bits it gets."""
    epochs_W: NDArray[np.int64]
    """Epochs in which it may take blocks."""
    prbs_W: NDArray[np.float64]
    """Blocks it takes in them."""


def reply(problem: BoundProblem, r: int, cost_T: NDArray[np.float64], room_T: NDArray[np.float64]) -> Reply:
    """Best way to end request `r` when a block costs `cost_T` ≥ 0 and `room_T` blocks are to be had."""
    epochs_W = np.arange(problem.ready_R[r], problem.deadline_R[r])
    rate_W = problem.bits_per_prb_TU[epochs_W, problem.ue_R[r]]
    open_W = (rate_W > 0) & (room_T[epochs_W] > 0)
    epochs_W, rate_W = epochs_W[open_W], rate_W[open_W]
    if not len(epochs_W):
        return Reply(0.0, 0.0, 0.0, epochs_W, rate_W)
    bit_cost_W = cost_T[epochs_W] / rate_W
    order_W = np.argsort(bit_cost_W, kind="stable")
    sorted_W, rate_W, bit_cost_W = epochs_W[order_W], rate_W[order_W], bit_cost_W[order_W]
    most_V = np.where(sorted_W <= epochs_W[:, None], room_T[sorted_W] * rate_W, 0.0)
    bits_V, paid_V = np.cumsum(most_V, axis=1), np.cumsum(most_V * bit_cost_W, axis=1)
    ends_W = np.arange(len(epochs_W))
    early_W = 1 - problem.late(np.full(len(epochs_W), r), epochs_W)

    ways = [(0.0, 0.0, 0.0, 0)]  # (gain, reward, bits, place of the last epoch)
    # Sums of another order, and room given back, differ by rounding; fewer bits are the safe side.
    for bits, worth in zip(problem.bits_RK[r] * (1 - 1e-9), problem.worth_RK[r], strict=True):
        dearest_W = np.minimum((bits_V < bits * (1 - 1e-12)).sum(axis=1), len(epochs_W) - 1)
        paid_W = paid_V[ends_W, dearest_W] - (bits_V[ends_W, dearest_W] - bits) * bit_cost_W[dearest_W]
        reward_W = worth + problem.failure_penalty + problem.latency_weight * early_W
        gain_W = np.where(bits_V[:, -1] >= bits * (1 - 1e-12), reward_W - paid_W, -np.inf)
        end = int(np.argmax(gain_W))
        ways.append((float(gain_W[end]), float(reward_W[end]), float(bits), end))
    # A prefix is concave worth less convex cost: best at a corner of either, and those of the worth are points.
    bits_W, paid_W = bits_V[-1], paid_V[-1]
    inside_W = (bits_W >= problem.bits_RK[r].min()) & (bits_W <= problem.bits_RK[r].max())
    if inside_W.any():
        bits_W, paid_W = bits_W[inside_W], paid_W[inside_W]
        reward_W = envelope(problem.bits_RK[r], problem.worth_RK[r], bits_W) + problem.failure_penalty
        at = int(np.argmax(reward_W - paid_W))
        ways.append((float(reward_W[at] - paid_W[at]), float(reward_W[at]), float(bits_W[at]), len(epochs_W) - 1))
    gain, reward, bits, end = max(ways)
    return Reply(gain, reward, bits, sorted_W, np.diff(np.minimum(bits_V[end], bits), prepend=0.0) / rate_W)


def envelope(bits_K: NDArray[np.float64], worth_K: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Upper concave envelope of the points, read at numbers of bits between the smallest and the largest."""
    corners: list[int] = []
    for k in np.lexsort((-worth_K, bits_K)):
        if corners and bits_K[k] == bits_K[corners[-1]]:
            continue
        while len(corners) > 1:
            i, j = corners[-2:]
            if (worth_K[j] - worth_K[i]) * (bits_K[k] - bits_K[i]) > (worth_K[k] - worth_K[i]) * (
                bits_K[j] - bits_K[i]
            ):
                break
            corners.pop()
        corners.append(int(k))
    return np.interp(at, bits_K[corners], worth_K[corners])
