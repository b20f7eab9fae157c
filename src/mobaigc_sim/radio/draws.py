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
        self._rng_U = rng.spawn(n_ue)
        self._first = 0
        self._block = self._draw()

    def row(self, index: int) -> NDArray[np.float64]:
        """The row of that index, read-only by agreement. Raises ValueError for a row long gone."""
        if index < self._first:
            raise ValueError(f"row {index} has gone; the oldest kept is {self._first}")
        while index >= self._first + _ROWS:
            self._block = self._draw()
            self._first += _ROWS
        row_U: NDArray[np.float64] = self._block[index - self._first]
        return row_U

    def _draw(self) -> NDArray[np.float64]:
        """The next rows; each user has a generator of its own, so that others change nothing for it."""
        drawn_UR = np.array([rng.random(_ROWS) for rng in self._rng_U]).reshape(len(self._rng_U), _ROWS)
        return np.ascontiguousarray(drawn_UR.T)
