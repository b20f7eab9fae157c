"""Path loss, breakpoints, LOS probability, and the share of links of the real channel that are in line of sight.

Shapes: N links.

Source: TR 38.901 Tables 7.4.1-1 and 7.4.2-1. The vectors are those formulas worked out by hand at 3.5 GHz (RMa 0.7 GHz)
for users 1.5 m high under base stations of 25 m (UMa), 10 m (UMi), 35 m (RMa) and 3 m (offices).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..kernel.streams import Streams
from ..radio.config import RadioConfig
from ..radio.pathloss import SCENARIOS, Geometry
from ..radio.tr38901 import Tr38901
from .rows import Curves, Row, near

TABLE_LOSS, TABLE_LOS = "TR 38.901 Table 7.4.1-1", "TR 38.901 Table 7.4.2-1"
LABELS = {"uma": "UMa", "umi": "UMi", "rma": "RMa", "inh_mixed": "InH", "inh_open": "InH open"}

GEOMETRY = {
    "uma": Geometry(3.5e9, 25.0, 1.5),
    "umi": Geometry(3.5e9, 10.0, 1.5),
    "rma": Geometry(0.7e9, 35.0, 1.5),
    "inh_mixed": Geometry(3.5e9, 3.0, 1.5),
}
LOSS_DB = {
    ("uma", 50.0): (77.2122, 92.5108),
    ("uma", 200.0): (89.5695, 114.4620),
    ("uma", 1000.0): (109.4119, 141.6660),
    ("umi", 50.0): (79.0896, 94.1807),
    ("umi", 200.0): (91.6112, 115.2288),
    ("umi", 1000.0): (119.1531, 139.8892),
    ("inh_mixed", 10.0): (60.6649, 69.3323),
    ("inh_mixed", 50.0): (72.6769, 95.9253),
    ("rma", 100.0): (70.2190, 78.6944),
    ("rma", 500.0): (84.6325, 104.8433),
}
"""(scenario, horizontal distance in m) → path loss with and without line of sight."""
BREAKPOINT_M = {"uma": 560.0, "umi": 210.0}
LOS_PROBABILITY = {
    ("uma", 50.0): 0.64940,
    ("uma", 200.0): 0.12805,
    ("umi", 50.0): 0.51959,
    ("umi", 200.0): 0.09352,
    ("rma", 500.0): 0.61263,
    ("inh_mixed", 10.0): 0.28742,
}
LINKS, LINKS_A_CHANNEL = 8000, 1000


def rows(_: Curves) -> Iterator[Row]:
    """Every vector, then the real channel."""
    for (name, d2d_m), (los_db, nlos_db) in LOSS_DB.items():
        scenario, at_1, where = SCENARIOS[name], np.array([d2d_m]), f"{LABELS[name]} {d2d_m:g} m"
        got_db = scenario.los_path_loss_db(at_1, GEOMETRY[name])[0]
        yield near(f"path loss, {where}, LOS", los_db, got_db, 1e-3, "dB", TABLE_LOSS)
        got_db = scenario.nlos_path_loss_db(at_1, GEOMETRY[name])[0]
        yield near(f"path loss, {where}, NLOS", nlos_db, got_db, 1e-3, "dB", TABLE_LOSS)
    for name, expected_m in BREAKPOINT_M.items():
        got_m = float(SCENARIOS[name].breakpoint_m(GEOMETRY[name]))
        yield near(f"breakpoint, {LABELS[name]} at 3.5 GHz", expected_m, got_m, 1e-6, "m", f"{TABLE_LOSS} Note 1")
    for (name, d2d_m), probability in LOS_PROBABILITY.items():
        got = SCENARIOS[name].los_probability(np.array([d2d_m]))[0]
        yield near(f"P(LOS), {LABELS[name]} {d2d_m:g} m", probability, got, 1e-4, "", TABLE_LOS)
    for name, d2d_m in (("umi", 50.0), ("umi", 200.0), ("uma", 50.0), ("uma", 200.0)):
        probability = LOS_PROBABILITY[name, d2d_m]
        error = 3.0 * np.sqrt(probability * (1.0 - probability) / LINKS)
        check = f"share of {LINKS} {LABELS[name]} links in LOS, {d2d_m:g} m"
        yield near(check, probability, los_share(name, d2d_m), round(error, 4), "", TABLE_LOS)


def los_share(scenario: str, d2d_m: float) -> float:
    """Share of independent links of the real channel, all of one length, that are in line of sight.

    Each channel has many sites all but in one place, which have LOS fields of their own.
    """
    config = RadioConfig.model_validate(
        {
            "layout": {"grid": "line", "sites": LINKS_A_CHANNEL, "isd": "0.001 mm"},
            "bs_height": f"{GEOMETRY[scenario].bs_height_m:g} m",
            "slice": {"prb_ratio": 0.01},
        }
    )
    flat = Tr38901.Config.model_validate({"scenario": scenario, "fading": "flat"})
    in_sight = 0
    for seed in range(LINKS // LINKS_A_CHANNEL):
        channel = Tr38901(flat, config.setup(1), Streams(seed))
        _, los_1C = channel.large_scale(np.zeros(1, np.int64), np.array([[0.0, d2d_m]]))
        in_sight += int(los_1C.sum())
    return in_sight / LINKS
