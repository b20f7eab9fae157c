"""Configuration of the radio room."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ..registry import FrozenConfig, PluginConfig, plugin_field
from ..units import Db, Dbm, Hertz, Metres, Nanoseconds, PositiveNanoseconds
from . import rayleigh as rayleigh
from .antenna import Antenna, AntennaConfig
from .channel import RadioSetup, channels
from .handover import HandoverConfig
from .layout import Layout, LayoutConfig
from .link_monitor import RadioLinkConfig
from .numerology import Carrier
from .pathloss import MAX_UE_HEIGHT_M, MIN_UE_HEIGHT_M
from .tr38901 import Tr38901


class CsiConfig(FrozenConfig):
    """Channel state reports."""

    period: PositiveNanoseconds = 5_000_000
    """Time between two reports of a user, rounded up to whole slots."""
    delay: Nanoseconds = 2_000_000
    """Age of a report when the base station can first use it, rounded up to whole slots."""


class LinkAdaptationConfig(FrozenConfig):
    """Choice of the MCS."""

    bler_target: float = Field(default=0.1, gt=0.0, lt=1.0)
    """Share of first transmissions that may fail; the outer loop drives the error rate there."""
    step: Db = Field(default=0.5, gt=0.0)
    """Fall of the outer-loop offset after a failed first transmission."""
    initial_offset: Db = Field(default=0.0, ge=-15.0, le=15.0)
    """Offset added to the reported SINR at the start."""


class HarqConfig(FrozenConfig):
    """Retransmission with soft combining."""

    combining: Literal["chase", "ir"] = "chase"
    """`chase` repeats the same coded bits, `ir` (incremental redundancy) sends new ones while there are any."""
    processes: int = Field(default=16, ge=1, le=16)
    """Parallel processes of a user."""
    max_transmissions: int = Field(default=4, ge=1, le=32)
    """Transmissions of a block, the first included, before it is given up."""
    feedback_delay: int = Field(default=4, ge=1, le=32)
    """Slots from a transmission to the moment its outcome is known."""


class SliceConfig(FrozenConfig):
    """Share of the carrier that belongs to this service."""

    prb_ratio: float = Field(default=1.0, gt=0.0, le=1.0)
    """Share of the carrier's resource blocks (rRMPolicyDedicatedRatio of TS 28.541), spread evenly over the band."""


class RadioConfig(FrozenConfig):
    """Carrier, sites, antennas, channel, and the layers that adapt to it."""

    layout: LayoutConfig = LayoutConfig()
    """Sites and cells; one cell at the origin by default."""
    antenna: AntennaConfig = AntennaConfig()
    """Antenna of every cell."""
    handover: HandoverConfig = HandoverConfig()
    """Change of cells; without effect in a single cell."""
    radio_link: RadioLinkConfig | None = None
    """Radio link failure and re-establishment; left out, a link never fails."""

    carrier: Hertz = 3.5e9
    """Carrier frequency."""
    numerology: Literal[0, 1, 2, 3] = 1
    """Subcarrier spacing 15 kHz·2^numerology; slots last 1 ms / 2^numerology."""
    bandwidth: Hertz = 20e6
    """Channel bandwidth; which exist depends on carrier and numerology."""
    tx_power: Dbm = 33.0
    """Transmit power of each cell over the whole carrier, spread evenly over its blocks."""
    noise_figure: Db = Field(default=9.0, ge=0.0)
    """Noise figure of the users' receivers."""
    bs_height: Metres = 10.0
    """Height of the antennas; 10 m is usual for `umi`, 25 m for `uma`, 35 m for `rma`, 3 m indoors."""
    ue_height: Metres = Field(default=1.5, ge=MIN_UE_HEIGHT_M, le=MAX_UE_HEIGHT_M)
    """Height of the users' antennas, 1.5 m to 13 m."""
    channel: Annotated[PluginConfig, plugin_field(channels, default="tr38901")] = Tr38901.Config()
    """Model of propagation and fading."""
    csi: CsiConfig = CsiConfig()
    """Channel state reports."""
    link_adaptation: LinkAdaptationConfig = LinkAdaptationConfig()
    """Choice of the MCS."""
    harq: HarqConfig = HarqConfig()
    """Retransmissions."""
    slice: SliceConfig = SliceConfig()
    """Share of the carrier that belongs to this service."""

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        self.grid()
        if self.bs_height <= self.ue_height:
            raise ValueError(f"bs_height ({self.bs_height:g} m) must be greater than ue_height ({self.ue_height:g} m)")
        return self

    def grid(self) -> Carrier:
        """The resource grid; raises ValueError that lists the bandwidths there are."""
        return Carrier.of(self.carrier, self.numerology, self.bandwidth, self.slice.prb_ratio)

    def setup(self, n_ue: int) -> RadioSetup:
        """What a channel is told."""
        return RadioSetup(
            n_ue=n_ue,
            carrier=self.grid(),
            layout=Layout.of(self.layout),
            antenna=Antenna(self.antenna),
            tx_power_dbm=self.tx_power,
            noise_figure_db=self.noise_figure,
            bs_height_m=self.bs_height,
            ue_height_m=self.ue_height,
        )
