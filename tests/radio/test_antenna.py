"""Antenna gains against the numbers of Table 7.3-1, a sum over the elements of a column, and the power radiated."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mobaigc_sim.radio.antenna import Antenna, AntennaConfig

angles = st.floats(-180.0, 180.0)
elevations = st.floats(-90.0, 90.0)


def configured(**given: object) -> AntennaConfig:
    return AntennaConfig.model_validate(given)


COLUMN = configured(pattern="sector", elements=10, electrical_downtilt_deg=12.0)


def gain_db(config: AntennaConfig, azimuth_deg: float, elevation_deg: float) -> float:
    return float(Antenna(config).gain_db(np.radians([azimuth_deg]), np.radians([elevation_deg]))[0])


def radiated_share(config: AntennaConfig) -> float:
    azimuth_rad = (np.arange(720, dtype=np.float64) + 0.5) / 360.0 * np.pi
    elevation_rad = np.arcsin((np.arange(400, dtype=np.float64) + 0.5) / 200.0 - 1.0)
    gain_db_EA = Antenna(config).gain_db(azimuth_rad, elevation_rad[:, None])
    return float(np.mean(10.0 ** (gain_db_EA / 10.0)))


@pytest.mark.parametrize(
    ("azimuth_deg", "elevation_deg", "expected_db"),
    [
        (0, 0, 8),
        (32.5, 0, 5),
        (-32.5, 0, 5),
        (0, 32.5, 5),
        (32.5, -32.5, 2),
        (65, 0, -4),
        (180, 0, -22),
        (150, 80, -22),
    ],
)
def test_sector_element_has_the_gains_of_the_table(
    azimuth_deg: float, elevation_deg: float, expected_db: float
) -> None:
    assert gain_db(configured(pattern="sector"), azimuth_deg, elevation_deg) == pytest.approx(expected_db)


def test_beam_width_and_front_to_back_ratio_are_obeyed() -> None:
    config = configured(pattern="sector", hpbw_deg=90.0, front_to_back="20 dB", gain="5 dB")
    assert gain_db(config, 45, 0) == pytest.approx(2.0)
    assert gain_db(config, 180, 0) == pytest.approx(-15.0)


@given(angles, elevations)
def test_omni_has_its_gain_everywhere(azimuth_deg: float, elevation_deg: float) -> None:
    assert gain_db(configured(), azimuth_deg, elevation_deg) == 0.0
    assert gain_db(configured(gain="2 dB"), azimuth_deg, elevation_deg) == 2.0


@given(elevations)
def test_column_is_the_sum_of_its_elements_down_to_its_floor(elevation_deg: float) -> None:
    """Unit-norm weights with the phase of the steering direction, added element by element; 10 is their peak."""
    zenith_rad, tilt_rad = np.radians(90.0 - elevation_deg), np.radians(102.0)
    m = np.arange(10)
    weight_M = np.exp(-1j * np.pi * m * np.cos(tilt_rad)) / np.sqrt(10)
    field = np.abs(np.sum(weight_M * np.exp(1j * np.pi * m * np.cos(zenith_rad)))) ** 2
    element_db = gain_db(configured(pattern="sector"), 20.0, elevation_deg)
    linear = 10.0 ** ((gain_db(COLUMN, 20.0, elevation_deg) - element_db) / 10.0)
    assert linear == pytest.approx(max(field, 10.0 * 1e-3), abs=1e-9)


def test_column_adds_its_number_of_elements_in_the_beam() -> None:
    assert gain_db(COLUMN, 0.0, -12.0) == pytest.approx(8.0 - 12.0 * (12.0 / 65.0) ** 2 + 10.0)


@pytest.mark.parametrize("elements", [1, 2, 10])
def test_column_of_isotropic_elements_radiates_what_it_is_fed(elements: int) -> None:
    tilt_deg = 12.0 if elements > 1 else 0.0
    config = configured(elements=elements, electrical_downtilt_deg=tilt_deg, front_to_back="120 dB")
    assert radiated_share(config) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("floor_db", [10.0, 20.0, 30.0])
def test_the_nulls_of_a_column_are_as_deep_as_the_back_of_an_element(floor_db: float) -> None:
    # of ten elements in phase along the horizon, the first null is where the steps add up to a turn: sin ε = 2/10
    null_deg = float(np.degrees(np.arcsin(0.2)))
    column = configured(elements=10, front_to_back=f"{floor_db} dB")
    assert gain_db(column, 0.0, 0.0) == pytest.approx(10.0)
    assert gain_db(column, 0.0, null_deg) == pytest.approx(10.0 - floor_db)
    elevation_rad = np.radians(np.linspace(-90.0, 90.0, 3601))
    assert Antenna(column).gain_db(np.zeros(3601), elevation_rad).min() == pytest.approx(10.0 - floor_db)


def test_element_radiates_less_than_it_is_fed_wherever_it_is_tilted() -> None:
    level = radiated_share(configured(pattern="sector"))
    tilted = radiated_share(configured(pattern="sector", mechanical_downtilt_deg=15.0))
    assert 10.0 * np.log10(level) == pytest.approx(-1.826, abs=0.01)
    assert tilted == pytest.approx(level, rel=1e-3)


@given(st.floats(-80.0, 80.0))
def test_mechanical_tilt_moves_the_vertical_cut_through_the_boresight(elevation_deg: float) -> None:
    tilted = configured(pattern="sector", mechanical_downtilt_deg=8.0)
    expected_db = gain_db(configured(pattern="sector"), 0.0, elevation_deg + 8.0)
    assert gain_db(tilted, 0.0, elevation_deg) == pytest.approx(expected_db, abs=1e-6)


def test_mechanical_tilt_turns_the_back_lobe_up_and_leaves_the_side_level() -> None:
    tilted = configured(pattern="sector", mechanical_downtilt_deg=90.0, front_to_back="60 dB")
    assert gain_db(tilted, 0.0, -90.0) == pytest.approx(8.0)
    assert gain_db(tilted, 90.0, 0.0) == pytest.approx(8.0 - 12.0 * (90.0 / 65.0) ** 2)


@given(angles, elevations)
def test_gain_is_the_same_left_and_right_and_after_a_full_turn(azimuth_deg: float, elevation_deg: float) -> None:
    config = COLUMN.model_copy(update={"mechanical_downtilt_deg": 5.0})
    here_db = gain_db(config, azimuth_deg, elevation_deg)
    assert gain_db(config, -azimuth_deg, elevation_deg) == pytest.approx(here_db, abs=1e-6)
    assert gain_db(config, azimuth_deg + 360.0, elevation_deg) == pytest.approx(here_db, abs=1e-6)


def test_electrical_tilt_of_a_single_element_is_refused() -> None:
    with pytest.raises(ValidationError, match="mechanical_downtilt_deg"):
        configured(electrical_downtilt_deg=6.0)
