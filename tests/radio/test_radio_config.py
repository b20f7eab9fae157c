"""Configuration of the radio room: every key has an effect, errors say what to write."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from mobaigc_sim.radio.config import RadioConfig
from mobaigc_sim.radio.rayleigh import Rayleigh
from mobaigc_sim.registry import FrozenConfig

RAYLEIGH = {"channel": {"kind": "rayleigh", "mean_snr": "8 dB", "block": "2 ms"}}

CHANGES: dict[str, dict[str, Any]] = {
    "carrier": {"carrier": "2 GHz"},
    "numerology": {"numerology": 0},
    "bandwidth": {"bandwidth": "40 MHz"},
    "tx_power": {"tx_power": "30 dBm"},
    "noise_figure": {"noise_figure": "7 dB"},
    "bs_height": {"bs_height": "12 m"},
    "ue_height": {"ue_height": "2 m"},
    "channel.kind": RAYLEIGH,
    "channel.scenario": {"channel": {"scenario": "uma"}},
    "channel.fading": {"channel": {"fading": "tdl_d"}},
    "channel.delay_spread": {"channel": {"delay_spread": "300 ns"}},
    "csi.period": {"csi": {"period": "10 ms"}},
    "csi.delay": {"csi": {"delay": "1 ms"}},
    "link_adaptation.bler_target": {"link_adaptation": {"bler_target": 0.3}},
    "link_adaptation.step": {"link_adaptation": {"step": "0.2 dB"}},
    "link_adaptation.initial_offset": {"link_adaptation": {"initial_offset": "-3 dB"}},
    "harq.processes": {"harq": {"processes": 2}},
    "harq.max_transmissions": {"harq": {"max_transmissions": 1}},
    "harq.feedback_delay": {"harq": {"feedback_delay": 6}},
    "slice.prb_ratio": {"slice": {"prb_ratio": 0.5}},
}
RECORDED_ONLY = {"channel.version"}
"""There is one version to choose; the key records it."""


def keys(config: FrozenConfig, prefix: str = "") -> set[str]:
    found: set[str] = set()
    for name in type(config).model_fields:
        value = getattr(config, name)
        found |= keys(value, f"{prefix}{name}.") if isinstance(value, FrozenConfig) else {prefix + name}
    return found


def test_the_list_of_changes_is_complete():
    assert keys(RadioConfig()) == set(CHANGES) | RECORDED_ONLY


def outcome(drive, change: dict[str, Any]) -> list[Any]:
    cell = drive(RadioConfig.model_validate(change), 8, speed_mps=120 / 3.6).run(160)
    return [tuple(row.values()) for row in cell.records]


@pytest.fixture(scope="module")
def reference():
    return {}


@pytest.mark.parametrize("key", sorted(CHANGES))
def test_every_key_changes_what_happens(drive, reference, key):
    if "default" not in reference:
        reference["default"] = outcome(drive, {})
    assert outcome(drive, CHANGES[key]) != reference["default"]


@pytest.mark.parametrize("change", [{"mean_snr": "9 dB"}, {"block": "3 ms"}])
def test_every_key_of_the_rayleigh_channel_changes_what_happens(drive, change):
    changed = {"channel": RAYLEIGH["channel"] | change}
    assert outcome(drive, changed) != outcome(drive, RAYLEIGH)
    assert set(Rayleigh.Config.model_fields) == {"kind", "mean_snr", "block"}


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
        ({"channel": {"scenario": "umx"}}, ("channel", "scenario"), "'umi' or 'uma'"),
        ({"channel": {"version": 19}}, ("channel", "version"), "Input should be 17"),
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
