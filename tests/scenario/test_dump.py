"""A resolved scenario says everything: read again it is equal, and its hash is of the content."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobaigc_sim.registry import FrozenConfig
from mobaigc_sim.scenario.dump import dump_scenario, scenario_hash
from mobaigc_sim.scenario.load import load_as, load_scenario
from mobaigc_sim.scenario.plugins import registries
from mobaigc_sim.scenario.schema import Scenario
from mobaigc_sim.scenario.yaml12 import parse_yaml
from mobaigc_sim.units import BitsPerSecond, Bytes, Db, Dbm, Hertz, Metres, MetresPerSecond, Nanoseconds

ROOT = Path(__file__).parents[2]
SHIPPED = sorted(path for path in (ROOT / "scenarios").rglob("*.yaml") if path.parent.name != "training")


def read(text: str) -> Any:
    root, problems = parse_yaml(text, "dumped.yaml")
    assert root is not None and problems == []
    return root.plain()


def of(low: float, high: float, unit: str) -> st.SearchStrategy[str]:
    return st.floats(low, high).map(lambda number: f"{number!r} {unit}")


speeds = of(0, 200, "km/h") | of(0, 50, "m/s")
scenarios = st.fixed_dictionaries(
    {
        "name": st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,20}\Z"),
        "duration": of(11, 500, "s") | of(1, 5, "h"),
        "warmup": of(0, 10, "s") | of(1, 10_000, "ms") | st.just(0),
        "seed": st.integers(0, 2**64),
        "replication": st.integers(0, 1000),
        "radio": st.fixed_dictionaries(
            {
                "carrier": of(2, 5, "GHz") | of(2000, 5000, "MHz"),
                "tx_power": of(-10, 50, "dBm"),
                "noise_figure": of(0, 20, "dB"),
                "channel": st.fixed_dictionaries({"kind": st.just("tr38901"), "delay_spread": of(1, 900, "ns")})
                | st.fixed_dictionaries({"kind": st.just("rayleigh"), "mean_snr": of(-20, 40, "dB")}),
                "slice": st.fixed_dictionaries({"prb_ratio": st.floats(1e-6, 1)}),
            }
        ),
        "users": st.fixed_dictionaries(
            {
                "count": st.integers(1, 5000),
                "area": st.fixed_dictionaries({"radius": of(11, 900, "m") | of(0.02, 1, "km")}),
                "mobility": st.fixed_dictionaries({"kind": st.just("gauss_markov"), "speed": speeds})
                | st.fixed_dictionaries({"kind": st.just("static")}),
            }
        ),
        "traffic": st.fixed_dictionaries(
            {
                "arrivals": st.fixed_dictionaries({"kind": st.just("poisson"), "mean_interval": of(0.001, 100, "s")})
                | st.fixed_dictionaries(
                    {
                        "kind": st.just("trace"),
                        "times": st.lists(st.integers(0, 10**9), min_size=1).map(
                            lambda ns: [f"{t} us" for t in sorted(ns)]
                        ),
                    }
                ),
                "prompts": st.just({"kind": "embedded"})
                | st.fixed_dictionaries(
                    {
                        "kind": st.just("list"),
                        "prompts": st.lists(st.text(min_size=1).filter(str.strip), min_size=1, max_size=3),
                    }
                ),
                "deadline": of(1, 5000, "ms"),
            }
        ),
        "scheduler": st.sampled_from([{"kind": "round_robin"}, {"kind": "max_ci", "keep": 0.3}]),
    }
)


@settings(max_examples=60, deadline=None)
@given(scenarios)
def test_any_scenario_dumped_reads_back_equal(written: dict[str, Any]) -> None:
    scenario = Scenario.model_validate(written)
    again = Scenario.model_validate(read(dump_scenario(scenario)))
    assert again == scenario
    assert dump_scenario(again) == dump_scenario(scenario)
    assert scenario_hash(again) == scenario_hash(scenario)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_scenarios_are_valid_and_dump(path: Path, tmp_path: Path) -> None:
    scenario = load_scenario(path)
    (tmp_path / "scenario.yaml").write_text(dump_scenario(scenario), encoding="utf-8")
    assert load_scenario(tmp_path / "scenario.yaml") == scenario


def test_a_dump_carries_units_and_every_plugin_key() -> None:
    dumped = read(dump_scenario(load_scenario(ROOT / "scenarios/quickstart.yaml")))
    assert dumped["duration"] == "40 s"
    assert dumped["radio"]["carrier"] == "3.5 GHz"
    assert dumped["radio"]["channel"]["delay_spread"] == "100 ns"
    assert dumped["users"]["mobility"]["speed"] == {"min": "3 km/h", "max": "60 km/h"}
    assert dumped["service"]["generation_time"] == {"base": "200 ms", "per_image": "40 ms"}
    assert "extends" not in dumped


def test_defaults_of_every_plugin_survive_a_dump() -> None:
    seen = 0
    for registry in registries().values():
        for kind in registry.names():
            config = registry.get(kind).Config
            if all(not field.is_required() for field in config.model_fields.values()):
                assert config.model_validate(read(dump_scenario(config()))) == config()
                seen += 1
    assert seen >= 8


def test_the_hash_is_of_what_is_said_and_not_of_how(tmp_path: Path) -> None:
    quickstart = str(ROOT / "scenarios/quickstart.yaml")
    reference = scenario_hash(load_scenario(quickstart))
    said_otherwise = ["duration=40000 ms", "radio.carrier=3500 MHz", "service.batch=4", "radio.tx_power=27.0 dBm"]
    assert scenario_hash(load_scenario(quickstart, said_otherwise)) == reference
    for change in ["seed=2", "replication=1", "duration=41 s", "scheduler.keep=0.4", "users.mobility.memory=0.8"]:
        assert scenario_hash(load_scenario(quickstart, [change])) != reference


class Quantities(FrozenConfig):
    hertz: Hertz
    metres: Metres
    mps: MetresPerSecond
    bps: BitsPerSecond
    dbm: Dbm
    db: Db
    ns: Nanoseconds
    size: Bytes


positive = st.floats(1e-30, 1e30)


@given(positive, positive, positive, positive, st.floats(-1e9, 1e9), st.floats(-1e9, 1e9), st.integers(0, 2**63 - 1))
def test_any_number_of_any_dimension_reads_back_equal(
    hertz: float, metres: float, mps: float, bps: float, dbm: float, db: float, whole: int
) -> None:
    quantities = Quantities.model_construct(
        hertz=hertz, metres=metres, mps=mps, bps=bps, dbm=dbm, db=db, ns=whole, size=whole
    )
    assert Quantities.model_validate(read(dump_scenario(quantities))) == quantities


def test_quantities_are_dumped_as_people_write_them(tmp_path: Path) -> None:
    text = {
        "hertz": "3.5 GHz", "metres": "250 m", "mps": "30 km/h", "bps": "2 Mbit/s",
        "dbm": "-26.5 dBm", "db": "9 dB", "ns": "1.5 ms", "size": "64 KiB",
    }  # fmt: skip
    (tmp_path / "x.yaml").write_text("".join(f"{key}: {value}\n" for key, value in text.items()), encoding="utf-8")
    assert read(dump_scenario(load_as(Quantities, tmp_path / "x.yaml"))) == text
