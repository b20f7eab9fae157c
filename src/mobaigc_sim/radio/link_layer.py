"""What the compiled downlink and its plain twin have in common: the channel, the draws, and what may be asked.

Shapes: U users, C cells, B resource blocks, N users named by index.

In every slot, in this order: `begin_slot` (channel, reports, feedback, retransmissions), any number of `send` or one
`send_all`, then `end_slot`, which decides what was received under the interference of all cells. A user is served by
one cell, sends at most one transport block a slot, and one uniform draw, that of (slot, user), decides its fate.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from ..kernel.streams import Streams
from .capacity import curve
from .channel import Channel, ChannelState, channels
from .config import RadioConfig
from .draws import Draws
from .harq import Feedback, Sent

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]


class LinkLayer(ABC):
    """Channel, link adaptation and HARQ of all users of all cells."""

    def __init__(self, config: RadioConfig, n_ue: int, streams: Streams) -> None:
        setup = config.setup(n_ue)
        self.carrier = setup.carrier
        self.layout = setup.layout
        self._prb_tx_dbm = setup.prb_tx_dbm
        self._channel: Channel = channels.get(config.channel.kind)(config.channel, setup, streams)
        self._draws = Draws(n_ue, streams.rng("radio.harq"))
        self._csi_period = self.carrier.slots(config.csi.period)
        self._slot = -1
        self._state: ChannelState

    @final
    def begin_slot(self, slot: int, position_m_U2: Array, travelled_m_U: Array) -> list[Feedback]:
        """Open a slot; returns the transport blocks whose fate became known.

        Positions are horizontal, relative to the origin. Slots come in ascending order, gaps allowed. What failed
        before is sent again, oldest failure first, on as many blocks as the first time, those of the free ones that
        the user last reported best; one that does not fit, or whose user already sends in this slot, waits.
        """
        last, self._slot = self._slot, slot
        self._state = self._channel.begin_slot(slot, position_m_U2, travelled_m_U)
        return self._open(slot, last)

    @final
    def conditions(
        self, slot: int, position_m_U2: Array, travelled_m_U: Array
    ) -> tuple[ChannelState, NDArray[np.float64]]:
        """Channel and uniform draws (U,) of a slot, which nothing that is sent can change; instead of `begin_slot`."""
        return self._channel.begin_slot(slot, position_m_U2, travelled_m_U), self._draws.row(slot)

    @final
    def _next_report(self, ue: int) -> int:
        """First slot after this one in which it is a user's turn to report."""
        slot = self._slot + 1
        return slot + (ue - slot) % self._csi_period

    @abstractmethod
    def _open(self, slot: int, last: int) -> list[Feedback]:
        """Everything of `begin_slot` after the channel; `last` is the slot before, −1 at the start."""

    @abstractmethod
    def send(self, ue: int, prb_B: Mask, backlog_bits: int, least_bits: int = 0) -> Sent | None:
        """Send a new transport block on the blocks of a mask, or on the best of them that carry the backlog.

        The MCS follows the latest report and the outer loop, but is high enough for a transport block of `least_bits`:
        a weak user should rather fail and be combined than be silent, which would tell the outer loop nothing. None is
        returned, and nothing sent, when no MCS is. Raises ValueError when the user cannot send, when a block of its
        cell is taken or when none is offered.
        """

    @abstractmethod
    def send_all(self, wish_CB: Indices, backlog_bits_U: Indices, least_bits: int = 0) -> list[Sent]:
        """`send` for every user named on free blocks of its cell, in order of user; unchecked."""

    @abstractmethod
    def end_slot(self) -> list[dict[str, Any]]:
        """Decide every transmission; returns one row of the `transport_blocks` table each, in order of user."""

    @abstractmethod
    def attach(self, ue: int, cell: int) -> list[int]:
        """Serve a user by another cell, or by none (−1); returns the numbers of the transport blocks given up.

        HARQ, reports and outer loop of the user start anew.
        """

    @abstractmethod
    def expected_bits(self, ue_N: Indices) -> Array:
        """Bits each block is expected to add for some users (N, B), from the latest usable report and outer loop."""

    @property
    @abstractmethod
    def can_send_U(self) -> Mask:
        """Users with a cell, a free process, a usable report of a CQI above 0, and no transmission in this slot yet."""

    @property
    @abstractmethod
    def prb_owner_CB(self) -> Indices:
        """User on each block in this slot, −1 for nobody; read-only."""

    @property
    @abstractmethod
    def serving_U(self) -> Indices:
        """Cell of each user, −1 for none; read-only."""

    @property
    @abstractmethod
    def cqi_U(self) -> Indices:
        """Wideband CQI of the latest usable report, 0 before the first and out of range; read-only."""

    @property
    @abstractmethod
    def outer_loop_db_U(self) -> Array:
        """Offset of the outer loop; read-only."""

    @abstractmethod
    def sinr_db(self, ue_N: Indices) -> Array:
        """True SINR (N, B) of served users in this slot, under the interference of the latest slot that is over."""

    @final
    @property
    def n_cell(self) -> int:
        """Number of cells."""
        return self.layout.n_cell

    @final
    @property
    def prb_free_CB(self) -> Mask:
        """Blocks nobody sends on yet."""
        return self.prb_owner_CB < 0

    @final
    @property
    def channel(self) -> ChannelState:
        """The channel of this slot."""
        return self._state

    @final
    @property
    def gain_db_UC(self) -> Array:
        """Large-scale gain of this slot."""
        return self._state.gain_db_UC

    @final
    @property
    def rsrp_dbm_UC(self) -> Array:
        """Power a user receives from each cell on one subcarrier, with the fast fading averaged out."""
        rsrp_dbm_UC: Array = self._state.gain_db_UC + (self._prb_tx_dbm - 10.0 * np.log10(12.0))
        return rsrp_dbm_UC

    @final
    def effective_sinr_db(self, ue_N: Indices) -> Array:
        """SINR of served users at which QPSK has the same mutual information, mean over the blocks."""
        shape = curve(2)
        return shape.effective_sinr_db(shape.mutual_information(self.sinr_db(ue_N)).mean(axis=1))

    @final
    def wideband_sinr_db(self, ue_N: Indices) -> Array:
        """SINR of served users, linear mean over the blocks."""
        mean_N: Array = 10.0 * np.log10(np.mean(10.0 ** (self.sinr_db(ue_N) / 10.0), axis=1))
        return mean_N
