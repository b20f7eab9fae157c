"""What a scheduler that knows the future is up against: the problem behind the clairvoyant bounds.

A cell serves requests for images over T epochs. Epoch t has `capacity_T[t]` resource blocks (blocks × slots); one of
them carries `bits_per_prb_TU[t, u]` bits to user u, whatever was decided before. A request may be sent in the epochs
`ready_R … deadline_R − 1`, in any order and split at will. For each it is decided which of K points of its curve
(bits, worth) to send; points of several keep ratios and of several levels of a progressive image stand side by side.

    reward = Σ_r [worth_r − λ_t · ratio_r − λ_f · failed_r] − λ_b · Σ_t blocks used_t / capacity_t

A request ends in one of three ways:

- completed: all bits of point k are there after an epoch t of the window; worth_r = worth_RK[r, k] and
  ratio_r = `late(r, t)`, the latency over the deadline length;
- a prefix: at the deadline some bits, at least those of the smallest point, are there; worth_r is read from the upper
  concave envelope of the points at that number of bits, ratio_r = 1;
- failed: worth_r = 0, failed_r = 1, ratio_r = 1.

What is left out only lowers what a real scheduler gets: whole blocks, headers, HARQ, the order of arrival.

Upper bounds: `bound_lp.clairvoyant_lp` (fast, prices of the blocks), `bound_price.priced_bound` (tighter, from any
prices), `bound_milp.clairvoyant_milp` (exact on short horizons). From below: `bound_price.priced_schedule`.

Shapes: T epochs, U users, R requests, K points of a curve, P pairs (request, epoch of its window).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class BoundProblem:
    """One trace with everything known in advance; times are in epochs. ValueError if the arrays do not fit together."""

    capacity_T: NDArray[np.float64]
    """Resource blocks (blocks × slots) of each epoch; 0 where the cell does not send."""
    bits_per_prb_TU: NDArray[np.float64]
    """Bits that one block carries to each user."""
    ue_R: NDArray[np.int64]
    """User of each request."""
    arrival_R: NDArray[np.float64]
    """When its latency starts to count."""
    ready_R: NDArray[np.int64]
    """First epoch in which it can be sent."""
    deadline_R: NDArray[np.int64]
    """Last epoch in which it can be sent, plus one; a deadline inside an epoch is rounded up to keep bounds valid."""
    deadline_length_R: NDArray[np.float64]
    """Latency that makes ratio 1."""
    bits_RK: NDArray[np.float64]
    """Bits of each point, > 0; a request with fewer points repeats one."""
    worth_RK: NDArray[np.float64]
    """Worth of each point once its bits are there."""
    failure_penalty: float
    """λ_f."""
    latency_weight: float
    """λ_t."""
    band_weight: float
    """λ_b."""
    epoch_part: float = 0.0
    """Part of an epoch that is surely over when bits sent in it arrive: 0 is safe for any simulator, 1 is exact for one
    that counts whole epochs."""

    def __post_init__(self) -> None:
        if self.capacity_T.ndim != 1 or self.bits_per_prb_TU.ndim != 2 or self.bits_RK.ndim != 2:
            raise ValueError("capacity_T must have one axis; bits_per_prb_TU and bits_RK two")
        n_epochs, n_users = self.bits_per_prb_TU.shape
        if len(self.capacity_T) != n_epochs:
            raise ValueError(f"capacity_T has {len(self.capacity_T)} epochs, bits_per_prb_TU {n_epochs}")
        if self.worth_RK.shape != self.bits_RK.shape or self.bits_RK.shape[1] == 0:
            raise ValueError(f"worth_RK {self.worth_RK.shape} and bits_RK {self.bits_RK.shape}: equal, with K ≥ 1")
        for name in ("ue_R", "arrival_R", "ready_R", "deadline_R", "deadline_length_R"):
            if getattr(self, name).shape != (len(self.bits_RK),):
                raise ValueError(f"{name} has shape {getattr(self, name).shape}, not ({len(self.bits_RK)},)")
        for name in ("capacity_T", "bits_per_prb_TU", "arrival_R", "deadline_length_R", "bits_RK", "worth_RK"):
            if not np.isfinite(getattr(self, name)).all():
                raise ValueError(f"{name} has a value that is not finite")
        for name in ("ue_R", "ready_R", "deadline_R"):
            if not np.issubdtype(getattr(self, name).dtype, np.integer):
                raise ValueError(f"{name} must hold integers")
        if (self.capacity_T < 0).any() or (self.bits_per_prb_TU < 0).any():
            raise ValueError("capacity_T and bits_per_prb_TU must be ≥ 0")
        if (self.bits_RK <= 0).any() or (self.deadline_length_R <= 0).any():
            raise ValueError("bits_RK and deadline_length_R must be > 0")
        if ((self.ue_R < 0) | (self.ue_R >= n_users)).any():
            raise ValueError(f"ue_R must lie in 0 … {n_users - 1}")
        if not ((self.ready_R >= 0) & (self.ready_R <= self.deadline_R) & (self.deadline_R <= n_epochs)).all():
            raise ValueError(f"0 ≤ ready_R ≤ deadline_R ≤ {n_epochs} is needed")
        weights = (self.failure_penalty, self.latency_weight, self.band_weight)
        if not all(np.isfinite(weight) and weight >= 0 for weight in weights):
            raise ValueError("failure_penalty, latency_weight and band_weight must be finite and ≥ 0")
        if not 0 <= self.epoch_part <= 1:
            raise ValueError(f"epoch_part must lie in 0 … 1, not {self.epoch_part}")

    def late(self, request: NDArray[np.int64], epoch: NDArray[np.int64]) -> NDArray[np.float64]:
        """Latency ratio, 0 … 1, of a request completed in an epoch."""
        latency = epoch + self.epoch_part - self.arrival_R[request]
        ratio: NDArray[np.float64] = np.clip(latency / self.deadline_length_R[request], 0.0, 1.0)
        return ratio

    def pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(request_P, epoch_P) of all windows, epochs ascending within each request, where bits can be sent at all."""
        length_R = self.deadline_R - self.ready_R
        request_P = np.repeat(np.arange(len(length_R)), length_R)
        epoch_P = np.arange(len(request_P)) - np.repeat(np.cumsum(length_R) - length_R - self.ready_R, length_R)
        open_P = (self.bits_per_prb_TU[epoch_P, self.ue_R[request_P]] > 0) & (self.capacity_T[epoch_P] > 0)
        return request_P[open_P], epoch_P[open_P]

    def band_price_T(self) -> NDArray[np.float64]:
        """Reward that the use of one block costs by λ_b alone: λ_b / capacity; 0 in epochs without a block."""
        return np.divide(
            self.band_weight, self.capacity_T, out=np.zeros(len(self.capacity_T)), where=self.capacity_T > 0
        )

    def all_failed(self) -> float:
        """Reward of sending nothing."""
        return -len(self.bits_RK) * (self.failure_penalty + self.latency_weight)


@dataclass(frozen=True)
class BoundResult:
    """An upper bound of the reward, with the solution of the relaxed problem behind it."""

    value: float
    """No schedule earns more."""
    bits_R: NDArray[np.float64]
    """Bits delivered of each request."""
    prbs_T: NDArray[np.float64]
    """Blocks used in each epoch."""
    price_T: NDArray[np.float64]
    """Shadow price of a block in each epoch: what one more would add to the bound, its cost by λ_b already taken off;
    NaN where the method has none."""
    gap: float
    """`value` less the objective of the solution given here: 0 of a solved LP, more of a MILP cut short."""
    seconds: float
    """Time it took."""


def nothing_asked(problem: BoundProblem, price: float) -> BoundResult:
    """The bound of a problem without requests: nothing is earned, and every block has the price given."""
    zeros_T = np.zeros(len(problem.capacity_T))
    return BoundResult(0.0, np.zeros(0), zeros_T, zeros_T + price, 0.0, 0.0)
