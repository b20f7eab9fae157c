"""Arrivals at times given in the scenario, the same for every user."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from ..registry import PluginConfig
from ..units import NS_PER_S, Nanoseconds
from .base import ArrivalProcess, traffic


def _ascending(times: tuple[int, ...]) -> tuple[int, ...]:
    for i, (before, after) in enumerate(pairwise(times), start=1):
        if after < before:
            raise ValueError(
                f"expected ascending times, but number {i + 1} ({after / NS_PER_S:g} s) "
                f"comes before number {i} ({before / NS_PER_S:g} s)"
            )
    return times


class TraceConfig(PluginConfig):
    """Requests of every user at the times listed."""

    kind: Literal["trace"] = "trace"
    """Name of the process."""
    times: Annotated[tuple[Nanoseconds, ...], Field(strict=False, min_length=1), AfterValidator(_ascending)]
    """Times of the requests since the start, ascending; those at or after the end of the run do not happen."""


@traffic.register("trace")
class Trace(ArrivalProcess):
    """Requests of every user at the times listed."""

    Config = TraceConfig

    def __init__(self, config: TraceConfig) -> None:
        self._times_N = np.array(config.times, np.int64)

    def times_ns(self, rng: np.random.Generator, duration_ns: int) -> NDArray[np.int64]:
        """Times (N,) in [0, duration_ns); nothing is drawn."""
        return self._times_N[self._times_N < duration_ns]
