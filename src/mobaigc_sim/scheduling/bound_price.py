"""A tighter upper bound, and a schedule below it, both from prices of the resource blocks.

With a price μ_t ≥ 0 for each block in place of the limit on the band, requests no longer compete, and each is served
best on its own (`bound_reply`). By Lagrangian duality

    Σ_t μ_t C_t + Σ_r max over the ways to end r of [reward of r − Σ_t (μ_t + λ_b / C_t) · its blocks]

is not below the reward of any schedule, whatever the prices: A. M. Geoffrion, "Lagrangean relaxation for integer
programming", Math. Programming Study 2, 1974. Whole points and true times of completion stay inside the maximum, hence
at the prices of `clairvoyant_lp` (without groups) the sum is at most the optimum of that program.

Shapes: T epochs, R requests.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from .bound import BoundProblem, BoundResult
from .bound_reply import reply


@dataclass(frozen=True)
class PricedSchedule:
    """A schedule that keeps every limit of the problem."""

    reward: float
    """Reward it earns."""
    bits_R: NDArray[np.float64]
    """Bits delivered of each request."""
    prbs_RT: NDArray[np.float64]
    """Blocks of each request in each epoch."""


def priced_bound(problem: BoundProblem, price_T: NDArray[np.float64], *, steps: int = 30) -> BoundResult:
    """Lowest of the upper bounds met from `price_T` ≥ 0 on, in `steps` subgradient steps; one more pass than steps.

    The steps are those of B. T. Polyak, "Minimization of unsmooth functionals", USSR Comput. Math. Math. Phys. 9(3),
    1969, towards the reward of `priced_schedule` at the first prices.
    `price_T` of the result are its prices; `bits_R` and `prbs_T` what all requests would take at them, limits ignored.
    """
    start = perf_counter()
    price_T = np.maximum(price_T, 0.0)
    lowest = last = _at_prices(problem, price_T)
    target = priced_schedule(problem, price_T).reward if steps else lowest.value
    part = 0.3
    for _ in range(steps):
        over_T = last.prbs_T - problem.capacity_T
        over_T[(over_T < 0) & (last.price_T <= 0)] = 0.0
        squares = float(over_T @ over_T)
        if squares == 0 or last.value <= target:
            break
        last = _at_prices(problem, np.maximum(last.price_T + part * (last.value - target) / squares * over_T, 0.0))
        if last.value < lowest.value:
            lowest = last
        else:
            part *= 0.7
    return replace(lowest, seconds=perf_counter() - start)


def _at_prices(problem: BoundProblem, price_T: NDArray[np.float64]) -> BoundResult:
    """The bound of one vector of prices."""
    value = problem.all_failed() + float(price_T @ problem.capacity_T)
    cost_T, prbs_T, bits_R = problem.band_price_T() + price_T, np.zeros(len(price_T)), np.zeros(len(problem.bits_RK))
    for r in range(len(bits_R)):
        best = reply(problem, r, cost_T, problem.capacity_T)
        value += best.gain
        bits_R[r] = best.bits
        prbs_T[best.epochs_W] += best.prbs_W
    return BoundResult(value, bits_R, prbs_T, price_T, 0.0, 0.0)


def priced_schedule(problem: BoundProblem, price_T: NDArray[np.float64], *, sweeps: int = 2) -> PricedSchedule:
    """Serve the requests one by one, each as is best at `price_T` in the room that is left.

    First comes the request with the most gain per block at these prices, were it alone. Then `sweeps` times each in
    turn gives its blocks back and chooses again with blocks free but for λ_b; that never lowers the reward.
    """
    band_T, room_T = problem.band_price_T(), problem.capacity_T.astype(np.float64)
    n_requests = len(problem.bits_RK)
    prbs_RT, bits_R, reward_R = np.zeros((n_requests, len(room_T))), np.zeros(n_requests), np.zeros(n_requests)
    alone = [reply(problem, r, band_T + price_T, room_T) for r in range(n_requests)]
    order_R = np.argsort([-one.gain / max(float(one.prbs_W.sum()), 1e-12) for one in alone], kind="stable")
    for sweep in range(sweeps + 1):
        for r in order_R:
            room_T += prbs_RT[r]
            best = reply(problem, int(r), band_T if sweep else band_T + price_T, room_T)
            prbs_RT[r] = 0.0
            prbs_RT[r, best.epochs_W] = best.prbs_W
            room_T = np.maximum(room_T - prbs_RT[r], 0.0)
            bits_R[r], reward_R[r] = best.bits, best.reward
    reward = problem.all_failed() + float(reward_R.sum() - prbs_RT.sum(axis=0) @ band_T)
    return PricedSchedule(reward, bits_R, prbs_RT)
