"""Channel of TR 38.901: path loss, line of sight, shadowing, penetration by position; fading by distance travelled.

Shapes: U users, S sites, C cells, N users who moved.

Cells of a site share path loss, LOS state and shadowing; links to different sites are independent. Whether a user is
indoors or in a car is drawn once. Fading is nearly independent between links: all move along one tape, each from places
of its own, so the powers of about one pair in a thousand have a correlation above 0.15 while both move alike.

The LOS state is soft. Where its Gaussian field G is below the quantile F of the LOS probability, there is line of
sight; a share Φ(√(20/λ)·(F − G)) of the gain in dB is that of LOS, the rest that of NLOS, so the state changes over a
few metres. The width is that of clause 7.6.3.3, whose arctan instead of Φ would be felt far from any change.

Source: TR 38.901 clauses 7.4 (large scale), 7.6.3.3 (LOS state), 7.7.2 (TDL).
"""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, model_validator
from scipy.special import ndtr, ndtri

from ..kernel.streams import Streams
from ..registry import PluginConfig
from ..units import NS_PER_S, Nanoseconds, db_to_linear
from .channel import Channel, ChannelState, RadioSetup, channels
from .fading import ROWS_PER_WAVELENGTH, record_tape, wavelength_m
from .pathloss import SCENARIOS, Geometry
from .penetration import HIGH_LOSS_SCENARIOS, INDOOR_DISTANCE_MAX_M, building_loss_db, car_loss_db
from .shadowing import GaussianField
from .tdl import PROFILES

Array = NDArray[np.float64]

_REFRESHES_PER_D_COR = 40
_SOFTNESS = 20.0


