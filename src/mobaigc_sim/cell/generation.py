"""The image server: requests queue for a worker, share batches, and take the time of the device model."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import simpy

from ..kernel.clock import Clock
from ..media.base import AnyPicture, Media
from ..scenario.service import ServiceConfig
from .request import Request


class ImageServer:
    """`gpu_workers` SimPy processes; each takes what waits, up to `batch` requests, and has the media room generate it.

    A request whose deadline has passed while it waited is left out.
    """

    def __init__(self, clock: Clock, media: Media, config: ServiceConfig) -> None:
        self._clock = clock
        self._media = media
        self._config = config
        self._waiting: simpy.Store = simpy.Store(clock)
        for _ in range(config.gpu_workers):
            clock.process(self._worker())

    def submit(self, request: Request) -> simpy.Event:
        """Queue a request; the event fires with its list of pictures."""
        ready = self._clock.event()
        self._waiting.put((request, ready))
        return ready

    def _worker(self) -> Generator[simpy.Event, Any, None]:
        time = self._config.generation_time
        while True:
            batch = [(yield self._waiting.get())]
            while self._waiting.items and len(batch) < self._config.batch:
                batch.append((yield self._waiting.get()))
            batch = [(request, ready) for request, ready in batch if request.deadline_ns > self._clock.now_ns]
            if not batch:
                continue
            wanted = [(request.prompt, seed) for request, _ in batch for seed in request.seeds]
            pictures = self._media.generate([p for p, _ in wanted], [s for _, s in wanted])
            yield self._clock.timeout(time.base + time.per_image * len(wanted))
            _hand_out(batch, pictures)


def _hand_out(batch: list[tuple[Request, simpy.Event]], pictures: Sequence[AnyPicture]) -> None:
    rest = iter(pictures)
    for request, ready in batch:
        ready.succeed([next(rest) for _ in request.seeds])
