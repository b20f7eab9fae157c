"""Transport blocks and HARQ, compiled; see `harq` and `olla` for what they mean.

Shapes: U users, C cells, B resource blocks, N blocks of one transmission, F finished blocks.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...kernel.lean import lean, lean_inline, numbers
from ..olla import LIMIT_DB
from ..tables import MCS_TABLE_1
from .air import decibels, effective_sinr_db, normal_bler, on_grid, sinr_at
from .reports import best_first, choose

ENDLESS_BITS = 1 << 60
"""More than any buffer holds."""
_HIGHEST_MCS = len(MCS_TABLE_1) - 1


@lean
def feedback(limits: Any, state: Any, slot: int, last: int, finished_F6: Any) -> int:
    """Take in the outcomes known by a slot; returns how many blocks are finished.

    Their rows hold number, user, bits, whether delivered, slot of the first transmission, number of transmissions.
    """
    ring = len(state.in_flight_DU)
    count = 0
    for sent in range(max(last + 1 - limits.feedback_delay, 0), slot - limits.feedback_delay + 1):
        for u in range(len(state.serving_U)):
            h = state.in_flight_DU[sent % ring, u]
            if h < 0:
                continue
            state.in_flight_DU[sent % ring, u] = -1
            ack, mcs = state.ack_UH[u, h], state.mcs_UH[u, h]
            if state.transmissions_UH[u, h] == 1:
                if ack and mcs != _HIGHEST_MCS:
                    state.offset_db_U[u] = min(state.offset_db_U[u] + limits.up_db, LIMIT_DB)
                elif not ack and not state.is_lowest_UH[u, h]:
                    state.offset_db_U[u] = max(state.offset_db_U[u] - limits.down_db, -LIMIT_DB)
            if ack or state.transmissions_UH[u, h] >= limits.max_transmissions:
                state.free_UH[u, h] = True
                state.free_processes_U[u] += 1
                row_6 = finished_F6[count]
                row_6[0], row_6[1] = state.tb_id_UH[u, h], u
                row_6[2], row_6[3] = state.tb_size_bits_UH[u, h], ack
                row_6[4], row_6[5] = state.first_slot_UH[u, h], state.transmissions_UH[u, h]
                count += 1
            else:
                place = state.queued_1[0]
                state.queue_F2[place, 0], state.queue_F2[place, 1] = u, h
                state.queued_1[0] = place + 1
    return count


@lean
def open_slot(state: Any) -> None:
    """Forget who sent in the slot before, but not which blocks were in use."""
    for c in range(state.owner_CB.shape[0]):
        for b in range(state.owner_CB.shape[1]):
            state.owner_CB[c, b] = -1
    state.process_U[:] = -1


@lean
def retransmit(state: Any, slot: int) -> None:
    """Give failed blocks the best free resource blocks of their cells, oldest failure first."""
    n_prb = state.owner_CB.shape[1]
    kept = 0
    free_B, order_B = numbers(n_prb, 0), numbers(n_prb, 0)
    for place in range(state.queued_1[0]):
        u, h = state.queue_F2[place, 0], state.queue_F2[place, 1]
        owner_B = state.owner_CB[state.serving_U[u]]
        free = 0
        for b in range(n_prb):
            if owner_B[b] < 0:
                free_B[free] = b
                free += 1
        needed = state.n_prb_UH[u, h]
        if needed > free or state.process_U[u] >= 0:
            state.queue_F2[kept, 0], state.queue_F2[kept, 1] = u, h
            kept += 1
            continue
        best_first(state.level_UB[u], free_B[:free], order_B)
        for b in order_B[:needed]:
            owner_B[b] = u
        _put(state, u, h, slot)
    state.queued_1[0] = kept


@lean_inline
def _put(state: Any, u: int, h: int, slot: int) -> None:
    state.process_U[u] = h
    state.transmissions_UH[u, h] += 1
    state.in_flight_DU[slot % len(state.in_flight_DU), u] = h


@lean
def send(tables: Any, state: Any, u: int, offered_N: Any, backlog_bits: int, least_bits: int, slot: int) -> bool:
    """Send a new transport block on the best of the blocks offered; False when none of `least_bits` fits on them.

    Blocks are offered in ascending order; `offered_N` is changed.
    """
    mcs, used = choose(tables, state.level_UB[u], offered_N, state.offset_db_U[u], backlog_bits)
    prb_N = offered_N[:used]
    lowest = 0
    while tables.tb_size_bits_NM[len(prb_N) - 1, lowest] < least_bits:
        lowest += 1
        if lowest > _HIGHEST_MCS:
            return False
    mcs = max(mcs, lowest)
    bits = tables.tb_size_bits_NM[len(prb_N) - 1, mcs]
    h = 0
    while not state.free_UH[u, h]:
        h += 1
    state.free_UH[u, h] = False
    state.free_processes_U[u] -= 1
    state.tb_id_UH[u, h] = state.next_tb_id_1[0]
    state.next_tb_id_1[0] += 1
    state.mcs_UH[u, h], state.n_prb_UH[u, h] = mcs, len(prb_N)
    state.is_lowest_UH[u, h] = mcs == lowest
    state.tb_size_bits_UH[u, h], state.first_slot_UH[u, h] = bits, slot
    state.transmissions_UH[u, h], state.combined_UH[u, h] = 0, 0.0
    owner_B = state.owner_CB[state.serving_U[u]]
    for b in prb_N:
        owner_B[b] = u
    _put(state, u, h, slot)
    return True


@lean
def send_all(tables: Any, state: Any, wish_CB: Any, backlog_bits_U: Any, least_bits: int, slot: int) -> None:
    """`send` for every user that a scheduler gave blocks, in order of user."""
    n_cell, n_prb = wish_CB.shape
    asked_U, prb_N = numbers(len(state.serving_U), True), numbers(n_prb, 0)
    asked_U[:] = False
    for c in range(n_cell):
        for b in range(n_prb):
            if wish_CB[c, b] >= 0:
                asked_U[wish_CB[c, b]] = True
    for u in range(len(asked_U)):
        if not asked_U[u]:
            continue
        count = 0
        for b in range(n_prb):
            if wish_CB[state.serving_U[u], b] == u:
                prb_N[count] = b
                count += 1
        send(tables, state, u, prb_N[:count], backlog_bits_U[u], least_bits, slot)


@lean
def decide(tables: Any, limits: Any, state: Any, air: Any, draw_U: Any) -> None:
    """Decide the fate of every transmission of the slot under the interference there really was."""
    n_prb = state.owner_CB.shape[1]
    for u in range(len(state.process_U)):
        h = state.process_U[u]
        if h < 0:
            continue
        c = state.serving_U[u]
        mcs, n = state.mcs_UH[u, h], state.n_prb_UH[u, h]
        order = tables.order_M[mcs]
        capacity_G = tables.capacity_QG[order]
        information = 0.0
        for b in range(n_prb):
            if state.owner_CB[c, b] == u:
                information += on_grid(capacity_G, decibels(sinr_at(air, state.owner_CB, u, c, b)))
        information /= n
        count, distinct = state.transmissions_UH[u, h], 1.0
        if limits.redundancy:
            state.combined_UH[u, h] += information
            mean_db = effective_sinr_db(capacity_G, tables.full_Q[order], state.combined_UH[u, h] / count)
            distinct = max(1.0, min(float(count), tables.redundancy_M[mcs]))
            sinr_db = mean_db + 10.0 * math.log10(count / distinct)
        else:
            state.combined_UH[u, h] += 10.0 ** (effective_sinr_db(capacity_G, tables.full_Q[order], information) / 10.0)
            sinr_db = 10.0 * math.log10(state.combined_UH[u, h])
        symbols = distinct * tables.symbols_MN[mcs, n - 1]
        reduced_db = sinr_db - tables.loss_db_M[mcs]
        margin = symbols * on_grid(capacity_G, reduced_db) - tables.code_bits_MN[mcs, n - 1] + 0.5 * math.log2(symbols)
        spread = math.sqrt(symbols * on_grid(tables.dispersion_QG[order], reduced_db))
        bler = normal_bler(margin, spread, tables.code_blocks_MN[mcs, n - 1])
        state.sinr_eff_db_U[u], state.bler_U[u] = sinr_db, bler
        state.ack_UH[u, h] = draw_U[u] >= bler
    for c in range(state.owner_CB.shape[0]):
        for b in range(n_prb):
            state.active_CB[c, b] = np.float32(1.0) if state.owner_CB[c, b] >= 0 else np.float32(0.0)
