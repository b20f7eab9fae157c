"""The area and the speeds of scenarios."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats

from mobaigc_sim.mobility import Area, AreaConfig, GaussMarkovConfig, RandomWaypointConfig


def test_uniform_points_have_uniform_squared_distance_and_angle() -> None:
    area, rng = Area(250.0, 50.0), np.random.default_rng(5)
    points = np.array([area.uniform(rng) for _ in range(5000)])
    assert area.contains(points).all()
    share = ((points**2).sum(axis=1) - 50**2) / (250**2 - 50**2)
    assert stats.kstest(share, "uniform").pvalue > 0.01
    assert stats.kstest(np.arctan2(points[:, 1], points[:, 0]) / (2 * np.pi) + 0.5, "uniform").pvalue > 0.01


@pytest.mark.parametrize(
    ("start", "end", "seen"),
    [((-5, 0), (5, 0), False), ((-5, 1.9), (5, 1.9), False), ((-5, 2.1), (5, 2.1), True), ((3, 0), (5, 0), True)],
)
def test_the_inner_disc_blocks_the_view(start: tuple[float, float], end: tuple[float, float], seen: bool) -> None:
    area = Area(10.0, 2.0)
    assert area.sees(np.array(start), np.array(end)) is seen
    assert area.sees(np.array(end), np.array(start)) is seen


def test_area_config() -> None:
    area = Area.of(AreaConfig.model_validate({"radius": "0.2 km", "min_distance": "35 m"}))
    assert area == Area(200.0, 35.0)
    with pytest.raises(ValidationError, match="min_distance must be less than radius, got 30 m and 20 m"):
        AreaConfig.model_validate({"radius": "20 m", "min_distance": "30 m"})


@pytest.mark.parametrize("config", [GaussMarkovConfig, RandomWaypointConfig])
def test_speed_is_one_value_or_a_range(config: type[GaussMarkovConfig] | type[RandomWaypointConfig]) -> None:
    one = config.model_validate({"speed": "36 km/h"}).speed
    assert (one.min, one.max) == pytest.approx((10.0, 10.0))
    two = config.model_validate({"speed": {"min": "3.6 km/h", "max": "20 m/s"}}).speed
    assert (two.min, two.max) == pytest.approx((1.0, 20.0))
    for bad, message in [
        ("36", "a unit is missing: expected a quantity such as '30 km/h'"),
        ("36 kmh", "did you mean 'km/h'"),
        ({"min": "2 m/s", "max": "1 m/s"}, "min must not exceed max, got 2 m/s and 1 m/s"),
    ]:
        with pytest.raises(ValidationError, match=message):
            config.model_validate({"speed": bad})


def test_random_waypoint_refuses_speeds_without_a_steady_state() -> None:
    with pytest.raises(ValidationError, match="greater than zero"):
        RandomWaypointConfig.model_validate({"speed": {"min": 0, "max": "2 m/s"}})
