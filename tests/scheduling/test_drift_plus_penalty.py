"""Drift plus penalty on slots whose winners are worked out by hand."""

from __future__ import annotations

import pytest

from mobaigc_sim.scheduling import DriftPlusPenalty
from mobaigc_sim.scheduling.base import NO_DEADLINE_NS

from ..contracts.scheduler_contract import SLOT_NS, slot_state

MS = 1_000_000


def rule(penalty_bits: float = 0.0) -> DriftPlusPenalty:
    return DriftPlusPenalty(DriftPlusPenalty.Config(penalty_bits=penalty_bits))


def test_the_first_slot_weighs_backlog_and_penalty_by_rate() -> None:
    state = slot_state([[10, 30], [20, 20]], backlog_bits_U=[4000, 3000])
    assert rule().allocate(state).owner_B.tolist() == [1, 0]
    # (3000 + V) · 20 > (4000 + V) · 10 always, but (4000 + V) · 17 only from V = 2667 on
    state = slot_state([[17], [20]], backlog_bits_U=[4000, 3000])
    assert rule(2600).allocate(state).owner_B.tolist() == [0]
    assert rule(2700).allocate(state).owner_B.tolist() == [1]


def winners(scheduler: DriftPlusPenalty, slots: int, deadline_ns: list[int], first: int = 0) -> list[int]:
    """Of one block a slot that carries one bit to each of two users, who always have 1000 and 1010 bits waiting."""
    found = []
    for slot in range(first, first + slots):
        slack_ns = [t if t == NO_DEADLINE_NS else t - slot * SLOT_NS for t in deadline_ns]
        state = slot_state([[1.0], [1.0]], backlog_bits_U=[1000, 1010], slack_ns_U=slack_ns, slot=slot)
        found.append(int(scheduler.allocate(state).owner_B[0]))
    return found


def test_a_request_gains_what_it_is_behind_its_deadline() -> None:
    """User 0 needs 1000 bits in 200 slots, 5 a slot; user 1 has one second, 2000 slots, 0.505 a slot.

    After slot 0, which user 1 wins by 10 bits of backlog, user 0 is 5 behind, then 10.03, against 0: it is ahead from
    slot 2 on.
    """
    assert winners(rule(), 5, [200 * SLOT_NS, NO_DEADLINE_NS]) == [1, 1, 0, 0, 0]


def test_another_request_starts_with_nothing_behind_it() -> None:
    scheduler = rule()
    assert winners(scheduler, 4, [200 * SLOT_NS, NO_DEADLINE_NS])[-1] == 0
    assert winners(scheduler, 1, [300 * SLOT_NS, NO_DEADLINE_NS], first=4) == [1]


def test_what_is_granted_is_taken_off_what_a_request_is_behind() -> None:
    state = slot_state([[100.0]], backlog_bits_U=[1000], slack_ns_U=[10 * SLOT_NS])
    scheduler = rule()
    scheduler.allocate(state)
    assert scheduler._behind_bits_U.tolist() == pytest.approx([0.0])  # 1000 / 10 needed, 100 granted
    late = slot_state([[60.0]], backlog_bits_U=[900], slack_ns_U=[9 * SLOT_NS], slot=1)
    scheduler.allocate(late)
    assert scheduler._behind_bits_U.tolist() == pytest.approx([40.0])
