"""Compiled cells side by side, each with a trace of its own, an epoch at a time.

Shapes: N cells, U users, A tokens, L length of an observation, 4 the parts of the reward (`Cell.reward_4`), B resource
blocks, W users who may send in a slot.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from numba import njit, typed

from ...kernel.lean import copy, lean
from ...radio.compiled.reports import expected_bits
from ...scheduling.compiled.features import choose_tokens, corrections, pack
from ...scheduling.compiled.price import Plan, plan
from ...scheduling.epoch import EpochView
from .look import look
from .slots import offer_pending, offer_request, open_slot, serve_slot
from .state import Array, Cell, Content, Indices, Rules, Trace


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


@lean
def start(shared: Any, trace: Any, member: Any) -> None:
    """Open the first slot of a cell whose state is new, and look."""
    open_slot(
        shared.tables, shared.limits, member.state, shared.rules, shared.content, trace, member.cell,
        member.finished_F6, 0,
    )  # fmt: skip
    _look(shared, trace, member)


@lean
def serve_epoch(shared: Any, trace: Any, member: Any, log_weight_U: Any, level_U: Any) -> None:
    """Take a decision into force, go on for an epoch, and look."""
    cell = member.cell
    offer_pending(shared.rules, shared.content, trace, cell, level_U)
    copy(log_weight_U, cell.log_weight_U)
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


@lean
def _look(shared: Any, trace: Any, member: Any) -> None:
    member.clock_3[2] = look(
        shared.tables, member.state, shared.rules, shared.content, trace, member.cell, member.seen,
        member.clock_3[0], member.clock_3[2],
    )  # fmt: skip


def shelved(shared: Shared, traces: Sequence[Trace], members: Sequence[Member]) -> tuple[Any, Any, Any]:
    """What is shared, traces and members as lists that numba takes as they are; the arrays are the same.

    Of a tuple numba looks at every array in each call from Python.
    """
    lists = _list_of(shared), _list_of(traces[0]), _list_of(members[0])
    for trace in traces[1:]:
        _append(lists[1], trace)
    for member in members[1:]:
        _append(lists[2], member)
    return lists


@njit(cache=True)
def _list_of(first: Any) -> Any:
    found = typed.List()
    found.append(first)
    return found


@njit(cache=True)
def _append(items: Any, item: Any) -> None:
    items.append(item)


@njit(cache=True)
def advance(shared_1: Any, traces: Any, members: Any, n: int, log_weight_U: Any, level_U: Any) -> None:
    """`serve_epoch` of a cell."""
    member = members[n]
    serve_epoch(shared_1[0], traces[member.clock_3[1]], member, log_weight_U, level_U)


class SlotView(NamedTuple):
    """What is asked of a scheduler in one slot, users who may send first; see `scheduling.base.SlotState`."""

    ue_U: Indices
    bits_UB: Array
    slack_ns_U: Indices
    wait_ns_U: Indices


@lean
def describe(shared: Any, trace: Any, member: Any, slot_view: Any) -> int:
    """Fill a view of the open slot and return how many users may send, 0 where no block is free."""
    state, cell, count, now_ns = member.state, member.cell, 0, member.clock_3[0] * shared.rules.slot_ns
    free = 0
    for b in range(state.owner_CB.shape[1]):
        free += state.owner_CB[0, b] < 0
    if free == 0:
        return 0
    n_packets = cell.size_RJ.shape[1]
    for u in range(len(cell.backlog_bits_U)):
        idle = state.process_U[u] < 0 and state.free_processes_U[u] > 0
        if cell.backlog_bits_U[u] > 0 and idle and state.cqi_U[u] > 0:
            r = cell.queue_UQ[u, cell.first_U[u]] // n_packets
            slot_view.ue_U[count] = u
            slot_view.slack_ns_U[count] = trace.deadline_ns_R[r] - now_ns
            slot_view.wait_ns_U[count] = now_ns - trace.ready_ns_R[r]
            count += 1
    expected_bits(shared.tables, state, slot_view.ue_U[:count], slot_view.bits_UB[:count])
    return count


@njit(cache=True)
def serve_open_slot(shared_1: Any, traces: Any, members: Any, n: int) -> None:
    """Serve the open slot as the cell's `wish_CB` says; the next one is not open yet."""
    shared, member = shared_1[0], members[n]
    serve_slot(
        shared.tables, shared.limits, member.state, shared.rules, traces[member.clock_3[1]], member.cell,
        member.wish_CB, member.clock_3[0], False,
    )  # fmt: skip
    member.wish_CB[:] = -1


