"""Loss into buildings and cars, and the depth of users in buildings.

Shapes: N users.

Source: TR 38.901 Tables 7.4.3-1 and 7.4.3-2, clauses 7.4.3.1 and 7.4.3.2, V17 and V19.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..radio.penetration import car_loss_db, draw_indoor_distance_m, wall_loss_db
from .rows import Curves, Row, close, near

TABLE = "TR 38.901 Table 7.4.3-2"
WALL_DB = {17: (12.698, 26.850), 19: (12.698, 27.499)}
"""Version → low-loss and high-loss wall at 3.5 GHz."""
DRAWS = 400_000
LONGEST_M = 25.0


def rows(_: Curves) -> Iterator[Row]:
    """Walls of both versions; moments of drawn depths, which tell the lesser of two draws from one draw."""
    for version, walls_db in WALL_DB.items():
        got_db = wall_loss_db(3.5e9, np.array([False, True]), version)  # type: ignore[arg-type]
        for kind, expected_db, wall_db in zip(("low", "high"), walls_db, got_db, strict=True):
            yield near(f"{kind}-loss wall at 3.5 GHz, V{version}", expected_db, wall_db, 1e-3, "dB", TABLE)
    rng = np.random.default_rng(1)
    depth_m_N = draw_indoor_distance_m("umi", DRAWS, rng)
    source = "TR 38.901 clause 7.4.3.1: minimum of two U(0, 25 m)"
    yield close("mean depth in a building", LONGEST_M / 3.0, depth_m_N.mean(), 0.01, source)
    yield near("P(depth > 12.5 m)", 0.25, float(np.mean(depth_m_N > LONGEST_M / 2.0)), 0.005, "", source)
    loss_db_N = car_loss_db(rng.standard_normal(DRAWS))
    yield near("mean loss into a car", 9.0, loss_db_N.mean(), 0.03, "dB", "TR 38.901 clause 7.4.3.2")
    yield near("deviation of the loss into a car", 5.0, loss_db_N.std(), 0.03, "dB", "TR 38.901 clause 7.4.3.2")
