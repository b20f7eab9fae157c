"""Path loss, line-of-sight probability and shadow fading of TR 38.901: the scenarios by name.

The formulas and the tables they come from are in `radio.environments`. They are the same in V17 and V19; what differs
between the two, the loss of coated glass, is in `radio.penetration`.
"""

from __future__ import annotations

from .environments.base import MIN_DISTANCE_M, Deviation, Geometry, Scenario
from .environments.indoor import MixedOffice, OpenOffice
from .environments.rural import RuralMacro
from .environments.urban import UrbanMacro, UrbanMicro

__all__ = ["MAX_UE_HEIGHT_M", "MIN_DISTANCE_M", "MIN_UE_HEIGHT_M", "SCENARIOS", "Deviation", "Geometry", "Scenario"]

MIN_UE_HEIGHT_M, MAX_UE_HEIGHT_M = 1.5, 13.0
"""User heights for which UMi and UMa need neither a height term nor a random environment height; what a scenario can
do at most is its `ue_height_range_m`."""

SCENARIOS: dict[str, Scenario] = {
    "umi": UrbanMicro(),
    "uma": UrbanMacro(),
    "rma": RuralMacro(),
    "inh_mixed": MixedOffice(),
    "inh_open": OpenOffice(),
}
