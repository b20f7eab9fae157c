"""The channel that runs: what `Tr38901.large_scale` gives at known places, and the SNR that the downlink makes of it.

Shapes: U users, S sites, C cells.

Expected values are written out here from the report and share no code with the channel. Means are over links that have
nothing in common: sites all but in one place have shadowing of their own, and users stand far apart. A mean may be off
by three standard errors.

Source: TR 38.901 Table 7.3-1 (element), Table 7.4.1-1 (path loss, deviations), Table 7.4.2-1, clause 7.4.3.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..kernel.streams import Streams
from ..radio.config import RadioConfig
from ..radio.tr38901 import Tr38901
from .drive import link_of
from .pathloss import GEOMETRY, LABELS, LOS_PROBABILITY, LOSS_DB, TABLE_LOSS
from .penetration import LONGEST_M, WALL_DB
from .rows import Curves, Row, near
from .shadowing import SIGMA_DB

Array = NDArray[np.float64]

TABLE_ELEMENT, CLAUSE_INSIDE = "TR 38.901 Table 7.3-1", "TR 38.901 clause 7.4.3"
BORESIGHT_DEG = (30.0, 150.0, 270.0)
ASIDE_DEG = {"40° left": 70.0, "40° right": -10.0}
"""Azimuths of users on either side of the first cell's boresight."""
FAR_M = 2000.0
CLEAR_LOSS_DB = {
    "uma": ((15.0, 70.6775), (1000.0, 141.6660)),
    "umi": ((15.0, 69.2491), (1000.0, 139.8892)),
    "rma": ((10.0, 60.3010), (4000.0, 139.6957)),
    "inh_mixed": ((1.0, 47.7092), (100.0, 107.4492)),
}
"""Scenario → a length at which every link is in line of sight and one at which hardly any is, path loss of either.

Between them is a state that changes over a few metres, where gains are a mixture.
"""
MIXED_M = {"uma": 50.0, "umi": 50.0, "rma": 500.0, "inh_mixed": 10.0}
"""Scenario → a length at which both states are frequent."""
SITES, SEEDS = 1000, 4
RING_M, RING_USERS, RING_SITES, RING_SEEDS = 1000.0, 150, 10, 20
"""Users 42 m apart on a ring, six correlation distances of the shadowing indoors."""
SNR_0_DB = 33.0 - 10.0 * np.log10(51.0) + 173.975 - 10.0 * np.log10(360e3) - 9.0
"""33 dBm on 51 blocks of 360 kHz, noise figure 9 dB: the SNR of a block at a gain of 0 dB."""
PLACES = 4000


def rows(_: Curves) -> Iterator[Row]:
    """Directions, then means, then users indoors, then the SNR."""
    for side, azimuth_deg in ASIDE_DEG.items():
        gain_db_C = sector_gains_db(azimuth_deg)
        expected_db_C = element_db(azimuth_deg - np.array(BORESIGHT_DEG), -np.degrees(np.arctan(8.5 / FAR_M)))
        for other in (1, 2):
            check = f"gain of cell 0 over cell {other} of its site, user {side} of boresight"
            expected_db = expected_db_C[0] - expected_db_C[other]
            yield near(check, expected_db, gain_db_C[0] - gain_db_C[other], 1e-6, "dB", TABLE_ELEMENT)
    off_db = sector_over_omni_off_db()
    yield near("max |sector − omni − pattern|, 21 cells, 200 places", 0.0, off_db, 1e-6, "dB", TABLE_ELEMENT)
    for name in CLEAR_LOSS_DB:
        yield from _mean_rows(name)
    yield from _inside_rows()
    yield from _snr_rows()


def element_db(azimuth_deg: Any, elevation_deg: Any) -> Any:
    """Gain of the sector element, angles from its boresight and from the horizon."""
    turned_deg = np.abs((np.asarray(azimuth_deg) + 180.0) % 360.0 - 180.0)
    horizontal_db = np.minimum(12.0 * (turned_deg / 65.0) ** 2, 30.0)
    vertical_db = np.minimum(12.0 * (np.asarray(elevation_deg) / 65.0) ** 2, 30.0)
    return 8.0 - np.minimum(horizontal_db + vertical_db, 30.0)


