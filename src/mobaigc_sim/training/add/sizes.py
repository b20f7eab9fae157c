"""Spaces of an environment to the token layout that has them."""

from __future__ import annotations

from typing import Any

from gymnasium import spaces

from ...scheduling.tokens import ACTIONS, CELL_FEATURES, CONTENT_FEATURES, USER_FEATURES, TokenLayout


def layout_of(observation_space: spaces.Space[Any], action_space: spaces.Space[Any]) -> TokenLayout:
    """The token layout whose sizes the spaces have; ValueError if there is none or an action is not in [−1, 1]."""
    if not (isinstance(observation_space, spaces.Box) and isinstance(action_space, spaces.Box)):
        raise ValueError("ADD needs Box observations and actions")
    if len(observation_space.shape) != 1 or len(action_space.shape) != 1:
        raise ValueError("ADD needs flat observations and actions")
    if not (bool((action_space.low == -1).all()) and bool((action_space.high == 1).all())):
        raise ValueError("ADD needs actions in [-1, 1]")
    tokens = action_space.shape[0] // ACTIONS
    levels = ((observation_space.shape[0] - CELL_FEATURES) // max(tokens, 1) - USER_FEATURES - 1) // CONTENT_FEATURES
    layout = TokenLayout(tokens, levels)
    if levels < 1 or (layout.size, layout.actions) != (observation_space.shape[0], action_space.shape[0]):
        raise ValueError(
            f"no token layout has {observation_space.shape[0]} observed numbers and {action_space.shape[0]} actions"
        )
    return layout
