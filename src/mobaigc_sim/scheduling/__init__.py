"""Who gets the band, and how much of an image is sent; importing this package fills the registry `schedulers`."""

from .base import Allocation, ContentView, Scheduler, SlotState, schedulers
from .classic import Edf, ExpPf, LogRule, MaxCi, MaxWeight, MLwdf, PricedUtility, ProportionalFair, RoundRobin
from .fill import deal, fill

__all__ = [
    "Allocation",
    "ContentView",
    "Edf",
    "ExpPf",
    "LogRule",
    "MLwdf",
    "MaxCi",
    "MaxWeight",
    "PricedUtility",
    "ProportionalFair",
    "RoundRobin",
    "Scheduler",
    "SlotState",
    "deal",
    "fill",
    "schedulers",
]
