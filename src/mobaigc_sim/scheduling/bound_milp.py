"""Exact clairvoyant optimum on short horizons: whole points, true times of completion; only blocks stay divisible.

Variables: p_rt ≥ 0 blocks; d_rkt ∈ {0, 1} request r is completed at point k in epoch t; y_r ∈ {0, 1} it ends as a
prefix, q_rk ≥ 0 the point of the envelope it ends at; v_rt ≥ 0 bits sent by the end of epoch t and not yet claimed.

    max  Σ_rkt (worth_rk + λ_f + λ_t (1 − late(r, t))) d_rkt + Σ_rk (worth_rk + λ_f) q_rk − Σ_rt λ_b / C_t · p_rt
         − R (λ_f + λ_t)
    (1)  Σ_r p_rt ≤ C_t
    (2)  v_rt = v_r(t−1) + rate_rt p_rt − Σ_k bits_rk d_rkt, at the end of the window less Σ_k bits_rk q_rk too
    (3)  Σ_k q_rk = y_r
    (4)  Σ_kt d_rkt + y_r ≤ 1

A completion is claimed in an epoch by which its bits are there; nothing forces it to be claimed early, the objective
does. d_rkt is left out before the first epoch by which the whole band can send the bits of the point.

Shapes: T epochs, R requests, K points, P pairs (request, epoch), D triples (request, point, epoch).
"""

from __future__ import annotations

from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import block_array, csr_array

from .bound import BoundProblem, BoundResult, nothing_asked
from .bound_lp import best_earliness_RK


def clairvoyant_milp(problem: BoundProblem, *, time_limit_s: float = 60.0, whole: bool = True) -> BoundResult:
    """The best reward of all schedules, an upper bound of it if the time runs out: then `gap` is above 0.

    With `whole=False` the binaries may be fractions: a linear program about K times the size of that of
    `clairvoyant_lp`, never above it. `price_T` is NaN. RuntimeError if the solver ends without a bound.
    """
    start = perf_counter()
    n_requests, n_points = problem.bits_RK.shape
    if not n_requests:
        return nothing_asked(problem, np.nan)
    request_P, epoch_P = problem.pairs()
    n_pairs = len(request_P)
    pair_D, point_D = (axis.ravel() for axis in np.indices((n_pairs, n_points)))
    early_P = 1 - problem.late(request_P, epoch_P)
    possible_D = early_P[pair_D] <= best_earliness_RK(problem)[request_P[pair_D], point_D] + 1e-12
    pair_D, point_D = pair_D[possible_D], point_D[possible_D]
    request_D = request_P[pair_D]

    most_R = problem.bits_RK.max(axis=1)
    rate_P = problem.bits_per_prb_TU[epoch_P, problem.ue_R[request_P]] / most_R[request_P]
    share_RK = problem.bits_RK / most_R[:, None]
    last_P = np.diff(request_P, append=-1) != 0
    end_R = np.full(n_requests, -1)
    end_R[request_P[last_P]] = np.flatnonzero(last_P)
    of_Q, point_Q = (axis.ravel() for axis in np.indices((n_requests, n_points)))
    served_Q = end_R[of_Q] >= 0
    of_Q, point_Q = of_Q[served_Q], point_Q[served_Q]

    pairs, ones_P, follows = np.arange(n_pairs), np.ones(n_pairs), np.flatnonzero(~last_P)
    square = (n_pairs, n_pairs)
    use_p = csr_array((ones_P, (epoch_P, pairs)), shape=(len(problem.capacity_T), n_pairs))
    sent_p = csr_array((rate_P, (pairs, pairs)), shape=square)
    claimed_d = csr_array((share_RK[request_D, point_D], (pair_D, np.arange(len(pair_D)))), (n_pairs, len(pair_D)))
    claimed_q = csr_array((share_RK[of_Q, point_Q], (end_R[of_Q], np.arange(len(of_Q)))), (n_pairs, len(of_Q)))
    before_v = csr_array((np.ones(len(follows)), (follows + 1, follows)), shape=square)
    kept_v = before_v - csr_array((ones_P, (pairs, pairs)), shape=square)
    one_d = csr_array((np.ones(len(pair_D)), (request_D, np.arange(len(pair_D)))), (n_requests, len(pair_D)))
    one_q = csr_array((np.ones(len(of_Q)), (of_Q, np.arange(len(of_Q)))), (n_requests, len(of_Q)))
    one_y = csr_array((np.ones(n_requests), (np.arange(n_requests), np.arange(n_requests))))
    rows = block_array([
        [use_p, None, None, None, None], [sent_p, -claimed_d, -claimed_q, None, kept_v],
        [None, None, one_q, -one_y, None], [None, one_d, None, one_y, None],
    ], format="csr")  # fmt: skip
    low = np.concatenate([
        np.full(len(problem.capacity_T), -np.inf), np.zeros(n_pairs + n_requests), np.full(n_requests, -np.inf)
    ])  # fmt: skip
    high = np.concatenate([problem.capacity_T, np.zeros(n_pairs + n_requests), np.ones(n_requests)])

    gain_D = problem.worth_RK[request_D, point_D] + problem.failure_penalty + problem.latency_weight * early_P[pair_D]
    gain_Q = problem.worth_RK[of_Q, point_Q] + problem.failure_penalty
    zeros_R = np.zeros(n_requests)
    cost = np.concatenate([problem.band_price_T()[epoch_P], -gain_D, -gain_Q, zeros_R, np.zeros(n_pairs)])
    binary = np.concatenate([0 * ones_P, np.ones(len(pair_D)), np.zeros(len(of_Q)), zeros_R + 1, 0 * ones_P])
    solution = milp(
        cost,
        integrality=(binary * whole).astype(np.int64),
        bounds=Bounds(0.0, np.where(binary > 0, 1.0, np.inf)),
        constraints=LinearConstraint(rows, low, high),
        options={"time_limit": time_limit_s, "mip_rel_gap": 0.0},
    )
    bound = solution.fun if solution.status == 0 else getattr(solution, "mip_dual_bound", None)
    if bound is None or not np.isfinite(bound):
        raise RuntimeError(f"The integer program of the bound was not solved: {solution.message}")
    found: NDArray[np.float64] = np.zeros(len(cost)) if solution.x is None else solution.x
    prbs_P = found[:n_pairs]
    return BoundResult(
        value=float(problem.all_failed() - bound),
        bits_R=np.bincount(request_P, weights=prbs_P * rate_P, minlength=n_requests) * most_R,
        prbs_T=np.bincount(epoch_P, weights=prbs_P, minlength=len(problem.capacity_T)).astype(np.float64),
        price_T=np.full(len(problem.capacity_T), np.nan),
        gap=max(float(cost @ found - bound), 0.0),
        seconds=perf_counter() - start,
    )
