"""The contract of every channel: where the users are in, gains and places on a fading tape out.

Shapes: U users, C cells.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..kernel.streams import Streams
from ..registry import FrozenConfig, Registry
from .antenna import Antenna
from .fading import Tape
from .layout import Layout
from .numerology import Carrier

channels = Registry("channels")

Array = NDArray[np.float64]

THERMAL_NOISE_DBM_PER_HZ = 10.0 * np.log10(1.380649e-23 * 290.0 * 1e3)
"""kT at 290 K."""


def noise_power_dbm(bandwidth_hz: float, noise_figure_db: float) -> float:
    """Thermal noise of a receiver over a bandwidth."""
    return float(THERMAL_NOISE_DBM_PER_HZ + 10.0 * np.log10(bandwidth_hz) + noise_figure_db)


@dataclass(frozen=True)
class RadioSetup:
    """What a channel is told of the network when it is built."""

    n_ue: int
    carrier: Carrier
    layout: Layout
    antenna: Antenna
    tx_power_dbm: float
    """Of each cell, over the whole carrier."""
    noise_figure_db: float
    bs_height_m: float
    ue_height_m: float

    @property
    def prb_tx_dbm(self) -> float:
        """Power of a cell on one block."""
        return self.tx_power_dbm - 10.0 * float(np.log10(self.carrier.n_prb_carrier))

    @property
    def snr_without_loss_db(self) -> float:
        """SNR of a block at a path gain of 0 dB."""
        return self.prb_tx_dbm - noise_power_dbm(self.carrier.prb_bandwidth_hz, self.noise_figure_db)


@dataclass(frozen=True)
class ChannelState:
    """The true channel of every link in one slot; arrays may be shared between slots and are read-only."""

    gain_db_UC: Array
    """Large-scale gain: antenna, path loss, penetration and shadowing, negative."""
    snr_UC: NDArray[np.float32]
    """Linear SNR of a block under that gain, before fading and interference."""
    los_UC: NDArray[np.bool_]
    tape: Tape
    place_a_UC: Array
    """Rows on the first reel of the tape, in [0, rows)."""
    place_b_UC: Array
    """Rows on the second reel."""


class Channel(ABC):
    """Radio channel between every cell and every user."""

    @abstractmethod
    def __init__(self, config: FrozenConfig, setup: RadioSetup, streams: Streams) -> None: ...

    @abstractmethod
    def begin_slot(self, slot: int, position_m_U2: Array, travelled_m_U: Array) -> ChannelState:
        """State in a slot, from horizontal positions relative to the origin and the way gone since the start."""
