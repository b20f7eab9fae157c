"""Log rule: the weight of waiting grows with its logarithm, which spares throughput what the exponential costs.

    winner of block b = argmax over u of log(c + a[u] W[u]) · rate[u, b] / T[u],  a[u] = 5 / (0.99 τ[u]),  c = 1.1

Source: B. Sadiq, S. J. Baek, G. de Veciana, "Delay-optimal opportunistic scheduling and approximations: the log rule",
IEEE/ACM Trans. Netw. 19(2), 2011; constants as in F. Capozzi et al., "Downlink packet scheduling in LTE cellular
networks: key design issues and a survey", IEEE Commun. Surveys Tuts. 15(2), 2013. W and τ as in `m_lwdf`. Other than
in the source, the constant b[u] before the logarithm is 1 / T[u] with the average T of proportional fair, as in
LTE-Sim, and a user without a deadline counts as one who has just come.

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


class LogRuleConfig(FixedKeepConfig):
    """Proportional fair, weighted by the logarithm of the waiting time."""

    kind: Literal["log_rule"] = "log_rule"
    """Name of the scheduler."""


@schedulers.register("log_rule")
class LogRule(FixedKeep):
    """Proportional fair, weighted by the logarithm of the waiting time."""

    Config = LogRuleConfig

    def allocate(self, state: SlotState) -> Allocation:
        """Owner of each free block."""
        weight_U = np.log(1.1 + 5.0 / 0.99 * waited_share(state))
        mean_bps_U = np.maximum(state.mean_rate_bps_U, LEAST_BPS)
        metric_UB = (weight_U / mean_bps_U)[:, None] * state.bits_per_prb_UB
        return Allocation(fill(metric_UB, state.bits_per_prb_UB, state.backlog_bits_U, state.prb_free_B))
