"""Poisson arrivals: independent exponential gaps, the traffic of many independent people."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..registry import PluginConfig
from ..units import NS_PER_S, PositiveNanoseconds
from .base import ArrivalProcess, traffic

AT_ONCE = 64


class PoissonConfig(PluginConfig):
    """Requests of each user at random, at a constant mean rate."""

    kind: Literal["poisson"] = "poisson"
    """Name of the process."""
    mean_interval: PositiveNanoseconds = 4 * NS_PER_S
    """Mean time between two requests of a user."""


@traffic.register("poisson")
class Poisson(ArrivalProcess):
    """Requests of each user at random, at a constant mean rate."""

    Config = PoissonConfig

    def __init__(self, config: PoissonConfig) -> None:
        self._mean_ns = config.mean_interval

    def times_ns(self, rng: np.random.Generator, duration_ns: int) -> NDArray[np.int64]:
        """Times (N,) in [0, duration_ns); gaps are drawn in blocks of constant size, whatever the duration."""
        blocks = [np.zeros(1)]
        while blocks[-1][-1] < duration_ns:
            blocks.append(blocks[-1][-1] + np.cumsum(rng.exponential(self._mean_ns, AT_ONCE)))
        times_N = np.concatenate(blocks)[1:]
        return times_N[times_N < duration_ns].astype(np.int64)
