"""What the compiled cell works on: tables of content, the tape of a trace, and what changes from slot to slot.

Shapes: U users, T slots, R requests, I images of a request, J packets of a request, P packets of an offer, O offers of
a picture (the whole picture, then each keep ratio), K keep ratios, M subsets of packets, Q places of a user's queue,
H HARQ processes, S segments of a transport block, X pictures.

All are tuples of arrays, which numba takes as they are.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

NEVER_NS = np.iinfo(np.int64).max
WAITING, ARRIVED, DROPPED, LATE = 0, 1, 2, 3
"""Where a packet is; `request.Fate` has one word for the last two: given up by RLC, or when its request ended."""
COMING, PENDING, SERVED, OVER = 0, 1, 2, 3
"""Where a request is: not generated yet, waiting for its keep ratio, handed to the radio, ended."""
DELIVERED, PARTIAL, FAILED = 0, 1, 2
"""How a request ended, as `Request.verdict` has it."""


class Content(NamedTuple):
    """What the pictures weigh and are worth."""

    packet_bytes_XOP: Indices
    """0 where an offer has no such packet."""
    jpsq_XOM: Array
    """JPSQ of what the phone shows for a subset of the packets, its bits the packets; NaN without the base."""
    mass_XK: Array
    """Share of the attention inside the patches offered."""
    total_bytes_XK: Indices
    base_bytes_XK: Indices


class Rules(NamedTuple):
    """Numbers of the scenario."""

    slot_ns: int
    slot_s: float
    epoch_slots: int
    forget: float
    """Of the mean rate, a slot."""
    acknowledged: bool
    """RLC mode AM instead of UM."""
    max_retx: int
    semantic: bool
    tolerance: float
    """JPSQ below that of the whole picture at which an image is worth nothing."""
    latency_weight: float
    failure_weight: float
    band_weight: float


class Trace(NamedTuple):
    """Everything of a run that no scheduler can change."""

    reel_a_R2B: NDArray[np.float32]
    reel_b_R2B: NDArray[np.float32]
    place_a_TU: Array
    place_b_TU: Array
    snr_TU: NDArray[np.float32]
    draw_TU: Array
    speed_mps_TU: Array
    ue_R: Indices
    arrival_ns_R: Indices
    ready_ns_R: Indices
    """When the images are generated; NEVER_NS where the deadline comes first."""
    deadline_ns_R: Indices
    by_ready_R: Indices
    """Requests in order of generation."""
    picture_RI: Indices


class Cell(NamedTuple):
    """Everything beside the radio that changes from slot to slot."""

    next_3: Indices
    """Next to be generated (place in `by_ready_R`), next whose deadline comes, next to be offered (place)."""
    stage_R: Indices
    status_R: Indices
    level_R: Indices
    """Place of the keep ratio in the grid, −1 before it is chosen."""
    finished_ns_R: Indices
    jpsq_R: Array
    worth_R: Array
    packets_R: Indices
    size_RJ: Indices
    sent_RJ: Indices
    acked_RJ: Indices
    retx_RJ: Indices
    fate_RJ: Indices
    level_RJ: Indices
    image_RJ: Indices
    queue_UQ: Indices
    """Packets that wait, r·J + j, a ring."""
    first_U: Indices
    length_U: Indices
    backlog_bits_U: Indices
    segments_UH: Indices
    segment_packet_UHS: Indices
    segment_bytes_UHS: Indices
    mean_rate_bps_U: Array
    usual_bits_U: Array
    """Slow average of the bits a block is expected to carry, 0 before the first report."""
    log_weight_U: Array
    bits_UB: Array
    """Room for what blocks are expected to carry."""
    metric_UB: Array
    """Room for what the winners are picked by."""
    reward_4: Array
    """Since the last decision: worth, −latency, −failures, −band, each weighted."""
    band_1: Indices
    """Blocks used since the start."""


def make_cell(content: Content, trace: Trace, processes: int, queue: int, n_prb: int) -> Cell:
    """Nothing asked for yet; `queue`: packets that may wait for one user."""
    n_ue, n_requests = trace.snr_TU.shape[1], len(trace.ue_R)
    images, offers = trace.picture_RI.shape[1], content.packet_bytes_XOP.shape[2]

    def zeros(*shape: int) -> Indices:
        return np.zeros(shape, np.int64)

    packets = (n_requests, images * offers)
    return Cell(
        next_3=zeros(3),
        stage_R=zeros(n_requests),
        status_R=np.full(n_requests, -1),
        level_R=np.full(n_requests, -1),
        finished_ns_R=np.full(n_requests, -1),
        jpsq_R=np.zeros(n_requests),
        worth_R=np.zeros(n_requests),
        packets_R=zeros(n_requests),
        size_RJ=zeros(*packets),
        sent_RJ=zeros(*packets),
        acked_RJ=zeros(*packets),
        retx_RJ=zeros(*packets),
        fate_RJ=zeros(*packets),
        level_RJ=zeros(*packets),
        image_RJ=zeros(*packets),
        queue_UQ=zeros(n_ue, queue),
        first_U=zeros(n_ue),
        length_U=zeros(n_ue),
        backlog_bits_U=zeros(n_ue),
        segments_UH=zeros(n_ue, processes),
        segment_packet_UHS=zeros(n_ue, processes, queue),
        segment_bytes_UHS=zeros(n_ue, processes, queue),
        mean_rate_bps_U=np.zeros(n_ue),
        usual_bits_U=np.zeros(n_ue),
        log_weight_U=np.zeros(n_ue),
        bits_UB=np.zeros((n_ue, n_prb)),
        metric_UB=np.zeros((n_ue, n_prb)),
        reward_4=np.zeros(4),
        band_1=zeros(1),
    )
