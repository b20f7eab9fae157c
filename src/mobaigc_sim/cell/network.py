"""The slot loop of all cells: mobility → channel → HARQ feedback → connections → schedulers → transport blocks.

One SimPy event a slot carries all cells, since what a user receives depends on what every cell sends in that slot.

Shapes: U users, C cells, B resource blocks, N users of one cell who may send.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any

import numpy as np
import simpy
from numpy.typing import NDArray

from ..kernel.clock import Clock
from ..kernel.probes import Probes
from ..mobility.base import MobilityModel
from ..radio.harq import Feedback
from ..radio.link_layer import LinkLayer
from ..scenario.service import ResultsConfig, ServiceConfig
from ..scheduling.base import NO_DEADLINE_NS, Scheduler, SlotState
from ..scheduling.epoch import empty_view
from .connection import Change, Connections
from .epochs import Epochs
from .request import Packet, Request
from .rlc import SMALLEST_BLOCK_BITS, Buffer, TransmitBuffer
from .telling import Telling


class Network:
    """Owns the buffers of all users and moves their bytes; calls back when packets arrive or are given up."""

    def __init__(
        self,
        clock: Clock,
        link: LinkLayer,
        connections: Connections,
        mobility: MobilityModel,
        schedulers: Sequence[Scheduler],
        service: ServiceConfig,
        results: ResultsConfig,
        probes: Probes,
        n_ue: int,
        epochs: Epochs | None = None,
    ) -> None:
        self._clock = clock
        self.link = link
        self._connections = connections
        self._mobility = mobility
        self._schedulers = schedulers
        self.epochs = Epochs((), 1, empty_view(n_ue, 1)) if epochs is None else epochs
        self._telling = Telling(clock, link, probes, results.users_period)
        self._forget = link.carrier.slot_ns / service.pf_window
        rlc = service.rlc
        self._buffers: list[Any] = [TransmitBuffer(rlc.mode, rlc.max_retx, rlc.buffer) for _ in range(n_ue)]
        self._backlog_bits_U = np.zeros(n_ue, np.int64)
        self._queued_bytes_U = np.zeros(n_ue, np.int64)
        self._cell_U = np.zeros(n_ue, np.int64)
        self.mean_rate_bps_U = np.zeros(n_ue)
        self._in_flight: dict[int, tuple[int, list[Any]]] = {}
        self.on_change: Callable[[Request], None] = lambda _: None
        self.on_leave: Callable[[int], None] = lambda _: None
        self.on_file: Callable[[Any], None] = lambda _: None
        clock.process(self._slots())

    def offer(self, request: Request) -> list[Packet]:
        """Queue the packets of a request; returns those that did not fit."""
        refused: list[Packet] = self._buffers[request.ue].put(request.packets)
        request.refused_levels |= {packet.level for packet in refused}
        self.refresh(request.ue)
        return refused

    def withdraw(self, request: Request) -> None:
        """Give up what is left of a request."""
        self.epochs.forget(request)
        self._buffers[request.ue].drop(request)
        self.refresh(request.ue)

    def set_buffer(self, ue: int, buffer: Buffer) -> None:
        """Give a user another kind of buffer."""
        self._buffers[ue] = buffer
        self.refresh(ue)

    def refresh(self, ue: int) -> None:
        """Note that a buffer has changed."""
        buffer = self._buffers[ue]
        self._backlog_bits_U[ue], self._queued_bytes_U[ue] = buffer.backlog_bits, buffer.queued_bytes

    def scheduler_of(self, ue: int) -> Scheduler:
        """The scheduler of the cell that serves a user, or served it last."""
        return self._schedulers[int(self._cell_U[ue])]

    def outage_ns(self, ue: int) -> tuple[int, int]:
        """Time a user has been out of service so far, for handovers and for radio link failures."""
        return self._connections.outage_ns(ue, self._clock.now_ns)

    def t310_ns(self, ue: int) -> int:
        """Time for which the T310 of a user has run by now, 0 where it does not run."""
        return self._connections.t310_ns(ue, self._clock.now_ns)

    @property
    def queued_bytes(self) -> int:
        """Bytes that wait for all users."""
        return int(self._queued_bytes_U.sum())

    def _slots(self) -> Generator[simpy.Event, Any, None]:
        slot = 0
        while True:
            self._slot(slot)
            slot += 1
            yield self._clock.timeout(self.link.carrier.slot_ns)

    def _slot(self, slot: int) -> None:
        link = self.link
        motion = self._mobility.advance(self._clock.now_ns)
        feedback = link.begin_slot(slot, motion.position_m_U2, motion.travelled_m_U)
        acked_bits = self._settle(feedback)
        for change in self._connections.step(self._clock.now_ns, motion.present_U):
            self._follow(change)
        self.epochs.step(
            slot, self._clock.now_ns, motion, self._bits_per_prb, self._cell_U, self._backlog_bits_U,
            self.mean_rate_bps_U,
        )  # fmt: skip
        granted_bits_U = self._schedule()
        rows = link.end_slot()
        slot_s = link.carrier.slot_ns * 1e-9
        self.mean_rate_bps_U += self._forget * (granted_bits_U / slot_s - self.mean_rate_bps_U)
        active = int(np.count_nonzero(self._backlog_bits_U))
        self._telling.slot(slot, rows, acked_bits, active, self.queued_bytes)
        self._telling.users(motion, self._cell_U)

    def _settle(self, feedback: list[Feedback]) -> int:
        """Credit or take back what HARQ is done with; returns the bits delivered."""
        acked_bits = 0
        for block in feedback:
            _, segments = self._in_flight.pop(block.tb_id)
            buffer = self._buffers[block.ue]
            if block.delivered:
                acked_bits += block.tb_size_bits
                self.scheduler_of(block.ue).observe_served(block.ue, block.tb_size_bits, self._clock.now_ns)
                changed = buffer.acknowledge(segments)
            else:
                changed = buffer.lose(segments)
            self.refresh(block.ue)
            self._tell(block.delivered, segments, changed)
        return acked_bits

    def _tell(self, delivered: bool, segments: list[Any], changed: list[Any]) -> None:
        """Note first bytes and losses of requests, and call back for those that changed."""
        now_ns = self._clock.now_ns
        requests: dict[Request, None] = {}
        for part in changed:
            if not isinstance(part, Packet):
                part.completed_ns = now_ns
                self.on_file(part)
                continue
            requests[part.request] = None
            if not delivered:
                part.request.lost_levels.add(part.level)
                told = f"image {part.image}, level {part.level}, {part.size_bytes} B"
                self._telling.event("packet_lost", part.request.ue, part.request.number, told)
        if delivered:
            for segment in segments:
                packet = getattr(segment, "packet", None)
                if packet is not None and packet.request.first_byte_ns < 0 <= packet.request.generated_ns:
                    packet.request.first_byte_ns = now_ns
        for request in requests:
            self.on_change(request)

    def _follow(self, change: Change) -> None:
        """Take data off the air that a change of cells gave up, and tell of the change."""
        for tb_id in change.given_up:
            ue, segments = self._in_flight.pop(tb_id)
            self._buffers[ue].take_back(segments)
        self.refresh(change.ue)
        if change.to_cell >= 0:
            self._cell_U[change.ue] = change.to_cell
        if change.kind != "entered" or self._clock.now_ns > 0:
            self._telling.event(change.kind, change.ue, -1, f"cell {change.from_cell} to {change.to_cell}")
        if change.kind == "left":
            self.on_leave(change.ue)

    def _schedule(self) -> NDArray[np.float64]:
        """Have each cell divide its free blocks; returns the bits granted to new data."""
        link = self.link
        granted_bits_U = np.zeros(len(self._buffers))
        ue_N = np.flatnonzero((self._backlog_bits_U > 0) & link.can_send_U)
        if not ue_N.size:
            return granted_bits_U
        free_CB, bits_NB = link.prb_free_CB, link.expected_bits(ue_N)
        cell_N = link.serving_U[ue_N]
        wish_CB = np.full(free_CB.shape, -1, dtype=np.int64)
        for cell in np.unique(cell_N).tolist():
            mine_N = cell_N == cell
            if free_CB[cell].any():
                wish_CB[cell] = self._divide(cell, ue_N[mine_N], bits_NB[mine_N], free_CB[cell])
        for block in link.send_all(wish_CB, self._backlog_bits_U, SMALLEST_BLOCK_BITS):
            self._in_flight[block.tb_id] = block.ue, self._buffers[block.ue].pull(block.tb_size_bits // 8)
            self.refresh(block.ue)
            granted_bits_U[block.ue] = block.tb_size_bits
        return granted_bits_U

    def _bits_per_prb(self) -> NDArray[np.float64]:
        """Mean over the blocks of what each is expected to carry for each user, added in their order."""
        bits_UB = self.link.expected_bits(np.arange(len(self._cell_U)))
        mean_U: NDArray[np.float64] = np.cumsum(bits_UB, axis=1)[:, -1] / bits_UB.shape[1]
        return mean_U

    def _divide(
        self, cell: int, ue_N: NDArray[np.int64], bits_NB: NDArray[np.float64], free_B: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        state = SlotState(
            now_ns=self._clock.now_ns,
            slot_ns=self.link.carrier.slot_ns,
            ue_U=ue_N,
            bits_per_prb_UB=bits_NB,
            backlog_bits_U=self._backlog_bits_U[ue_N],
            mean_rate_bps_U=self.mean_rate_bps_U[ue_N],
            deadline_slack_ns_U=np.array([self._slack_ns(ue) for ue in ue_N.tolist()], np.int64),
            head_wait_ns_U=np.array([self._wait_ns(ue) for ue in ue_N.tolist()], np.int64),
            prb_free_B=free_B,
        )
        owner_B = self._schedulers[cell].allocate(state).owner_B
        return np.where(owner_B >= 0, ue_N[owner_B], -1)

    def _slack_ns(self, ue: int) -> int:
        head = self._buffers[ue].head
        return NO_DEADLINE_NS if head is None else head.deadline_ns - self._clock.now_ns

    def _wait_ns(self, ue: int) -> int:
        head = self._buffers[ue].head
        return 0 if head is None else self._clock.now_ns - head.generated_ns
