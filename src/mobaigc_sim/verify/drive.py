"""A cell that does nothing but divide the band: endless data for every user, slot after slot, on the real downlink.

Shapes: U users, B resource blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..cell.background import ENDLESS_BITS
from ..kernel.streams import Streams
from ..radio.config import RadioConfig
from ..radio.downlink import Downlink
from ..radio.harq import Feedback, Sent
from ..scheduling.base import NO_DEADLINE_NS, Scheduler, SlotState

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

Choose = Callable[[Downlink, int], Indices]
"""(downlink, slot) → user on each block, −1 for nobody; blocks in use already are left out afterwards."""


class Slot(NamedTuple):
    """What one slot told."""

    feedback: list[Feedback]
    sent: list[Sent]
    transmissions: list[dict[str, Any]]


def ring_m(radius_m_U: Array) -> Array:
    """Places at given distances from the origin, spread over all directions."""
    angle_U = 2.0 * np.pi * np.arange(len(radius_m_U)) / len(radius_m_U)
    place_m_U2: Array = radius_m_U[:, None] * np.stack([np.cos(angle_U), np.sin(angle_U)], axis=1)
    return place_m_U2


def link_of(config: dict[str, Any], n_ue: int, seed: int = 1) -> Downlink:
    """A downlink from the radio part of a scenario."""
    return Downlink(RadioConfig.model_validate(config), n_ue, Streams(seed))


def play(
    link: Downlink, slots: int, choose: Choose, place_m_U2: Array, speed_mps: float = 0.0, first: int = 0
) -> Iterator[Slot]:
    """So many slots of users whose fading moves at a speed while their large-scale gains stay."""
    backlog_bits_U = np.full(len(place_m_U2), ENDLESS_BITS)
    for slot in range(first, first + slots):
        travelled_m = speed_mps * slot * link.carrier.slot_ns * 1e-9
        feedback = link.begin_slot(slot, place_m_U2, np.full(len(place_m_U2), travelled_m))
        wish_B = np.where(link.prb_owner_CB[0] < 0, choose(link, slot), -1)
        sent = link.send_all(wish_B[None, :], backlog_bits_U, 1)
        yield Slot(feedback, sent, link.end_slot())


def in_turn(link: Downlink, slot: int) -> Indices:
    """Equal runs of blocks to all users who can send, another one first in every slot."""
    able_N = np.roll(np.flatnonzero(link.can_send_U), -slot)
    n_prb = link.carrier.n_prb
    if not len(able_N):
        return np.full(n_prb, -1)
    return able_N[np.arange(n_prb) * len(able_N) // n_prb]


class Scheduled:
    """Blocks as a scheduler plug-in divides them, with the average rates it is owed."""

    def __init__(self, scheduler: Scheduler, n_ue: int, window_slots: int) -> None:
        self._scheduler = scheduler
        self._forget = 1.0 / window_slots
        self._mean_rate_bps_U = np.zeros(n_ue)

    def __call__(self, link: Downlink, slot: int) -> Indices:
        """Owner of each block."""
        able_N = np.flatnonzero(link.can_send_U)
        free_B = link.prb_free_CB[0]
        if not len(able_N):
            return np.full(len(free_B), -1)
        state = slot_state(
            slot, link.carrier.slot_ns, able_N, link.expected_bits(able_N), self._mean_rate_bps_U, free_B
        )
        owner_B = self._scheduler.allocate(state).owner_B
        return np.where(owner_B >= 0, able_N[owner_B], -1)

    def granted(self, sent: list[Sent], slot_ns: int) -> None:
        """Move the averages on by what was sent in a slot."""
        rate_bps_U = np.zeros(len(self._mean_rate_bps_U))
        for each in sent:
            rate_bps_U[each.ue] = each.tb_size_bits / (slot_ns * 1e-9)
        self._mean_rate_bps_U += self._forget * (rate_bps_U - self._mean_rate_bps_U)


def slot_state(
    slot: int, slot_ns: int, ue_N: Indices, bits_NB: Array, mean_rate_bps_U: Array, free_B: NDArray[np.bool_]
) -> SlotState:
    """What a scheduler is told of users with endless data and no deadline."""
    return SlotState(
        now_ns=slot * slot_ns,
        slot_ns=slot_ns,
        ue_U=ue_N,
        bits_per_prb_UB=bits_NB,
        backlog_bits_U=np.full(len(ue_N), ENDLESS_BITS),
        mean_rate_bps_U=mean_rate_bps_U[ue_N],
        deadline_slack_ns_U=np.full(len(ue_N), NO_DEADLINE_NS),
        head_wait_ns_U=np.zeros(len(ue_N), np.int64),
        prb_free_B=free_B,
    )