def channel_of(radio: dict[str, Any], channel: dict[str, Any], n_ue: int, seed: int) -> Tr38901:
    """The channel of a scenario's radio part, on as few blocks as there can be."""
    config = RadioConfig.model_validate({"slice": {"prb_ratio": 0.01}, **radio})
    return Tr38901(Tr38901.Config.model_validate({"fading": "flat", **channel}), config.setup(n_ue), Streams(seed))


def sector_gains_db(azimuth_deg: float) -> Array:
    """Gains of the three cells of a site at the origin to a user far away in a direction."""
    azimuth_rad = np.radians(azimuth_deg)
    place_m_12 = FAR_M * np.array([[np.cos(azimuth_rad), np.sin(azimuth_rad)]])
    channel = channel_of({"layout": {"sectors": 3}, "antenna": {"pattern": "sector"}}, {}, 1, 1)
    gain_db_C: Array = channel.large_scale(np.zeros(1, np.int64), place_m_12)[0][0]
    return gain_db_C


def sector_over_omni_off_db() -> float:
    """Greatest deviation from the pattern of the difference that sector antennas make, in seven sites of three cells.

    Path loss and shadowing are the same with either antenna and cancel.
    """
    place_m_N2 = np.random.default_rng(1).uniform(-700.0, 700.0, (200, 2))
    ue_N = np.zeros(len(place_m_N2), np.int64)
    gain_db: dict[str, Array] = {}
    for pattern in ("sector", "omni"):
        radio = {"layout": {"sites": 7, "sectors": 3, "isd": "500 m"}, "antenna": {"pattern": pattern}}
        gain_db[pattern] = channel_of(radio, {}, 1, 1).large_scale(ue_N, place_m_N2)[0]
    site_m_S2 = RadioConfig.model_validate(radio).setup(1).layout.site_m_S2
    worst_db = 0.0
    for cell in range(21):
        x_m_N, y_m_N = (place_m_N2 - site_m_S2[cell // 3]).T
        azimuth_deg_N = np.degrees(np.arctan2(y_m_N, x_m_N)) - BORESIGHT_DEG[cell % 3]
        pattern_db_N = element_db(azimuth_deg_N, -np.degrees(np.arctan2(8.5, np.hypot(x_m_N, y_m_N))))
        difference_db_N = gain_db["sector"][:, cell] - gain_db["omni"][:, cell]
        worst_db = max(worst_db, float(np.abs(difference_db_N - pattern_db_N).max()))
    return worst_db


def _mean_rows(name: str) -> Iterator[Row]:
    """Gain plus path loss of many links of one length."""
    for state, (d2d_m, loss_db), sigma_db in zip(("LOS", "NLOS"), CLEAR_LOSS_DB[name], SIGMA_DB[name], strict=True):
        gain_db_N, los_N = links(name, d2d_m)
        left_db = gain_db_N[los_N == (state == "LOS")] + loss_db
        check, n = f"gain + path loss, {LABELS[name]} {d2d_m:g} m, {state}", max(1, len(left_db))
        mean_db, deviation_db = (left_db.mean(), left_db.std()) if len(left_db) else (np.nan, np.nan)
        yield near(f"{check}: mean", 0.0, mean_db, round(3.0 * sigma_db / n**0.5, 3), "dB", TABLE_LOSS)
        error_db = round(3.0 * sigma_db / (2 * n) ** 0.5, 3)
        yield near(f"{check}: deviation", sigma_db, deviation_db, error_db, "dB", TABLE_LOSS)
    d2d_m = MIXED_M[name]
    los_db, nlos_db = LOSS_DB[name, d2d_m]
    los_share = LOS_PROBABILITY[name, d2d_m]
    shares, sigmas_db = np.array([los_share, 1.0 - los_share]), np.array(SIGMA_DB[name])
    variance_db2 = float(shares @ sigmas_db**2 + shares.prod() * (nlos_db - los_db) ** 2)
    gain_db_N, _ = links(name, d2d_m)
    error_db = round(3.0 * (variance_db2 / len(gain_db_N)) ** 0.5, 3)
    check = f"mean gain, {LABELS[name]} {d2d_m:g} m, LOS and NLOS"
    yield near(check, -float(shares @ [los_db, nlos_db]), gain_db_N.mean(), error_db, "dB", f"{TABLE_LOSS}, 7.4.2-1")


def links(name: str, d2d_m: float) -> tuple[Array, NDArray[np.bool_]]:
    """Gain and line-of-sight state of links of one length that have nothing in common."""
    carrier = {"carrier": f"{GEOMETRY[name].carrier_hz:g} Hz", "bs_height": f"{GEOMETRY[name].bs_height_m:g} m"}
    line = {"layout": {"grid": "line", "sites": SITES, "isd": "0.001 mm"}}
    channels = [channel_of(carrier | line, {"scenario": name}, 1, seed) for seed in range(SEEDS)]
    found = [each.large_scale(np.zeros(1, np.int64), np.array([[0.0, d2d_m]])) for each in channels]
    return np.concatenate([gain_db_1C[0] for gain_db_1C, _ in found]), np.concatenate(
        [los_1C[0] for _, los_1C in found]
    )


def _inside_rows() -> Iterator[Row]:
    """What users lose on average in buildings and cars; drawn are wall spread, depth, and shadowing."""
    depth_m, depth_deviation_m = LONGEST_M / 3.0, LONGEST_M / 18.0**0.5
    low_db, high_db = WALL_DB[17]
    for kind, channel, expected_db, user_db, shadow_db in (
        ("in low-loss buildings", {"indoor": 1.0, "high_loss": 0.0}, low_db + 0.5 * depth_m, 4.4, 7.0),
        ("in high-loss buildings", {"indoor": 1.0, "high_loss": 1.0}, high_db + 0.5 * depth_m, 6.5, 7.0),
        ("in cars", {"in_car": 1.0}, 9.0, 5.0, 7.82),
        ("in cars with coated windows", {"in_car": 1.0, "metallised": True}, 20.0, 5.0, 7.82),
        ("outdoors", {}, 0.0, 0.0, 7.82),
    ):
        loss_db_U = np.concatenate([ring_losses_db(channel, seed) for seed in range(RING_SEEDS)])
        spread_db = np.hypot(user_db, 0.5 * depth_deviation_m) if "indoor" in channel else user_db
        error_db = 3.0 * np.hypot(spread_db, shadow_db / RING_SITES**0.5) / len(loss_db_U) ** 0.5
        check = f"mean loss of {len(loss_db_U)} users {kind}, over the path loss"
        yield near(check, expected_db, float(loss_db_U.mean()), round(error_db, 3), "dB", CLAUSE_INSIDE)


def ring_losses_db(channel: dict[str, Any], seed: int) -> Array:
    """Loss of users over the path loss, mean over sites all but in one place."""
    angle_U = 2.0 * np.pi * np.arange(RING_USERS) / RING_USERS
    place_m_U2 = RING_M * np.stack([np.cos(angle_U), np.sin(angle_U)], axis=1)
    line = {"layout": {"grid": "line", "sites": RING_SITES, "isd": "0.001 mm"}}
    gain_db_US, los_US = channel_of(line, channel, RING_USERS, seed).large_scale(np.arange(RING_USERS), place_m_U2)
    loss_db_US = -gain_db_US - np.where(los_US, *LOSS_DB["umi", RING_M])
    loss_db_U: Array = loss_db_US.mean(axis=1)
    return loss_db_U


def _snr_rows() -> Iterator[Row]:
    """One user of the real downlink, in one place with the fading of many."""
    link = link_of({"channel": {"kind": "tr38901", "fading": "tdl_c"}}, 1)
    place_m_12, snr_sum = np.array([[120.0, 50.0]]), 0.0
    for slot in range(PLACES):
        link.begin_slot(slot, place_m_12, np.full(1, 0.4 * slot))
        snr_sum += float(np.mean(10.0 ** (link.sinr_db(np.zeros(1, np.int64)) / 10.0)))
    expected_db = SNR_0_DB + float(link.gain_db_UC[0, 0])
    source = "33 dBm on 51 blocks, kT at 290 K, 9 dB"
    yield near("mean SNR of a block in the downlink", expected_db, 10.0 * np.log10(snr_sum / PLACES), 0.1, "dB", source)
    config = RadioConfig.model_validate({"antenna": {"pattern": "sector"}, "layout": {"sectors": 3}})
    channel = Tr38901(Tr38901.Config(), config.setup(1), Streams(1))
    state = channel.begin_slot(0, place_m_12, np.zeros(1))
    gain_db_C = channel.large_scale(np.zeros(1, np.int64), place_m_12)[0][0]
    off_db = np.abs(10.0 * np.log10(state.snr_UC[0]) - SNR_0_DB - gain_db_C).max()
    yield near("max |SNR of a cell − link budget| without fading", 0.0, float(off_db), 1e-3, "dB", source)