@njit(cache=True)
def offer_next(shared_1: Any, traces: Any, members: Any, n: int, level: int) -> None:
    """Queue the request that is generated next, at a place of the keep grid, before the slot that follows is open."""
    shared, member = shared_1[0], members[n]
    trace, cell = traces[member.clock_3[1]], member.cell
    offer_request(shared.rules, shared.content, trace, cell, trace.by_ready_R[cell.next_3[0]], level)
    cell.next_3[0] += 1
    cell.next_3[2] += 1


@njit(cache=True)
def open_next_slot(shared_1: Any, traces: Any, members: Any, n: int, by_epoch: bool, slot_view: Any) -> int:
    """Open the slot after the one that was served, look where it begins an epoch if `by_epoch`, and `describe`."""
    shared, member = shared_1[0], members[n]
    trace = traces[member.clock_3[1]]
    member.clock_3[0] += 1
    member.finished_F6[:, 0] = -1
    open_slot(
        shared.tables, shared.limits, member.state, shared.rules, shared.content, trace, member.cell,
        member.finished_F6, member.clock_3[0],
    )  # fmt: skip
    if by_epoch and member.clock_3[0] % shared.rules.epoch_slots == 0:
        _look(shared, trace, member)
        return 0
    return describe(shared, trace, member, slot_view)


@njit(cache=True)
def begin_epoch(shared_1: Any, traces: Any, members: Any, n: int, level_U: Any, slot_view: Any) -> int:
    """Queue the requests that wait for their keep ratio, and `describe` the slot that is open."""
    shared, member = shared_1[0], members[n]
    trace = traces[member.clock_3[1]]
    offer_pending(shared.rules, shared.content, trace, member.cell, level_U)
    return describe(shared, trace, member, slot_view)


@lean
def observe(pricing: Any, member: Any, flat_L: Any) -> None:
    """The observation of a cell that has looked; what the priced rule makes of it is left in `member.plan`."""
    member.priority_U[:] = 0.0
    member.price_U[:] = 0.0
    plan(member.seen, pricing, member.priority_U, member.price_U, member.plan)
    choose_tokens(member.seen, member.ue_A)
    pack(member.seen, pricing, member.plan, member.ue_A, flat_L)


@lean
def apply(pricing: Any, member: Any, action_A2: Any, range_2: Any) -> None:
    """What a decision becomes with the actions of the observed users, left in `member.plan`."""
    corrections(action_A2, member.ue_A, range_2, member.priority_U, member.price_U)
    plan(member.seen, pricing, member.priority_U, member.price_U, member.plan)


@lean
def _step(
    shared: Any, trace: Any, member: Any, pricing: Any, range_2: Any, action_A2: Any, reward_4: Any, flat_L: Any
) -> None:  # fmt: skip
    apply(pricing, member, action_A2, range_2)
    cell = member.cell
    cell.reward_4[:] = 0.0
    serve_epoch(shared, trace, member, member.plan.log_weight_U, member.plan.level_U)
    copy(cell.reward_4, reward_4)
    observe(pricing, member, flat_L)


@njit(cache=True, nogil=True)
def step_all(
    shared_1: Any,
    traces: Any,
    members: Any,
    pricing: Any,
    range_2: Any,
    action_NA2: Any,
    reward_N4: Any,
    flat_NL: Any,
) -> None:
    """Apply actions, serve an epoch and observe, in every cell; rewards are those of the epoch."""
    shared = shared_1[0]
    for n in range(len(members)):
        member = members[n]
        _step(shared, traces[member.clock_3[1]], member, pricing, range_2, action_NA2[n], reward_N4[n], flat_NL[n])
