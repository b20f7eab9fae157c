"""What the schedulers share that weigh the worth of an image against the price of the blocks it takes.

    ρ* = argmax over ρ of worth(ρ) − (λ + cost of a block) · n(ρ),    log λ = a + b · (seconds of work that wait)

n(ρ) are the blocks that the request takes at keep ratio ρ; `compiled.price` has the rule and its source.

Shapes: U users, K keep ratios.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from ...registry import PluginConfig
from ..epoch import EpochView
from ..worth import WORTH_AT_KEEP, WORTH_OF_BASE, KeepCurve

if TYPE_CHECKING:
    from ..compiled.price import Plan, Pricing


class WorthConfig(PluginConfig):
    """What a request earns."""

    worth: KeepCurve = WORTH_AT_KEEP
    """What a request earns on average at some keep ratios."""
    base_worth: float = WORTH_OF_BASE
    """What it earns by its bases alone."""

    @model_validator(mode="after")
    def _base_is_least(self) -> Self:
        if self.base_worth > self.worth[0][1]:
            raise ValueError(f"base_worth must not exceed the worth at keep {self.worth[0][0]:g}, {self.worth[0][1]:g}")
        return self

    def worth_at(self, keep_K: NDArray[np.float64]) -> NDArray[np.float64]:
        """Worth (K,) at the keep ratios of a grid, straight between those given."""
        worth_K: NDArray[np.float64] = np.interp(keep_K, *np.array(self.worth).T)
        return worth_K


class PricedRatioConfig(WorthConfig):
    """What a request earns, and what a block costs."""

    log_price: float = -5.0
    """Logarithm of the price of a resource block while nothing waits, in units of the reward."""
    per_second: float = 2.0
    """What a second of waiting work adds to that; 0 for a fixed price."""

    def pricing(self, keep_K: NDArray[np.float64]) -> Pricing:
        """The numbers of the rule on a grid of keep ratios."""
        from ..compiled.price import Pricing

        return Pricing(self.log_price, self.per_second, 1.0, 0.0, self.worth_at(keep_K), self.base_worth)


def priced_plan(config: PricedRatioConfig, view: EpochView) -> Plan:
    """What the priced rule finds for a view."""
    from ..compiled.price import empty_plan, plan

    n_ue = len(view.active_U)
    out, nothing_U = empty_plan(n_ue), np.zeros(n_ue)
    plan(view, config.pricing(view.keep_K), nothing_U, nothing_U, out)
    return out
