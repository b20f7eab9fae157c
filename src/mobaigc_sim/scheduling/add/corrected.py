"""What a policy is made to correct: the numbers of the priced rule, and how far an action may go.

They belong to the weights and are kept in their file, since the same weights mean something else under another rule.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ...registry import FrozenConfig
from ..classic.priced_utility import PricedUtilityConfig
from ..tokens import ACTION_RANGE

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class CorrectedRule(FrozenConfig):
    """The priced rule that a policy corrects, and what its actions mean."""

    rule: PricedUtilityConfig = PricedUtilityConfig()
    """What the zero action does."""
    action_range: tuple[Positive, Positive] = ACTION_RANGE
    """What an action of 1 adds to the logarithm of a user's weight, and to that of its price of a block."""
