"""A request and its packets: what was asked, what is offered, and what became of every byte."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Fate(Enum):
    """Where a packet is."""

    WAITING = "waiting"
    ARRIVED = "arrived"
    DROPPED = "dropped"


@dataclass(eq=False)
class Packet:
    """One packet of one image's bitstream; `data` is what the media room made."""

    request: Request
    image: int
    level: int
    data: bytes
    sent_bytes: int = 0
    acked_bytes: int = 0
    retransmissions: int = 0
    fate: Fate = Fate.WAITING

    @property
    def size_bytes(self) -> int:
        """Length of the packet."""
        return len(self.data)

    @property
    def unsent_bytes(self) -> int:
        """Bytes that no transport block holds."""
        return self.size_bytes - self.sent_bytes


@dataclass(eq=False)
class Request:
    """One user's wish for a few images of one prompt; times in ns, −1 while they have not happened."""

    number: int
    ue: int
    prompt: str
    seeds: tuple[int, ...]
    arrival_ns: int
    deadline_ns: int
    keep: float = 1.0
    generated_ns: int = -1
    first_byte_ns: int = -1
    completed_ns: int = -1
    finished_ns: int = -1
    packets: list[Packet] = field(default_factory=list)
    lost_levels: set[int] = field(default_factory=set)
    """Levels of which HARQ and RLC gave up a packet."""
    refused_levels: set[int] = field(default_factory=set)
    """Levels of which a packet did not fit into the buffer."""
    outage_ns: tuple[int, int] = (0, 0)
    """Time between generation and end that the user was out of service, for handovers and for radio link failures."""
    gone: bool = False
    """Whether the user left before the request was finished."""

    @property
    def open_packets(self) -> int:
        """Packets that have neither arrived nor been dropped."""
        return sum(p.fate is Fate.WAITING for p in self.packets)

    def image_packets(self, image: int) -> list[Packet]:
        """The packets of an image, in the order they were offered."""
        return [p for p in self.packets if p.image == image]

    def arrived(self, image: int) -> list[bytes]:
        """The packets of an image that arrived, in the order they were offered."""
        return [p.data for p in self.image_packets(image) if p.fate is Fate.ARRIVED]

    def has_base(self, image: int) -> bool:
        """Whether the image can be decoded at all."""
        return any(p.level == 0 and p.fate is Fate.ARRIVED for p in self.image_packets(image))

    @property
    def images(self) -> int:
        """Images asked for."""
        return len(self.seeds)

    @property
    def offered_bytes(self) -> int:
        """Bytes handed to the buffer."""
        return sum(p.size_bytes for p in self.packets)

    @property
    def delivered_bytes(self) -> int:
        """Bytes of the packets that arrived whole."""
        return sum(p.size_bytes for p in self.packets if p.fate is Fate.ARRIVED)

    @property
    def dropped_bytes(self) -> int:
        """Bytes of the packets that were given up."""
        return sum(p.size_bytes for p in self.packets if p.fate is Fate.DROPPED)

    def verdict(self) -> tuple[str, str]:
        """Status and cause, once finished.

        `failed`: no image can be shown; `partial`: something offered is missing, and what arrived is shown. The cause
        is the first of these that holds: `left`, the user went away; `generation`, the images were not ready in time;
        `buffer`, something missing did not fit; `harq`, HARQ and RLC gave it up; `rlf` and `handover`, it would have
        come in time without the time out of service (see `_outage`); else `deadline`. For a failed request, what is
        missing are the bases.
        """
        if self.generated_ns < 0:
            return "failed", "left" if self.gone else "generation"
        shown = any(self.has_base(i) for i in range(self.images))
        missing = [p for p in self.packets if p.fate is not Fate.ARRIVED and (shown or p.level == 0)]
        if shown and not missing:
            return "delivered", ""
        return "partial" if shown else "failed", self._cause(missing)

    def _cause(self, missing: list[Packet]) -> str:
        if self.gone:
            return "left"
        levels = {p.level for p in missing}
        if self.refused_levels & levels:
            return "buffer"
        if self.lost_levels & levels:
            return "harq"
        return self._outage(sum(p.size_bytes - p.acked_bytes for p in missing)) or "deadline"

    def _outage(self, missing_bytes: int) -> str:
        """`handover` or `rlf` if the missing bytes fit into that time at the request's own rate in service, else ``.

        A request of which nothing arrived has no rate; then an outage is to blame that took most of its time.
        """
        outage_ns = sum(self.outage_ns)
        service_ns = self.finished_ns - self.generated_ns - outage_ns
        acked_bytes = sum(p.acked_bytes for p in self.packets)
        enough_ns = missing_bytes * service_ns / acked_bytes if acked_bytes else service_ns
        if not outage_ns or outage_ns < enough_ns:
            return ""
        handover_ns, rlf_ns = self.outage_ns
        return "handover" if handover_ns > rlf_ns else "rlf"
