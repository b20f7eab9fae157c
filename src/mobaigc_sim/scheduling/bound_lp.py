"""Upper bound by a linear program: divisible requests, mean time of sending in place of the time of completion.

Variables: p_rt ≥ 0 blocks given to request r in epoch t of its window; z_rk ≥ 0, Σ_k z_rk ≤ 1, the share of r that
ends with point k (the rest failed); e_r ≥ 0 its earliness, 1 − ratio; s_r.

    max  Σ_rk (worth_rk + λ_f) z_rk + λ_t Σ_r e_r − Σ_rt λ_b / C_t · p_rt − R (λ_f + λ_t)
    (1)  Σ_r p_rt ≤ C_t
    (2)  Σ_t rate_rt p_rt = Σ_k bits_rk z_rk
    (3)  s_r = Σ_t early_rt rate_rt p_rt                                           early_rt = 1 − late(r, t) in 0 … 1
    (4)  e_r ≤ s_r / bits_rj + Σ_{k: bits_rk < bits_rj} best_rk (1 − bits_rk / bits_rj) z_rk            for every j
    (5)  e_r ≤ Σ_k best_rk z_rk             best_rk = early at the first epoch by which the whole band can send bits_rk

Why the optimum is not below the reward of any schedule. Drop the bits that earn nothing (those after completion or of
a failed request); the reward does not fall. Then

- r completed at point k is z_rk = 1 and (2) holds. Its last bit is sent in the epoch τ of completion, and early_rt
  falls with t, so early_rτ ≤ every early_rt it used: the true earliness early_rτ ≤ s_r / bits_rk, and ≤ best_rk, which
  is (5). In (4) with bits_rk ≥ bits_rj: s_r / bits_rk ≤ s_r / bits_rj. With bits_rk < bits_rj: the increasing
  s_r / bits_rk capped by best_rk exceeds s_r / bits_rj by most at s_r = bits_rk best_rk, that is by
  best_rk (1 − bits_rk / bits_rj).
- a prefix is the two points of the envelope around its bits, mixed; e_r = 0.
- failed is z = 0, p = 0, e_r = 0.

So each schedule is a point of the program with at least its reward.

Blocks of m epochs: capacities are added, each request gets the best rate, the best earliness and the lowest λ_b / C_t
of the epochs they share. Serving the same bits then takes at most the same blocks, so the bound can only rise.

Shapes: T epochs, B groups of m epochs, R requests, K points, P pairs (request, epoch), Q pairs (request, group).
"""

from __future__ import annotations

from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import block_array, csr_array

from .bound import BoundProblem, BoundResult, nothing_asked


