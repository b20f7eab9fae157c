"""The slot loop of one cell, compiled; see `network` and `journey` for what it means.

A slot has two halves: `open_slot`, until everything a scheduler may know is known, and `serve_slot`, from its decision
on.

Shapes: U users, B resource blocks, R requests, J packets of a request.
"""

from __future__ import annotations

from typing import Any

from numba import njit

from ...kernel.lean import lean, numbers
from ...radio.compiled.blocks import decide, send_all
from ...radio.compiled.loop import open_all
from ...radio.compiled.reports import expected_bits
from ...radio.state import Air
from ...scheduling.compiled.weigh import weigh_blocks
from ..rlc import SMALLEST_BLOCK_BITS
from .queues import acknowledge, append, lose, pull, refresh, sweep
from .state import (
    ARRIVED,
    DELIVERED,
    FAILED,
    LATE,
    OVER,
    PARTIAL,
    PENDING,
    SERVED,
    WAITING,
)


@njit(cache=True, inline="always")
def air_of(trace: Any, slot: int) -> Any:
    """The channel of a slot."""
    n_ue = trace.snr_TU.shape[1]
    return Air(
        trace.reel_a_R2B,
        trace.reel_b_R2B,
        trace.place_a_TU[slot].reshape(n_ue, 1),
        trace.place_b_TU[slot].reshape(n_ue, 1),
        trace.snr_TU[slot].reshape(n_ue, 1),
    )


@lean
def open_slot(
    tables: Any, limits: Any, state: Any, rules: Any, content: Any, trace: Any, cell: Any, finished_F6: Any, slot: int
) -> None:
    """Deadlines and generations since the slot before; then reports, HARQ feedback, retransmissions."""
    now_ns = slot * rules.slot_ns
    _pass_time(rules, content, trace, cell, now_ns)
    count = open_all(tables, limits, state, air_of(trace, slot), slot, slot - 1, finished_F6)
    n_packets = cell.size_RJ.shape[1]
    for f in range(count):
        u, h = finished_F6[f, 1], 0
        while state.tb_id_UH[u, h] != finished_F6[f, 0]:
            h += 1
        if finished_F6[f, 3]:
            acknowledge(cell, u, h)
        else:
            lose(cell, rules, u, h)
        refresh(cell, u)
        for s in range(cell.segments_UH[u, h]):
            r = cell.segment_packet_UHS[u, h, s] // n_packets
            if cell.stage_R[r] == SERVED and _is_settled(cell, r):
                _end(rules, content, trace, cell, r, now_ns)


@lean
def _pass_time(rules: Any, content: Any, trace: Any, cell: Any, now_ns: int) -> None:
    """What happened before a time: images became ready, deadlines came."""
    n_requests = len(trace.ue_R)
    while cell.next_3[0] < n_requests:
        r = trace.by_ready_R[cell.next_3[0]]
        if trace.ready_ns_R[r] >= now_ns:
            break
        cell.stage_R[r] = PENDING
        cell.next_3[0] += 1
    while cell.next_3[1] < n_requests and trace.deadline_ns_R[cell.next_3[1]] < now_ns:
        r = cell.next_3[1]
        cell.next_3[1] += 1
        if cell.stage_R[r] != OVER:
            _end(rules, content, trace, cell, r, trace.deadline_ns_R[r])


@lean
def _is_settled(cell: Any, r: int) -> bool:
    waiting = 0
    for j in range(cell.packets_R[r]):
        waiting += cell.fate_RJ[r, j] == WAITING
    return waiting == 0


@lean
def _end(rules: Any, content: Any, trace: Any, cell: Any, r: int, now_ns: int) -> None:
    """Give up what is left of a request, score what arrived, and count the reward."""
    u, images = trace.ue_R[r], trace.picture_RI.shape[1]
    offer = cell.level_R[r] + 1 if rules.semantic else 0
    missing, shown = False, 0
    jpsq, worth = 0.0, 0.0
    for j in range(cell.packets_R[r]):
        if cell.fate_RJ[r, j] == WAITING:
            cell.fate_RJ[r, j] = LATE
        missing |= cell.fate_RJ[r, j] != ARRIVED
    for i in range(images):
        received = 0
        for j in range(cell.packets_R[r]):
            if cell.image_RJ[r, j] == i and cell.fate_RJ[r, j] == ARRIVED:
                received |= 1 << cell.level_RJ[r, j]
        if received & 1:
            picture = trace.picture_RI[r, i]
            found = content.jpsq_XOM[picture, offer, received]
            loss = content.jpsq_XOM[picture, 0, 1] - found
            shown += 1
            jpsq += found / images
            worth += min(max(1.0 - loss / rules.tolerance, 0.0), 1.0) / images
    served = cell.stage_R[r] == SERVED
    cell.stage_R[r], cell.finished_ns_R[r] = OVER, now_ns
    cell.status_R[r] = FAILED if shown == 0 else (PARTIAL if missing else DELIVERED)
    cell.jpsq_R[r], cell.worth_R[r] = jpsq, worth
    whole_ns = trace.deadline_ns_R[r] - trace.arrival_ns_R[r]
    waited = 1.0 if shown == 0 else (now_ns - trace.arrival_ns_R[r]) / whole_ns
    failure = rules.failure_weight if shown == 0 else 0.0
    cell.reward_4[0] += worth
    cell.reward_4[1] -= rules.latency_weight * waited
    cell.reward_4[2] -= failure
    if served:
        sweep(cell, u)
        refresh(cell, u)


