"""Where the sites are, which way their cells look, and the vector from every site to a user.

Shapes: S sites, C cells, N positions.

`hexagonal` is the triangular lattice of TR 38.901 V17 Table 7.2-1 with neighbours at azimuths 30°, 90°, …; with three
sectors at 30°, 150° and 270° each looks at a neighbour and serves a hexagon of side isd/3. `hall` is the indoor office
of Table 7.2-2 (Figure 7.2-1), centred on the origin. Wrap-around repeats the cluster of 7 or 19 sites on the lattice
of its translations, of length √7·isd or √19·isd, and takes the nearest copy of a site (geographical distance).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from ..registry import FrozenConfig
from ..units import Metres

Array = NDArray[np.float64]

HALL_M = (120.0, 50.0)
"""Length and width of the indoor office."""
HALL_ROWS, HALL_COLUMNS = 2, 6
_RINGS = {1: 0, 7: 1, 19: 2}
_TRANSLATION = {7: (2, 1), 19: (3, 2)}
_FIRST_AZIMUTH_DEG = {"hexagonal": 30.0, "line": 90.0, "hall": 30.0}


class LayoutConfig(FrozenConfig):
    """Sites and sectors."""

    grid: Literal["hexagonal", "line", "hall"] = "hexagonal"
    """Hexagonal clusters, sites along a track on the x axis, or the indoor office of 120 m by 50 m."""
    sites: int = Field(default=1, ge=1, le=1000)
    """Number of sites: 1, 7 or 19 on the hexagonal grid, any number on the line, always 12 in the hall."""
    sectors: Literal[1, 3] = 1
    """Cells of a site. Three look at 30°, 150° and 270°, on a line at 90°, 210° and 330°."""
    isd: Metres = Field(default=500.0, gt=0.0)
    """Distance between neighbouring sites; 20 m in the hall unless given."""
    offset: Metres = 0.0
    """Distance of the sites of a line from its track, which is the x axis."""
    wrap_around: bool = False
    """Repeat the cluster of 7 or 19 sites around itself, so that every site has neighbours on all sides."""

    @model_validator(mode="before")
    @classmethod
    def _hall_defaults(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and given.get("grid") == "hall":
            return {"sites": HALL_ROWS * HALL_COLUMNS, "isd": "20 m", **given}
        return given

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if self.grid == "hexagonal" and self.sites not in _RINGS:
            raise ValueError(f"sites must be 1, 7 or 19 on a hexagonal grid, got {self.sites}")
        if self.grid == "hall" and self.sites != HALL_ROWS * HALL_COLUMNS:
            raise ValueError(f"sites must be {HALL_ROWS * HALL_COLUMNS} in the hall, got {self.sites}")
        if self.grid == "hall" and (HALL_COLUMNS - 1) * self.isd > HALL_M[0]:
            raise ValueError(
                f"isd of {self.isd:g} m is too long: {HALL_COLUMNS} sites must fit a hall of {HALL_M[0]:g} m"
            )
        if self.wrap_around and (self.grid != "hexagonal" or self.sites not in _TRANSLATION):
            raise ValueError("wrap_around needs a hexagonal grid of 7 or 19 sites")
        if self.offset and self.grid != "line":
            raise ValueError("offset is for the sites of a line only; set grid: line")
        return self


@dataclass(frozen=True, eq=False)
class Layout:
    """Sites and cells in the plane."""

    site_m_S2: Array
    cell_site_C: NDArray[np.int64]
    """Site of each cell."""
    cell_azimuth_rad_C: Array
    """Boresight of each cell, counter-clockwise from the x axis, in (−π, π]."""
    translation_m_22: Array | None = None
    """Two translations, 60° apart, that span the lattice of clusters; None without wrap-around."""

    @classmethod
    def of(cls, config: LayoutConfig) -> Layout:
        """The layout a configuration describes."""
        site_m_S2 = _SITES[config.grid](config)
        first_rad = np.radians(_first_azimuth_deg(config))
        azimuth_rad = first_rad + 2.0 * np.pi * np.arange(config.sectors) / config.sectors
        azimuth_rad = np.pi - np.remainder(np.pi - azimuth_rad, 2.0 * np.pi)
        n = len(site_m_S2)
        translation_m_22 = None
        if config.wrap_around:
            q, r = _TRANSLATION[config.sites]
            translation_m_22 = np.array([[q, r], [-r, q + r]]) @ _lattice_m_22(config.isd)
        return cls(site_m_S2, np.repeat(np.arange(n), config.sectors), np.tile(azimuth_rad, n), translation_m_22)

    @property
    def n_site(self) -> int:
        """Number of sites."""
        return len(self.site_m_S2)

    @property
    def n_cell(self) -> int:
        """Number of cells."""
        return len(self.cell_site_C)

    def vectors_m(self, position_m_N2: Array) -> Array:
        """Vectors (N, S, 2) from the nearest copy of each site to each position, wherever in the plane it is."""
        vector_m_NS2 = position_m_N2[:, None, :] - self.site_m_S2
        if self.translation_m_22 is None:
            return vector_m_NS2
        steps_NS2 = _nearest_lattice_point(vector_m_NS2 @ np.linalg.inv(self.translation_m_22))
        nearest_m_NS2: Array = vector_m_NS2 - steps_NS2 @ self.translation_m_22
        return nearest_m_NS2


def _nearest_lattice_point(place: Array) -> Array:
    """The point of the triangular lattice nearest to a place, both in coordinates along two axes 60° apart.

    Rounds the coordinates along three axes that sum to zero and mends the one that was rounded furthest.
    """
    q, r = place[..., 0], place[..., 1]
    s = -q - r
    near_q, near_r, near_s = np.round(q), np.round(r), np.round(s)
    error_q, error_r, error_s = np.abs(near_q - q), np.abs(near_r - r), np.abs(near_s - s)
    mend_q = (error_q > error_r) & (error_q > error_s)
    mend_r = ~mend_q & (error_r > error_s)
    return np.stack([np.where(mend_q, -near_r - near_s, near_q), np.where(mend_r, -near_q - near_s, near_r)], axis=-1)


def _first_azimuth_deg(config: LayoutConfig) -> float:
    if config.sectors == 3:
        return _FIRST_AZIMUTH_DEG[config.grid]
    return -90.0 if config.grid == "line" else 0.0


def _lattice_m_22(isd_m: float) -> Array:
    half, root = 0.5, np.sqrt(3.0) / 2.0
    return isd_m * np.array([[root, half], [0.0, 1.0]])


def _hexagonal_m(config: LayoutConfig) -> Array:
    rings = _RINGS[config.sites]
    span = range(-rings, rings + 1)
    steps = [(q, r) for q in span for r in span if abs(q + r) <= rings]
    steps.sort(key=lambda step: step[0] ** 2 + step[0] * step[1] + step[1] ** 2)
    return np.array(steps, dtype=np.float64) @ _lattice_m_22(config.isd)


def _line_m(config: LayoutConfig) -> Array:
    along_m_S = (np.arange(config.sites) - 0.5 * (config.sites - 1)) * config.isd
    return np.stack([along_m_S, np.full(config.sites, config.offset)], axis=1)


def _hall_m(config: LayoutConfig) -> Array:
    row, column = np.divmod(np.arange(config.sites), HALL_COLUMNS)
    steps = np.stack([column - 0.5 * (HALL_COLUMNS - 1), row - 0.5 * (HALL_ROWS - 1)], axis=1)
    return config.isd * steps


_SITES = {"hexagonal": _hexagonal_m, "line": _line_m, "hall": _hall_m}
