"""What all traces share: where the file is, how its coordinates and times map to the run, who drives which user.

The users of a run are the first ones of the trace, in the order in which they first appear in the file and without
those that are gone before time zero. A trace binds neither to `users.area` nor to a random stream.
"""

from __future__ import annotations

import gzip
import math
import zlib
from abc import abstractmethod
from array import array
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated

import numpy as np
from pydantic import Field

from ..errors import MobaigcError
from ..registry import FrozenConfig, PluginConfig
from ..units import NS_PER_S, Nanoseconds, PositiveNanoseconds
from .base import Area, Kinematics, MobilityModel
from .courses import Course, Courses

LARGEST = 1e9
LATEST_NS = 10**18


class TraceError(MobaigcError):
    """A trace that cannot be read; says the file, the line and what was expected."""

    def __init__(self, file: str, line: int, message: str) -> None:
        super().__init__(f"{file}:{line}: {message}" if line else f"{file}: {message}")


class OriginConfig(FrozenConfig):
    """A point of a trace, in metres along its own axes."""

    x: Annotated[float, Field(allow_inf_nan=False)] = 0.0
    """Coordinate x in metres."""
    y: Annotated[float, Field(allow_inf_nan=False)] = 0.0
    """Coordinate y in metres."""


class TraceConfig(PluginConfig):
    """A file that says where users are."""

    file: Annotated[str, Field(min_length=1)]
    """The trace, plain or compressed with gzip; a relative path counts from the scenario file."""
    origin_m: OriginConfig = OriginConfig()
    """Point of the trace that is the origin of the scene, where the first site stands."""
    start: Annotated[Nanoseconds, Field(le=LATEST_NS)] = 0
    """Time of the trace that is time zero of the run."""


class SampledTraceConfig(TraceConfig):
    """A file that says at which times users are where."""

    max_gap: PositiveNanoseconds = 10 * NS_PER_S
    """Longest time between two samples of a user that is still in the scene; in a longer one the user is away."""


class Samples:
    """Times and places of one user, in the order of the file."""

    def __init__(self) -> None:
        self.time_ns = array("q")
        self.x_m = array("d")
        self.y_m = array("d")

    def add(self, file: str, line: int, name: str, time_s: float, x_m: float, y_m: float) -> None:
        """One more sample; raises TraceError unless it is later than the one before."""
        time_ns = round(time_s * NS_PER_S)
        if self.time_ns and time_ns <= self.time_ns[-1]:
            before_s = self.time_ns[-1] / NS_PER_S
            raise TraceError(file, line, f"expected a time after {before_s:g} s for '{name}', got {time_s:g} s")
        self.time_ns.append(time_ns)
        self.x_m.append(x_m)
        self.y_m.append(y_m)


def number(file: str, line: int, what: str, text: object) -> float:
    """A finite number of a trace; raises TraceError."""
    try:
        value = float(text)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        value = math.nan
    if not abs(value) <= LARGEST:
        got = "nothing" if text is None or text == "" else repr(text)
        raise TraceError(file, line, f"expected a number for {what}, got {got}")
    return value


@contextmanager
def opened(file: str) -> Iterator[IO[bytes]]:
    """The bytes of a trace, decompressed; errors of the file become TraceErrors."""
    try:
        with Path(file).expanduser().open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            if not packed:
                yield raw
                return
            with gzip.open(raw) as plain:
                yield plain  # type: ignore[misc]
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise TraceError(file, 0, f"expected a whole gzip file: {error}") from error
    except OSError as error:
        raise TraceError(file, 0, f"expected a trace file: {error.strerror or error}") from error


def text_lines(file: str) -> Iterator[tuple[int, str]]:
    """Numbered lines of a trace in UTF-8, without line ends."""
    with opened(file) as stream:
        for line, raw in enumerate(stream, start=1):
            try:
                yield line, raw.decode("utf-8-sig" if line == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError as error:
                raise TraceError(file, line, "expected text in UTF-8") from error


class TraceModel(MobilityModel):
    """Users that follow a trace."""

    ids: tuple[str, ...]
    """Names, in the trace, of the users 0, 1, 2 …"""

    def __init__(self, config: TraceConfig, n_ue: int, area: Area, rng: np.random.Generator) -> None:
        super().__init__(config, n_ue, area, rng)
        known = {name: course for name, course in self._read(config).items() if course.presence_ns()}
        if len(known) < n_ue:
            raise TraceError(
                config.file,
                0,
                f"expected at least the {n_ue} users of users.count and traffic.background.users together, "
                f"but the trace has {len(known)}" + (f" from {config.start / NS_PER_S:g} s on" if config.start else ""),
            )
        self.ids = tuple(known)[:n_ue]
        chosen = [known[name] for name in self.ids]
        self._presence_ns_U = [course.presence_ns() for course in chosen]
        self._courses = Courses(chosen)

    @abstractmethod
    def _read(self, config: TraceConfig) -> Mapping[str, Course]:
        """The courses of a file by name, in order of first appearance, times and places as in the run."""

    def presence_ns(self, ue: int) -> tuple[tuple[int, int], ...]:
        """Intervals [start, end) in which the trace has the user."""
        super().presence_ns(ue)
        return self._presence_ns_U[ue]

    def _kinematics(self, now_ns: int) -> Kinematics:
        return self._courses.at(now_ns)


def sampled_courses(config: SampledTraceConfig, samples: Mapping[str, Samples]) -> dict[str, Course]:
    """Courses through samples, with the origin and time zero of the run."""
    origin_m_2 = np.array([config.origin_m.x, config.origin_m.y])
    return {
        name: Course.through(
            np.array(own.time_ns, np.int64) - config.start,
            np.stack([np.array(own.x_m), np.array(own.y_m)], axis=1) - origin_m_2,
            config.max_gap,
        )
        for name, own in samples.items()
    }
