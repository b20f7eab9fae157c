"""Compiled cells side by side, each with a trace of its own, an epoch at a time.

Shapes: N cells, U users, A tokens, L length of an observation, 4 the parts of the reward (`Cell.reward_4`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from numba import njit

from ...scheduling.compiled.features import choose_tokens, corrections, pack
from ...scheduling.compiled.price import Plan, plan
from ...scheduling.epoch import EpochView
from .look import look
from .slots import offer_pending, open_slot, serve_slot
from .state import Array, Cell, Content, Indices, Rules


class Shared(NamedTuple):
    """What is the same in all cells and never changes."""

    tables: Any
    limits: Any
    rules: Rules
    content: Content


class Member(NamedTuple):
    """One cell and the room its functions work in."""

    state: Any
    cell: Cell
    seen: EpochView
    plan: Plan
    finished_F6: Indices
    wish_CB: Indices
    ue_A: Indices
    priority_U: Array
    price_U: Array
    clock_3: Indices
    """Slot that is open, number of the trace, oldest request that is not over."""


@njit(cache=True)
def start(shared: Any, trace: Any, member: Any) -> None:
    """Open the first slot of a cell whose state is new, and look."""
    open_slot(
        shared.tables, shared.limits, member.state, shared.rules, shared.content, trace, member.cell,
        member.finished_F6, 0,
    )  # fmt: skip
    _look(shared, trace, member)


@njit(cache=True)
def serve_epoch(shared: Any, trace: Any, member: Any, log_weight_U: Any, level_U: Any) -> None:
    """Take a decision into force, go on for an epoch, and look."""
    cell = member.cell
    offer_pending(shared.rules, shared.content, trace, cell, level_U)
    cell.log_weight_U[:] = log_weight_U
    slot = member.clock_3[0]
    for at in range(slot, slot + shared.rules.epoch_slots):
        serve_slot(
            shared.tables, shared.limits, member.state, shared.rules, trace, cell, member.wish_CB, at, True,
        )  # fmt: skip
        open_slot(
            shared.tables, shared.limits, member.state, shared.rules, shared.content, trace, cell,
            member.finished_F6, at + 1,
        )  # fmt: skip
    member.clock_3[0] = slot + shared.rules.epoch_slots
    _look(shared, trace, member)


@njit(cache=True)
def _look(shared: Any, trace: Any, member: Any) -> None:
    member.clock_3[2] = look(
        shared.tables, member.state, shared.rules, shared.content, trace, member.cell, member.seen,
        member.clock_3[0], member.clock_3[2],
    )  # fmt: skip


@njit(cache=True)
def observe(pricing: Any, member: Any, flat_L: Any) -> None:
    """The observation of a cell that has looked; what the priced rule makes of it is left in `member.plan`."""
    member.priority_U[:] = 0.0
    member.price_U[:] = 0.0
    plan(member.seen, pricing, member.priority_U, member.price_U, member.plan)
    choose_tokens(member.seen, member.ue_A)
    pack(member.seen, pricing, member.plan, member.ue_A, flat_L)


@njit(cache=True)
def apply(pricing: Any, member: Any, action_A2: Any, range_2: Any) -> None:
    """What a decision becomes with the actions of the observed users, left in `member.plan`."""
    corrections(action_A2, member.ue_A, range_2, member.priority_U, member.price_U)
    plan(member.seen, pricing, member.priority_U, member.price_U, member.plan)


@njit(cache=True, nogil=True)
def step_all(
    shared: Any, traces: Any, members: Any, pricing: Any, range_2: Any, action_NA2: Any, reward_N4: Any, flat_NL: Any
) -> None:
    """Apply actions, serve an epoch and observe, in every cell; rewards are those of the epoch."""
    for n in range(len(members)):
        member = members[n]
        apply(pricing, member, action_NA2[n], range_2)
        member.cell.reward_4[:] = 0.0
        serve_epoch(shared, traces[member.clock_3[1]], member, member.plan.log_weight_U, member.plan.level_U)
        reward_N4[n] = member.cell.reward_4
        observe(pricing, member, flat_NL[n])


@njit(cache=True, nogil=True)
def follow_rule(shared: Any, trace: Any, member: Any, pricing: Any, epochs: int, total_4: Any) -> None:
    """The priced rule for so many epochs, the sum of its rewards added to `total_4`."""
    member.priority_U[:] = 0.0
    member.price_U[:] = 0.0
    for _ in range(epochs):
        plan(member.seen, pricing, member.priority_U, member.price_U, member.plan)
        member.cell.reward_4[:] = 0.0
        serve_epoch(shared, trace, member, member.plan.log_weight_U, member.plan.level_U)
        total_4 += member.cell.reward_4
