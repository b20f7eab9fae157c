"""Channel of closed forms: independent Rayleigh block fading at one mean SNR, flat over the band.

Shapes: U users, B resource blocks.

The power gain of a user is exponential with mean one, constant over a block of time and drawn anew in the next.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict

from ..kernel.streams import Streams
from ..registry import PluginConfig
from ..units import Db, PositiveNanoseconds
from .channel import Channel, ChannelState, RadioSetup, channels
from .draws import Draws

Array = NDArray[np.float64]


@channels.register("rayleigh")
class Rayleigh(Channel):
    """Independent Rayleigh block fading, wherever the users are."""

    class Config(PluginConfig):
        """Mean SNR and coherence time; transmit power, noise figure and heights have no say here."""

        model_config = ConfigDict(title="RayleighConfig")

        kind: Literal["rayleigh"] = "rayleigh"
        mean_snr: Db = 10.0
        """Mean SNR of every user."""
        block: PositiveNanoseconds = 10_000_000
        """Time over which a gain stays the same, rounded up to whole slots."""

    def __init__(self, config: Config, setup: RadioSetup, streams: Streams) -> None:
        self._mean_snr_db = config.mean_snr
        self._block_slots = setup.carrier.slots(config.block)
        self._draws = Draws(setup.n_ue, streams.rng("radio.fading"))
        self._n_prb = setup.carrier.n_prb
        self._gain_db_U = np.full(setup.n_ue, config.mean_snr - setup.snr_without_loss_db)
        self._los_U = np.zeros(setup.n_ue, dtype=np.bool_)

    def begin_slot(self, slot: int, position_m_U2: Array, travelled_m_U: Array) -> ChannelState:
        """State in a slot; positions do not matter."""
        power_U = -np.log1p(-self._draws.row(slot // self._block_slots))
        sinr_db_U = self._mean_snr_db + 10.0 * np.log10(np.maximum(power_U, 1e-12))
        sinr_db_UB = np.repeat(sinr_db_U[:, None], self._n_prb, axis=1)
        return ChannelState(sinr_db_UB, self._gain_db_U, self._los_U)
