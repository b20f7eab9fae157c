"""What the compiled slot kernel works on: constant tables, and the state of every link.

Shapes: U users, C cells, B resource blocks, H HARQ processes, N numbers of blocks (entry 0 is one block), M MCS
indices, Q modulation orders (QPSK, 16QAM, 64QAM), G points of the SINR grid, L levels of a report, I CQI, D slots of a
ring, F places in a queue.

Both are tuples of arrays, which numba takes as they are; the kernel changes the state in place.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .adaptation import format_tables, rate_curve
from .capacity import curve
from .config import RadioConfig
from .csi import HIGHEST_DB, LOWEST_DB
from .link import cqi_threshold_db, mcs_formats
from .numerology import Carrier
from .tables import CQI_TABLE_1, MCS_TABLE_1, MODULATION_ORDERS

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

NEVER = -(1 << 40)
"""A slot long before the first."""


class Tables(NamedTuple):
    """Constants of link adaptation and link model."""

    capacity_QG: Array
    dispersion_QG: Array
    full_Q: Indices
    """Points of the grid up to which a modulation is not full."""
    information_LQ: Array
    """Mutual information of a reported level."""
    rate_bits_G: Array
    """Bits a block is expected to add at a SINR."""
    order_M: Indices
    """Place of an MCS's modulation in Q."""
    tb_size_bits_NM: Indices
    threshold_db_NM: Array
    symbols_MN: Array
    """Symbols of a code block."""
    code_bits_MN: Array
    """Information bits of a code block."""
    code_blocks_MN: Array
    loss_db_M: Array
    redundancy_M: Array
    """Transmissions of a block until incremental redundancy has sent all coded bits once."""
    cqi_order_I: Indices
    cqi_information_I: Array
    """Least mutual information of each CQI under its modulation."""


class Limits(NamedTuple):
    """Numbers of the configuration, in slots and dB."""

    csi_period: int
    csi_delay: int
    feedback_delay: int
    max_transmissions: int
    redundancy: bool
    """Incremental redundancy instead of chase combining."""
    up_db: float
    down_db: float


class State(NamedTuple):
    """Everything that changes from slot to slot."""

    serving_U: Indices
    """Cell of each user, −1 for none."""
    next_report_U: Indices
    report_DUB: NDArray[np.int16]
    """Levels of the reports under way, by slot of measurement."""
    reported_DU: Indices
    """Slot in which the entry of the ring was measured."""
    level_UB: NDArray[np.int16]
    """Latest usable report: SINR in dB, less the lowest level."""
    cqi_U: Indices
    offset_db_U: Array
    """Offset of the outer loop."""
    free_UH: NDArray[np.bool_]
    free_processes_U: Indices
    tb_id_UH: Indices
    mcs_UH: Indices
    is_lowest_UH: NDArray[np.bool_]
    """Whether no lower MCS could have been used."""
    n_prb_UH: Indices
    tb_size_bits_UH: Indices
    first_slot_UH: Indices
    transmissions_UH: Indices
    combined_UH: Array
    """Linear effective SINR, or mean mutual information, summed over the transmissions."""
    ack_UH: NDArray[np.bool_]
    in_flight_DU: Indices
    """Process a user sent in each of the last slots, −1 for none."""
    queue_F2: Indices
    """Users and processes that wait to be sent again, oldest failure first."""
    queued_1: Indices
    """Their number."""
    next_tb_id_1: Indices
    owner_CB: Indices
    """User on each block in this slot, −1 for nobody."""
    active_CB: NDArray[np.float32]
    """1 where the block was in use in the latest slot that is over."""
    process_U: Indices
    """Process a user sends in this slot, −1 for none."""
    sinr_eff_db_U: Array
    """Effective SINR of that transmission, earlier ones combined."""
    bler_U: Array


class Air(NamedTuple):
    """The channel of one slot, as `ChannelState` has it."""

    reel_a_R2B: NDArray[np.float32]
    reel_b_R2B: NDArray[np.float32]
    place_a_UC: Array
    place_b_UC: Array
    snr_UC: NDArray[np.float32]


