"""Every mobility model of the package keeps the contract."""

from __future__ import annotations

import numpy as np

from mobaigc_sim.mobility import (
    Area,
    GaussMarkov,
    GaussMarkovConfig,
    MobilityModel,
    RandomWaypoint,
    RandomWaypointConfig,
    Static,
    StaticConfig,
    mobility,
)

from ..contracts.mobility_contract import MobilityContract


class TestStatic(MobilityContract):
    def make(self, n_ue: int, area: Area, rng: np.random.Generator) -> MobilityModel:
        return Static(StaticConfig(), n_ue, area, rng)


class TestRandomWaypoint(MobilityContract):
    def make(self, n_ue: int, area: Area, rng: np.random.Generator) -> MobilityModel:
        config = RandomWaypointConfig.model_validate({"speed": {"min": "5 m/s", "max": "40 m/s"}, "pause": "0.3 s"})
        return RandomWaypoint(config, n_ue, area, rng)


class TestGaussMarkov(MobilityContract):
    def make(self, n_ue: int, area: Area, rng: np.random.Generator) -> MobilityModel:
        config = GaussMarkovConfig.model_validate({"speed": "20 m/s", "memory": 0.8, "update_interval": "370 ms"})
        return GaussMarkov(config, n_ue, area, rng)


def test_every_registered_model_is_tested_here() -> None:
    assert set(mobility.names()) >= {"static", "random_waypoint", "gauss_markov"}
    tested = {name for name in globals() if name.startswith("Test")}
    built_in = {n for n in mobility.names() if mobility.get(n).__module__.startswith("mobaigc_sim.")}
    assert {"Test" + "".join(part.title() for part in n.split("_")) for n in built_in} == tested