def clairvoyant_lp(problem: BoundProblem, *, epochs_per_group: int = 1) -> BoundResult:
    """Upper bound and shadow prices; groups of several epochs make it faster and higher.

    With groups, `price_T` is that of the group and `prbs_T` is spread over it by capacity.
    ValueError if `epochs_per_group` < 1; RuntimeError if the solver does not finish.
    """
    if epochs_per_group < 1:
        raise ValueError(f"epochs_per_group must be ≥ 1, not {epochs_per_group}")
    start = perf_counter()
    n_requests, n_points = problem.bits_RK.shape
    if not n_requests:
        return nothing_asked(problem, 0.0)
    group_T = np.arange(len(problem.capacity_T)) // epochs_per_group
    capacity_B = np.bincount(group_T, weights=problem.capacity_T)
    request_P, epoch_P = problem.pairs()
    first_Q = np.flatnonzero(np.diff(request_P * len(capacity_B) + group_T[epoch_P], prepend=-1))
    request_Q, group_Q = request_P[first_Q], group_T[epoch_P[first_Q]]

    most_R1 = problem.bits_RK.max(axis=1, keepdims=True)
    rate_P = problem.bits_per_prb_TU[epoch_P, problem.ue_R[request_P]] / most_R1[request_P, 0]
    rate_Q = _reduce(np.maximum, rate_P, first_Q)
    early_Q = 1 - problem.late(request_P, epoch_P)[first_Q]
    price_Q = _reduce(np.minimum, problem.band_price_T()[epoch_P], first_Q)
    room_Q = _reduce(np.add, problem.capacity_T[epoch_P], first_Q)

    share_RK = problem.bits_RK / most_R1
    best_RK = best_earliness_RK(problem)
    requests_R, points_RK = np.arange(n_requests), np.arange(n_requests * n_points)
    of_RK = np.repeat(requests_R, n_points)
    size_p, size_z = (n_requests, len(request_Q)), (n_requests, n_requests * n_points)
    pairs_Q = np.arange(len(request_Q))
    bits_p = csr_array((rate_Q, (request_Q, pairs_Q)), shape=size_p)
    early_p = csr_array((rate_Q * early_Q, (request_Q, pairs_Q)), shape=size_p)
    bits_z = csr_array((share_RK.ravel(), (of_RK, points_RK)), shape=size_z)
    sum_z = csr_array((np.ones(len(of_RK)), (of_RK, points_RK)), shape=size_z)
    best_z = csr_array((best_RK.ravel(), (of_RK, points_RK)), shape=size_z)
    per_R = csr_array((np.ones(n_requests), (requests_R, requests_R)), shape=(n_requests, n_requests))
    use_p = csr_array((np.ones(len(group_Q)), (group_Q, pairs_Q)), shape=(len(capacity_B), len(group_Q)))
    slack_RJK = best_RK[:, None, :] * np.maximum(1 - share_RK[:, None, :] / share_RK[:, :, None], 0)
    rows, columns = np.repeat(points_RK, n_points), (of_RK[:, None] * n_points + np.arange(n_points)).ravel()
    slack_z = csr_array((slack_RJK.ravel(), (rows, columns)), shape=(len(of_RK), len(of_RK)))
    e_J = csr_array((np.ones(len(of_RK)), (points_RK, of_RK)), shape=(len(of_RK), n_requests))
    s_J = csr_array((1 / share_RK.ravel(), (points_RK, of_RK)), shape=(len(of_RK), n_requests))

    solution = linprog(  # type: ignore[call-overload]  # the stubs know no sparse matrix
        np.concatenate([
            price_Q, -(problem.worth_RK.ravel() + problem.failure_penalty),
            np.full(n_requests, -problem.latency_weight), np.zeros(n_requests),
        ]),
        A_ub=block_array([
            [use_p, None, None, None], [None, sum_z, None, None], [None, -slack_z, e_J, -s_J],
            [None, -best_z, per_R, None],
        ], format="csr"),
        b_ub=np.concatenate([capacity_B, np.ones(n_requests), np.zeros(len(of_RK) + n_requests)]),
        A_eq=block_array([[bits_p, -bits_z, 0 * per_R, None], [early_p, None, None, -per_R]], format="csr"),
        b_eq=np.zeros(2 * n_requests),
        bounds=np.concatenate([
            np.stack([np.zeros(len(room_Q)), room_Q], axis=1), np.tile([0.0, np.inf], (len(of_RK) + 2 * n_requests, 1)),
        ]),
        method="highs",
    )  # fmt: skip
    if solution.status != 0:
        raise RuntimeError(f"The linear program of the bound was not solved: {solution.message}")
    prbs_Q = solution.x[: len(request_Q)]
    used_B = np.bincount(group_Q, weights=prbs_Q, minlength=len(capacity_B))
    share_B = np.divide(used_B, capacity_B, out=np.zeros(len(capacity_B)), where=capacity_B > 0)
    # The solver is several times faster with p_rt ≤ C_t said again as bounds; what they take of the price of (1), at
    # most from one request that holds a whole group, is given back.
    price_B = np.maximum(-solution.ineqlin.marginals[: len(capacity_B)], 0.0)
    whole_Q = room_Q >= capacity_B[group_Q] * (1 - 1e-12)
    np.add.at(price_B, group_Q[whole_Q], np.maximum(-solution.upper.marginals[: len(group_Q)][whole_Q], 0.0))
    return BoundResult(
        value=float(problem.all_failed() - solution.fun),
        bits_R=np.bincount(request_Q, weights=prbs_Q * rate_Q, minlength=n_requests) * most_R1[:, 0],
        prbs_T=problem.capacity_T * share_B[group_T],
        price_T=price_B[group_T],
        gap=0.0,
        seconds=perf_counter() - start,
    )


def best_earliness_RK(problem: BoundProblem) -> NDArray[np.float64]:
    """1 − ratio of each point sent with the whole band from the start; 0 where even that misses the deadline."""
    best_RK = np.zeros(problem.bits_RK.shape)
    for r, (ue, ready, deadline) in enumerate(zip(problem.ue_R, problem.ready_R, problem.deadline_R, strict=True)):
        epochs_W = np.arange(ready, deadline)
        sent_W = np.cumsum(problem.capacity_T[epochs_W] * problem.bits_per_prb_TU[epochs_W, ue])
        # Sums of another order may differ by rounding; earlier is the safe side.
        done_K = np.searchsorted(sent_W * (1 + 1e-9), problem.bits_RK[r])
        in_time_K = done_K < len(epochs_W)
        best_RK[r, in_time_K] = 1 - problem.late(np.full(int(in_time_K.sum()), r), ready + done_K[in_time_K])
    return best_RK


def _reduce(how: np.ufunc, values_P: NDArray[np.float64], first_Q: NDArray[np.int64]) -> NDArray[np.float64]:
    """`how` over the runs of `values_P` that start at `first_Q`."""
    reduced: NDArray[np.float64] = how.reduceat(values_P, first_Q) if len(first_Q) else values_P
    return reduced
