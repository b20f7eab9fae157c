"""Classic schedulers, one rule a file."""

from .edf import Edf, EdfConfig
from .exp_pf import ExpPf, ExpPfConfig
from .log_rule import LogRule, LogRuleConfig
from .m_lwdf import MLwdf, MLwdfConfig
from .max_ci import MaxCi, MaxCiConfig
from .max_weight import MaxWeight, MaxWeightConfig
from .priced_utility import PricedUtility, PricedUtilityConfig
from .proportional_fair import ProportionalFair, ProportionalFairConfig
from .round_robin import RoundRobin, RoundRobinConfig

__all__ = [
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
    "RoundRobin",
    "RoundRobinConfig",
]
