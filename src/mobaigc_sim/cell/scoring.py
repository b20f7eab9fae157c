"""What happens on the phone, in batches: recover each request's images from what arrived, score them, report."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..kernel.probes import Probes
from ..media.base import AnyPicture, Delivery, Media, Scored
from ..scenario.service import ServiceConfig
from .request import Request


class ScoringDesk:
    """Collects finished requests until a batch is full; nothing in the cell depends on its results."""

    def __init__(
        self, media: Media, service: ServiceConfig, probes: Probes, sampled: frozenset[int], batch_images: int = 16
    ) -> None:
        self._media = media
        self._service = service
        self._probes = probes
        self._sampled = sampled
        self._batch_images = batch_images
        self._waiting: list[tuple[Request, list[AnyPicture]]] = []

    def hand_in(self, request: Request, pictures: list[AnyPicture]) -> None:
        """Take a finished request; its row is published once its batch is scored."""
        self._waiting.append((request, pictures))
        if sum(r.images for r, _ in self._waiting) >= self._batch_images:
            self.flush()

    def flush(self) -> None:
        """Recover, score and publish everything that waits, in the order it was handed in."""
        deliveries = [
            Delivery(picture, request.arrived(i))
            for request, pictures in self._waiting
            for i, picture in enumerate(pictures)
            if request.has_base(i)
        ]
        outcomes = iter(self._media.finish(deliveries))
        for request, pictures in self._waiting:
            found = [next(outcomes) if request.has_base(i) else None for i in range(len(pictures))]
            self._publish(request, pictures, found)
        self._waiting.clear()

    def _publish(self, request: Request, pictures: list[AnyPicture], outcomes: list[Scored | None]) -> None:
        shown = [o for o in outcomes if o is not None]
        status, cause = request.verdict()
        self._probes.publish(
            "requests",
            {
                "request": request.number,
                "ue": request.ue,
                "prompt": request.prompt,
                "seed": request.seeds[0],
                "images": request.images,
                "keep": request.keep if request.packets else math.nan,
                "arrival_ns": request.arrival_ns,
                "generated_ns": request.generated_ns,
                "first_byte_ns": request.first_byte_ns,
                "completed_ns": request.completed_ns,
                "finished_ns": request.finished_ns,
                "deadline_ns": request.deadline_ns,
                "status": status,
                "cause": cause,
                "offered_bytes": request.offered_bytes,
                "delivered_bytes": request.delivered_bytes,
                "dropped_bytes": request.dropped_bytes,
                "whole_bytes": sum(len(p.whole) for p in pictures),
                "s": _mean([o.s for o in shown]),
                "q": _mean([o.q for o in shown]),
                "jpsq": sum(o.jpsq for o in shown) / request.images,
                "psnr_db": _mean([o.psnr_db for o in shown]),
                "ssim": _mean([o.ssim for o in shown]),
                "recover_ns": self._service.recovery_time * sum(o.inpainted for o in shown),
            },
        )
        if request.number in self._sampled:
            for index, (picture, outcome) in enumerate(zip(pictures, outcomes, strict=True)):
                self._publish_images(request.number, index, picture, outcome)

    def _publish_images(self, request: int, index: int, picture: Any, outcome: Any) -> None:
        height, width = picture.image.shape[:2]
        heat = picture.importance / picture.importance.max()
        received = np.zeros((height, width, 4), np.uint8)
        if outcome is not None:
            received = np.dstack([outcome.received, np.where(outcome.known, 255, 0).astype(np.uint8)])
        self._probes.publish(
            "images",
            {
                "request": request,
                "index": index,
                "original": picture.image,
                "importance": np.kron(heat, np.ones((height // heat.shape[0], width // heat.shape[1]))),
                "received": received,
                "recovered": None if outcome is None else outcome.recovered,
                "words": picture.word_weights,
            },
        )


def _mean(values: list[float]) -> float:
    finite = [v for v in values if math.isfinite(v)]
    return sum(finite) / len(finite) if finite else math.nan
