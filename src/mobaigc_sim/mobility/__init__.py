"""Where users are and how they move; importing this package fills the registry `mobility`."""

from .base import Area, AreaConfig, Kinematics, MobilityModel, mobility
from .gauss_markov import GaussMarkov, GaussMarkovConfig
from .random_waypoint import RandomWaypoint, RandomWaypointConfig
from .static import Static, StaticConfig

__all__ = [
    "Area",
    "AreaConfig",
    "GaussMarkov",
    "GaussMarkovConfig",
    "Kinematics",
    "MobilityModel",
    "RandomWaypoint",
    "RandomWaypointConfig",
    "Static",
    "StaticConfig",
    "mobility",
]
