"""The downlink in plain numpy, one object a mechanism: the twin that the compiled kernel must agree with.

Shapes: U users, C cells, B resource blocks, N users named by index or blocks of one transmission.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..kernel.streams import Streams
from ..units import db_to_linear
from .adaptation import LinkAdaptation
from .config import RadioConfig
from .csi import CsiReports
from .decibels import decibels
from .harq import Feedback, HarqEntity, Sent, TransportBlock
from .link import mcs_formats
from .link_layer import Array, Indices, LinkLayer, Mask
from .olla import OuterLoop
from .tables import MCS_TABLE_1


class PlainDownlink(LinkLayer):
    """Channel, link adaptation and HARQ of all users of all cells."""

    def __init__(self, config: RadioConfig, n_ue: int, streams: Streams) -> None:
        super().__init__(config, n_ue, streams)
        carrier, adaptation, harq = self.carrier, config.link_adaptation, config.harq
        self._csi = CsiReports(n_ue, carrier.n_prb, carrier.slots(config.csi.period), carrier.slots(config.csi.delay))
        self._adaptation = LinkAdaptation(carrier.n_prb, adaptation.bler_target)
        self._outer_loop = OuterLoop(n_ue, adaptation.bler_target, adaptation.step, adaptation.initial_offset)
        self._harq = HarqEntity(n_ue, harq.processes, harq.max_transmissions, harq.feedback_delay)
        self._redundancy = harq.combining == "ir"
        self._formats = mcs_formats(carrier.n_prb)
        self._next_tb_id = 0
        self._initial_offset_db = adaptation.initial_offset
        self._serving_U = np.full(n_ue, 0 if self.n_cell == 1 else -1, dtype=np.int64)
        self._owner_CB = np.full((self.n_cell, carrier.n_prb), -1, dtype=np.int64)
        self._active_CB = np.zeros((self.n_cell, carrier.n_prb), np.float32)
        self._sending: dict[int, TransportBlock] = {}

    def _open(self, slot: int, last: int) -> list[Feedback]:
        self._owner_CB[:] = -1
        self._sending = {}
        self._csi.take_in(slot)
        due_N = np.flatnonzero(self._csi.due_U(slot) & (self._serving_U >= 0))
        if due_N.size:
            self._csi.measure(slot, due_N, self.sinr_db(due_N))
        self._csi.take_in(slot)
        finished, first = self._harq.feedback(slot)
        for outcome in first:
            mcs_index = outcome.mcs_index
            self._outer_loop.observe(outcome.ue, outcome.ack, outcome.is_lowest, mcs_index == len(MCS_TABLE_1) - 1)
        self._retransmit()
        return finished

    def _retransmit(self) -> None:
        waiting: list[TransportBlock] = []
        for tb in self._harq.retransmissions:
            free_N = np.flatnonzero(self._owner_CB[self._serving_U[tb.ue]] < 0)
            if tb.n_prb > len(free_N) or tb.ue in self._sending:
                waiting.append(tb)
                continue
            best_first_N = np.argsort(-self._csi.level_UB[tb.ue, free_N], kind="stable")
            tb.prb_N = np.sort(free_N[best_first_N[: tb.n_prb]])
            self._put(tb)
        self._harq.retransmissions = waiting

    def send(self, ue: int, prb_B: Mask, backlog_bits: int, least_bits: int = 0) -> Sent | None:
        """See `LinkLayer.send`."""
        if not self.can_send_U[ue]:
            raise ValueError(f"user {ue} cannot send in slot {self._slot}")
        prb_N, cell = np.flatnonzero(prb_B), int(self._serving_U[ue])
        if not len(prb_N) or self._owner_CB[cell, prb_N].max() >= 0:
            raise ValueError(f"user {ue} needs free resource blocks in slot {self._slot}")
        mcs_index, prb_N, _ = self._adaptation.choose(
            prb_N,
            self._csi.level_UB[ue],
            self._csi.information_UQB[ue],
            float(self._outer_loop.offset_db_U[ue]),
            backlog_bits,
        )
        size_bits_M = [int(form.tb_size_bits_N[len(prb_N) - 1]) for form in self._formats]
        lowest = next((m for m, size_bits in enumerate(size_bits_M) if size_bits >= least_bits), None)
        if lowest is None:
            return None
        mcs_index = max(mcs_index, lowest)
        bits = size_bits_M[mcs_index]
        process = self._harq.free_process(ue)
        tb = TransportBlock(self._next_tb_id, ue, process, mcs_index, len(prb_N), bits, self._slot, prb_N)
        tb.is_lowest = mcs_index == lowest
        self._next_tb_id += 1
        self._harq.hold(tb)
        self._put(tb)
        return Sent(tb.tb_id, ue, cell, process, mcs_index, len(prb_N), bits, self._slot, prb_N)

    def send_all(self, wish_CB: Indices, backlog_bits_U: Indices, least_bits: int = 0) -> list[Sent]:
        """See `LinkLayer.send_all`."""
        sent = []
        for ue in np.unique(wish_CB[wish_CB >= 0]).tolist():
            prb_B = wish_CB[self._serving_U[ue]] == ue
            sent.append(self.send(ue, prb_B, int(backlog_bits_U[ue]), least_bits))
        return [each for each in sent if each is not None]

    def _put(self, tb: TransportBlock) -> None:
        tb.transmissions += 1
        self._owner_CB[self._serving_U[tb.ue], tb.prb_N] = tb.ue
        self._sending[tb.ue] = tb
        self._harq.sent(tb, self._slot)

    def end_slot(self) -> list[dict[str, Any]]:
        """See `LinkLayer.end_slot`."""
        self._active_CB = (self._owner_CB >= 0).astype(np.float32)
        draw_U = self._draws.row(self._slot)
        return [self._decide(self._sending[ue], float(draw_U[ue])) for ue in sorted(self._sending)]

    def _decide(self, tb: TransportBlock, draw: float) -> dict[str, Any]:
        """Combine a transmission with those before, decide its fate, and tell of it."""
        form = self._formats[tb.mcs_index]
        sinr_db_N = self.sinr_db(np.array([tb.ue]))[0, tb.prb_N]
        information = float(np.add.reduce(form.curve.mutual_information(sinr_db_N))) / tb.n_prb
        distinct = 1.0
        if self._redundancy:
            tb.combined += information
            distinct = max(1.0, min(float(tb.transmissions), form.redundancy))
            sinr_eff_db = form.curve.effective_sinr_db_of(tb.combined / tb.transmissions)
            sinr_eff_db += 10.0 * math.log10(tb.transmissions / distinct)
        else:
            tb.combined += db_to_linear(form.curve.effective_sinr_db_of(information))
            sinr_eff_db = 10.0 * math.log10(tb.combined)
        bler = form.bler(sinr_eff_db, tb.n_prb, distinct)
        tb.ack = draw >= bler
        return {
            "slot": self._slot,
            "time_ns": self._slot * self.carrier.slot_ns,
            "ue": tb.ue,
            "cell": int(self._serving_U[tb.ue]),
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

    def attach(self, ue: int, cell: int) -> list[int]:
        """See `LinkLayer.attach`."""
        given_up = self._harq.flush(ue)
        self._owner_CB[self._owner_CB == ue] = -1
        self._sending.pop(ue, None)
        self._csi.forget(ue, self._next_report(ue))
        self._outer_loop.offset_db_U[ue] = self._initial_offset_db
        self._serving_U[ue] = cell
        return given_up

    def expected_bits(self, ue_N: Indices) -> Array:
        """See `LinkLayer.expected_bits`."""
        bits_NB = self._adaptation.bits_per_prb(self._csi.level_UB[ue_N], self._outer_loop.offset_db_U[ue_N])
        return np.where(self._csi.cqi_U[ue_N, None] == 0, 0.0, bits_NB)

    @property
    def can_send_U(self) -> Mask:
        """See `LinkLayer.can_send_U`."""
        can_U = self._harq.has_free_process_U & (self._csi.cqi_U > 0) & (self._serving_U >= 0)
        can_U[list(self._sending)] = False
        return can_U

    @property
    def prb_owner_CB(self) -> Indices:
        """See `LinkLayer.prb_owner_CB`."""
        return self._owner_CB

    @property
    def serving_U(self) -> Indices:
        """See `LinkLayer.serving_U`."""
        return self._serving_U

    @property
    def cqi_U(self) -> Indices:
        """See `LinkLayer.cqi_U`."""
        return self._csi.cqi_U

    @property
    def outer_loop_db_U(self) -> Array:
        """See `LinkLayer.outer_loop_db_U`."""
        return self._outer_loop.offset_db_U

    def sinr_db(self, ue_N: Indices) -> Array:
        """See `LinkLayer.sinr_db`."""
        state, cell_N = self._state, self._serving_U[ue_N]

        def power(cell: Indices) -> NDArray[np.float32]:
            power_NB = state.tape.power(state.place_a_UC[ue_N, cell], state.place_b_UC[ue_N, cell])
            scaled_NB: NDArray[np.float32] = state.snr_UC[ue_N, cell][:, None] * power_NB
            return scaled_NB

        unwanted_NB = np.ones((len(ue_N), self.carrier.n_prb), np.float32)
        for c in range(self.n_cell if self.n_cell > 1 else 0):
            other_N1 = (cell_N != c)[:, None]
            unwanted_NB += np.where(other_N1, self._active_CB[c] * power(np.full_like(ue_N, c)), np.float32(0.0))
        sinr_db_NB: Array = decibels(power(cell_N) / unwanted_NB).astype(np.float64)
        return sinr_db_NB
