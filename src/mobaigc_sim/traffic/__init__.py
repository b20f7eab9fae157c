"""When users ask and what they ask for; importing this package fills the registry `traffic`."""

from .background import BackgroundConfig
from .base import ArrivalProcess, traffic
from .on_off import OnOff, OnOffConfig
from .poisson import Poisson, PoissonConfig
from .prompts import EmbeddedPromptsConfig, ListPromptsConfig, PromptsConfig, PromptSource
from .trace import Trace, TraceConfig

__all__ = [
    "ArrivalProcess",
    "BackgroundConfig",
    "EmbeddedPromptsConfig",
    "ListPromptsConfig",
    "OnOff",
    "OnOffConfig",
    "Poisson",
    "PoissonConfig",
    "PromptSource",
    "PromptsConfig",
    "Trace",
    "TraceConfig",
    "traffic",
]
