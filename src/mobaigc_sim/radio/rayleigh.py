"""Channel of closed forms: independent Rayleigh block fading at one mean SNR, flat over the band.

Shapes: U users, C cells, R rows of the tape (one a link).

The power gain of a user is exponential with mean one, constant over a block of time and drawn anew in the next.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict

from ..kernel.streams import Streams
from ..registry import PluginConfig
from ..units import Db, PositiveNanoseconds, db_to_linear
from .channel import Channel, ChannelState, RadioSetup, channels
from .draws import Draws
from .fading import Tape, flat_tape

Array = NDArray[np.float64]


@channels.register("rayleigh")
class Rayleigh(Channel):
    """Independent Rayleigh block fading, wherever the users are."""

    class Config(PluginConfig):
        """Mean SNR and coherence time; transmit power, noise figure and heights have no say here."""

        model_config = ConfigDict(title="RayleighConfig")

        kind: Literal["rayleigh"] = "rayleigh"
        mean_snr: Db = 10.0
        """Mean SNR of every link; with several cells, the others interfere at the same strength."""
        block: PositiveNanoseconds = 10_000_000
        """Time over which a gain stays the same, rounded up to whole slots."""

    def __init__(self, config: Config, setup: RadioSetup, streams: Streams) -> None:
        shape = (setup.n_ue, setup.layout.n_cell)
        self._block_slots = setup.carrier.slots(config.block)
        self._draws = Draws(shape[0] * shape[1], streams.rng("radio.fading"))
        self._n_prb = setup.carrier.n_prb
        self._gain_db_UC = np.full(shape, config.mean_snr - setup.snr_without_loss_db)
        self._snr_UC = np.full(shape, db_to_linear(config.mean_snr), np.float32)
        self._los_UC = np.zeros(shape, dtype=np.bool_)
        self._place_a_UC = np.arange(self._los_UC.size, dtype=np.float64).reshape(shape)
        self._place_b_UC = np.zeros(shape)
        self._block = -1
        self._tape: Tape

    def begin_slot(self, slot: int, position_m_U2: Array, travelled_m_U: Array) -> ChannelState:
        """State in a slot; positions do not matter."""
        block = slot // self._block_slots
        if block != self._block:
            self._block = block
            power_R1 = -np.log1p(-self._draws.row(block))[:, None]
            self._tape = flat_tape(np.repeat(power_R1, self._n_prb, axis=1))
        return ChannelState(
            self._gain_db_UC, self._snr_UC, self._los_UC, self._tape, self._place_a_UC, self._place_b_UC
        )
