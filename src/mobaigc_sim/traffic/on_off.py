"""Bursty arrivals: Poisson requests while the user is active, none while it is not.

The interrupted Poisson process (A. Kuczura, "The interrupted Poisson process as an overflow process", Bell System
Technical Journal 52(3), 1973), with exponential sojourns and a start in steady state:

    P(on) = mean_on / (mean_on + mean_off),  mean rate = P(on) / mean_interval
    variance over mean of the count in a long time = 1 + 2 r_on / (mean_interval · (r_on + r_off)²),  r = 1 / mean
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..registry import PluginConfig
from ..units import NS_PER_S, PositiveNanoseconds
from .base import ArrivalProcess, traffic


class OnOffConfig(PluginConfig):
    """Requests of each user in bursts, with silence between them."""

    kind: Literal["on_off"] = "on_off"
    """Name of the process."""
    mean_on: PositiveNanoseconds = 10 * NS_PER_S
    """Mean length of a burst."""
    mean_off: PositiveNanoseconds = 30 * NS_PER_S
    """Mean length of a silence."""
    mean_interval: PositiveNanoseconds = NS_PER_S
    """Mean time between two requests inside a burst."""


@traffic.register("on_off")
class OnOff(ArrivalProcess):
    """Requests of each user in bursts, with silence between them."""

    Config = OnOffConfig

    def __init__(self, config: OnOffConfig) -> None:
        self._on_ns, self._off_ns = config.mean_on, config.mean_off
        self._interval_ns = config.mean_interval

    def times_ns(self, rng: np.random.Generator, duration_ns: int) -> NDArray[np.int64]:
        """Times (N,) in [0, duration_ns); every burst is drawn whole, then cut at the end of the run."""
        active = rng.random() < self._on_ns / (self._on_ns + self._off_ns)
        start, bursts = 0.0, [np.zeros(0)]
        while start < duration_ns:
            length = rng.exponential(self._on_ns if active else self._off_ns)
            if active:
                count = rng.poisson(length / self._interval_ns)
                bursts.append(np.sort(start + length * rng.random(count)))
            start += length
            active = not active
        times_N = np.concatenate(bursts)
        return times_N[times_N < duration_ns].astype(np.int64)
