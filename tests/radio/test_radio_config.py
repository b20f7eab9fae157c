"""Configuration of the radio room: every key has an effect, errors say what to write.

The walk below goes through every nested model and every registered channel. Each key it finds must be named in one of
the tables; a key nobody named fails `test_every_key_of_the_schema_is_named_once`.
"""

from __future__ import annotations

import re
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import pytest
from pydantic import ValidationError

from mobaigc_sim.radio.config import RadioConfig
from mobaigc_sim.radio.handover import A3Monitor
from mobaigc_sim.radio.link_monitor import RadioLinkMonitor
from mobaigc_sim.registry import FrozenConfig, PluginField


class Change(NamedTuple):
    """Another value of a key, and the scenario in which it must matter."""

    value: Any
    given: dict[str, Any] = {}  # noqa: RUF012


SEVEN = {"layout": {"sites": 7, "isd": "200 m"}}
SECTORS = {"layout": {"sectors": 3}, "antenna": {"pattern": "sector"}}
COATED_GLASS = {"channel": {"indoor": 1.0, "high_loss": 1.0}}
RAYLEIGH = {"channel": {"kind": "rayleigh", "mean_snr": "8 dB", "block": "2 ms"}}

DOWNLINK: dict[str, Change] = {
    "layout.grid": Change("line", SEVEN),
    "layout.sites": Change(7),
    "layout.sectors": Change(3),
    "layout.isd": Change("300 m", SEVEN),
    "layout.offset": Change("30 m", {"layout": {"grid": "line", "sites": 2}}),
    "layout.wrap_around": Change(True, SEVEN),
    "antenna.pattern": Change("sector"),
    "antenna.gain": Change("3 dB"),
    "antenna.hpbw_deg": Change(90.0, SECTORS),
    "antenna.front_to_back": Change("10 dB", SECTORS),
    "antenna.elements": Change(4),
    "antenna.electrical_downtilt_deg": Change(6.0, {"antenna": {"elements": 8}}),
    "antenna.mechanical_downtilt_deg": Change(6.0, SECTORS),
    "carrier": Change("2 GHz"),
    "numerology": Change(0),
    "bandwidth": Change("40 MHz"),
    "tx_power": Change("30 dBm"),
    "noise_figure": Change("7 dB"),
    "bs_height": Change("12 m"),
    "ue_height": Change("2 m"),
    "channel.kind": Change("rayleigh"),
    "channel[tr38901].scenario": Change("uma"),
    "channel[tr38901].version": Change(19, COATED_GLASS),
    "channel[tr38901].fading": Change("tdl_d"),
    "channel[tr38901].delay_spread": Change("300 ns"),
    "channel[tr38901].indoor": Change(1.0),
    "channel[tr38901].high_loss": Change(0.0, COATED_GLASS),
    "channel[tr38901].in_car": Change(1.0),
    "channel[tr38901].metallised": Change(True, {"channel": {"in_car": 1.0}}),
    "channel[rayleigh].mean_snr": Change("9 dB", RAYLEIGH),
    "channel[rayleigh].block": Change("3 ms", RAYLEIGH),
    "csi.period": Change("10 ms"),
    "csi.delay": Change("1 ms"),
    "link_adaptation.bler_target": Change(0.3),
    "link_adaptation.step": Change("0.2 dB"),
    "link_adaptation.initial_offset": Change("-3 dB"),
    "harq.combining": Change("ir"),
    "harq.processes": Change(2),
    "harq.max_transmissions": Change(1),
    "harq.feedback_delay": Change(6),
    "slice.prb_ratio": Change(0.5),
}
"""Keys that change what a downlink of eight users at 120 km/h tells."""

HANDOVER: dict[str, Change] = {
    "handover.period": Change("80 ms"),
    "handover.filter_coefficient": Change(8),
    "handover.offset": Change("1 dB"),
    "handover.hysteresis": Change("2 dB"),
    "handover.time_to_trigger": Change("320 ms"),
    "handover.measurement_error": Change("1.22 dB"),
}
"""Keys that change the targets of a handover."""

RADIO_LINK: dict[str, Change] = {
    "radio_link.q_out": Change("-9 dB"),
    "radio_link.q_in": Change("-4 dB"),
    "radio_link.n310": Change(4),
    "radio_link.n311": Change(4),
    "radio_link.t310": Change("300 ms"),
    "radio_link.period": Change("20 ms"),
    "radio_link.out_window": Change("400 ms"),
    "radio_link.in_window": Change("50 ms"),
}
"""Keys that change which links fail, and when T310 runs."""

