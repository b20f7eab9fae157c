"""The slot loop of one cell: mobility → channel → HARQ feedback → scheduler → transport blocks, one event a slot.

Shapes: U users, B resource blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import numpy as np
import simpy

from ..kernel.clock import Clock
from ..kernel.probes import Probes
from ..mobility.base import MobilityModel
from ..radio.downlink import Downlink
from ..scenario.service import ResultsConfig, ServiceConfig
from ..scheduling.base import Scheduler, SlotState
from .request import Packet, Request
from .rlc import SMALLEST_BLOCK_BITS, Segment, TransmitBuffer

NO_DEADLINE_NS = np.iinfo(np.int64).max


class BaseStation:
    """Owns the buffers of all users and moves their bytes; calls back when packets arrive or are given up."""

    def __init__(
        self,
        clock: Clock,
        downlink: Downlink,
        mobility: MobilityModel,
        scheduler: Scheduler,
        service: ServiceConfig,
        results: ResultsConfig,
        probes: Probes,
        n_ue: int,
    ) -> None:
        self._clock = clock
        self._downlink = downlink
        self._mobility = mobility
        self._scheduler = scheduler
        self._probes = probes
        self._users_period_ns = results.users_period
        self._forget = downlink.carrier.slot_ns / service.pf_window
        self.buffers = [TransmitBuffer(service.rlc.mode, service.rlc.max_retx) for _ in range(n_ue)]
        self.mean_rate_bps_U = np.zeros(n_ue)
        self._in_flight: dict[tuple[int, int], list[Segment]] = {}
        self.on_change: Callable[[Request], None] = lambda _: None
        clock.process(self._slots())

    def _slots(self) -> Generator[simpy.Event, Any, None]:
        slot = 0
        while True:
            self._slot(slot)
            slot += 1
            yield self._clock.timeout(self._downlink.carrier.slot_ns)

    def _slot(self, slot: int) -> None:
        downlink = self._downlink
        motion = self._mobility.advance(self._clock.now_ns)
        feedback = downlink.begin_slot(slot, motion.position_m_U2, motion.travelled_m_U)
        acked_bits = self._settle(feedback)
        prb_free_B = downlink.retransmit()
        granted_bits_U = self._transmit_new(prb_free_B)
        slot_s = downlink.carrier.slot_ns * 1e-9
        self.mean_rate_bps_U += self._forget * (granted_bits_U / slot_s - self.mean_rate_bps_U)
        self._report(slot, motion, acked_bits)

    def _settle(self, feedback: list[Any]) -> int:
        """Credit or take back what HARQ is done with; returns the bits delivered."""
        acked_bits = 0
        for block in feedback:
            segments = self._in_flight.pop((block.ue, block.tb_id))
            buffer = self.buffers[block.ue]
            changed: list[Packet]
            if block.delivered:
                acked_bits += block.tb_size_bits
                self._scheduler.observe_served(block.ue, block.tb_size_bits, self._clock.now_ns)
                for segment in segments:
                    request = segment.packet.request
                    if request.first_byte_ns < 0 <= request.generated_ns:
                        request.first_byte_ns = self._clock.now_ns
                changed = buffer.acknowledge(segments)
            else:
                changed = buffer.lose(segments)
                for packet in changed:
                    self._note_loss(packet)
            for request in dict.fromkeys(packet.request for packet in changed):
                self.on_change(request)
        return acked_bits

    def _transmit_new(self, prb_free_B: np.ndarray) -> np.ndarray:
        granted_bits_U = np.zeros(len(self.buffers))
        backlog_bits_U = np.array([b.backlog_bits for b in self.buffers], np.int64)
        reach_bits_U = self._downlink.bits_per_prb_UB @ prb_free_B
        ue_U = np.flatnonzero((backlog_bits_U > 0) & (reach_bits_U >= SMALLEST_BLOCK_BITS) & self._downlink.can_send_U)
        if not ue_U.size:
            return granted_bits_U
        state = SlotState(
            now_ns=self._clock.now_ns,
            slot_ns=self._downlink.carrier.slot_ns,
            ue_U=ue_U,
            bits_per_prb_UB=self._downlink.bits_per_prb_UB[ue_U],
            backlog_bits_U=backlog_bits_U[ue_U],
            mean_rate_bps_U=self.mean_rate_bps_U[ue_U],
            deadline_slack_ns_U=np.array([self._slack_ns(int(ue)) for ue in ue_U], np.int64),
            prb_free_B=prb_free_B,
        )
        owner_B = self._scheduler.allocate(state).owner_B
        for u in np.unique(owner_B[owner_B >= 0]):
            ue = int(ue_U[u])
            block = self._downlink.send(ue, owner_B == u, int(backlog_bits_U[ue]), SMALLEST_BLOCK_BITS)
            if block is None:
                continue
            self._in_flight[ue, block.tb_id] = self.buffers[ue].pull(block.tb_size_bits // 8)
            granted_bits_U[ue] = block.tb_size_bits
        return granted_bits_U

    def _note_loss(self, packet: Packet) -> None:
        packet.request.lost_levels.add(packet.level)
        self._probes.publish(
            "events",
            {
                "time_ns": self._clock.now_ns,
                "kind": "packet_lost",
                "ue": packet.request.ue,
                "request": packet.request.number,
                "detail": f"image {packet.image}, level {packet.level}, {packet.size_bytes} B",
            },
        )

    def _slack_ns(self, ue: int) -> int:
        head = self.buffers[ue].head
        return NO_DEADLINE_NS if head is None else head.deadline_ns - self._clock.now_ns

    def _report(self, slot: int, motion: Any, acked_bits: int) -> None:
        now_ns = self._clock.now_ns
        sent = self._downlink.transmissions
        for row in sent:
            self._probes.publish("transport_blocks", row)
        used = int(self._downlink.prb_used_B.sum())
        self._probes.publish(
            "slots",
            {
                "slot": slot,
                "time_ns": now_ns,
                "active_ues": sum(b.head is not None for b in self.buffers),
                "prb_free": self._downlink.carrier.n_prb - used,
                "prb_used": used,
                "bits_sent": sum(row["tb_size_bits"] for row in sent),
                "bits_acked": acked_bits,
                "queued_bytes": sum(b.queued_bytes for b in self.buffers),
            },
        )
        if now_ns % self._users_period_ns < self._downlink.carrier.slot_ns:
            self._report_users(now_ns, motion)

    def _report_users(self, now_ns: int, motion: Any) -> None:
        sinr_db_U = 10 * np.log10(np.mean(10 ** (self._downlink.sinr_db_UB / 10), axis=1))
        speed_mps_U = np.hypot(*motion.velocity_mps_U2.T)
        for ue in range(len(self.buffers)):
            self._probes.publish(
                "users",
                {
                    "time_ns": now_ns,
                    "ue": ue,
                    "x_m": float(motion.position_m_U2[ue, 0]),
                    "y_m": float(motion.position_m_U2[ue, 1]),
                    "speed_mps": float(speed_mps_U[ue]),
                    "los": bool(self._downlink.los_U[ue]),
                    "gain_db": float(self._downlink.gain_db_U[ue]),
                    "sinr_db": float(sinr_db_U[ue]),
                },
            )
