"""Buffers of users who ask for no images: data without end, or files in order of arrival.

They have the interface of `rlc.TransmitBuffer` as far as the network uses it. Lost bytes are always sent again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import Any

import simpy

from ..kernel.clock import Clock
from ..kernel.streams import Streams
from ..traffic.background import BackgroundConfig
from .network import Network
from .rlc import SEGMENT_HEADER_BYTES

ENDLESS_BITS = 10**12


@dataclass(eq=False)
class File:
    """A file on its way; `completed_ns` is −1 until every byte is acknowledged."""

    ue: int
    size_bytes: int
    arrival_ns: int
    sent_bytes: int = 0
    acked_bytes: int = 0
    completed_ns: int = -1

    @property
    def unsent_bytes(self) -> int:
        """Bytes that no transport block holds."""
        return self.size_bytes - self.sent_bytes

    def row(self) -> dict[str, int]:
        """The file as a row of the table `files`."""
        return {
            "ue": self.ue,
            "size_bytes": self.size_bytes,
            "arrival_ns": self.arrival_ns,
            "completed_ns": self.completed_ns,
        }


@dataclass(frozen=True)
class FileSegment:
    """Some bytes of a file inside a transport block."""

    file: File
    size_bytes: int


class EndlessBuffer:
    """Data without end."""

    head = None
    queued_bytes = 0
    backlog_bits = ENDLESS_BITS

    def pull(self, budget_bytes: int) -> list[Any]:
        """Fill a transport block; nothing is kept of it."""
        return []

    def acknowledge(self, segments: Iterable[Any]) -> list[Any]:
        """There is always more."""
        return []

    def lose(self, segments: Iterable[Any]) -> list[Any]:
        """There is always more."""
        return []

    def take_back(self, segments: Iterable[Any]) -> None:
        """There is always more."""


class FileBuffer:
    """Files in order of arrival, one behind the other."""

    head = None

    def __init__(self) -> None:
        self._files: deque[File] = deque()
        self._open: dict[File, None] = {}

    def put(self, file: File) -> None:
        """Append a file."""
        self._files.append(file)
        self._open[file] = None

    @property
    def open_files(self) -> list[File]:
        """Files of which something is not acknowledged, in order of arrival."""
        return list(self._open)

    @property
    def queued_bytes(self) -> int:
        """Bytes that wait, without headers."""
        return sum(file.unsent_bytes for file in self._files)

    @property
    def backlog_bits(self) -> int:
        """Bits on the air that would empty the buffer, a header a file included."""
        return 8 * sum(file.unsent_bytes + SEGMENT_HEADER_BYTES for file in self._files)

    def pull(self, budget_bytes: int) -> list[FileSegment]:
        """Fill a transport block of so many bytes."""
        segments = []
        while self._files and budget_bytes > SEGMENT_HEADER_BYTES:
            file = self._files[0]
            size = min(file.unsent_bytes, budget_bytes - SEGMENT_HEADER_BYTES)
            file.sent_bytes += size
            budget_bytes -= size + SEGMENT_HEADER_BYTES
            segments.append(FileSegment(file, size))
            if file.unsent_bytes == 0:
                self._files.popleft()
        return segments

    def acknowledge(self, segments: Iterable[FileSegment]) -> list[File]:
        """Credit the bytes of a delivered transport block; returns the files completed by it."""
        done = []
        for segment in segments:
            segment.file.acked_bytes += segment.size_bytes
            if segment.file.acked_bytes == segment.file.size_bytes:
                done.append(segment.file)
                del self._open[segment.file]
        return done

    def lose(self, segments: Iterable[FileSegment]) -> list[Any]:
        """Take back the bytes of a lost transport block; nothing is ever given up."""
        self.take_back(segments)
        return []

    def take_back(self, segments: Iterable[FileSegment]) -> None:
        """Put bytes back at the head, in the order they had."""
        for segment in reversed(list(segments)):
            if segment.file.unsent_bytes == 0:
                self._files.appendleft(segment.file)
            segment.file.sent_bytes -= segment.size_bytes


def load_with(
    config: BackgroundConfig, first_ue: int, clock: Clock, network: Network, streams: Streams
) -> list[FileBuffer]:
    """Give the users from `first_ue` on their buffers; files then arrive by one SimPy process a user.

    Returns the buffers that hold files.
    """
    buffers = []
    for ue in range(first_ue, first_ue + config.users):
        if config.kind == "full_buffer":
            network.set_buffer(ue, EndlessBuffer())
        else:
            buffer = FileBuffer()
            buffers.append(buffer)
            network.set_buffer(ue, buffer)
            clock.process(_files(config, ue, buffer, clock, network, streams))
    return buffers


def _files(
    config: BackgroundConfig, ue: int, buffer: FileBuffer, clock: Clock, network: Network, streams: Streams
) -> Generator[simpy.Event, Any, None]:
    """Endless arrivals; a stretch of time is drawn at once, each from the generator of user and stretch."""
    process, stretch_ns, stretch = config.arrivals(), 100 * config.mean_interval, 0
    while True:
        rng = streams.rng(f"traffic.background.{ue}.{stretch}")
        for time_ns in process.times_ns(rng, stretch_ns):
            arrival_ns = stretch * stretch_ns + int(time_ns)
            yield clock.timeout(arrival_ns - clock.now_ns)
            buffer.put(File(ue, config.file_size, arrival_ns))
            network.refresh(ue)
        stretch += 1
        yield clock.timeout(stretch * stretch_ns - clock.now_ns)
