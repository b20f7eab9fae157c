"""Large-scale calibration of TR 38.901: users dropped at random, coupling gain to the best cell, SIR without noise.

Shapes: N users, S sites, C cells.

Source: TR 38.901 V17 clause 7.8.1, Table 7.8-1 (assumptions), Tables 7.2-1 and 7.2-2 (environments), Table 6-1 of
TR 36.873 (floors); R1-165974 (what the companies found, at 6 GHz). In the words of this module:

- 19 sites of three sectors, wrapped around, or 12 ceiling sites of three sectors in an open office;
- a cell has one port, a column of 10 elements half a wavelength apart, tilted 12° (offices 20°) down electrically;
- a user has one isotropic antenna, and is served by the cell it receives best, slow fading included, without margin;
- users are uniform in the plane but for a least distance from every site; four in five are in buildings of 4 to 8
  floors on a random floor, half of the buildings have high loss; nobody is in a car; in the office all stand 1 m high;
- sectors of a site share LOS state, shadowing and environment height, different sites have nothing in common;
- loss into a building belongs to the user, its glass is that of V17; there is no fast fading;
- the coupling gain contains the antenna port. Every cell transmits the same power, so that power cancels in the SIR.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import UnknownNameError
from ..units import db_to_linear
from .antenna import Antenna, AntennaConfig
from .layout import HALL_M, Layout, LayoutConfig
from .pathloss import SCENARIOS, Geometry, Scenario
from .penetration import building_loss_db, draw_indoor_distance_m

Array = NDArray[np.float64]

CARRIER_HZ = 6e9
USERS_PER_DROP = 2000
PERCENTILES = (5, 50, 95)
_INDOOR_SHARE, _HIGH_LOSS_SHARE = 0.8, 0.5
_FLOORS_LOW, _FLOORS_HIGH = 4, 8
_FLOOR_M, _ABOVE_FLOOR_M = 3.0, 1.5
_OFFICE_USER_M = 1.0


class Reference(NamedTuple):
    """Mean, least and greatest percentile among the companies."""

    mean_db: float
    low_db: float
    high_db: float


REFERENCES: dict[str, dict[str, dict[int, Reference]]] = {
    "uma": {
        "coupling_gain": {
            5: Reference(-150.4, -153.9, -147.5),
            50: Reference(-120.3, -123.1, -118.1),
            95: Reference(-86.0, -87.3, -83.4),
        },
        "sir": {5: Reference(-0.97, -1.35, -0.60), 50: Reference(8.55, 7.80, 8.90), 95: Reference(25.55, 24.8, 25.9)},
    },
    "umi": {
        "coupling_gain": {
            5: Reference(-142.3, -146.0, -140.1),
            50: Reference(-112.2, -114.9, -110.5),
            95: Reference(-74.8, -77.2, -73.5),
        },
        "sir": {5: Reference(-1.69, -2.02, -1.50), 50: Reference(7.34, 6.54, 7.79), 95: Reference(24.85, 23.9, 25.6)},
    },
    "inh_open": {
        "coupling_gain": {
            5: Reference(-71.1, -71.9, -70.5),
            50: Reference(-59.3, -60.0, -58.5),
            95: Reference(-45.0, -45.8, -43.8),
        },
        "sir": {5: Reference(-4.39, -4.77, -4.19), 50: Reference(3.02, 2.48, 3.42), 95: Reference(17.9, 17.4, 18.4)},
    },
}
"""R1-165974, 6 GHz, about 21 companies: case → quantity → percentile; dB. SIR is the geometry without noise."""


@dataclass(frozen=True)
class CalibrationCase:
    """One column of Table 7.8-1."""

    label: str
    layout: LayoutConfig
    downtilt_deg: float
    bs_height_m: float

    @property
    def antenna(self) -> Antenna:
        """Port of a cell."""
        return Antenna(AntennaConfig(pattern="sector", elements=10, electrical_downtilt_deg=self.downtilt_deg))


def _hexagons(isd: str) -> LayoutConfig:
    return LayoutConfig.model_validate({"sites": 19, "sectors": 3, "isd": isd, "wrap_around": True})


CASES: dict[str, CalibrationCase] = {
    "uma": CalibrationCase("UMa", _hexagons("500 m"), 12.0, 25.0),
    "umi": CalibrationCase("UMi street canyon", _hexagons("200 m"), 12.0, 10.0),
    "inh_open": CalibrationCase("Indoor open office", LayoutConfig(grid="hall", sectors=3), 20.0, 3.0),
}
"""Named like the scenario of TR 38.901 they are in."""


class _Users(NamedTuple):
    """Where users are and what surrounds them."""

    vector_m_NS2: Array
    height_m_N: Array
    indoor_N: NDArray[np.bool_]
    depth_m_N: Array
    building_loss_db_N: Array


def calibrate(case: str, seed: int, drops: int) -> tuple[Array, Array]:
    """Coupling gain in dB and SIR in dB of every user of that many drops of `USERS_PER_DROP` users."""
    if case not in CASES:
        raise UnknownNameError("calibration case", case, CASES)
    results = [_drop(case, USERS_PER_DROP, rng) for rng in np.random.default_rng(seed).spawn(drops)]
    gain_db_N, sir_db_N = (np.concatenate(each) for each in zip(*results, strict=True))
    return gain_db_N, sir_db_N


def cell_gains_db(case: str, n: int, rng: np.random.Generator) -> Array:
    """Gains (N, C) of users dropped at random to all cells: antenna port, path loss, shadowing, building."""
    setup, scenario = CASES[case], SCENARIOS[case]
    layout = Layout.of(setup.layout)
    hall = setup.layout.grid == "hall"
    users = _office_users(layout, n, rng) if hall else _street_users(case, layout, n, rng)
    d2d_m_NS = np.hypot(users.vector_m_NS2[..., 0], users.vector_m_NS2[..., 1])
    site_gain_db_NS = _site_gains_db(scenario, setup.bs_height_m, d2d_m_NS, users, rng)
    azimuth_rad_NS = np.arctan2(users.vector_m_NS2[..., 1], users.vector_m_NS2[..., 0])
    elevation_rad_NS = np.arctan2(users.height_m_N[:, None] - setup.bs_height_m, d2d_m_NS)
    cell_azimuth_rad_SK = layout.cell_azimuth_rad_C.reshape(layout.n_site, -1)
    port_db_NSK = setup.antenna.gain_db(azimuth_rad_NS[..., None] - cell_azimuth_rad_SK, elevation_rad_NS[..., None])
    gain_db_NC: Array = (site_gain_db_NS[..., None] + port_db_NSK).reshape(n, layout.n_cell)
    return gain_db_NC


def _drop(case: str, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    gain_db_NC = cell_gains_db(case, n, rng)
    best_db_N = gain_db_NC.max(axis=1)
    total_N = db_to_linear(gain_db_NC - best_db_N[:, None]).sum(axis=1)
    return best_db_N, -10.0 * np.log10(total_N - 1.0)


def _site_gains_db(
    scenario: Scenario, bs_height_m: float, d2d_m_NS: Array, users: _Users, rng: np.random.Generator
) -> Array:
    height_m_N1 = users.height_m_N[:, None]
    outdoor_m_NS = np.maximum(d2d_m_NS - users.depth_m_N[:, None], 0.0)
    los_NS = rng.random(d2d_m_NS.shape) < scenario.los_probability(outdoor_m_NS, height_m_N1)
    environment_m_NS = scenario.draw_environment_height_m(d2d_m_NS, height_m_N1, rng)
    geometry = Geometry(CARRIER_HZ, bs_height_m, height_m_N1, environment_m_NS)
    sigma_db_NS = scenario.sigma_db(d2d_m_NS, los_NS, geometry)
    if scenario.o2i is not None:
        sigma_db_NS = np.where(users.indoor_N[:, None], scenario.o2i.sigma_db, sigma_db_NS)
    shadow_db_NS = sigma_db_NS * rng.standard_normal(d2d_m_NS.shape)
    loss_db_NS = scenario.path_loss_db(d2d_m_NS, los_NS, geometry) + users.building_loss_db_N[:, None]
    gain_db_NS: Array = shadow_db_NS - loss_db_NS
    return gain_db_NS


def _office_users(layout: Layout, n: int, rng: np.random.Generator) -> _Users:
    position_m_N2 = (rng.random((n, 2)) - 0.5) * np.array(HALL_M)
    nobody, nothing = np.zeros(n, dtype=np.bool_), np.zeros(n)
    return _Users(layout.vectors_m(position_m_N2), np.full(n, _OFFICE_USER_M), nobody, nothing, nothing)


def _street_users(case: str, layout: Layout, n: int, rng: np.random.Generator) -> _Users:
    indoor_N = rng.random(n) < _INDOOR_SHARE
    floor_N = np.where(indoor_N, rng.integers(1, rng.integers(_FLOORS_LOW, _FLOORS_HIGH + 1, n) + 1), 1)
    depth_m_N = np.where(indoor_N, draw_indoor_distance_m(case, n, rng), 0.0)
    high_loss_N = rng.random(n) < _HIGH_LOSS_SHARE
    loss_db_N = building_loss_db(CARRIER_HZ, high_loss_N, depth_m_N, 17, rng.standard_normal(n))
    return _Users(
        _street_vectors_m(layout, SCENARIOS[case].least_distance_m, n, rng),
        _FLOOR_M * (floor_N - 1) + _ABOVE_FLOOR_M,
        indoor_N,
        depth_m_N,
        np.where(indoor_N, loss_db_N, 0.0),
    )


def _street_vectors_m(layout: Layout, least_m: float, n: int, rng: np.random.Generator) -> Array:
    """Vectors of users uniform over the cluster, drawn again where they are too near a site."""
    assert layout.translation_m_22 is not None
    vector_m_NS2 = np.empty((n, layout.n_site, 2))
    missing = np.arange(n)
    while missing.size:
        position_m_N2 = rng.random((missing.size, 2)) @ layout.translation_m_22
        vector_m_NS2[missing] = layout.vectors_m(position_m_N2)
        nearest_m = np.hypot(vector_m_NS2[missing, :, 0], vector_m_NS2[missing, :, 1]).min(axis=1)
        missing = missing[nearest_m < least_m]
    return vector_m_NS2
