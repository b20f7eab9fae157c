"""Any rule that divides the band slot by slot, with the keep ratio chosen by the price of a block.

    winner of every block    as the rule named by `rule` says
    keep ratio               ρ* = argmax over ρ of worth(ρ) − (λ + cost of a block) · n(ρ), as in `priced_utility`

So rules are compared by how they divide the band, all else equal. A request is encoded when the next epoch begins.

Shapes: U users, K keep ratios.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator

from ...errors import UnknownNameError
from ...registry import PluginConfig, Registry, plugin_field
from ..base import Allocation, Scheduler, SlotState, schedulers
from ..epoch import EpochDecision, EpochScheduler, EpochView
from .keep import FixedKeepConfig
from .priced_ratio import PricedRatioConfig, priced_plan


class _SlotRules(Registry):
    """The schedulers that decide in every slot."""

    def names(self) -> tuple[str, ...]:
        """Their kinds, sorted."""
        return tuple(kind for kind in schedulers.names() if not issubclass(schedulers.get(kind), EpochScheduler))

    def get(self, kind: str) -> type[Any]:
        """The class of a kind; raises UnknownNameError also for schedulers that decide once an epoch."""
        if kind not in self.names():
            raise UnknownNameError(self.group.rstrip("s"), kind, self.names())
        return schedulers.get(kind)


def _without_keep(rule: PluginConfig) -> PluginConfig:
    if isinstance(rule, FixedKeepConfig) and rule.keep is not None:
        raise ValueError(f"the keep ratio is chosen by the price; leave out 'keep', got {rule.keep:g}")
    return rule


class WithRatioConfig(PricedRatioConfig):
    """Blocks by a rule of every slot; keep ratios by the price of a block."""

    kind: Literal["with_ratio"] = "with_ratio"
    """Name of the scheduler."""
    rule: Annotated[PluginConfig, plugin_field(_SlotRules("slot rules")), AfterValidator(_without_keep)]
    """Who gets which resource blocks; a scheduler that decides in every slot, without a keep ratio."""


@schedulers.register("with_ratio")
class WithRatio(EpochScheduler):
    """Blocks by a rule of every slot; keep ratios by the price of a block."""

    Config = WithRatioConfig

    def __init__(self, config: WithRatioConfig) -> None:
        self._config = config
        self._rule: Scheduler = schedulers.get(config.rule.kind)(config.rule)

    def decide(self, view: EpochView) -> EpochDecision:
        """Keep ratios by the price."""
        return EpochDecision(np.zeros(len(view.active_U)), priced_plan(self._config, view).level_U)

    def allocate(self, state: SlotState) -> Allocation:
        """Owner of each free block, by the rule."""
        return self._rule.allocate(state)

    def observe_served(self, ue: int, bits: int, now_ns: int) -> None:
        """Told on to the rule."""
        self._rule.observe_served(ue, bits, now_ns)
