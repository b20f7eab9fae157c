"""What a scheduler may know at the start of an epoch, compiled; see `scheduling.epoch.EpochView`.

Shapes: U users, B resource blocks, R requests, J packets of a request, K keep ratios.
"""

from __future__ import annotations

from typing import Any

from ...kernel.lean import lean, numbers
from ...radio.compiled.reports import expected_bits
from ..epochs import USUAL_SHARE
from ..rlc import SEGMENT_HEADER_BYTES
from .state import COMING, OVER, PENDING, WAITING


@lean
def look(
    tables: Any, state: Any, rules: Any, content: Any, trace: Any, cell: Any, view: Any, slot: int, oldest: int
) -> int:
    """Fill a view and return the oldest request that is not over; `oldest`: the one of the time before."""
    n_ue, n_levels = view.bits_UK.shape
    images, now_ns = trace.picture_RI.shape[1], slot * rules.slot_ns
    _channel(tables, state, cell, view)
    for u in range(n_ue):
        view.active_U[u], view.new_U[u] = cell.backlog_bits_U[u] > 0, False
        view.mean_rate_bps_U[u], view.speed_mps_U[u] = cell.mean_rate_bps_U[u], trace.speed_mps_TU[slot, u]
        view.backlog_bits_U[u] = cell.backlog_bits_U[u]
        view.base_bits_U[u], view.in_flight_bits_U[u] = 0, 0
        view.slack_ns_U[u], view.age_ns_U[u], view.requests_U[u], view.images_U[u] = 0, 0, 0, 0
        view.level_U[u] = -1
        view.bits_UK[u, :], view.base_bits_UK[u, :], view.mass_UK[u, :] = 0, 0, 0.0
    coming, first_U = 0, numbers(n_ue, 0)
    first_U[:] = -1
    while oldest < len(trace.ue_R) and cell.stage_R[oldest] == OVER:
        oldest += 1
    r = oldest
    while r < len(trace.ue_R) and trace.arrival_ns_R[r] < now_ns:
        u, stage = trace.ue_R[r], cell.stage_R[r]
        if stage == COMING:
            coming += 1
        elif stage != OVER:
            _add_request(trace, cell, view, u, r, now_ns)
            if first_U[u] < 0 or (stage == PENDING and cell.stage_R[first_U[u]] != PENDING):
                first_U[u] = r
        r += 1
    for u in range(n_ue):
        r = first_U[u]
        if r < 0:
            continue
        view.level_U[u], view.images_U[u] = cell.level_R[r], images
        for k in range(n_levels):
            for i in range(images):
                picture = trace.picture_RI[r, i]
                base = total = content.packet_bytes_XOP[picture, 0, 0]
                mass = 1.0
                if rules.semantic:
                    base, total = content.base_bytes_XK[picture, k], content.total_bytes_XK[picture, k]
                    mass = content.mass_XK[picture, k]
                view.base_bits_UK[u, k] += 8 * (base + SEGMENT_HEADER_BYTES)
                view.bits_UK[u, k] += 8 * (total + SEGMENT_HEADER_BYTES)
                view.mass_UK[u, k] += mass / images
    view.coming_1[0] = coming
    return oldest


@lean
def _channel(tables: Any, state: Any, cell: Any, view: Any) -> None:
    n_ue, n_prb = len(view.active_U), state.owner_CB.shape[1]
    bits_UB, ue_U = cell.bits_UB, numbers(n_ue, 0)
    for u in range(n_ue):
        ue_U[u] = u
    expected_bits(tables, state, ue_U, bits_UB)
    for u in range(n_ue):
        total = 0.0
        for b in range(n_prb):
            total += bits_UB[u, b]
        bits = total / n_prb
        usual = cell.usual_bits_U[u]
        if bits > 0.0:
            cell.usual_bits_U[u] = bits if usual == 0.0 else usual + USUAL_SHARE * (bits - usual)
        view.bits_per_prb_U[u], view.usual_bits_U[u] = bits, cell.usual_bits_U[u]


@lean
def _add_request(trace: Any, cell: Any, view: Any, u: int, r: int, now_ns: int) -> None:
    view.active_U[u] = True
    view.requests_U[u] += 1
    slack_ns = trace.deadline_ns_R[r] - now_ns
    if view.requests_U[u] == 1 or slack_ns < view.slack_ns_U[u]:
        view.slack_ns_U[u], view.age_ns_U[u] = slack_ns, now_ns - trace.arrival_ns_R[r]
    if cell.stage_R[r] == PENDING:
        view.new_U[u] = True
        return
    for j in range(cell.packets_R[r]):
        if cell.fate_RJ[r, j] == WAITING:
            view.in_flight_bits_U[u] += 8 * (cell.sent_RJ[r, j] - cell.acked_RJ[r, j])
            if cell.level_RJ[r, j] == 0 and cell.sent_RJ[r, j] < cell.size_RJ[r, j]:
                unsent = cell.size_RJ[r, j] - cell.sent_RJ[r, j]
                view.base_bits_U[u] += 8 * (unsent + SEGMENT_HEADER_BYTES)
