"""Who gets the band, and how much of an image is sent; importing this package fills the registry `schedulers`."""

from .add.scheduler import Add
from .base import Allocation, ContentView, Scheduler, SlotState, schedulers
from .classic import (
    DriftPlusPenalty,
    Edf,
    ExpPf,
    LogRule,
    MaxCi,
    MaxWeight,
    MLwdf,
    PricedUtility,
    ProportionalFair,
    RollingHorizon,
    RoundRobin,
    WithRatio,
)
from .fill import deal, fill

__all__ = [
    "Add",
    "Allocation",
    "ContentView",
    "DriftPlusPenalty",
    "Edf",
    "ExpPf",
    "LogRule",
    "MLwdf",
    "MaxCi",
    "MaxWeight",
    "PricedUtility",
    "ProportionalFair",
    "RollingHorizon",
    "RoundRobin",
    "Scheduler",
    "SlotState",
    "WithRatio",
    "deal",
    "fill",
    "schedulers",
]
