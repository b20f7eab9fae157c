"""Once an epoch: what a scheduler that decides for all users together may know, and what becomes of its decision.

Shapes: U users, C cells, K keep ratios.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..media.encode import SizesAtKeep
from ..mobility.base import Kinematics
from ..radio.numerology import Carrier
from ..scenario.schema import Scenario
from ..scheduling.base import NO_DEADLINE_NS, Scheduler
from ..scheduling.epoch import EpochScheduler, EpochView, empty_view
from .request import Fate, Request
from .rlc import SEGMENT_HEADER_BYTES

USUAL_SHARE = 0.05
"""Weight of a new report in the slow average of the bits a block carries, an epoch."""


@dataclass(eq=False)
class Entry:
    """A request between generation and end."""

    request: Request
    base_bits_K: NDArray[np.int64]
    bits_K: NDArray[np.int64]
    mass_K: NDArray[np.float64]
    send: Callable[[int], None]
    """Offers the packets at a place of the keep grid."""
    level: int = -1

    @classmethod
    def of(cls, request: Request, curves: Sequence[SizesAtKeep], send: Callable[[int], None]) -> Entry:
        """From the sizes of the request's images."""
        return cls(
            request,
            np.sum([8 * (c.base_bytes + SEGMENT_HEADER_BYTES) for c in curves], axis=0),
            np.sum([8 * (c.total_bytes + SEGMENT_HEADER_BYTES) for c in curves], axis=0),
            np.sum([c.importance / len(curves) for c in curves], axis=0),
            send,
        )


def blank_view(scenario: Scenario, carrier: Carrier, keep_grid: NDArray[np.float64]) -> EpochView:
    """A view with nobody in it, and what never changes."""
    view = empty_view(scenario.n_ue, len(keep_grid))
    prb_per_s = carrier.n_prb / (carrier.slot_ns * 1e-9)
    epoch_s = carrier.slots(scenario.service.allocation_interval) * carrier.slot_ns * 1e-9
    reward = scenario.reward
    view.keep_K[:], view.prb_per_s_1[0] = keep_grid, prb_per_s
    view.reward_3[:] = reward.latency, reward.failure, reward.band / (prb_per_s * epoch_s)
    return view


class Epochs:
    """Keeps the requests that are open, and has schedulers decide at the slots that begin an epoch."""

    def __init__(self, schedulers: Sequence[Scheduler], epoch_slots: int, blank: EpochView) -> None:
        self._schedulers = schedulers
        self._epoch_slots = epoch_slots
        self._usual_bits_U = np.zeros(len(blank.active_U))
        self._blank = blank
        self._open: dict[Request, Entry] = {}
        self._waiting: list[Entry] = []
        self.coming: set[Request] = set()
        """Requests that are being generated or wait for it."""

    def admit(self, entry: Entry) -> None:
        """Take a request that is generated, to wait for its keep ratio."""
        self._open[entry.request] = entry
        self._waiting.append(entry)

    def forget(self, request: Request) -> None:
        """A request is over."""
        entry = self._open.pop(request, None)
        if entry in self._waiting:
            self._waiting.remove(entry)

    def step(
        self,
        slot: int,
        now_ns: int,
        motion: Kinematics,
        bits_per_prb_U: Callable[[], NDArray[np.float64]],
        cell_U: NDArray[np.int64],
        backlog_bits_U: NDArray[np.int64],
        mean_rate_bps_U: NDArray[np.float64],
    ) -> None:
        """If a slot begins an epoch, have every cell decide, and send what waited."""
        if slot % self._epoch_slots or not any(isinstance(s, EpochScheduler) for s in self._schedulers):
            return
        bits_U = bits_per_prb_U()
        heard_U = bits_U > 0
        usual_U = self._usual_bits_U
        moved_U = np.where(usual_U == 0.0, bits_U, usual_U + USUAL_SHARE * (bits_U - usual_U))
        usual_U[heard_U] = moved_U[heard_U]
        waiting, self._waiting = self._waiting, []
        for cell, scheduler in enumerate(self._schedulers):
            if not isinstance(scheduler, EpochScheduler):
                continue
            view = self._view(now_ns, cell_U == cell, backlog_bits_U)
            view.bits_per_prb_U[:], view.usual_bits_U[:] = bits_U, usual_U
            view.mean_rate_bps_U[:] = mean_rate_bps_U
            view.speed_mps_U[:] = np.hypot(motion.velocity_mps_U2[:, 0], motion.velocity_mps_U2[:, 1])
            decision = scheduler.begin_epoch(view)
            for entry in waiting:
                if cell_U[entry.request.ue] == cell:
                    entry.level = int(decision.level_U[entry.request.ue])
                    entry.send(entry.level)

    def _view(self, now_ns: int, mine_U: NDArray[np.bool_], backlog_bits_U: NDArray[np.int64]) -> EpochView:
        view = EpochView._make(field.copy() for field in self._blank)
        # One made at this very time does not count, whether its event comes before that of the slot or after.
        view.coming_1[0] = sum(bool(mine_U[r.ue]) and r.arrival_ns < now_ns for r in self.coming)
        view.backlog_bits_U[mine_U] = backlog_bits_U[mine_U]
        view.active_U[:] = view.backlog_bits_U > 0
        view.level_U[:] = -1
        view.slack_ns_U[view.active_U] = NO_DEADLINE_NS
        first: dict[int, Entry] = {}
        for entry in sorted(self._open.values(), key=lambda entry: entry.request.number):
            ue, is_settled = entry.request.ue, entry.level >= 0 and not entry.request.open_packets
            if not mine_U[ue] or is_settled:
                continue
            self._add(view, entry, now_ns)
            if ue not in first or (entry.level < 0 <= first[ue].level):
                first[ue] = entry
        for ue, entry in first.items():
            view.level_U[ue], view.images_U[ue] = entry.level, entry.request.images
            view.bits_UK[ue], view.base_bits_UK[ue], view.mass_UK[ue] = entry.bits_K, entry.base_bits_K, entry.mass_K
        return view

    def _add(self, view: EpochView, entry: Entry, now_ns: int) -> None:
        request = entry.request
        ue, slack_ns = request.ue, request.deadline_ns - now_ns
        view.active_U[ue] = True
        view.requests_U[ue] += 1
        if view.requests_U[ue] == 1 or slack_ns < view.slack_ns_U[ue]:
            view.slack_ns_U[ue], view.age_ns_U[ue] = slack_ns, now_ns - request.arrival_ns
        if entry.level < 0:
            view.new_U[ue] = True
            return
        for packet in request.packets:
            if packet.fate is Fate.WAITING:
                view.in_flight_bits_U[ue] += 8 * (packet.sent_bytes - packet.acked_bytes)
                if packet.level == 0 and packet.unsent_bytes:
                    view.base_bits_U[ue] += 8 * (packet.unsent_bytes + SEGMENT_HEADER_BYTES)
