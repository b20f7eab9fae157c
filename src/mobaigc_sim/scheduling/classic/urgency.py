"""How far the request in service is on its way to the deadline, for the rules that weigh delay.

Shapes: U users.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..base import NO_DEADLINE_NS, SlotState


def has_deadline(state: SlotState) -> NDArray[np.bool_]:
    """Users whose request in service has one."""
    timed_U: NDArray[np.bool_] = state.deadline_slack_ns_U < NO_DEADLINE_NS
    return timed_U


def waited_share(state: SlotState) -> NDArray[np.float64]:
    """W/τ, the wait for the radio over the time there was for it; at least one slot has been waited.

    Without a deadline it is one slot over a second.
    """
    waited_ns_U = np.maximum(state.head_wait_ns_U, state.slot_ns).astype(np.float64)
    whole_ns_U = np.maximum(waited_ns_U + state.deadline_slack_ns_U, waited_ns_U)
    return np.where(has_deadline(state), waited_ns_U / whole_ns_U, state.slot_ns / 1e9)
