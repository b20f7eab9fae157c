"""Modified largest weighted delay first: proportional fair, weighted by how much of its time a request has waited.

    winner of block b = argmax over u of a[u] · W[u] · rate[u, b] / T[u],  a[u] = −log(δ) / τ[u]

Source: M. Andrews et al., "Providing quality of service over a shared wireless link", IEEE Commun. Mag. 39(2), 2001.
W is the time the request in service has waited for the radio, τ the time it had from then to its deadline, δ the share
of requests that may miss it; the same δ for all cancels. A user without a deadline counts as one who has just come.

Shapes: U users, B resource blocks.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from ..base import Allocation, SlotState, schedulers
from ..fill import fill
from .keep import FixedKeep, FixedKeepConfig
from .proportional_fair import LEAST_BPS
from .urgency import waited_share


class MLwdfConfig(FixedKeepConfig):
    """Proportional fair, weighted by the share of its time that a request has waited."""

    kind: Literal["m_lwdf"] = "m_lwdf"
    """Name of the scheduler."""


@schedulers.register("m_lwdf")
class MLwdf(FixedKeep):
    """Proportional fair, weighted by the share of its time that a request has waited."""

    Config = MLwdfConfig

    def allocate(self, state: SlotState) -> Allocation:
        """Owner of each free block."""
        urgency_U = waited_share(state)
        mean_bps_U = np.maximum(state.mean_rate_bps_U, LEAST_BPS)
        metric_UB = (urgency_U / mean_bps_U)[:, None] * state.bits_per_prb_UB
        return Allocation(fill(metric_UB, state.bits_per_prb_UB, state.backlog_bits_U, state.prb_free_B))