@lean
def offer_request(rules: Any, content: Any, trace: Any, cell: Any, r: int, level: int) -> None:
    """Queue the packets of a request at a place of the keep grid: all bases first, then level by level."""
    u, images = trace.ue_R[r], trace.picture_RI.shape[1]
    offer = level + 1 if rules.semantic else 0
    n_packets, count = cell.size_RJ.shape[1], 0
    for p in range(content.packet_bytes_XOP.shape[2]):
        for i in range(images):
            size = content.packet_bytes_XOP[trace.picture_RI[r, i], offer, p]
            if size == 0:
                continue
            cell.size_RJ[r, count], cell.level_RJ[r, count], cell.image_RJ[r, count] = size, p, i
            append(cell, u, r * n_packets + count)
            count += 1
    cell.packets_R[r], cell.level_R[r], cell.stage_R[r] = count, level, SERVED
    refresh(cell, u)


@lean
def offer_pending(rules: Any, content: Any, trace: Any, cell: Any, level_U: Any) -> None:
    """Queue every request that waits for its keep ratio, in order of generation."""
    while cell.next_3[2] < cell.next_3[0]:
        r = trace.by_ready_R[cell.next_3[2]]
        cell.next_3[2] += 1
        if cell.stage_R[r] == PENDING:
            offer_request(rules, content, trace, cell, r, level_U[trace.ue_R[r]])


@lean
def serve_slot(
    tables: Any, limits: Any, state: Any, rules: Any, trace: Any, cell: Any, wish_CB: Any, slot: int, by_weight: bool
) -> None:
    """Divide the free blocks, by the weights in force or as `wish_CB` says, send, and decide what is received."""
    n_ue, n_prb = trace.snr_TU.shape[1], wish_CB.shape[1]
    retransmitting_U = numbers(n_ue, True)
    for u in range(n_ue):
        retransmitting_U[u] = state.process_U[u] >= 0
    if by_weight:
        _divide(tables, state, cell, wish_CB)
    send_all(tables, state, wish_CB, cell.backlog_bits_U, SMALLEST_BLOCK_BITS, slot)
    for u in range(n_ue):
        h = state.process_U[u]
        granted_bits = 0
        if h >= 0 and not retransmitting_U[u]:
            granted_bits = state.tb_size_bits_UH[u, h]
            pull(cell, u, h, granted_bits // 8)
            refresh(cell, u)
        cell.mean_rate_bps_U[u] += rules.forget * (granted_bits / rules.slot_s - cell.mean_rate_bps_U[u])
    used = 0
    for b in range(n_prb):
        owner = state.owner_CB[0, b]
        if owner >= 0:
            used += 1
    cell.band_1[0] += used
    cell.reward_4[3] -= rules.band_weight * used / (n_prb * rules.epoch_slots)
    decide(tables, limits, state, air_of(trace, slot), trace.draw_TU[slot])


@lean
def _divide(tables: Any, state: Any, cell: Any, wish_CB: Any) -> None:
    n_ue, n_prb = len(cell.backlog_bits_U), wish_CB.shape[1]
    wish_CB[:] = -1
    ue_N, count = numbers(n_ue, 0), 0
    for u in range(n_ue):
        idle = state.process_U[u] < 0 and state.free_processes_U[u] > 0
        if cell.backlog_bits_U[u] > 0 and idle and state.cqi_U[u] > 0:
            ue_N[count] = u
            count += 1
    free = 0
    for b in range(n_prb):
        free += state.owner_CB[0, b] < 0
    if count == 0 or free == 0:
        return
    ue_N = ue_N[:count]
    bits_NB = cell.bits_UB[:count]
    expected_bits(tables, state, ue_N, bits_NB)
    weigh_blocks(
        ue_N, cell.log_weight_U, bits_NB, cell.metric_UB[:count], cell.backlog_bits_U, state.owner_CB[0], wish_CB[0]
    )