CELL_ROOM = {"handover.interruption", "radio_link.reestablishment"}
"""Times without service, which the cell room keeps: tests/cell/test_connections.py changes each."""


def keys(model: type[FrozenConfig], prefix: str = "") -> set[str]:
    """Every leaf key of a model, its nested models and the plug-ins it may hold."""
    found: set[str] = set()
    for name, info in model.model_fields.items():
        plugins = [each for each in info.metadata if isinstance(each, PluginField)]
        nested = [
            each
            for each in (info.annotation, *get_args(info.annotation))
            if isinstance(each, type) and issubclass(each, FrozenConfig)
        ]
        if plugins:
            registry = plugins[0].registry
            found.add(f"{prefix}{name}.kind")
            for kind in registry.names():
                within = keys(registry.get(kind).Config, f"{prefix}{name}[{kind}].")
                found |= within - {f"{prefix}{name}[{kind}].kind"}
        elif nested:
            found |= {key for each in nested for key in keys(each, f"{prefix}{name}.")}
        else:
            found.add(prefix + name)
    return found


def changed(key: str, change: Change) -> tuple[RadioConfig, RadioConfig]:
    """Configurations without and with a change."""
    *path, name = re.sub(r"\[.*?\]", "", key).split(".")
    data: dict[str, Any] = {**change.given}
    place = data
    for each in path:
        place[each] = {**place.get(each, {})}
        place = place[each]
    without = RadioConfig.model_validate(change.given if path != ["radio_link"] else {"radio_link": {}})
    place[name] = change.value
    return without, RadioConfig.model_validate(data)


