"""The journey of one request, in the order it happens."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import simpy

from ..kernel.clock import Clock
from ..media.base import AnyPicture, Media
from ..media.config import MediaConfig
from ..scheduling.base import ContentView, Scheduler
from .base_station import BaseStation
from .generation import ImageServer
from .request import Packet, Request
from .scoring import ScoringDesk


class Journey:
    """Takes requests from the prompt to the score; one SimPy process a request."""

    def __init__(
        self,
        clock: Clock,
        server: ImageServer,
        station: BaseStation,
        scheduler: Scheduler,
        media: Media,
        desk: ScoringDesk,
    ) -> None:
        self._clock = clock
        self._server = server
        self._station = station
        self._scheduler = scheduler
        self._media = media
        self._desk = desk
        self._settled: dict[Request, simpy.Event] = {}
        station.on_change = self._on_change
        self.active = 0

    def travel(self, request: Request) -> Generator[simpy.Event, Any, None]:
        """Generate → decide how much to send → encode → queue → wait for the radio or the deadline → score."""
        self.active += 1
        deadline = self._clock.timeout(request.deadline_ns - self._clock.now_ns)
        ready = self._server.submit(request)
        yield ready | deadline
        pictures: list[AnyPicture] = list(ready.value or ()) if ready.triggered else []
        if pictures and not deadline.processed:
            request.generated_ns = self._clock.now_ns
            request.keep = self._choose_keep(request, pictures)
            request.packets = self._encode(request, pictures)
            settled = self._settled[request] = self._clock.event()
            self._station.buffers[request.ue].put(request.packets)
            yield settled | deadline
            del self._settled[request]
        self._station.buffers[request.ue].drop(request)
        request.finished_ns = self._clock.now_ns
        self.active -= 1
        self._desk.hand_in(request, pictures)

    def _choose_keep(self, request: Request, pictures: list[AnyPicture]) -> float:
        config: MediaConfig = self._media.config
        if not config.semantic:
            return 1.0
        view = self._content(request, pictures) if self._scheduler.reads_content else None
        chosen = self._scheduler.keep_ratio(view)
        return self._media.offered_keep(config.keep if chosen is None else chosen)

    def _content(self, request: Request, pictures: list[AnyPicture]) -> ContentView:
        curves = [self._media.content_curve(picture) for picture in pictures]
        return ContentView(
            now_ns=self._clock.now_ns,
            ue=request.ue,
            deadline_slack_ns=request.deadline_ns - self._clock.now_ns,
            keep_grid=self._media.keep_grid,
            bytes_at_keep=np.sum([c.total_bytes for c in curves], axis=0).astype(np.float64),
            importance_at_keep=np.mean([c.importance for c in curves], axis=0),
            mean_rate_bps=float(self._station.mean_rate_bps_U[request.ue]),
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

    def _on_change(self, request: Request) -> None:
        if request in self._settled and request.open_packets == 0:
            if request.dropped_bytes == 0:
                request.completed_ns = self._clock.now_ns
            self._settled[request].succeed()
