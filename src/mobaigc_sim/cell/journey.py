"""The journey of one request, in the order it happens."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import simpy

from ..kernel.clock import Clock
from ..media.base import AnyPicture, Media
from ..media.config import MediaConfig
from ..media.encode import SizesAtKeep
from ..scheduling.base import ContentView
from ..scheduling.epoch import EpochScheduler
from .epochs import Entry
from .generation import ImageServer
from .network import Network
from .request import Packet, Request
from .scoring import ScoringDesk


class Journey:
    """Takes requests from the prompt to the score; one SimPy process a request."""

    def __init__(
        self,
        clock: Clock,
        server: ImageServer,
        network: Network,
        media: Media,
        desk: ScoringDesk,
    ) -> None:
        self._clock = clock
        self._server = server
        self._network = network
        self._media = media
        self._desk = desk
        self._settled: dict[Request, simpy.Event] = {}
        self._gone: dict[Request, simpy.Event] = {}
        network.on_change = self._on_change
        network.on_leave = self._on_leave
        self.active = 0

    def travel(self, request: Request) -> Generator[simpy.Event, Any, None]:
        """Generate → decide how much to send → encode → queue → wait for the radio or the deadline → score.

        A user who leaves ends its requests.
        """
        self.active += 1
        self._network.epochs.coming.add(request)
        deadline = self._clock.timeout(request.deadline_ns - self._clock.now_ns)
        gone = self._gone[request] = self._clock.event()
        ready = self._server.submit(request)
        yield ready | deadline | gone
        pictures: list[AnyPicture] = list(ready.value or ()) if ready.triggered else []
        self._network.epochs.coming.remove(request)
        if pictures and not deadline.processed and not request.gone:
            request.generated_ns = self._clock.now_ns
            before_ns = self._network.outage_ns(request.ue)
            settled = self._settled[request] = self._clock.event()
            self._admit(request, pictures)
            yield settled | deadline | gone
            del self._settled[request]
            handover_ns, rlf_ns = self._network.outage_ns(request.ue)
            rlf_ns += self._network.t310_ns(request.ue)
            longest_ns = self._clock.now_ns - request.generated_ns
            request.outage_ns = handover_ns - before_ns[0], min(rlf_ns - before_ns[1], longest_ns)
        del self._gone[request]
        self._network.withdraw(request)
        request.finished_ns = self._clock.now_ns
        self.active -= 1
        self._desk.hand_in(request, pictures)

    def _admit(self, request: Request, pictures: list[AnyPicture]) -> None:
        """Decide how much to send and send it, now or when the next epoch begins, as the scheduler does."""
        config: MediaConfig = self._media.config
        scheduler = self._network.scheduler_of(request.ue)
        if isinstance(scheduler, EpochScheduler):
            grid = self._media.keep_grid
            if config.semantic:
                curves = [self._media.content_curve(picture) for picture in pictures]
            else:
                grid = np.ones(len(grid))
                curves = [SizesAtKeep.of_whole(grid, len(picture.whole)) for picture in pictures]
            entry = Entry.of(request, curves, lambda level: self._send(request, pictures, float(grid[level])))
            self._network.epochs.admit(entry)
            return
        keep = 1.0
        if config.semantic:
            chosen = scheduler.keep_ratio(self._content(request, pictures) if scheduler.reads_content else None)
            keep = self._media.offered_keep(config.keep if chosen is None else chosen)
        self._send(request, pictures, keep)

    def _send(self, request: Request, pictures: list[AnyPicture], keep: float) -> None:
        request.keep = keep
        request.packets = self._encode(request, pictures)
        self._network.offer(request)
        self._on_change(request)

    def _content(self, request: Request, pictures: list[AnyPicture]) -> ContentView:
        curves = [self._media.content_curve(picture) for picture in pictures]
        return ContentView(
            now_ns=self._clock.now_ns,
            ue=request.ue,
            deadline_slack_ns=request.deadline_ns - self._clock.now_ns,
            keep_grid=self._media.keep_grid,
            bytes_at_keep=np.sum([c.total_bytes for c in curves], axis=0).astype(np.float64),
            importance_at_keep=np.mean([c.importance for c in curves], axis=0),
            mean_rate_bps=float(self._network.mean_rate_bps_U[request.ue]),
            active_requests=self.active,
        )

    def _encode(self, request: Request, pictures: list[AnyPicture]) -> list[Packet]:
        """All images' base packets first, then their enhancements, level by level."""
        offers = [self._media.offer(picture, request.keep) for picture in pictures]
        packets = [
            Packet(request, image, level, data)
            for image, offer in enumerate(offers)
            for level, data in enumerate(offer)
        ]
        return sorted(packets, key=lambda p: (p.level, p.image))

    def _on_leave(self, ue: int) -> None:
        for request, gone in self._gone.items():
            if request.ue == ue and not gone.triggered:
                request.gone = True
                gone.succeed()

    def _on_change(self, request: Request) -> None:
        if request in self._settled and not self._settled[request].triggered and request.open_packets == 0:
            if request.dropped_bytes == 0:
                request.completed_ns = self._clock.now_ns
            self._settled[request].succeed()
