"""Every mobility model of the package keeps the contract."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mobaigc_sim.mobility import (
    Area,
    CsvTrace,
    CsvTraceConfig,
    GaussMarkov,
    GaussMarkovConfig,
    Highway,
    HighwayConfig,
    Kinematics,
    Manhattan,
    ManhattanConfig,
    MobilityModel,
    Ns2,
    Ns2Config,
    RandomWaypoint,
    RandomWaypointConfig,
    Static,
    StaticConfig,
    SumoFcd,
    SumoFcdConfig,
    Train,
    TrainConfig,
    mobility,
)

from ..contracts.mobility_contract import MobilityContract

TRACES = ("csv_trace", "ns2", "sumo_fcd")
JUNCTION = Path(__file__).parents[2] / "scenarios" / "traces" / "junction.fcd.xml"


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


class TestManhattan(MobilityContract):
    def make(self, n_ue: int, area: Area, rng: np.random.Generator) -> MobilityModel:
        keys = {"block": f"{area.radius_m / 4} m", "speed": {"min": "5 m/s", "max": "30 m/s"}}
        return Manhattan(ManhattanConfig.model_validate(keys), n_ue, area, rng)


class OnALine(MobilityContract):
    LENGTH_M = 300.0

    def area_for(self, area: Area) -> Area:
        return Area(max(area.radius_m, 40.0), min(area.min_distance_m, 30.0))

    def allowed_U(self, area: Area, kinematics: Kinematics) -> NDArray[np.bool_]:
        x_m_U, y_m_U = kinematics.position_m_U2.T
        within_U: NDArray[np.bool_] = (np.abs(x_m_U) <= self.LENGTH_M / 2) & (y_m_U >= area.min_distance_m)
        return within_U


class TestHighway(OnALine):
    def make(self, n_ue: int, area: Area, rng: np.random.Generator) -> MobilityModel:
        return Highway(HighwayConfig.model_validate({"length": "300 m", "speed": "40 m/s"}), n_ue, area, rng)


class TestTrain(OnALine):
    LENGTH_M = 300.0 + 80.0

    def make(self, n_ue: int, area: Area, rng: np.random.Generator) -> MobilityModel:
        return Train(TrainConfig.model_validate({"line": "300 m", "length": "80 m"}), n_ue, area, rng)


class OfATrace(MobilityContract):
    def allowed_U(self, area: Area, kinematics: Kinematics) -> NDArray[np.bool_]:
        return np.isfinite(kinematics.position_m_U2[:, 0]) & np.isfinite(kinematics.position_m_U2[:, 1])


class TestSumoFcd(OfATrace):
    def make(self, n_ue: int, area: Area, rng: np.random.Generator) -> MobilityModel:
        return SumoFcd(SumoFcdConfig.model_validate({"file": str(JUNCTION), "start": "8 s"}), n_ue, area, rng)


class OfAWrittenTrace(OfATrace):
    file: str

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def written(cls, tmp_path_factory: pytest.TempPathFactory) -> None:
        path = tmp_path_factory.mktemp("trace") / "trace"
        path.write_text(cls.text(), encoding="utf-8")
        cls.file = str(path)

    @staticmethod
    def text() -> str:
        raise NotImplementedError


class TestNs2(OfAWrittenTrace):
    @staticmethod
    def text() -> str:
        places = np.random.default_rng(1).uniform(-50, 50, (200, 2)).round(2)
        lines = [f'$ns_ at {t / 4} "$node_({t % 8}) setdest {x} {y} {3 + t % 11}.5"' for t, (x, y) in enumerate(places)]
        return "\n".join([*lines, *(f"$node_({n}) set X_ {n}" for n in range(8))])

    def make(self, n_ue: int, area: Area, rng: np.random.Generator) -> MobilityModel:
        return Ns2(Ns2Config(file=self.file), n_ue, area, rng)


class TestCsvTrace(OfAWrittenTrace):
    @staticmethod
    def text() -> str:
        draws = np.random.default_rng(2).uniform(-1, 1, (8, 60, 2)).cumsum(axis=1).round(3)
        rows = [f"{t * 0.9:.2f},{u},{x},{y}" for u, way in enumerate(draws) for t, (x, y) in enumerate(way) if t % 9]
        return "\n".join(["time_s,ue,x_m,y_m", *rows])

    def make(self, n_ue: int, area: Area, rng: np.random.Generator) -> MobilityModel:
        return CsvTrace(CsvTraceConfig.model_validate({"file": self.file, "max_gap": "1.5 s"}), n_ue, area, rng)


@pytest.mark.parametrize("kind", ["csv_trace", "highway", "manhattan", "ns2", "sumo_fcd", "train"])
def test_a_dumped_configuration_reads_as_the_same(kind: str) -> None:
    keys = {"file": "a.csv", "origin_m": {"x": -1.5, "y": 2}, "start": "3 s"} if kind in TRACES else {"speed": "9 m/s"}
    config = mobility.get(kind).Config.model_validate({"kind": kind, **keys})
    assert mobility.get(kind).Config.model_validate(config.model_dump(mode="json")) == config


def test_every_registered_model_is_tested_here() -> None:
    assert set(mobility.names()) >= {"static", "random_waypoint", "gauss_markov"}
    tested = {name for name in globals() if name.startswith("Test")}
    built_in = {n for n in mobility.names() if mobility.get(n).__module__.startswith("mobaigc_sim.")}
    assert {"Test" + "".join(part.title() for part in n.split("_")) for n in built_in} == tested
