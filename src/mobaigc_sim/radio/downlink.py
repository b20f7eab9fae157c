"""The downlink of all cells, slot by slot, on the compiled kernel; `plain_downlink.PlainDownlink` is its twin.

Shapes: U users, C cells, B resource blocks, N users named by index.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..kernel.streams import Streams
from .compiled.air import sinr_rows
from .compiled.blocks import ENDLESS_BITS, decide, send, send_all
from .compiled.loop import full_buffer, open_all
from .compiled.reports import expected_bits
from .config import RadioConfig
from .decibels import decibels
from .harq import Feedback, Sent
from .link_layer import Array, Indices, LinkLayer, Mask
from .state import NEVER, Air, make_limits, make_state, make_tables


class Downlink(LinkLayer):
    """Channel, link adaptation and HARQ of all users of all cells."""

    def __init__(self, config: RadioConfig, n_ue: int, streams: Streams) -> None:
        super().__init__(config, n_ue, streams)
        self._tables = make_tables(self.carrier, config.link_adaptation.bler_target)
        self._limits = make_limits(config, self.carrier)
        self._s = make_state(config, self.carrier, n_ue, self.n_cell)
        self._initial_offset_db = config.link_adaptation.initial_offset
        self._finished_F6 = np.empty((n_ue * config.harq.processes, 6), np.int64)
        if self.n_cell == 1:
            self._s.serving_U[:] = 0

    def _open(self, slot: int, last: int) -> list[Feedback]:
        count = open_all(self._tables, self._limits, self._s, self._air, slot, last, self._finished_F6)
        return [
            Feedback(tb_id, ue, bits, bool(delivered), first_slot, transmissions)
            for tb_id, ue, bits, delivered, first_slot, transmissions in self._finished_F6[:count].tolist()
        ]

    def send(self, ue: int, prb_B: Mask, backlog_bits: int, least_bits: int = 0) -> Sent | None:
        """See `LinkLayer.send`."""
        if not self.can_send_U[ue]:
            raise ValueError(f"user {ue} cannot send in slot {self._slot}")
        prb_N = np.flatnonzero(prb_B)
        if not len(prb_N) or self._s.owner_CB[self._s.serving_U[ue], prb_N].max() >= 0:
            raise ValueError(f"user {ue} needs free resource blocks in slot {self._slot}")
        if not send(self._tables, self._s, ue, prb_N, min(backlog_bits, ENDLESS_BITS), least_bits, self._slot):
            return None
        return self._sent(ue)

    def send_all(self, wish_CB: Indices, backlog_bits_U: Indices, least_bits: int = 0) -> list[Sent]:
        """See `LinkLayer.send_all`."""
        send_all(self._tables, self._s, wish_CB, backlog_bits_U, least_bits, self._slot)
        asked = np.unique(wish_CB[wish_CB >= 0])
        return [self._sent(ue) for ue in asked.tolist() if self._s.process_U[ue] >= 0]

    def _sent(self, ue: int) -> Sent:
        s, h = self._s, self._s.process_U[ue]
        cell = int(s.serving_U[ue])
        prb_N = np.flatnonzero(s.owner_CB[cell] == ue)
        mcs_index, bits = int(s.mcs_UH[ue, h]), int(s.tb_size_bits_UH[ue, h])
        return Sent(int(s.tb_id_UH[ue, h]), ue, cell, int(h), mcs_index, len(prb_N), bits, self._slot, prb_N)

    def end_slot(self) -> list[dict[str, Any]]:
        """See `LinkLayer.end_slot`."""
        s = self._s
        decide(self._tables, self._limits, s, self._air, self._draws.row(self._slot))
        ue_N = np.flatnonzero(s.process_U >= 0)
        if not ue_N.size:
            return []
        h_N = s.process_U[ue_N]
        columns = {
            "ue": ue_N,
            "cell": s.serving_U[ue_N],
            "tb": s.tb_id_UH[ue_N, h_N],
            "harq_process": h_N,
            "transmission": s.transmissions_UH[ue_N, h_N],
            "mcs_index": s.mcs_UH[ue_N, h_N],
            "n_prb": s.n_prb_UH[ue_N, h_N],
            "tb_size_bits": s.tb_size_bits_UH[ue_N, h_N],
            "sinr_eff_db": s.sinr_eff_db_U[ue_N],
            "bler": s.bler_U[ue_N],
            "ack": s.ack_UH[ue_N, h_N],
        }
        when = {"slot": self._slot, "time_ns": self._slot * self.carrier.slot_ns}
        rows = zip(*(column.tolist() for column in columns.values()), strict=True)
        return [when | dict(zip(columns, row, strict=True)) for row in rows]

    def attach(self, ue: int, cell: int) -> list[int]:
        """See `LinkLayer.attach`."""
        s = self._s
        given_up: list[int] = s.tb_id_UH[ue, ~s.free_UH[ue]].tolist()
        s.free_UH[ue] = True
        s.free_processes_U[ue] = s.free_UH.shape[1]
        s.in_flight_DU[:, ue] = -1
        waiting_F2 = s.queue_F2[: s.queued_1[0]]
        kept_F2 = waiting_F2[waiting_F2[:, 0] != ue]
        s.queue_F2[: len(kept_F2)], s.queued_1[0] = kept_F2, len(kept_F2)
        s.owner_CB[s.owner_CB == ue] = -1
        s.process_U[ue] = -1
        s.reported_DU[:, ue], s.next_report_U[ue], s.cqi_U[ue] = NEVER, self._next_report(ue), 0
        s.offset_db_U[ue] = self._initial_offset_db
        s.serving_U[ue] = cell
        return given_up

    def expected_bits(self, ue_N: Indices) -> Array:
        """See `LinkLayer.expected_bits`."""
        bits_NB = np.empty((len(ue_N), self.carrier.n_prb))
        expected_bits(self._tables, self._s, ue_N, bits_NB)
        return bits_NB

    def full_buffer(
        self,
        slots: int,
        speed_rows_U: Array,
        forget: float,
        mean_rate_bps_U: Array,
        rng: np.random.Generator,
    ) -> Indices:
        """So many slots of endless data under proportional fair, without leaving the kernel; returns delivered bits.

        Follows a `begin_slot`/`end_slot` pair; large-scale gains stay as they were then, users move on along the tape
        by so many rows a slot. `mean_rate_bps_U` is the scheduler's average and changes in place.
        """
        acked_bits_U = np.zeros(len(mean_rate_bps_U), np.int64)
        air = self._air._replace(place_a_UC=self._state.place_a_UC.copy(), place_b_UC=self._state.place_b_UC.copy())
        full_buffer(
            self._tables, self._limits, self._s, air, speed_rows_U, self._slot + 1,
            rng.random((slots, len(mean_rate_bps_U))), forget, self.carrier.slot_ns * 1e-9, mean_rate_bps_U,
            acked_bits_U,
        )  # fmt: skip
        self._slot += slots
        return acked_bits_U

    @property
    def _air(self) -> Air:
        state = self._state
        tape = state.tape
        return Air(
            tape.reel_a_R2B, tape.reel_b_R2B, state.place_a_UC, state.place_b_UC, state.snr_UC,
        )  # fmt: skip

    @property
    def can_send_U(self) -> Mask:
        """See `LinkLayer.can_send_U`."""
        s = self._s
        can_U: Mask = (s.free_processes_U > 0) & (s.cqi_U > 0) & (s.process_U < 0) & (s.serving_U >= 0)
        return can_U

    @property
    def prb_owner_CB(self) -> Indices:
        """See `LinkLayer.prb_owner_CB`."""
        return self._s.owner_CB

    @property
    def serving_U(self) -> Indices:
        """See `LinkLayer.serving_U`."""
        return self._s.serving_U

    @property
    def cqi_U(self) -> Indices:
        """See `LinkLayer.cqi_U`."""
        return self._s.cqi_U

    @property
    def outer_loop_db_U(self) -> Array:
        """See `LinkLayer.outer_loop_db_U`."""
        return self._s.offset_db_U

    def sinr_db(self, ue_N: Indices) -> Array:
        """See `LinkLayer.sinr_db`."""
        sinr_NB = np.empty((len(ue_N), self.carrier.n_prb), np.float32)
        sinr_rows(self._air, self._s.active_CB, ue_N, self._s.serving_U[ue_N], sinr_NB)
        sinr_db_NB: NDArray[np.float64] = decibels(sinr_NB).astype(np.float64)
        return sinr_db_NB
