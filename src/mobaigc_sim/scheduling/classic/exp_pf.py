"""Exponential proportional fair: proportional fair until somebody has waited much longer than the others.

    winner of block b = argmax over u of rate[u, b] / T[u] · exp((aW[u] − m) / (1 + √m)),  m = mean of aW

Source: J.-H. Rhee, J. M. Holtzman, D.-K. Kim, "Scheduling of real/non-real time services: adaptive EXP/PF algorithm",
IEEE VTC Spring 2003. aW = −log(δ) · W / τ as in `m_lwdf`; users without a deadline have no exponential.

Shapes: U users, B resource blocks.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from ..base import Allocation, SlotState, schedulers
from ..fill import fill
from .keep import FixedKeep, FixedKeepConfig
from .proportional_fair import LEAST_BPS
from .urgency import has_deadline, waited_share


class ExpPfConfig(FixedKeepConfig):
    """Proportional fair, with an exponential weight for whoever has waited longer than the others."""

    kind: Literal["exp_pf"] = "exp_pf"
    """Name of the scheduler."""
    miss: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """Share of requests that may miss their deadline, δ."""


@schedulers.register("exp_pf")
class ExpPf(FixedKeep):
    """Proportional fair, with an exponential weight for whoever has waited longer than the others."""

    Config = ExpPfConfig

    def __init__(self, config: ExpPfConfig) -> None:
        super().__init__(config)
        self._miss = config.miss

    def allocate(self, state: SlotState) -> Allocation:
        """Owner of each free block."""
        timed_U = has_deadline(state)
        weight_U = np.ones(len(state.ue_U))
        if timed_U.any():
            waited_U = -np.log(self._miss) * waited_share(state)[timed_U]
            mean = waited_U.mean()
            weight_U[timed_U] = np.exp((waited_U - mean) / (1.0 + np.sqrt(mean)))
        mean_bps_U = np.maximum(state.mean_rate_bps_U, LEAST_BPS)
        metric_UB = (weight_U / mean_bps_U)[:, None] * state.bits_per_prb_UB
        return Allocation(fill(metric_UB, state.bits_per_prb_UB, state.backlog_bits_U, state.prb_free_B))