def make_tables(carrier: Carrier, bler_target: float) -> Tables:
    """Constants for transport blocks of up to all blocks of the slice."""
    n_prb = carrier.n_prb
    formats = mcs_formats(n_prb)
    curves = [curve(order) for order in MODULATION_ORDERS]
    tb_size_bits_MN, threshold_db_MN = format_tables(n_prb, bler_target)
    level_db_L = np.arange(LOWEST_DB, HIGHEST_DB + 1, dtype=np.float64)
    return Tables(
        capacity_QG=np.stack([each.capacity_G for each in curves]),
        dispersion_QG=np.stack([each.dispersion_G for each in curves]),
        full_Q=np.array([each.full for each in curves]),
        information_LQ=np.stack([each.mutual_information(level_db_L) for each in curves], axis=1),
        rate_bits_G=rate_curve(n_prb, bler_target),
        order_M=np.array([MODULATION_ORDERS.index(row.modulation_order) for row in MCS_TABLE_1]),
        tb_size_bits_NM=np.ascontiguousarray(tb_size_bits_MN.T),
        threshold_db_NM=np.ascontiguousarray(threshold_db_MN.T),
        symbols_MN=np.stack([form.symbols_N for form in formats]),
        code_bits_MN=np.stack([form.bits_N for form in formats]).astype(np.float64),
        code_blocks_MN=np.stack([form.blocks_N for form in formats]).astype(np.float64),
        loss_db_M=np.array([form.loss_db for form in formats]),
        redundancy_M=np.array([form.redundancy for form in formats]),
        cqi_order_I=np.array([MODULATION_ORDERS.index(row.modulation_order) for row in CQI_TABLE_1]),
        cqi_information_I=np.array(
            [
                curve(row.modulation_order).mutual_information(threshold_db)
                for row, threshold_db in zip(CQI_TABLE_1, cqi_threshold_db(n_prb), strict=True)
            ]
        ),
    )


def make_limits(config: RadioConfig, carrier: Carrier) -> Limits:
    """Numbers of a configuration."""
    target, step_db = config.link_adaptation.bler_target, config.link_adaptation.step
    return Limits(
        csi_period=carrier.slots(config.csi.period),
        csi_delay=carrier.slots(config.csi.delay),
        feedback_delay=config.harq.feedback_delay,
        max_transmissions=config.harq.max_transmissions,
        redundancy=config.harq.combining == "ir",
        up_db=step_db * target / (1.0 - target),
        down_db=step_db,
    )


def make_state(config: RadioConfig, carrier: Carrier, n_ue: int, n_cell: int) -> State:
    """Nobody served, nothing sent, nothing reported."""
    limits = make_limits(config, carrier)
    n_prb, processes = carrier.n_prb, config.harq.processes
    reports, slots = limits.csi_delay + 1, limits.feedback_delay + 1

    def per_process(value: Any, kind: type) -> NDArray[Any]:
        return np.full((n_ue, processes), value, dtype=kind)

    return State(
        serving_U=np.full(n_ue, -1, dtype=np.int64),
        next_report_U=np.arange(n_ue) % limits.csi_period,
        report_DUB=np.zeros((reports, n_ue, n_prb), np.int16),
        reported_DU=np.full((reports, n_ue), NEVER),
        level_UB=np.zeros((n_ue, n_prb), np.int16),
        cqi_U=np.zeros(n_ue, np.int64),
        offset_db_U=np.full(n_ue, config.link_adaptation.initial_offset),
        free_UH=per_process(True, np.bool_),
        free_processes_U=np.full(n_ue, processes),
        tb_id_UH=per_process(-1, np.int64),
        mcs_UH=per_process(0, np.int64),
        is_lowest_UH=per_process(False, np.bool_),
        n_prb_UH=per_process(0, np.int64),
        tb_size_bits_UH=per_process(0, np.int64),
        first_slot_UH=per_process(NEVER, np.int64),
        transmissions_UH=per_process(0, np.int64),
        combined_UH=per_process(0.0, np.float64),
        ack_UH=per_process(False, np.bool_),
        in_flight_DU=np.full((slots, n_ue), -1, dtype=np.int64),
        queue_F2=np.zeros((n_ue * processes, 2), np.int64),
        queued_1=np.zeros(1, np.int64),
        next_tb_id_1=np.zeros(1, np.int64),
        owner_CB=np.full((n_cell, n_prb), -1, dtype=np.int64),
        active_CB=np.zeros((n_cell, n_prb), np.float32),
        process_U=np.full(n_ue, -1, dtype=np.int64),
        sinr_eff_db_U=np.zeros(n_ue),
        bler_U=np.zeros(n_ue),
    )
