"""Antenna of a cell: an element, or a vertical column of them fed as one port with a tilted beam.

Shapes: angles broadcast against each other, gains have their common shape.

Element: TR 38.901 V17 Table 7.3-1 with its 8 dBi. The pattern alone has a directivity of 9.8 dBi, so an element
radiates 1.8 dB less than it is fed. Column: half-wavelength spacing, weights of equal magnitude and unit norm with the
phases that steer the beam (TR 36.897 V13, one port a column), so feeding more elements adds no power: a column of
isotropic elements has a mean gain of exactly 0 dB. Coupling between elements is not modelled, as in the reports.
Mechanical tilt turns the whole antenna about its horizontal axis (TR 38.901 V17 clause 7.1.4).
"""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from ..registry import FrozenConfig
from ..units import Db, db_to_linear

Array = NDArray[np.float64]

ELEMENT_GAIN_DBI = {"omni": 0.0, "sector": 8.0}
"""Gain of an element in its boresight unless the configuration says otherwise."""


class AntennaConfig(FrozenConfig):
    """Antenna of every cell."""

    pattern: Literal["omni", "sector"] = "omni"
    """Element: the same gain everywhere, or the sector element of TR 38.901 Table 7.3-1."""
    gain: Db | None = None
    """Gain of an element in its boresight over an isotropic one; left out, 0 dB for `omni` and 8 dB for `sector`."""
    hpbw_deg: float = Field(default=65.0, gt=0.0, le=360.0)
    """Half-power beam width of the sector element, horizontal and vertical."""
    front_to_back: Db = Field(default=30.0, ge=0.0)
    """Largest attenuation of the sector element, also its side-lobe limit, and of the column."""
    elements: int = Field(default=1, ge=1, le=64)
    """Elements of the vertical column, half a wavelength apart."""
    electrical_downtilt_deg: float = Field(default=0.0, ge=-90.0, le=90.0)
    """Angle of the column's beam below the horizon; a zenith angle of 102° is 12°."""
    mechanical_downtilt_deg: float = Field(default=0.0, ge=-90.0, le=90.0)
    """Angle the whole antenna is turned down by."""

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if self.elements == 1 and self.electrical_downtilt_deg:
            raise ValueError(
                "electrical_downtilt_deg steers a column: set elements above 1, or use mechanical_downtilt_deg"
            )
        return self


class Antenna:
    """Gain of an antenna port by direction."""

    def __init__(self, config: AntennaConfig) -> None:
        self._config = config
        self._gain_dbi = ELEMENT_GAIN_DBI[config.pattern] if config.gain is None else config.gain
        self._tilt_rad = np.radians(config.mechanical_downtilt_deg)
        self._steering = np.sin(np.radians(config.electrical_downtilt_deg))

    def gain_db(self, azimuth_rad: Array, elevation_rad: Array) -> Array:
        """Gain over an isotropic antenna; azimuth from the boresight, elevation from the horizon, positive up."""
        if self._tilt_rad:
            azimuth_rad, elevation_rad = self._turned(azimuth_rad, elevation_rad)
        gain_db: Array = self._element_db(azimuth_rad, elevation_rad) + self._column_db(elevation_rad)
        return gain_db

    def _turned(self, azimuth_rad: Array, elevation_rad: Array) -> tuple[Array, Array]:
        """Direction as the tilted antenna sees it."""
        cos_tilt, sin_tilt = np.cos(self._tilt_rad), np.sin(self._tilt_rad)
        ahead, up = np.cos(azimuth_rad) * np.cos(elevation_rad), np.sin(elevation_rad)
        aside = np.sin(azimuth_rad) * np.cos(elevation_rad)
        turned_ahead, turned_up = ahead * cos_tilt - up * sin_tilt, ahead * sin_tilt + up * cos_tilt
        return np.arctan2(aside, turned_ahead), np.arcsin(np.clip(turned_up, -1.0, 1.0))

    def _element_db(self, azimuth_rad: Array, elevation_rad: Array) -> Array:
        if self._config.pattern == "omni":
            return np.full(np.broadcast_shapes(np.shape(azimuth_rad), np.shape(elevation_rad)), self._gain_dbi)
        limit_db, hpbw_rad = self._config.front_to_back, np.radians(self._config.hpbw_deg)
        wrapped_rad = np.remainder(np.asarray(azimuth_rad) + np.pi, 2.0 * np.pi) - np.pi
        horizontal_db = np.minimum(12.0 * (wrapped_rad / hpbw_rad) ** 2, limit_db)
        vertical_db = np.minimum(12.0 * (np.asarray(elevation_rad) / hpbw_rad) ** 2, limit_db)
        gain_db: Array = self._gain_dbi - np.minimum(horizontal_db + vertical_db, limit_db)
        return gain_db

    def _column_db(self, elevation_rad: Array) -> Array | float:
        """Array factor, never further below its peak than the element's largest attenuation."""
        n = self._config.elements
        if n == 1:
            return 0.0
        half_step_rad = 0.5 * np.pi * (np.sin(elevation_rad) + self._steering)
        # sin(nx)/sin(x) tends to ±n at the beam and at grating lobes
        sine = np.sin(half_step_rad)
        peak = np.abs(sine) < 1e-9
        power = np.where(peak, float(n), np.sin(n * half_step_rad) ** 2 / np.where(peak, 1.0, n * sine**2))
        # scattering fills the nulls that the formula has
        factor_db: Array = 10.0 * np.log10(np.maximum(power, n * db_to_linear(-self._config.front_to_back)))
        return factor_db
