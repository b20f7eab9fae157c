"""The SimPy clock in integer nanoseconds: floats drift, integers do not."""

from __future__ import annotations

import simpy

from ..units import NS_PER_S


class Clock(simpy.Environment):
    """A SimPy environment whose `now` is an integer number of nanoseconds."""

    def __init__(self) -> None:
        super().__init__(initial_time=0)

    @property
    def now_ns(self) -> int:
        """Simulated time in nanoseconds."""
        return int(self.now)

    @property
    def now_s(self) -> float:
        """Simulated time in seconds."""
        return int(self.now) / NS_PER_S
