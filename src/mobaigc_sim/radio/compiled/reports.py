"""CSI reports and the choice of the MCS, compiled; see `csi` and `adaptation` for what they mean.

Shapes: U users, B resource blocks, N blocks offered, Q modulation orders, I indices of CQI, M MCS indices.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...kernel.lean import lean, numbers, rows
from ..adaptation import STEPS_PER_LEVEL
from ..capacity import STEP_DB
from ..csi import HIGHEST_DB, LOWEST_DB
from .air import decibels, effective_sinr_db, power_row, sinr_row

_LOWEST, _HIGHEST = np.float32(LOWEST_DB), np.float32(HIGHEST_DB)
_LEVELS = HIGHEST_DB - LOWEST_DB + 1


@lean
def exchange_reports(tables: Any, limits: Any, state: Any, air: Any, slot: int, last: int) -> None:
    """Measure what is due in a slot, then take in what has become usable since the slot `last`."""
    ring = len(state.reported_DU)
    oldest = max(last + 1 - limits.csi_delay, 0)
    if limits.csi_delay:
        for measured in range(oldest, min(slot - limits.csi_delay, last) + 1):
            _take_in(tables, state, measured % ring, measured)
    if len(state.active_CB) == 1:
        _measure_alone(limits, state, air, slot)
    else:
        _measure_among_others(limits, state, air, slot)
    if limits.csi_delay == 0:
        _take_in(tables, state, slot % ring, slot)


@lean
def _measure_alone(limits: Any, state: Any, air: Any, slot: int) -> None:
    """Reports of a cell without neighbours; apart from the other loop, whose calls would keep this one from vectors."""
    n_prb, place = state.level_UB.shape[1], slot % len(state.reported_DU)
    sinr_B = numbers(n_prb, _LOWEST)
    for u in range(len(state.serving_U)):
        if state.next_report_U[u] > slot or state.serving_U[u] < 0:
            continue
        state.next_report_U[u] = slot + limits.csi_period
        state.reported_DU[place, u] = slot
        power_row(air, u, 0, sinr_B)
        level_B = state.report_DUB[place, u]
        for b in range(n_prb):
            level_B[b] = np.int16(min(max(np.floor(decibels(sinr_B[b])), _LOWEST), _HIGHEST) - _LOWEST)


@lean
def _measure_among_others(limits: Any, state: Any, air: Any, slot: int) -> None:
    n_prb, place = state.level_UB.shape[1], slot % len(state.reported_DU)
    sinr_B, scratch_2B = numbers(n_prb, _LOWEST), rows(2, n_prb, _LOWEST)
    for u in range(len(state.serving_U)):
        if state.next_report_U[u] > slot or state.serving_U[u] < 0:
            continue
        state.next_report_U[u] = slot + limits.csi_period
        state.reported_DU[place, u] = slot
        sinr_row(air, state.active_CB, u, state.serving_U[u], sinr_B, scratch_2B)
        level_B = state.report_DUB[place, u]
        for b in range(n_prb):
            level_B[b] = np.int16(min(max(np.floor(decibels(sinr_B[b])), _LOWEST), _HIGHEST) - _LOWEST)


@lean
def _take_in(tables: Any, state: Any, place: int, measured: int) -> None:
    n_ue, n_prb = state.level_UB.shape
    sum_Q = numbers(len(tables.full_Q), 0.0)
    for u in range(n_ue):
        if state.reported_DU[place, u] != measured:
            continue
        new_B, level_B = state.report_DUB[place, u], state.level_UB[u]
        s0, s1, s2 = 0.0, 0.0, 0.0
        for b in range(n_prb):
            level = new_B[b]
            level_B[b] = level
            s0 += tables.information_LQ[level, 0]
            s1 += tables.information_LQ[level, 1]
            s2 += tables.information_LQ[level, 2]
        sum_Q[0], sum_Q[1], sum_Q[2] = s0, s1, s2
        cqi = len(tables.cqi_order_I)
        while cqi > 0 and sum_Q[tables.cqi_order_I[cqi - 1]] < n_prb * tables.cqi_information_I[cqi - 1]:
            cqi -= 1
        state.cqi_U[u] = cqi


@lean
def best_mcs(tables: Any, sum_Q: Any, n: int, offset_db: float) -> tuple[int, int]:
    """MCS of most bits that meets the target on n blocks of so much information, and its bits; −1, 0 if none."""
    best, most = -1, 0
    effective_db_Q = numbers(len(tables.full_Q), 0.0)
    for q in range(len(effective_db_Q)):
        effective_db_Q[q] = offset_db + effective_sinr_db(tables.capacity_QG[q], tables.full_Q[q], sum_Q[q] / n)
    threshold_db_M, bits_M = tables.threshold_db_NM[n - 1], tables.tb_size_bits_NM[n - 1]
    for m in range(len(bits_M)):
        if effective_db_Q[tables.order_M[m]] >= threshold_db_M[m] and bits_M[m] > most:
            best, most = m, bits_M[m]
    return best, most


@lean
def best_first(level_B: Any, prb_N: Any, order_N: Any) -> None:
    """Write the blocks in order of falling level, equal levels as they stand."""
    start = numbers(_LEVELS + 1, 0)
    start[:] = 0
    for b in prb_N:
        start[_LEVELS - level_B[b]] += 1
    for level in range(_LEVELS):
        start[level + 1] += start[level]
    for b in prb_N:
        place = _LEVELS - 1 - level_B[b]
        order_N[start[place]] = b
        start[place] += 1


@lean
def choose(tables: Any, level_B: Any, prb_N: Any, offset_db: float, backlog_bits: int) -> tuple[int, int]:
    """`LinkAdaptation.choose`: MCS, and how many blocks are used, which then stand first, in ascending order."""
    n = len(prb_N)
    sum_Q = numbers(len(tables.full_Q), 0.0)
    sum_Q[:] = 0.0
    for b in prb_N:
        for q in range(len(sum_Q)):
            sum_Q[q] += tables.information_LQ[level_B[b], q]
    mcs, bits = best_mcs(tables, sum_Q, n, offset_db)
    if mcs < 0:
        mcs, bits = 0, tables.tb_size_bits_NM[n - 1, 0]
    if bits <= backlog_bits or n == 1:
        return mcs, n
    order_N = numbers(n, 0)
    best_first(level_B, prb_N, order_N)
    sum_Q[:] = 0.0
    for count in range(1, n):
        for q in range(len(sum_Q)):
            sum_Q[q] += tables.information_LQ[level_B[order_N[count - 1]], q]
        fewer_mcs, fewer_bits = best_mcs(tables, sum_Q, count, offset_db)
        if fewer_bits >= backlog_bits:
            _keep_in_order(prb_N, order_N[:count])
            return fewer_mcs, count
    return mcs, n


@lean
def _keep_in_order(prb_N: Any, kept_N: Any) -> None:
    """Write those that are kept to the front, in the order they had."""
    place = 0
    for b in prb_N:
        for other in kept_N:
            if other == b:
                prb_N[place] = b
                place += 1
                break


@lean
def expected_bits(tables: Any, state: Any, ue_N: Any, bits_NB: Any) -> None:
    """Bits each block is expected to add for each user, from the latest usable report and the outer loop."""
    last = len(tables.rate_bits_G) - 1
    for n in range(len(ue_N)):
        u = ue_N[n]
        if state.cqi_U[u] == 0:
            bits_NB[n, :] = 0.0
            continue
        level_B = state.level_UB[u]
        steps = int(np.floor(state.offset_db_U[u] / STEP_DB + 0.5))
        for b in range(bits_NB.shape[1]):
            bits_NB[n, b] = tables.rate_bits_G[min(max(level_B[b] * STEPS_PER_LEVEL + steps, 0), last)]
