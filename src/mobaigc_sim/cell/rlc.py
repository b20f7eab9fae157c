"""The RLC-like buffer of one user: packets in order of importance, cut to fit transport blocks.

Acknowledged mode puts the bytes of a lost transport block back at the head, up to `max_retx` times a packet;
unacknowledged mode drops the packet at once. (TS 38.322 clauses 5.2.2, 5.2.3, here without status reports: the
outcome of HARQ serves as the acknowledgement.)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from .request import Fate, Packet, Request

SEGMENT_HEADER_BYTES = 7
"""MAC subheader 3 (TS 38.321 6.1.2, 16-bit length), and for the first segment of a packet an RLC AM header of 2
(TS 38.322 6.2.2.4, 12-bit number) and a PDCP header of 2 (TS 38.323 6.2.2.2), for a later one an RLC AM header of 4
(with segment offset)."""
SMALLEST_BLOCK_BITS = 8 * (SEGMENT_HEADER_BYTES + 1)
"""A transport block below this carries nothing."""


class Buffer(Protocol):
    """What waits for one user, as far as the slot loop is concerned."""

    @property
    def head(self) -> Request | None:
        """The request served next, if it is one."""

    @property
    def queued_bytes(self) -> int:
        """Bytes that wait."""

    @property
    def backlog_bits(self) -> int:
        """Bits on the air that would empty the buffer."""

    def pull(self, budget_bytes: int) -> list[Any]:
        """Segments that fill a transport block."""

    def acknowledge(self, segments: list[Any]) -> list[Any]:
        """Credit a delivered block; returns what is completed."""

    def lose(self, segments: list[Any]) -> list[Any]:
        """Take back a lost block; returns what is given up."""

    def take_back(self, segments: list[Any]) -> None:
        """Take back a block that a change of cells took off the air."""


@dataclass(frozen=True)
class Segment:
    """Some bytes of a packet inside a transport block."""

    packet: Packet
    size_bytes: int


class TransmitBuffer:
    """What waits for one user: requests in order of arrival, the packets of each most important first.

    Every byte leaves as sent or dropped.
    """

    def __init__(self, mode: Literal["am", "um"], max_retx: int, limit_bytes: int | None = None) -> None:
        self.mode = mode
        self.max_retx = max_retx
        self._limit_bytes = limit_bytes
        self._packets: deque[Packet] = deque()

    def put(self, packets: Iterable[Packet]) -> list[Packet]:
        """Append packets, already in order of importance; returns those given up because they do not fit.

        What follows a packet that does not fit may still fit, except packets of an image whose base did not.
        """
        room = None if self._limit_bytes is None else self._limit_bytes - self.queued_bytes
        refused: list[Packet] = []
        baseless: set[int] = set()
        for packet in packets:
            if room is not None and (packet.size_bytes > room or packet.image in baseless):
                packet.fate = Fate.DROPPED
                refused.append(packet)
                if packet.level == 0:
                    baseless.add(packet.image)
                continue
            self._packets.append(packet)
            if room is not None:
                room -= packet.size_bytes
        return refused

    @property
    def head(self) -> Request | None:
        """The request served next."""
        return self._packets[0].request if self._packets else None

    @property
    def queued_bytes(self) -> int:
        """Bytes that wait, without headers."""
        return sum(p.unsent_bytes for p in self._packets)

    @property
    def backlog_bits(self) -> int:
        """Bits on the air that would empty the buffer, headers of whole packets included."""
        return 8 * sum(p.unsent_bytes + SEGMENT_HEADER_BYTES for p in self._packets)

    def pull(self, budget_bytes: int) -> list[Segment]:
        """Fill a transport block of `budget_bytes`; what is too small for a header and a byte is padding."""
        segments = []
        while self._packets and budget_bytes > SEGMENT_HEADER_BYTES:
            packet = self._packets[0]
            size = min(packet.unsent_bytes, budget_bytes - SEGMENT_HEADER_BYTES)
            packet.sent_bytes += size
            budget_bytes -= size + SEGMENT_HEADER_BYTES
            segments.append(Segment(packet, size))
            if packet.unsent_bytes == 0:
                self._packets.popleft()
        return segments

    def acknowledge(self, segments: Iterable[Segment]) -> list[Packet]:
        """Credit the bytes of a delivered transport block; returns the packets completed by it."""
        done = []
        for segment in segments:
            packet = segment.packet
            if packet.fate is not Fate.WAITING:
                continue
            packet.acked_bytes += segment.size_bytes
            if packet.acked_bytes == packet.size_bytes:
                packet.fate = Fate.ARRIVED
                done.append(packet)
        return done

    def lose(self, segments: Iterable[Segment]) -> list[Packet]:
        """Take back the bytes of a lost transport block; returns the packets given up because of it.

        An image whose base is given up takes its other packets with it: nothing could be shown with them.
        """
        given_up = []
        for segment in reversed(list(segments)):
            packet = segment.packet
            if packet.fate is not Fate.WAITING:
                continue
            packet.retransmissions += 1
            if self.mode == "um" or packet.retransmissions > self.max_retx:
                useless = packet.request.image_packets(packet.image) if packet.level == 0 else [packet]
                given_up += [p for p in useless if p.fate is Fate.WAITING]
                self._give_up(given_up)
                continue
            self._put_back(segment)
        return given_up

    def take_back(self, segments: Iterable[Segment]) -> None:
        """Put bytes back at the head that a change of cells took off the air; no packet is the worse for it."""
        for segment in reversed(list(segments)):
            if segment.packet.fate is Fate.WAITING:
                self._put_back(segment)

    def _put_back(self, segment: Segment) -> None:
        if segment.packet.unsent_bytes == 0:
            self._packets.appendleft(segment.packet)
        segment.packet.sent_bytes -= segment.size_bytes

    def drop(self, request: Request) -> None:
        """Give up what is left of a request (its deadline has come)."""
        self._give_up([p for p in request.packets if p.fate is Fate.WAITING])

    def _give_up(self, packets: list[Packet]) -> None:
        for packet in packets:
            packet.fate = Fate.DROPPED
        self._packets = deque(p for p in self._packets if p.fate is Fate.WAITING)
