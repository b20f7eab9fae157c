"""Where users are and how they move; importing this package fills the registry `mobility`."""

from .base import FOREVER_NS, Area, AreaConfig, Kinematics, MobilityError, MobilityModel, mobility
from .csv_trace import CsvTrace, CsvTraceConfig
from .gauss_markov import GaussMarkov, GaussMarkovConfig
from .highway import Highway, HighwayConfig
from .manhattan import Manhattan, ManhattanConfig
from .ns2 import Ns2, Ns2Config
from .random_waypoint import RandomWaypoint, RandomWaypointConfig
from .static import Static, StaticConfig
from .sumo_fcd import SumoFcd, SumoFcdConfig
from .trace import OriginConfig, TraceError
from .train import Train, TrainConfig

__all__ = [
    "FOREVER_NS",
    "Area",
    "AreaConfig",
    "CsvTrace",
    "CsvTraceConfig",
    "GaussMarkov",
    "GaussMarkovConfig",
    "Highway",
    "HighwayConfig",
    "Kinematics",
    "Manhattan",
    "ManhattanConfig",
    "MobilityError",
    "MobilityModel",
    "Ns2",
    "Ns2Config",
    "OriginConfig",
    "RandomWaypoint",
    "RandomWaypointConfig",
    "Static",
    "StaticConfig",
    "SumoFcd",
    "SumoFcdConfig",
    "TraceError",
    "Train",
    "TrainConfig",
    "mobility",
]
