"""The users' buffers, compiled; see `rlc.TransmitBuffer` for what they mean.

Shapes: U users, H HARQ processes, S segments of a transport block; a packet is named r·J + j.
"""

from __future__ import annotations

from typing import Any

from ...kernel.lean import lean
from ..rlc import SEGMENT_HEADER_BYTES
from .state import ARRIVED, DROPPED, WAITING


@lean
def append(cell: Any, u: int, packet: int) -> None:
    """Queue a packet behind the others."""
    ring = cell.queue_UQ.shape[1]
    cell.queue_UQ[u, (cell.first_U[u] + cell.length_U[u]) % ring] = packet
    cell.length_U[u] += 1


@lean
def refresh(cell: Any, u: int) -> None:
    """Count the bits that would empty the buffer, headers of whole packets included."""
    ring, n_packets = cell.queue_UQ.shape[1], cell.size_RJ.shape[1]
    total = 0
    for place in range(cell.length_U[u]):
        packet = cell.queue_UQ[u, (cell.first_U[u] + place) % ring]
        r, j = packet // n_packets, packet % n_packets
        total += cell.size_RJ[r, j] - cell.sent_RJ[r, j] + SEGMENT_HEADER_BYTES
    cell.backlog_bits_U[u] = 8 * total


@lean
def pull(cell: Any, u: int, h: int, budget_bytes: int) -> None:
    """Fill the transport block of a HARQ process; what is too small for a header and a byte is padding."""
    ring, n_packets = cell.queue_UQ.shape[1], cell.size_RJ.shape[1]
    count = 0
    while cell.length_U[u] > 0 and budget_bytes > SEGMENT_HEADER_BYTES:
        packet = cell.queue_UQ[u, cell.first_U[u]]
        r, j = packet // n_packets, packet % n_packets
        unsent = cell.size_RJ[r, j] - cell.sent_RJ[r, j]
        size = min(unsent, budget_bytes - SEGMENT_HEADER_BYTES)
        cell.sent_RJ[r, j] += size
        budget_bytes -= size + SEGMENT_HEADER_BYTES
        cell.segment_packet_UHS[u, h, count], cell.segment_bytes_UHS[u, h, count] = packet, size
        count += 1
        if size == unsent:
            cell.first_U[u] = (cell.first_U[u] + 1) % ring
            cell.length_U[u] -= 1
    cell.segments_UH[u, h] = count


@lean
def acknowledge(cell: Any, u: int, h: int) -> None:
    """Credit the segments of a delivered block."""
    n_packets = cell.size_RJ.shape[1]
    for s in range(cell.segments_UH[u, h]):
        packet = cell.segment_packet_UHS[u, h, s]
        r, j = packet // n_packets, packet % n_packets
        if cell.fate_RJ[r, j] == WAITING:
            cell.acked_RJ[r, j] += cell.segment_bytes_UHS[u, h, s]
            if cell.acked_RJ[r, j] == cell.size_RJ[r, j]:
                cell.fate_RJ[r, j] = ARRIVED


@lean
def lose(cell: Any, rules: Any, u: int, h: int) -> None:
    """Take back the segments of a lost block, last first; an image whose base is given up takes its packets along."""
    ring, n_packets = cell.queue_UQ.shape[1], cell.size_RJ.shape[1]
    for s in range(cell.segments_UH[u, h] - 1, -1, -1):
        packet = cell.segment_packet_UHS[u, h, s]
        r, j = packet // n_packets, packet % n_packets
        if cell.fate_RJ[r, j] != WAITING:
            continue
        cell.retx_RJ[r, j] += 1
        if not rules.acknowledged or cell.retx_RJ[r, j] > rules.max_retx:
            image = cell.image_RJ[r, j]
            whole_image = cell.level_RJ[r, j] == 0
            for other in range(cell.packets_R[r]):
                useless = other == j or (whole_image and cell.image_RJ[r, other] == image)
                if useless and cell.fate_RJ[r, other] == WAITING:
                    cell.fate_RJ[r, other] = DROPPED
            sweep(cell, u)
            continue
        if cell.size_RJ[r, j] == cell.sent_RJ[r, j]:
            cell.first_U[u] = (cell.first_U[u] - 1) % ring
            cell.length_U[u] += 1
            cell.queue_UQ[u, cell.first_U[u]] = packet
        cell.sent_RJ[r, j] -= cell.segment_bytes_UHS[u, h, s]


@lean
def sweep(cell: Any, u: int) -> None:
    """Take packets that are given up out of the queue."""
    ring, n_packets = cell.queue_UQ.shape[1], cell.size_RJ.shape[1]
    kept = 0
    for place in range(cell.length_U[u]):
        packet = cell.queue_UQ[u, (cell.first_U[u] + place) % ring]
        if cell.fate_RJ[packet // n_packets, packet % n_packets] == WAITING:
            cell.queue_UQ[u, (cell.first_U[u] + kept) % ring] = packet
            kept += 1
    cell.length_U[u] = kept