def leaves(data: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(data, dict):
        return {prefix: data}
    return {key: value for name in data for key, value in leaves(data[name], f"{prefix}.{name}".lstrip(".")).items()}


def test_the_walk_finds_nested_optional_and_plugged_in_keys():
    class Inner(FrozenConfig):
        """Inner."""

        deep: int = 1

    class More(RadioConfig):
        """More."""

        extra: int = 1
        inner: Inner | None = None
        choice: Literal["a", "b"] = "a"

    assert keys(More) - keys(RadioConfig) == {"extra", "inner.deep", "choice"}
    assert {"radio_link.q_out", "channel[tr38901].indoor", "channel[rayleigh].block"} <= keys(RadioConfig)


def test_every_key_of_the_schema_is_named_once():
    tables = [set(table) for table in (DOWNLINK, HANDOVER, RADIO_LINK, CELL_ROOM)]
    assert set().union(*tables) == keys(RadioConfig)
    assert sum(map(len, tables)) == len(set().union(*tables))


@pytest.mark.parametrize("key", sorted(DOWNLINK | HANDOVER | RADIO_LINK))
def test_a_change_is_of_one_key_alone(key):
    without, with_it = changed(key, (DOWNLINK | HANDOVER | RADIO_LINK)[key])
    before, after = leaves(without.model_dump()), leaves(with_it.model_dump())
    differ = {each for each in before.keys() | after.keys() if before.get(each) != after.get(each)}
    if key == "channel.kind":
        assert key in differ and all(each.startswith("channel.") for each in differ)
    else:
        assert differ == {re.sub(r"\[.*?\]", "", key)}


def outcome(drive, config: RadioConfig) -> list[Any]:
    cell = drive(config, 8, speed_mps=120 / 3.6).run(160)
    assert len(cell.records) > 100
    # the time alone is no effect
    return [tuple(value for name, value in row.items() if name != "time_ns") for row in cell.records]


@pytest.fixture(scope="module")
def played():
    return {}


@pytest.mark.parametrize("key", sorted(DOWNLINK))
def test_every_key_changes_what_happens(drive, played, key):
    without, with_it = changed(key, DOWNLINK[key])
    if without not in played:
        played[without] = outcome(drive, without)
    assert outcome(drive, with_it) != played[without]


@pytest.mark.parametrize(
    ("key", "options"),
    [
        ("channel[tr38901].scenario", {"umi", "uma", "rma", "inh_mixed", "inh_open"}),
        ("channel[tr38901].fading", {"flat", "tdl_a", "tdl_b", "tdl_c", "tdl_d", "tdl_e"}),
        ("harq.combining", {"chase", "ir"}),
        ("antenna.pattern", {"omni", "sector"}),
        ("numerology", {0, 1, 2}),
    ],
)
def test_every_option_is_an_option_of_its_own(drive, key, options):
    found = [outcome(drive, changed(key, Change(option))[1]) for option in sorted(options)]
    for i, one in enumerate(found):
        assert all(one != other for other in found[i + 1 :])


def wander(n_ue: int, n_cell: int, steps: int, middle_db: float) -> Any:
    """Levels that come and go over seconds, with some noise."""
    rng = np.random.default_rng(4)
    phase = rng.uniform(0, 2 * np.pi, (3, n_ue, n_cell))
    t = np.arange(steps)[:, None, None]
    waves = sum(np.sin(2 * np.pi * t / period + phase[i]) for i, period in enumerate((150, 333, 710)))
    return middle_db + 2.5 * waves + rng.normal(0.0, 0.5, (steps, n_ue, n_cell))


def targets(config: RadioConfig) -> list[list[int]]:
    n_ue, steps = 12, 1500
    monitor = A3Monitor(config.handover, n_ue, 3, np.random.default_rng(1))
    serving_U, everyone_U = np.zeros(n_ue, int), np.ones(n_ue, bool)
    level_dbm_TUC = wander(n_ue, 3, steps, -90.0)
    return [monitor.measure(t * 10_000_000, level_dbm_TUC[t], serving_U, everyone_U).tolist() for t in range(steps)]


@pytest.mark.parametrize("key", sorted(HANDOVER))
def test_every_key_of_the_handover_changes_the_targets(key):
    without, with_it = changed(key, HANDOVER[key])
    before = targets(without)
    assert {ue for each in before for ue in each} == {-1, 1, 2}
    assert targets(with_it) != before


def failures(config: RadioConfig) -> tuple[list[list[bool]], list[list[bool]]]:
    n_ue, steps = 30, 1500
    monitor = RadioLinkMonitor(config.radio_link, n_ue)
    sinr_db_TU = wander(n_ue, 1, steps, -7.0)[..., 0]
    failed, running = [], []
    for t in range(steps):
        failed.append(monitor.observe(t * 10_000_000, sinr_db_TU[t], np.ones(n_ue, bool)).tolist())
        running.append(monitor.t310_running_U.tolist())
    return failed, running


@pytest.mark.parametrize("key", sorted(RADIO_LINK))
def test_every_key_of_the_radio_link_changes_failures_and_timers(key):
    without, with_it = changed(key, RADIO_LINK[key])
    (failed, running), (other_failed, other_running) = failures(without), failures(with_it)
    assert np.any(failed) and np.any(running)
    assert other_failed != failed and other_running != running


def test_units_are_read():
    config = RadioConfig.model_validate(
        {"carrier": "3500 MHz", "csi": {"period": "4 ms"}, "channel": {"kind": "tr38901", "delay_spread": "0.1 us"}}
    )
    assert config.carrier == 3.5e9 and config.csi.period == 4_000_000
    assert config.channel == RadioConfig().channel


@pytest.mark.parametrize(
    ("data", "place", "text"),
    [
        ({"bandwidth": "21 MHz"}, (), "expected one of: 5 MHz, 10 MHz"),
        ({"carrier": "12 GHz"}, (), "expected 0.41 to 7.125 GHz"),
        ({"channel": {"kind": "raleigh"}}, ("channel",), "did you mean 'rayleigh'?"),
        ({"channel": {"scenario": "umx"}}, ("channel", "scenario"), "'umi', 'uma'"),
        ({"channel": {"version": 18}}, ("channel", "version"), "Input should be 17 or 19"),
        ({"channel": {"scenario": "inh_open", "indoor": 0.5}}, ("channel",), "one room"),
        ({"harq": {"combining": "incremental"}}, ("harq", "combining"), "'chase' or 'ir'"),
        ({"layout": {"sites": 3}}, ("layout",), "1, 7 or 19 on"),
        ({"radio_link": {"q_in": "-9 dB"}}, ("radio_link",), "is below q_out"),
        ({"carrier": 3.5}, ("carrier",), "a unit is missing"),
        ({"ue_height": "30 m"}, ("ue_height",), "less than or equal to 13"),
        ({"bs_height": "1 m"}, (), "must be greater than ue_height"),
        ({"harq": {"processes": 17}}, ("harq", "processes"), "less than or equal to 16"),
        ({"slice": {"prb_ratio": 0}}, ("slice", "prb_ratio"), "greater than 0"),
    ],
)
def test_errors_name_the_place_and_what_was_expected(data, place, text):
    with pytest.raises(ValidationError) as caught:
        RadioConfig.model_validate(data)
    (error,) = caught.value.errors()
    assert error["loc"] == place
    assert text in error["msg"]


def test_schema_offers_both_channels():
    channel = RadioConfig.model_json_schema()["properties"]["channel"]
    assert [option["properties"]["kind"]["const"] for option in channel["anyOf"]] == ["rayleigh", "tr38901"]
