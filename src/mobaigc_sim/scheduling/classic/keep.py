"""What the classic schedulers share: a keep ratio that is fixed, or left to the scenario."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ...registry import PluginConfig
from ..base import ContentView, Scheduler


class FixedKeepConfig(PluginConfig):
    """Configuration of a scheduler that does not look at the content."""

    keep: Annotated[float, Field(gt=0, le=1)] | None = None
    """Share of the patches to offer for every request; without it the scenario's `media.keep` holds."""


class FixedKeep(Scheduler):
    """A scheduler that does not look at the content."""

    def __init__(self, config: FixedKeepConfig) -> None:
        self._keep = config.keep

    def keep_ratio(self, content: ContentView | None) -> float | None:
        """The configured share of the patches, whatever the content."""
        return self._keep
