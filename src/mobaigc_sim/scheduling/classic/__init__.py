"""Classic schedulers, one rule a file."""

from .drift_plus_penalty import DriftPlusPenalty, DriftPlusPenaltyConfig
from .edf import Edf, EdfConfig
from .exp_pf import ExpPf, ExpPfConfig
from .log_rule import LogRule, LogRuleConfig
from .m_lwdf import MLwdf, MLwdfConfig
from .max_ci import MaxCi, MaxCiConfig
from .max_weight import MaxWeight, MaxWeightConfig
from .priced_utility import PricedUtility, PricedUtilityConfig
from .proportional_fair import ProportionalFair, ProportionalFairConfig
from .rolling_horizon import RollingHorizon, RollingHorizonConfig
from .round_robin import RoundRobin, RoundRobinConfig
from .with_ratio import WithRatio, WithRatioConfig

__all__ = [
    "DriftPlusPenalty",
    "DriftPlusPenaltyConfig",
    "Edf",
    "EdfConfig",
    "ExpPf",
    "ExpPfConfig",
    "LogRule",
    "LogRuleConfig",
    "MLwdf",
    "MLwdfConfig",
    "MaxCi",
    "MaxCiConfig",
    "MaxWeight",
    "MaxWeightConfig",
    "PricedUtility",
    "PricedUtilityConfig",
    "ProportionalFair",
    "ProportionalFairConfig",
    "RollingHorizon",
    "RollingHorizonConfig",
    "RoundRobin",
    "RoundRobinConfig",
    "WithRatio",
    "WithRatioConfig",
]
