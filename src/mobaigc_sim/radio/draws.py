"""Uniform draws by row, so that what one slot draws depends on its number only.

Shapes: U users.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ROWS = 512


class Draws:
    """Row r of an endless table of uniforms in [0, 1), one column a user; rows are asked for in ascending order."""

    def __init__(self, n_ue: int, rng: np.random.Generator) -> None:
        self._rng = rng
        self._n_ue = n_ue
        self._first = 0
        self._block = rng.random((_ROWS, n_ue))

    def row(self, index: int) -> NDArray[np.float64]:
        """The row of that index, read-only by agreement. Raises ValueError for a row long gone."""
        if index < self._first:
            raise ValueError(f"row {index} has gone; the oldest kept is {self._first}")
        while index >= self._first + _ROWS:
            self._block = self._rng.random((_ROWS, self._n_ue))
            self._first += _ROWS
        row_U: NDArray[np.float64] = self._block[index - self._first]
        return row_U
