"""Many slots of full buffers in one call: the cell without SimPy, for benchmarks and long measurements.

Shapes: U users, C cells, B resource blocks, T slots.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from ...kernel.lean import lean
from ..adaptation import STEPS_PER_LEVEL
from ..capacity import STEP_DB
from .blocks import ENDLESS_BITS, decide, feedback, open_slot, retransmit, send_all
from .reports import exchange_reports

_STEPS, _ZERO = np.int32(STEPS_PER_LEVEL), np.int32(0)


@lean
def open_all(tables: Any, limits: Any, state: Any, air: Any, slot: int, last: int, finished_F6: Any) -> int:
    """Everything of a slot before the scheduler: reports, feedback, retransmissions; returns the blocks finished."""
    open_slot(state)
    exchange_reports(tables, limits, state, air, slot, last)
    finished = feedback(limits, state, slot, last, finished_F6)
    retransmit(state, slot)
    return int(finished)


@njit(cache=True)
def proportional_fair(tables: Any, state: Any, mean_rate_bps_U: Any, wish_CB: Any) -> None:
    """Each free block to the user of the best expected rate relative to its average, the rule of the plug-in."""
    last = np.int32(len(tables.rate_bits_G) - 1)
    n_prb = wish_CB.shape[1]
    best_B, winner_B, nobody = np.empty(n_prb), np.empty(n_prb, np.int32), np.int32(-1)
    for c in range(len(wish_CB)):
        owner_B, wish_B = state.owner_CB[c], wish_CB[c]
        best_B[:] = 0.0
        winner_B[:] = nobody
        for u in range(len(mean_rate_bps_U)):
            idle = state.process_U[u] < 0 and state.free_processes_U[u] > 0
            if state.serving_U[u] != c or state.cqi_U[u] == 0 or not idle:
                continue
            user, level_B = np.int32(u), state.level_UB[u]
            steps = np.int32(np.floor(state.offset_db_U[u] / STEP_DB + 0.5))
            share = 1.0 / max(mean_rate_bps_U[u], 1.0)
            for b in range(n_prb):
                place = min(max(np.int32(level_B[b]) * _STEPS + steps, _ZERO), last)
                metric = tables.rate_bits_G[place] * share
                better = metric > best_B[b]
                best_B[b] = metric if better else best_B[b]
                winner_B[b] = user if better else winner_B[b]
        for b in range(n_prb):
            wish_B[b] = winner_B[b] if owner_B[b] < 0 else -1


@njit(cache=True)
def full_buffer(
    tables: Any,
    limits: Any,
    state: Any,
    air: Any,
    rows_per_slot_U: Any,
    first_slot: int,
    draw_TU: Any,
    forget: float,
    slot_s: float,
    mean_rate_bps_U: Any,
    acked_bits_U: Any,
) -> None:
    """As many slots as there are rows of draws, all users with endless data, shared by proportional fair.

    Users move along the tape by `rows_per_slot_U`; places, averages and delivered bits are changed in place.
    """
    n_ue, processes = state.free_UH.shape
    n_cell, n_prb = state.owner_CB.shape
    finished_F6 = np.empty((n_ue * processes, 6), np.int64)
    wish_CB = np.empty((n_cell, n_prb), np.int64)
    backlog_bits_U = np.full(n_ue, ENDLESS_BITS)
    rows_a, rows_b = len(air.reel_a_R2B) - 1, len(air.reel_b_R2B) - 1
    for t in range(len(draw_TU)):
        slot = first_slot + t
        finished = open_all(tables, limits, state, air, slot, slot - 1, finished_F6)
        for f in range(finished):
            acked_bits_U[finished_F6[f, 1]] += finished_F6[f, 2] * finished_F6[f, 3]
        retransmitting_U = state.process_U >= 0
        proportional_fair(tables, state, mean_rate_bps_U, wish_CB)
        send_all(tables, state, wish_CB, backlog_bits_U, 1, slot)
        decide(tables, limits, state, air, draw_TU[t])
        for u in range(n_ue):
            h = state.process_U[u]
            granted = state.tb_size_bits_UH[u, h] if h >= 0 and not retransmitting_U[u] else 0
            mean_rate_bps_U[u] += forget * (granted / slot_s - mean_rate_bps_U[u])
            for c in range(n_cell):
                _move(air.place_a_UC, u, c, rows_per_slot_U[u], rows_a)
                _move(air.place_b_UC, u, c, rows_per_slot_U[u], rows_b)


@njit(cache=True, inline="always")
def _move(place_UC: Any, u: int, c: int, step: float, rows: int) -> None:
    place = place_UC[u, c] + step
    place_UC[u, c] = place - rows if place >= rows else place
