"""How the state of a cell is packed into one flat vector, and how to take it apart again.

One token a user with something to send, in order of deadline; each has one content token a keep ratio it may choose.
A user's action is two numbers in [−1, 1]: a correction of its weight, and of the price of a resource block to it.

Shapes: N tokens, F features of a user, K keep ratios, C features of a keep ratio, G features of the cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

USER_FEATURES = 17
CONTENT_FEATURES = 4
CELL_FEATURES = 6
ACTIONS = 2
BOUND = 8.0
"""No number of an observation is larger than that."""
ACTION_RANGE = (3.0, 3.0)
"""What an action of 1 adds to the logarithm of a user's weight, and to that of its price of a block."""


class Tokens(NamedTuple):
    """The parts of an observation; leading axes are those of the vectors."""

    users_NF: Any
    content_NKC: Any
    mask_N: Any
    """1 where there is a user, 0 for padding, which comes last and is all zero."""
    cell_G: Any


@dataclass(frozen=True)
class TokenLayout:
    """Sizes of an observation: `tokens` users at most, `levels` keep ratios."""

    tokens: int
    levels: int

    @property
    def size(self) -> int:
        """Length of the flat vector: users (N·F), content (N·K·C), mask (N), cell (G)."""
        return self.tokens * (USER_FEATURES + self.levels * CONTENT_FEATURES + 1) + CELL_FEATURES

    @property
    def actions(self) -> int:
        """Length of the flat action, (N, 2) row by row."""
        return self.tokens * ACTIONS

    def unpack(self, flat: Any) -> Tokens:
        """The parts of vectors (…, size), numpy arrays or tensors alike, as views."""
        n, k, lead = self.tokens, self.levels, flat.shape[:-1]
        content = n * USER_FEATURES
        mask = content + n * k * CONTENT_FEATURES
        cell = mask + n
        return Tokens(
            flat[..., :content].reshape(*lead, n, USER_FEATURES),
            flat[..., content:mask].reshape(*lead, n, k, CONTENT_FEATURES),
            flat[..., mask:cell],
            flat[..., cell:],
        )
