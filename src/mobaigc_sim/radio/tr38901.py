"""Channel of TR 38.901: path loss, line of sight, shadowing by position; fast fading by distance travelled.

Shapes: U users, N users who moved, B resource blocks.

One omnidirectional cell with 0 dBi antennas, users outdoors. Source: TR 38.901 V17 clauses 7.4 (large scale), 7.6.3.3
(LOS state), 7.7.2 (TDL).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict
from scipy.special import ndtr

from ..kernel.streams import Streams
from ..registry import PluginConfig
from ..units import NS_PER_S, Nanoseconds
from .channel import Channel, ChannelState, RadioSetup, channels
from .fading import PROFILES, Fading
from .pathloss import MIN_DISTANCE_M, SCENARIOS, Geometry
from .shadowing import GaussianField

Array = NDArray[np.float64]

_REFRESH_M = 0.25
"""A user's large-scale gain is computed anew after so many metres."""


@channels.register("tr38901")
class Tr38901(Channel):
    """Urban micro or macro cell after TR 38.901."""

    class Config(PluginConfig):
        """Environment and fast fading."""

        model_config = ConfigDict(title="Tr38901Config")

        kind: Literal["tr38901"] = "tr38901"
        scenario: Literal["umi", "uma"] = "umi"
        """Urban micro (street canyon) or urban macro."""
        version: Literal[17] = 17
        """Version of TR 38.901, recorded in every run. V19 changes nothing for outdoor UMi and UMa users with a given
        delay spread, so there is one choice."""
        fading: Literal["flat", "tdl_a", "tdl_b", "tdl_c", "tdl_d", "tdl_e"] = "tdl_a"
        """Power delay profile of every link; `flat` is one Clarke tap."""
        delay_spread: Nanoseconds = 100
        """RMS delay spread that the profile is scaled to; without effect on `flat`."""

    def __init__(self, config: Config, setup: RadioSetup, streams: Streams) -> None:
        self._scenario = SCENARIOS[config.scenario]
        self._geometry = Geometry(setup.carrier.frequency_hz, setup.bs_height_m, setup.ue_height_m)
        self._snr_db = setup.snr_without_loss_db
        rng = streams.rng("radio.shadowing")
        self._shadow_los = GaussianField(self._scenario.los.d_cor_m, rng)
        self._shadow_nlos = GaussianField(self._scenario.nlos.d_cor_m, rng)
        self._los_field = GaussianField(self._scenario.los_state_d_cor_m, streams.rng("radio.los"))
        self._fading = Fading(
            PROFILES[config.fading],
            config.delay_spread / NS_PER_S,
            setup.carrier.frequency_hz,
            setup.carrier.prb_offset_hz_B,
            setup.n_ue,
            streams.rng("radio.fading"),
        )
        self._known_at_m_U2 = np.full((setup.n_ue, 2), np.inf)
        self._gain_db_U = np.zeros(setup.n_ue)
        self._los_U = np.zeros(setup.n_ue, dtype=np.bool_)

    def large_scale(self, position_m_N2: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Gain in dB and line-of-sight state at any positions: functions of the position alone."""
        d2d_m_N = np.maximum(np.hypot(position_m_N2[:, 0], position_m_N2[:, 1]), MIN_DISTANCE_M)
        scenario, geometry = self._scenario, self._geometry
        los_N = ndtr(self._los_field.at(position_m_N2)) < scenario.los_probability(d2d_m_N)
        gain_los_db_N = scenario.los.sigma_db * self._shadow_los.at(position_m_N2)
        gain_los_db_N -= scenario.los_path_loss_db(d2d_m_N, geometry)
        gain_nlos_db_N = scenario.nlos.sigma_db * self._shadow_nlos.at(position_m_N2)
        gain_nlos_db_N -= scenario.nlos_path_loss_db(d2d_m_N, geometry)
        return np.where(los_N, gain_los_db_N, gain_nlos_db_N), los_N

    def begin_slot(self, slot: int, position_m_U2: Array, travelled_m_U: Array) -> ChannelState:
        """State in a slot; large-scale gains change in steps of a quarter of a metre of movement."""
        moved_U2 = np.abs(position_m_U2 - self._known_at_m_U2)
        moved_N = np.flatnonzero(moved_U2.max(axis=1) >= _REFRESH_M)
        if moved_N.size:
            self._known_at_m_U2[moved_N] = position_m_U2[moved_N]
            gain_db_N, los_N = self.large_scale(position_m_U2[moved_N])
            self._gain_db_U, self._los_U = self._gain_db_U.copy(), self._los_U.copy()
            self._gain_db_U[moved_N], self._los_U[moved_N] = gain_db_N, los_N
        sinr_db_UB = self._fading.gain_db_UB(travelled_m_U) + (self._gain_db_U + self._snr_db)[:, None]
        return ChannelState(sinr_db_UB, self._gain_db_U, self._los_U)
