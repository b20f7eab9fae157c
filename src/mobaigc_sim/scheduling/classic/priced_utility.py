"""Priced utility: a block goes where it earns most, and an image is sent as fully as the price of a block allows.

The price of a block rises with the work that waits; with `per_second: 0` it is fixed. `compiled.price` has the formula
and its sources. It knows the channel, the bytes at each keep ratio, and what a keep ratio is worth on average.

Shapes: U users, K keep ratios.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from ...registry import PluginConfig
from ..base import schedulers
from ..epoch import EpochDecision, EpochScheduler, EpochView
from ..worth import WORTH_AT_KEEP, WORTH_OF_BASE, KeepCurve

if TYPE_CHECKING:
    from ..compiled.price import Pricing


class PricedUtilityConfig(PluginConfig):
    """Blocks to the request that earns most by them; keep ratios by the price of a block."""

    kind: Literal["priced_utility"] = "priced_utility"
    """Name of the scheduler."""
    log_price: float = -7.0
    """Logarithm of the price of a resource block while nothing waits, in units of the reward."""
    per_second: float = 4.0
    """What a second of waiting work adds to that; 0 for a fixed price."""
    sharpness: Annotated[float, Field(gt=0)] = 8.0
    """Exponent of a user's priority in its share of the band."""
    urgency: Annotated[float, Field(ge=0)] = 0.05
    """Time to the deadline, in seconds, at which the priority is doubled."""
    worth: KeepCurve = WORTH_AT_KEEP
    """What a request earns on average at some keep ratios."""
    base_worth: float = WORTH_OF_BASE
    """What it earns by its bases alone."""

    @model_validator(mode="after")
    def _base_is_least(self) -> Self:
        if self.base_worth > self.worth[0][1]:
            raise ValueError(f"base_worth must not exceed the worth at keep {self.worth[0][0]:g}, {self.worth[0][1]:g}")
        return self

    def pricing(self, keep_K: NDArray[np.float64]) -> Pricing:
        """The numbers of the rule on a grid of keep ratios."""
        from ..compiled.price import Pricing

        worth_K = np.interp(keep_K, *np.array(self.worth).T)
        return Pricing(self.log_price, self.per_second, self.sharpness, self.urgency, worth_K, self.base_worth)


@schedulers.register("priced_utility")
class PricedUtility(EpochScheduler):
    """Blocks to the request that earns most by them; keep ratios by the price of a block."""

    Config = PricedUtilityConfig

    def __init__(self, config: PricedUtilityConfig) -> None:
        super().__init__()
        self._config = config

    def decide(self, view: EpochView) -> EpochDecision:
        """Shares and keep ratios of the rule."""
        from ..compiled.price import empty_plan, plan

        n_ue = len(view.active_U)
        out, nothing_U = empty_plan(n_ue), np.zeros(n_ue)
        plan(view, self._config.pricing(view.keep_K), nothing_U, nothing_U, out)
        return EpochDecision(out.log_weight_U, out.level_U)
