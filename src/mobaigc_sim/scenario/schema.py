"""What a scenario file may say: the rooms' own configurations, composed."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from ..media.config import MediaConfig
from ..mobility import AreaConfig
from ..mobility import mobility as mobility_models
from ..radio.config import RadioConfig
from ..registry import FrozenConfig, PluginConfig, plugin_field
from ..scheduling import schedulers
from ..traffic import BackgroundConfig, PromptsConfig
from ..traffic import traffic as arrival_processes
from ..units import Nanoseconds, PositiveNanoseconds
from .service import ResultsConfig, RewardConfig, ServiceConfig

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"


def _folder_name(name: str) -> str:
    if not re.match(_NAME, name):
        raise ValueError(
            f"expected up to 100 letters, digits, dots, hyphens and underscores, a letter or digit first, got {name!r}"
        )
    return name


class UsersConfig(FrozenConfig):
    """Who is in the cell and how they move."""

    count: Annotated[int, Field(ge=1)]
    """Number of users."""
    area: AreaConfig = AreaConfig()
    """Where users may be."""
    mobility: Annotated[PluginConfig, plugin_field(mobility_models)]
    """How users move."""


class TrafficConfig(FrozenConfig):
    """When users ask, and for what."""

    arrivals: Annotated[PluginConfig, plugin_field(arrival_processes)]
    """When each user asks."""
    prompts: PromptsConfig
    """What users ask for."""
    images_per_request: Annotated[int, Field(ge=1)] = 1
    """Images that one request asks for, all of the same prompt."""
    deadline: PositiveNanoseconds
    """Time from the request to the moment at which whatever has arrived must do."""
    background: BackgroundConfig | None = None
    """Users beside those who ask for images; left out, there are none."""


class Scenario(FrozenConfig):
    """One simulation run."""

    name: Annotated[str, AfterValidator(_folder_name), Field(json_schema_extra={"pattern": _NAME})]
    """Name of the scenario, used for folders and tables: letters, digits, dots, hyphens and underscores."""
    duration: PositiveNanoseconds
    """Simulated time of the run, warm-up included."""
    warmup: Nanoseconds = 0
    """Simulated time at the start whose requests are not measured."""
    seed: Annotated[int, Field(ge=0)]
    """Seed of every random stream."""
    replication: Annotated[int, Field(ge=0)] = 0
    """Number of the independent repetition under the same seed."""
    radio: RadioConfig
    """Carrier, grid, channel and link of the cell."""
    users: UsersConfig
    """Who is in the cell and how they move."""
    traffic: TrafficConfig
    """When users ask, and for what."""
    media: MediaConfig = MediaConfig()
    """How images are generated, encoded, recovered and scored."""
    scheduler: Annotated[PluginConfig, plugin_field(schedulers)]
    """Who gets which resource blocks."""
    service: ServiceConfig = ServiceConfig()
    """The server that generates, the link layer, the phone that recovers."""
    reward: RewardConfig = RewardConfig()
    """What schedulers are to maximise."""
    results: ResultsConfig = ResultsConfig()
    """What is kept of the run."""

    @property
    def n_ue(self) -> int:
        """Users in all: those who ask for images, then those in the background."""
        return self.users.count + (self.traffic.background.users if self.traffic.background is not None else 0)

    @model_validator(mode="after")
    def _measures_something(self) -> Self:
        if self.warmup >= self.duration:
            raise ValueError(
                f"warmup must be shorter than duration, got {self.warmup / 1e9:g} s and {self.duration / 1e9:g} s"
            )
        return self

    @model_validator(mode="after")
    def _averages_over_slots(self) -> Self:
        slot_ns, window_ns = self.radio.grid().slot_ns, self.service.pf_window
        if window_ns < slot_ns:
            raise ValueError(
                "service.pf_window must not be shorter than a slot, "
                f"got {window_ns / 1e6:g} ms and {slot_ns / 1e6:g} ms"
            )
        return self
