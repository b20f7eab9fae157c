"""The topic `channel`: it passes, and faults of the channel that runs make it fail."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mobaigc_sim.radio.channel import RadioSetup
from mobaigc_sim.radio.tr38901 import Tr38901
from mobaigc_sim.verify import channel
from mobaigc_sim.verify.topics import run

LARGE_SCALE, INIT = Tr38901.large_scale, Tr38901.__init__


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Fewer links, with wider limits accordingly."""
    for name, number in {"SITES": 400, "SEEDS": 1, "RING_SEEDS": 4, "PLACES": 3000}.items():
        monkeypatch.setattr(channel, name, number)


def failed() -> list[str]:
    return [row.check for row in run(["channel"]) if not row.passed]


def rebuilt(monkeypatch, change):
    """Every channel is built with another setup."""

    def init(self, config, setup, streams):
        INIT(self, config, change(setup), streams)

    monkeypatch.setattr(Tr38901, "__init__", init)


def test_the_channel_passes():
    rows = run(["channel"])
    assert [row.check for row in rows if not row.passed] == []
    assert len(rows) == 4 + 1 + 4 * 5 + 5 + 2
    assert all(row.topic == "channel" and row.source for row in rows)


@pytest.mark.parametrize("added_db", [20.0, -3.0])
def test_gains_off_by_some_decibels_fail_every_mean(monkeypatch, added_db):
    def wrong(self, ue_N, position_m_N2):
        gain_db_NC, los_NC = LARGE_SCALE(self, ue_N, position_m_N2)
        return gain_db_NC + added_db, los_NC

    monkeypatch.setattr(Tr38901, "large_scale", wrong)
    found = failed()
    means = [check for check in found if check.endswith(": mean") or check.startswith(("mean loss of", "mean gain"))]
    assert len(means) == len(found) == 12 + 5


def test_sectors_turned_the_wrong_way_fail(monkeypatch):
    def mirrored(setup):
        return replace(setup, layout=replace(setup.layout, cell_azimuth_rad_C=-setup.layout.cell_azimuth_rad_C))

    rebuilt(monkeypatch, mirrored)
    found = failed()
    assert len([check for check in found if check.startswith("gain of cell 0 over cell")]) == 4
    assert "max |sector − omni − pattern|, 21 cells, 200 places" in found and len(found) == 5


def test_an_antenna_blind_to_elevation_fails(monkeypatch):
    class Blind:
        def __init__(self, antenna):
            self._antenna = antenna

        def gain_db(self, azimuth_rad, elevation_rad):
            return self._antenna.gain_db(azimuth_rad, 0.0 * elevation_rad)

    rebuilt(monkeypatch, lambda setup: replace(setup, antenna=Blind(setup.antenna)))
    assert "max |sector − omni − pattern|, 21 cells, 200 places" in failed()


def test_buildings_that_let_everything_through_fail(monkeypatch):
    place = Tr38901._place_users

    def open_air(self, config, uniform_U7):
        place(self, config, uniform_U7)
        self._penetration_db_U[:] = 0.0

    monkeypatch.setattr(Tr38901, "_place_users", open_air)
    assert [check.split(" users ")[1].split(",")[0] for check in failed()] == [
        "in low-loss buildings",
        "in high-loss buildings",
        "in cars",
        "in cars with coated windows",
    ]


def test_no_shadowing_fails_the_deviations(monkeypatch):
    def none(field_S, vector_m_NS2):
        return np.zeros((len(vector_m_NS2), len(field_S)))

    monkeypatch.setattr("mobaigc_sim.radio.tr38901._values", none)
    deviations = [check for check in failed() if check.endswith("deviation")]
    assert len(deviations) == 8


def test_the_whole_power_on_every_block_fails_the_snr(monkeypatch):
    monkeypatch.setattr(RadioSetup, "prb_tx_dbm", property(lambda setup: setup.tx_power_dbm))
    assert failed() == [
        "mean SNR of a block in the downlink",
        "max |SNR of a cell − link budget| without fading",
    ]
