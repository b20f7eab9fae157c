"""Schedulers that decide once an epoch, for all users together: weights of users, and keep ratios of new requests.

Shapes: U users, B resource blocks, K keep ratios, C cells.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from .base import Allocation, Scheduler, SlotState

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]


class EpochView(NamedTuple):
    """What may be known at the start of an epoch, of every user of a cell.

    Zeros where a user has nothing to send, or is another cell's, but for `level_U` (−1) and what holds of all users.
    The *first* request of a user is the one that waits for its keep ratio if there is one, else the one in service.
    """

    active_U: Mask
    """Data waiting or on the air, or a request that waits for its keep ratio."""
    new_U: Mask
    """A request waits for its keep ratio."""
    bits_per_prb_U: Array
    """Bits that a block is expected to carry, mean over the slice, from the latest report; of all users."""
    usual_bits_U: Array
    """Slow average of the same, of all users."""
    mean_rate_bps_U: Array
    """As in `SlotState`; of all users."""
    speed_mps_U: Array
    """Of all users."""
    backlog_bits_U: Indices
    """Bits waiting, transport overhead included, without those of new requests."""
    base_bits_U: Indices
    """Of these, bits of base packets."""
    in_flight_bits_U: Indices
    """Bits sent and not yet acknowledged."""
    slack_ns_U: Indices
    """Time left to the earliest deadline of the user; NO_DEADLINE_NS where data wait without one."""
    age_ns_U: Indices
    """Time since the request of that deadline was made."""
    requests_U: Indices
    """Requests that wait for a keep ratio or are in service."""
    images_U: Indices
    """Images of a request."""
    level_U: Indices
    """Keep ratio of the first request as a place in the grid, −1 where it waits for one or there is no request."""
    bits_UK: Indices
    """Bits of the first request at each keep ratio, with transport overhead; of whole pictures with semantics off."""
    base_bits_UK: Indices
    """Of these, bits of base packets."""
    mass_UK: Array
    """Share of the attention inside the patches offered, mean over the images; 1 with semantics off."""
    coming_1: Indices
    """Requests of the cell's users, made before now, that are being generated or wait for it."""
    prb_per_s_1: Array
    """Blocks of the slice in a second."""
    keep_K: Array
    """The grid of keep ratios, rising."""
    reward_3: Array
    """Of the scenario's reward: cost of latency, of a failure, of a block."""


def empty_view(n_ue: int, n_levels: int) -> EpochView:
    """Room for a view."""
    kinds = {"active_U": np.bool_, "new_U": np.bool_}
    reals = {
        "bits_per_prb_U",
        "usual_bits_U",
        "mean_rate_bps_U",
        "speed_mps_U",
        "mass_UK",
        "prb_per_s_1",
        "keep_K",
        "reward_3",
    }
    shapes: dict[str, tuple[int, ...]] = {
        "coming_1": (1,),
        "prb_per_s_1": (1,),
        "keep_K": (n_levels,),
        "reward_3": (3,),
    }
    shapes |= {"bits_UK": (n_ue, n_levels), "base_bits_UK": (n_ue, n_levels), "mass_UK": (n_ue, n_levels)}
    fields: dict[str, Any] = {
        name: np.zeros(shapes.get(name, (n_ue,)), kinds.get(name, np.float64 if name in reals else np.int64))
        for name in EpochView._fields
    }
    return EpochView(**fields)


@dataclass(frozen=True)
class EpochDecision:
    """Weights as logarithms up to a constant, and the keep ratio for a request that waits for one."""

    log_weight_U: Array
    """Without meaning where a scheduler divides the band slot by slot, as `WeightScheduler` does not."""
    level_U: Indices
    """Place in the grid of keep ratios."""


class EpochScheduler(Scheduler):
    """Decides once an epoch, for all users together."""

    @abstractmethod
    def decide(self, view: EpochView) -> EpochDecision:
        """Weights and keep ratios for the epoch that begins; the view holds for the time of the call."""

    def begin_epoch(self, view: EpochView) -> EpochDecision:
        """`decide`, and go by it from now on."""
        return self.decide(view)


class WeightScheduler(EpochScheduler):
    """Decides weights too; in each slot a block goes to the largest weight times rate, as `compiled.weigh` says."""

    def __init__(self) -> None:
        self._log_weight_U = np.zeros(0)

    @final
    def begin_epoch(self, view: EpochView) -> EpochDecision:
        """`decide`, and go by the weights from now on."""
        decision = self.decide(view)
        self._log_weight_U = decision.log_weight_U
        return decision

    @final
    def allocate(self, state: SlotState) -> Allocation:
        """Owner of each free block, by the weights in force; users without one count as of weight 1."""
        from .compiled.weigh import weigh_blocks

        if not len(state.ue_U):
            return Allocation(np.full(len(state.prb_free_B), -1, np.int64))
        n_ue = max(int(state.ue_U.max()) + 1, len(self._log_weight_U))
        log_weight_U = np.zeros(n_ue)
        log_weight_U[: len(self._log_weight_U)] = self._log_weight_U
        backlog_bits_U = np.zeros(n_ue, np.int64)
        backlog_bits_U[state.ue_U] = state.backlog_bits_U
        wish_B = np.full(len(state.prb_free_B), -1, np.int64)
        taken_B = np.where(state.prb_free_B, -1, 0)
        bits_UB = state.bits_per_prb_UB
        weigh_blocks(state.ue_U, log_weight_U, bits_UB, np.empty_like(bits_UB), backlog_bits_U, taken_B, wish_B)
        place_U = np.full(n_ue, -1, np.int64)
        place_U[state.ue_U] = np.arange(len(state.ue_U))
        return Allocation(np.where(wish_B >= 0, place_U[wish_B], -1))
