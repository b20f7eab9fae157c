"""The contract of every channel: where the users are in, SINR per resource block out.

Shapes: U users, B resource blocks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..kernel.streams import Streams
from ..registry import FrozenConfig, Registry
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
    """What a channel is told of the cell when it is built."""

    n_ue: int
    carrier: Carrier
    tx_power_dbm: float
    """Over the whole carrier."""
    noise_figure_db: float
    bs_height_m: float
    ue_height_m: float

    @property
    def snr_without_loss_db(self) -> float:
        """SNR of a block at a path gain of 0 dB."""
        prb_tx_dbm = self.tx_power_dbm - 10.0 * float(np.log10(self.carrier.n_prb_carrier))
        return prb_tx_dbm - noise_power_dbm(self.carrier.prb_bandwidth_hz, self.noise_figure_db)


@dataclass(frozen=True)
class ChannelState:
    """The true channel of one slot."""

    sinr_db_UB: Array
    gain_db_U: Array
    """Large-scale gain: path loss and shadowing, negative."""
    los_U: NDArray[np.bool_]


class Channel(ABC):
    """Radio channel between the base station at the origin and every user."""

    @abstractmethod
    def __init__(self, config: FrozenConfig, setup: RadioSetup, streams: Streams) -> None: ...

    @abstractmethod
    def begin_slot(self, slot: int, position_m_U2: Array, travelled_m_U: Array) -> ChannelState:
        """State in a slot, from horizontal positions relative to the base station and the way gone since the start."""
