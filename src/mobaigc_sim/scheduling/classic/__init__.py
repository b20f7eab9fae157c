"""Classic schedulers, one rule a file."""

from .max_ci import MaxCi, MaxCiConfig
from .proportional_fair import ProportionalFair, ProportionalFairConfig
from .round_robin import RoundRobin, RoundRobinConfig

__all__ = ["MaxCi", "MaxCiConfig", "ProportionalFair", "ProportionalFairConfig", "RoundRobin", "RoundRobinConfig"]
