"""The downlink of one cell, slot by slot.

Shapes: U users, B resource blocks of the slice, N blocks of one transmission.

In every slot, in this order: `begin_slot` (channel, reports, feedback), `retransmit`, then any number of `send`,
at most one transport block a user and slot. One uniform draw, that of (slot, user), decides whether a block
is received.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..kernel.streams import Streams
from ..units import db_to_linear
from .adaptation import LinkAdaptation
from .channel import Channel, ChannelState, RadioSetup, channels
from .config import RadioConfig
from .csi import CsiReports
from .draws import Draws
from .harq import Feedback, HarqEntity, TransportBlock
from .link import mcs_formats
from .olla import OuterLoop

Array = NDArray[np.float64]

_HIGHEST_MCS = 28


class Downlink:
    """Channel, link adaptation and HARQ of all users of a cell; the base station stands at the origin."""

    def __init__(self, config: RadioConfig, n_ue: int, streams: Streams) -> None:
        self.carrier = carrier = config.grid()
        setup = RadioSetup(n_ue, carrier, config.tx_power, config.noise_figure, config.bs_height, config.ue_height)
        self._channel: Channel = channels.get(config.channel.kind)(config.channel, setup, streams)
        self._csi = CsiReports(n_ue, carrier.n_prb, carrier.slots(config.csi.period), carrier.slots(config.csi.delay))
        adaptation = config.link_adaptation
        self._adaptation = LinkAdaptation(carrier.n_prb, adaptation.bler_target)
        self._outer_loop = OuterLoop(n_ue, adaptation.bler_target, adaptation.step, adaptation.initial_offset)
        self._harq = HarqEntity(n_ue, config.harq.processes, config.harq.max_transmissions, config.harq.feedback_delay)
        self._formats = mcs_formats(carrier.n_prb)
        self._draws = Draws(n_ue, streams.rng("radio.harq"))
        self._next_tb_id = 0
        self._slot = -1
        self._state: ChannelState
        self._draw_U: Array
        self._sent_U = np.zeros(n_ue, dtype=np.bool_)
        self._bits_per_prb_UB = np.zeros((n_ue, carrier.n_prb))
        self._stale: set[int] = set()
        self.prb_owner_B = np.full(carrier.n_prb, -1, dtype=np.int64)
        """User on each block in this slot, −1 for nobody."""
        self.transmissions: list[dict[str, Any]] = []
        """Records of this slot's transmissions, one row each of the `transport_blocks` table."""

    def begin_slot(self, slot: int, position_m_U2: Array, travelled_m_U: Array) -> list[Feedback]:
        """Open a slot; returns the transport blocks whose fate became known.

        Positions are horizontal, relative to the base station. Slots come in ascending order, gaps allowed.
        """
        self._slot = slot
        self._state = self._channel.begin_slot(slot, position_m_U2, travelled_m_U)
        self._draw_U = self._draws.row(slot)
        self._sent_U[:] = False
        self.prb_owner_B[:] = -1
        self.transmissions = []
        self._stale.update(self._csi.begin_slot(slot, self._state.sinr_db_UB).tolist())
        finished, first = self._harq.feedback(slot)
        for outcome in first:
            mcs_index = outcome.mcs_index
            self._outer_loop.observe(outcome.ue, outcome.ack, mcs_index == 0, mcs_index == _HIGHEST_MCS)
            self._stale.add(outcome.ue)
        return finished

    def retransmit(self) -> NDArray[np.bool_]:
        """Send what failed before, oldest failure first; returns the mask of blocks left free.

        A retransmission uses as many blocks as the first transmission, those of the free ones that the user last
        reported best. One that does not fit, or whose user already sends in this slot, waits.
        """
        waiting: list[TransportBlock] = []
        for tb in self._harq.retransmissions:
            free_N = np.flatnonzero(self.prb_owner_B < 0)
            if tb.n_prb > len(free_N) or self._sent_U[tb.ue]:
                waiting.append(tb)
                continue
            best_first_N = np.argsort(-self._csi.sinr_db_UB[tb.ue, free_N], kind="stable")
            tb.prb_N = np.sort(free_N[best_first_N[: tb.n_prb]])
            self._transmit(tb)
        self._harq.retransmissions = waiting
        return self.prb_owner_B < 0

    def send(self, ue: int, prb_B: NDArray[np.bool_], backlog_bits: int, least_bits: int = 0) -> TransportBlock | None:
        """Send a new transport block on the blocks of a mask, or on the best of them that carry the backlog.

        The MCS follows the latest report and the outer loop. Nothing is sent, and None returned, when the transport
        block would be smaller than `least_bits`. Raises ValueError when the user cannot send, when a block
        is taken or when none is offered.
        """
        if self._sent_U[ue] or not self._csi.cqi_U[ue] or not self._harq.has_free_process_U[ue]:
            raise ValueError(f"user {ue} cannot send in slot {self._slot}")
        prb_N = prb_B.nonzero()[0]
        if not len(prb_N) or np.maximum.reduce(self.prb_owner_B[prb_N]) >= 0:
            raise ValueError(f"user {ue} needs free resource blocks in slot {self._slot}")
        mcs_index, prb_N, bits = self._adaptation.choose(
            prb_N,
            self._csi.sinr_db_UB[ue],
            self._csi.information_UQB[ue],
            float(self._outer_loop.offset_db_U[ue]),
            backlog_bits,
        )
        if bits < least_bits:
            return None
        process = self._harq.acquire(ue)
        tb = TransportBlock(self._next_tb_id, ue, process, mcs_index, len(prb_N), bits, self._slot, prb_N)
        self._next_tb_id += 1
        self._transmit(tb)
        return tb

    def _transmit(self, tb: TransportBlock) -> None:
        """Put a block on the air: combine its SINR, decide its fate, and record it."""
        form = self._formats[tb.mcs_index]
        information_N = form.curve.mutual_information(self._state.sinr_db_UB[tb.ue, tb.prb_N])
        information = float(np.add.reduce(information_N)) / tb.n_prb
        tb.combined_sinr += db_to_linear(form.curve.effective_sinr_db_of(information))
        tb.transmissions += 1
        sinr_eff_db = 10.0 * math.log10(tb.combined_sinr)
        bler = form.bler(sinr_eff_db, tb.n_prb)
        tb.ack = bool(self._draw_U[tb.ue] >= bler)
        self.prb_owner_B[tb.prb_N] = tb.ue
        self._sent_U[tb.ue] = True
        self._harq.sent(tb, self._slot)
        self.transmissions.append(
            {
                "slot": self._slot,
                "time_ns": self._slot * self.carrier.slot_ns,
                "ue": tb.ue,
                "tb": tb.tb_id,
                "harq_process": tb.harq_process,
                "transmission": tb.transmissions,
                "mcs_index": tb.mcs_index,
                "n_prb": tb.n_prb,
                "tb_size_bits": tb.tb_size_bits,
                "sinr_eff_db": sinr_eff_db,
                "bler": bler,
                "ack": tb.ack,
            }
        )

    @property
    def bits_per_prb_UB(self) -> Array:
        """Bits each block is expected to add, from the latest usable report and the outer loop; read-only."""
        if self._stale:
            ue_S = np.fromiter(self._stale, dtype=np.int64)
            offset_db_S = self._outer_loop.offset_db_U[ue_S]
            self._bits_per_prb_UB[ue_S] = self._adaptation.bits_per_prb(
                self._csi.sinr_db_UB[ue_S] + offset_db_S[:, None]
            )
            self._bits_per_prb_UB[ue_S[self._csi.cqi_U[ue_S] == 0]] = 0.0
            self._stale.clear()
        return self._bits_per_prb_UB

    @property
    def can_send_U(self) -> NDArray[np.bool_]:
        """Users with a free process, a usable report of a CQI above 0, and no transmission in this slot yet."""
        return self._harq.has_free_process_U & (self._csi.cqi_U > 0) & ~self._sent_U

    @property
    def prb_used_B(self) -> NDArray[np.bool_]:
        """Blocks that carry something in this slot."""
        return self.prb_owner_B >= 0

    @property
    def cqi_U(self) -> NDArray[np.int64]:
        """Wideband CQI of the latest usable report, 0 before the first and out of range."""
        return self._csi.cqi_U

    @property
    def gain_db_U(self) -> Array:
        """Large-scale gain of this slot."""
        return self._state.gain_db_U

    @property
    def sinr_db_UB(self) -> Array:
        """True SINR of this slot."""
        return self._state.sinr_db_UB

    @property
    def los_U(self) -> NDArray[np.bool_]:
        """Users in line of sight in this slot."""
        return self._state.los_U
