"""Priced utility: a block goes where it earns most, and an image is sent as fully as the price of a block allows.

The price of a block rises with the work that waits; with `per_second: 0` it is fixed. `compiled.price` has the formula
and its sources. It knows the channel, the bytes at each keep ratio, and what a keep ratio is worth on average.

Shapes: U users, K keep ratios.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..base import schedulers
from ..epoch import EpochDecision, EpochView, WeightScheduler
from .priced_ratio import PricedRatioConfig, priced_plan

if TYPE_CHECKING:
    from ..compiled.price import Pricing


class PricedUtilityConfig(PricedRatioConfig):
    """Blocks to the request that earns most by them; keep ratios by the price of a block."""

    kind: Literal["priced_utility"] = "priced_utility"
    """Name of the scheduler."""
    sharpness: Annotated[float, Field(ge=0)] = 0.2
    """Exponent of what a bit earns in the weight; 0 for the largest rate alone."""
    urgency: Annotated[float, Field(ge=0)] = 0.2
    """Time to the deadline, in seconds, at which the density is doubled: what a block earns by delivery."""

    def pricing(self, keep_K: NDArray[np.float64]) -> Pricing:
        """The numbers of the rule on a grid of keep ratios."""
        return super().pricing(keep_K)._replace(sharpness=self.sharpness, urgency_s=self.urgency)


@schedulers.register("priced_utility")
class PricedUtility(WeightScheduler):
    """Blocks to the request that earns most by them; keep ratios by the price of a block."""

    Config = PricedUtilityConfig

    def __init__(self, config: PricedUtilityConfig) -> None:
        super().__init__()
        self._config = config

    def decide(self, view: EpochView) -> EpochDecision:
        """Weights and keep ratios of the rule."""
        found = priced_plan(self._config, view)
        return EpochDecision(found.log_weight_U, found.level_U)