@channels.register("tr38901")
class Tr38901(Channel):
    """Urban, rural and indoor cells after TR 38.901."""

    class Config(PluginConfig):
        """Environment and fast fading."""

        model_config = ConfigDict(title="Tr38901Config")

        kind: Literal["tr38901"] = "tr38901"
        scenario: Literal["umi", "uma", "rma", "inh_mixed", "inh_open"] = "umi"
        """Urban micro (street canyon), urban macro, rural macro, indoor office (mixed or open)."""
        version: Literal[17, 19] = 17
        """Version of TR 38.901. Here V19 differs in the coated glass of high-loss buildings alone."""
        fading: Literal["flat", "tdl_a", "tdl_b", "tdl_c", "tdl_d", "tdl_e"] = "tdl_a"
        """Power delay profile of every link; `flat` is one Clarke tap."""
        delay_spread: Nanoseconds = 100
        """RMS delay spread that the profile is scaled to; without effect on `flat`."""
        indoor: float = Field(default=0.0, ge=0.0, le=1.0)
        """Share of the users who are inside buildings, under base stations outdoors."""
        high_loss: float = Field(default=0.2, ge=0.0, le=1.0)
        """Share of those whose building has coated glass; rural macro has none."""
        in_car: float = Field(default=0.0, ge=0.0, le=1.0)
        """Share of the other users who sit in a car, behind a loss of N(9, 5) dB."""
        metallised: bool = False
        """Whether the windows of cars (and of trains) are coated: N(20, 5) dB."""

        @model_validator(mode="after")
        def _has_buildings(self) -> Self:
            if self.indoor and self.scenario not in INDOOR_DISTANCE_MAX_M:
                raise ValueError(
                    f"indoor must be 0 for {self.scenario}, whose users are in one room with the base stations"
                )
            return self

    def __init__(self, config: Config, setup: RadioSetup, streams: Streams) -> None:
        self._scenario = scenario = SCENARIOS[config.scenario]
        self._setup = setup
        self._layout = layout = setup.layout
        self._snr_db = setup.snr_without_loss_db
        self._ue_height_m = setup.ue_height_m
        self._sharpness = np.sqrt(_SOFTNESS / wavelength_m(setup.carrier.frequency_hz))
        sites, shape = range(layout.n_site), (setup.n_ue, layout.n_cell)

        def field(name: str, d_cor_m: float, smooth: bool = False) -> list[GaussianField]:
            return [GaussianField(d_cor_m, streams.rng(f"radio.{name}.{site}"), smooth=smooth) for site in sites]

        self._shadow_los = field("shadowing.los", scenario.los.d_cor_m)
        self._shadow_nlos = field("shadowing.nlos", scenario.nlos.d_cor_m)
        self._los_field = field("los", scenario.los_state_d_cor_m, smooth=True)
        self._place_users(config, streams.rng("radio.penetration").random((setup.n_ue, 7)))
        self._shadow_o2i = []
        if scenario.o2i is not None and self._indoor_U.any():
            self._shadow_o2i = field("shadowing.o2i", scenario.o2i.d_cor_m)

        carrier = setup.carrier
        profile, spread_s = PROFILES[config.fading], config.delay_spread / NS_PER_S
        self._tape = record_tape(profile, spread_s, carrier.prb_offset_hz_B, streams.rng("radio.tape"))
        self._rows_per_m = ROWS_PER_WAVELENGTH / wavelength_m(carrier.frequency_hz)
        place_UC2 = [streams.rng(f"radio.fading.{cell}").random((setup.n_ue, 2)) for cell in range(layout.n_cell)]
        self._start_UC2 = np.stack(place_UC2, axis=1) * self._tape.rows
        deviations = [scenario.los, scenario.nlos, *([scenario.o2i] if scenario.o2i and self._shadow_o2i else [])]
        self._refresh_m = min(each.d_cor_m for each in deviations) / _REFRESHES_PER_D_COR
        self._known_at_m_U2 = np.full((setup.n_ue, 2), np.inf)
        self._gain_db_UC = np.zeros(shape)
        self._snr_UC = np.zeros(shape, np.float32)
        self._los_UC = np.zeros(shape, dtype=np.bool_)

    def _place_users(self, config: Config, uniform_U7: Array) -> None:
        """Draw who is indoors or in a car, and what that costs; one row of numbers a user."""
        indoor_U = uniform_U7[:, 0] < config.indoor
        high_loss_U = (uniform_U7[:, 1] < config.high_loss) & (config.scenario in HIGH_LOSS_SCENARIOS)
        depth_m_U = uniform_U7[:, 2:4].min(axis=1) * INDOOR_DISTANCE_MAX_M.get(config.scenario, 0.0)
        # numbers in [0, 1) include 0, which has no normal quantile
        normal_U = ndtri(np.maximum(uniform_U7[:, 4], 1e-16))
        carrier_hz = self._setup.carrier.frequency_hz
        building_db_U = building_loss_db(carrier_hz, high_loss_U, depth_m_U, config.version, normal_U)
        car_db_U = np.where(uniform_U7[:, 5] < config.in_car, car_loss_db(normal_U, config.metallised), 0.0)
        self._indoor_U = indoor_U
        self._depth_m_U = np.where(indoor_U, depth_m_U, 0.0)
        self._penetration_db_U = np.where(indoor_U, building_db_U, car_db_U)
        self._environment_uniform_U = uniform_U7[:, 6]

    def large_scale(self, ue_N: NDArray[np.int64], position_m_N2: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Gain in dB (N, C) and line-of-sight state (N, C) of some users at any positions, functions of these alone."""
        scenario, setup, layout = self._scenario, self._setup, self._layout
        vector_m_NS2 = layout.vectors_m(position_m_N2)
        d2d_m_NS = np.hypot(vector_m_NS2[..., 0], vector_m_NS2[..., 1])
        out_m_NS = np.maximum(d2d_m_NS - self._depth_m_U[ue_N, None], 0.0)
        environment_m_NS = scenario.environment_height_m(
            d2d_m_NS, self._ue_height_m, self._environment_uniform_U[ue_N, None]
        )
        geometry = Geometry(setup.carrier.frequency_hz, setup.bs_height_m, self._ue_height_m, environment_m_NS)
        threshold_NS = ndtri(scenario.los_probability(out_m_NS, self._ue_height_m))
        margin_NS = threshold_NS - _values(self._los_field, vector_m_NS2)
        los_share_NS = ndtr(self._sharpness * margin_NS)
        shadow_los_db_NS = _values(self._shadow_los, vector_m_NS2) * scenario.los_sigma_db(d2d_m_NS, geometry)
        shadow_nlos_db_NS = _values(self._shadow_nlos, vector_m_NS2) * scenario.nlos.sigma_db
        if scenario.o2i is not None and self._shadow_o2i:
            inside_db_NS = scenario.o2i.sigma_db * _values(self._shadow_o2i, vector_m_NS2)
            shadow_los_db_NS = np.where(self._indoor_U[ue_N, None], inside_db_NS, shadow_los_db_NS)
            shadow_nlos_db_NS = np.where(self._indoor_U[ue_N, None], inside_db_NS, shadow_nlos_db_NS)
        gain_db_NS = los_share_NS * (shadow_los_db_NS - scenario.los_path_loss_db(d2d_m_NS, geometry))
        gain_db_NS += (1.0 - los_share_NS) * (shadow_nlos_db_NS - scenario.nlos_path_loss_db(d2d_m_NS, geometry))
        gain_db_NS -= self._penetration_db_U[ue_N, None]
        azimuth_NS = np.arctan2(vector_m_NS2[..., 1], vector_m_NS2[..., 0])
        elevation_NS = np.arctan2(self._ue_height_m - setup.bs_height_m, np.maximum(d2d_m_NS, 1e-3))
        site_C = layout.cell_site_C
        antenna_db_NC = setup.antenna.gain_db(
            azimuth_NS[:, site_C] - layout.cell_azimuth_rad_C, elevation_NS[:, site_C]
        )
        return gain_db_NS[:, site_C] + antenna_db_NC, (margin_NS > 0.0)[:, site_C]

    def begin_slot(self, slot: int, position_m_U2: Array, travelled_m_U: Array) -> ChannelState:
        """State in a slot; large-scale gains change in steps of 1/40 of the shadowing's correlation distance."""
        moved_U2 = np.abs(position_m_U2 - self._known_at_m_U2)
        moved_N = np.flatnonzero(moved_U2.max(axis=1) >= self._refresh_m)
        if moved_N.size:
            self._known_at_m_U2[moved_N] = position_m_U2[moved_N]
            gain_db_NC, los_NC = self.large_scale(moved_N, position_m_U2[moved_N])
            self._gain_db_UC, self._los_UC = self._gain_db_UC.copy(), self._los_UC.copy()
            self._snr_UC = self._snr_UC.copy()
            self._gain_db_UC[moved_N], self._los_UC[moved_N] = gain_db_NC, los_NC
            self._snr_UC[moved_N] = db_to_linear(gain_db_NC + self._snr_db)
        rows_U1 = (travelled_m_U * self._rows_per_m)[:, None]
        rows_a, rows_b = self._tape.rows
        return ChannelState(
            self._gain_db_UC,
            self._snr_UC,
            self._los_UC,
            self._tape,
            (self._start_UC2[..., 0] + rows_U1) % rows_a,
            (self._start_UC2[..., 1] + rows_U1) % rows_b,
        )


def _values(field_S: list[GaussianField], vector_m_NS2: Array) -> Array:
    """Value of each site's field at the users' places around it."""
    return np.stack([field.at(vector_m_NS2[:, s]) for s, field in enumerate(field_S)], axis=1)
