"""Figures of merit of a run, each declared once with title and unit, and the statistics to compare them."""

from . import mobility as mobility
from . import requests as requests
from . import throughput as throughput
from .definitions import METRICS, Metric, evaluate, metric, summarise
from .stats import Interval, bootstrap_mean, paired_bootstrap, wilson

__all__ = [
    "METRICS",
    "Interval",
    "Metric",
    "bootstrap_mean",
    "evaluate",
    "metric",
    "paired_bootstrap",
    "summarise",
    "wilson",
]
