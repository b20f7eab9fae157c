"""Spaces of an environment to the token layout that has them."""

from __future__ import annotations

from typing import Any

from gymnasium import spaces

from ..errors import MobaigcError
from ..scheduling.tokens import ACTIONS, CELL_FEATURES, CONTENT_FEATURES, USER_FEATURES, TokenLayout


class SpacesError(MobaigcError, ValueError):
    """Spaces that no token layout has."""


def layout_of(observed: spaces.Space[Any], acted: spaces.Space[Any]) -> TokenLayout:
    """The token layout whose sizes the spaces have; SpacesError if there is none or an action is not in [−1, 1]."""
    if isinstance(observed, spaces.Box) and isinstance(acted, spaces.Box) and len(observed.shape) == 1:
        in_range = bool((acted.low == -1).all() and (acted.high == 1).all())
        tokens = acted.shape[0] // ACTIONS if len(acted.shape) == 1 else 0
        levels = ((observed.shape[0] - CELL_FEATURES) // max(tokens, 1) - USER_FEATURES - 1) // CONTENT_FEATURES
        layout = TokenLayout(tokens, levels)
        if (
            in_range
            and min(tokens, levels) > 0
            and (layout.size,) == observed.shape
            and (layout.actions,) == acted.shape
        ):
            return layout
    raise SpacesError(
        f"an agent over sets needs the observations and actions of a TokenLayout, not {observed}, {acted}"
    )
