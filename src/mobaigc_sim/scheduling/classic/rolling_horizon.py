"""Rolling horizon: a linear program plans the band for the requests known now, and is solved anew as time goes on.

Jobs: what waits of the requests in service of a user, due at its earliest deadline; and a user's request that waits for
its keep ratio. Time goes in periods that double in length. Variables: p_jb ≥ 0 blocks of job j in period b; y_ji, how
much of piece i of its curve (bits, gain) is sent, its pieces those of the concave envelope.

    max  Σ_ji gain_ji y_ji + λ_t Σ_jb early_jb rate_jb p_jb / bits_j − (λ + cost of a block) Σ_jb p_jb
    (1)  Σ_j p_jb ≤ C_b,    p_jb ≤ the part of C_b before the deadline of j
    (2)  Σ_b rate_jb p_jb = Σ_i bits_ji y_ji,    0 ≤ y_ji ≤ 1

early_jb is 1 − (age at the end of b) / (time allowed). λ stands for requests that are not known yet. Rates are
forecast: rate_b = usual + (latest − usual) · e^(−time / memory). The weight of a user is its blocks of
the first period over its rate, so that it is served on its peaks; what is planned later breaks ties, and a new request
gets the keep ratio nearest to its planned bits.

Source: model predictive control, here with certainty equivalence, D. P. Bertsekas, "Dynamic Programming and Optimal
Control" I, 4th ed., Athena Scientific 2017, chapter 6. It takes about 2 ms a plan of ten users, two seconds for
1000 epochs: a reference, no rule for a base station.

Shapes: U users, J jobs, B periods, I pieces of a curve, K keep ratios.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...units import PositiveNanoseconds
from ..base import schedulers
from ..epoch import EpochDecision, EpochView, WeightScheduler
from .horizon_program import Job, concave, periods, solve
from .priced_ratio import WorthConfig

LEAST_LATENCY_COST = 0.01
"""Cost of latency in the plan at least, so that among equal plans the earlier is taken."""
LATER = 1e-3
"""Weight of a block that is planned for later."""
LEAST = 1e-9


class RollingHorizonConfig(WorthConfig):
    """Blocks and keep ratios by a linear program over the requests known now."""

    kind: Literal["rolling_horizon"] = "rolling_horizon"
    """Name of the scheduler."""
    log_price: float = -3.5
    """Logarithm of what a block is worth to requests not known yet, in units of the reward."""
    every: Annotated[int, Field(ge=1)] = 1
    """Epochs for which a plan holds; a new request is planned at once."""
    step: PositiveNanoseconds = 20_000_000
    """Length of the first two periods of a plan; each later one is twice as long as the one before."""
    horizon: PositiveNanoseconds = 1_000_000_000
    """Time that is planned at least, if deadlines are that far."""
    memory: PositiveNanoseconds = 100_000_000
    """Time in which a channel goes back from its latest to its usual rate, but for a share of 1/e."""


@schedulers.register("rolling_horizon")
class RollingHorizon(WeightScheduler):
    """Blocks and keep ratios by a linear program over the requests known now."""

    Config = RollingHorizonConfig

    def __init__(self, config: RollingHorizonConfig) -> None:
        super().__init__()
        self._config = config
        self._left = 0
        self._weight_U = np.zeros(0)
        self._gain_per_bit_U = np.zeros(0)
        self._base_bits_U = np.zeros(0)
        self._made_s = 0.0

    def decide(self, view: EpochView) -> EpochDecision:
        """Weights and keep ratios of the plan."""
        n_ue = len(view.active_U)
        if len(self._weight_U) != n_ue:
            self._weight_U, self._gain_per_bit_U, self._base_bits_U = np.zeros((3, n_ue))
        level_U = np.zeros(n_ue, np.int64)
        self._left -= 1
        if view.new_U.any() or self._left <= 0:
            self._left = self._config.every
            self._plan(view, level_U)
        rate_U = np.maximum(np.where(view.bits_per_prb_U > 0, view.bits_per_prb_U, view.usual_bits_U), 1.0)
        return EpochDecision(np.log((self._weight_U + LEAST) / rate_U), level_U)

    def _plan(self, view: EpochView, level_U: NDArray[np.int64]) -> None:
        """Solve the program; write weights and keep ratios."""
        worth_K = self._config.worth_at(view.keep_K)
        for u in np.flatnonzero(view.active_U & (view.level_U >= 0)).tolist():
            self._remember(view, u, int(view.level_U[u]), worth_K)
        alone_U = view.active_U & view.new_U & (view.requests_U == 1)
        if alone_U.any():
            self._made_s = float(np.median(view.age_ns_U[alone_U])) * 1e-9
        jobs = [job for u in np.flatnonzero(view.active_U).tolist() for job in self._jobs_of(view, u, worth_K)]
        self._weight_U[:] = 0.0
        if not jobs:
            return
        config = self._config
        latest_s = min(max(job.slack_s for job in jobs), config.horizon * 1e-9)
        ends_B = periods(config.step * 1e-9, latest_s)
        price = float(np.exp(config.log_price) + view.reward_3[2])
        latency = max(float(view.reward_3[0]), LEAST_LATENCY_COST)
        prbs_JB = solve(jobs, ends_B, float(view.prb_per_s_1[0]), config.memory * 1e-9, price, latency)
        soon_B = LATER * ends_B[0] / ends_B
        soon_B[0] = 1.0
        for job, prbs_B in zip(jobs, prbs_JB, strict=True):
            self._weight_U[job.ue] += prbs_B @ soon_B
            if job.is_new:
                planned_bits = float(prbs_B @ job.rate_B(ends_B, config.memory * 1e-9))
                level_U[job.ue] = np.abs(view.bits_UK[job.ue] - planned_bits).argmin()
                self._remember(view, job.ue, int(level_U[job.ue]), worth_K)

    def _remember(self, view: EpochView, u: int, level: int, worth_K: NDArray[np.float64]) -> None:
        """Note what the bits of a request are worth, for when the view tells of a newer one."""
        base_bits = int(view.base_bits_UK[u, level])
        self._base_bits_U[u] = base_bits
        gain = float(worth_K[level]) - self._config.base_worth
        self._gain_per_bit_U[u] = gain / max(int(view.bits_UK[u, level]) - base_bits, 1)

    def _jobs_of(self, view: EpochView, u: int, worth_K: NDArray[np.float64]) -> list[Job]:
        """What waits of a user, oldest first."""
        slack_s, age_s = float(view.slack_ns_U[u]) * 1e-9, float(view.age_ns_U[u]) * 1e-9
        whole_s = slack_s + age_s
        base_gain = self._config.base_worth + float(view.reward_3[1])
        latest = float(view.bits_per_prb_U[u])
        usual = max(float(view.usual_bits_U[u]), 1.0)
        rates = (latest if latest > 0 else usual, usual)
        found = []
        backlog_bits, base_bits = int(view.backlog_bits_U[u]), int(view.base_bits_U[u])
        if backlog_bits:
            # bases of several requests, or what is left of one
            bases = max(base_bits / max(self._base_bits_U[u], 1.0), 1.0) if base_bits else 0.0
            more_gain = self._gain_per_bit_U[u] * max(backlog_bits - base_bits, 0)
            corners = concave([base_bits, backlog_bits], [bases * base_gain, bases * base_gain + more_gain])
            found.append(Job(u, False, *rates, slack_s, age_s, corners))
        if view.new_U[u]:
            if view.requests_U[u] > 1:
                # the view tells of the oldest alone; a new one is about as old as those last seen by themselves
                age_s, slack_s = self._made_s, whole_s - self._made_s
            gains = [base_gain + max(worth - self._config.base_worth, 0.0) for worth in worth_K.tolist()]
            corners = concave([int(view.base_bits_UK[u, 0]), *view.bits_UK[u].tolist()], [base_gain, *gains])
            found.append(Job(u, True, *rates, slack_s, age_s, corners))
        return found
