"""The linear program behind `rolling_horizon`; see there.

Shapes: J jobs, B periods, I corners of a curve.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Job:
    """Something to send by a deadline."""

    ue: int
    is_new: bool
    """Whether it waits for its keep ratio."""
    latest_bits: float
    """Bits that a block carries by the latest report."""
    usual_bits: float
    slack_s: float
    """Time to the deadline."""
    age_s: float
    corners: tuple[tuple[float, float], ...]
    """(bits, gain) of a concave curve, rising, without the origin."""

    def rate_B(self, ends_B: NDArray[np.float64], memory_s: float) -> NDArray[np.float64]:
        """Bits (B,) that a block is expected to carry in the middle of each period."""
        middle_B = ends_B - np.diff(ends_B, prepend=0.0) / 2
        rate_B: NDArray[np.float64] = self.usual_bits + (self.latest_bits - self.usual_bits) * np.exp(
            -middle_B / memory_s
        )
        return rate_B


def concave(bits: Sequence[float], gains: Sequence[float]) -> tuple[tuple[float, float], ...]:
    """Corners of the upper concave envelope of the origin and some points, as far as it rises, without the origin."""
    corners = [(0.0, 0.0)]
    for x, y in sorted(zip(bits, gains, strict=True)):
        if x <= 0 or y <= corners[-1][1]:
            continue
        while len(corners) > 1:
            (x0, y0), (x1, y1) = corners[-2:]
            if (y1 - y0) * (x - x0) > (y - y0) * (x1 - x0):
                break
            corners.pop()
        corners.append((float(x), float(y)))
    return tuple(corners[1:])


def periods(step_s: float, latest_s: float) -> NDArray[np.float64]:
    """Ends (B,) of periods from now on: two of `step_s`, each later one twice as long, until `latest_s` is covered."""
    ends = [step_s]
    while ends[-1] < latest_s:
        ends.append(2 * ends[-1])
    return np.array(ends)


def solve(
    jobs: Sequence[Job], ends_B: NDArray[np.float64], prb_per_s: float, memory_s: float, price: float, latency: float
) -> NDArray[np.float64]:
    """Blocks (J, B) of the best plan; `price` in reward a block, `latency` the cost of taking until the deadline.

    RuntimeError if the solver does not finish.
    """
    from scipy.optimize import linprog

    n_jobs, n_periods = len(jobs), len(ends_B)
    starts_B = np.concatenate([[0.0], ends_B[:-1]])
    slack_J1 = np.array([[job.slack_s] for job in jobs])
    age_J1 = np.array([[job.age_s] for job in jobs])
    most_J1 = np.array([[max((bits for bits, _ in job.corners), default=1.0)] for job in jobs])
    room_JB = prb_per_s * np.clip(np.minimum(ends_B, slack_J1) - starts_B, 0.0, None)
    part_JB = np.array([job.rate_B(ends_B, memory_s) for job in jobs]) / most_J1
    early_JB = np.clip(1 - (age_J1 + ends_B) / np.maximum(age_J1 + slack_J1, 1e-9), 0.0, 1.0)
    of_I = np.repeat(np.arange(n_jobs), [len(job.corners) for job in jobs])
    pieces_I2 = np.concatenate([np.diff(((0.0, 0.0), *job.corners), axis=0) for job in jobs])

    capacity = np.tile(np.eye(n_periods), n_jobs)
    sent = np.kron(np.eye(n_jobs), np.ones(n_periods)) * part_JB.ravel()
    pieces_JI = np.where(of_I == np.arange(n_jobs)[:, None], pieces_I2[:, 0] / most_J1[of_I, 0], 0.0)
    solution = linprog(
        np.concatenate([(price - latency * early_JB * part_JB).ravel(), -pieces_I2[:, 1]]),
        A_ub=np.hstack([capacity, np.zeros((n_periods, len(of_I)))]),
        b_ub=prb_per_s * (ends_B - starts_B),
        A_eq=np.hstack([sent, -pieces_JI]),
        b_eq=np.zeros(n_jobs),
        bounds=[(0.0, most) for most in [*room_JB.ravel().tolist(), *[1.0] * len(of_I)]],
        method="highs",
    )
    if solution.x is None:
        raise RuntimeError(f"The linear program of the plan was not solved: {solution.message}")
    prbs_JB: NDArray[np.float64] = solution.x[: room_JB.size].reshape(n_jobs, n_periods)
    return prbs_JB
