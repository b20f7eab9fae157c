"""Which patch belongs to which level, coded: the patch mask of the base packet.

Levels are coded one after another. Inside a level, patches not yet taken are visited row by row and one decision says
whether the patch belongs to it. How many patches are still to come is known at both ends, so the odds start from
(still to come) : (others left), which alone makes the length log2 of the binomial coefficient; what has been seen of
the neighbours multiplies the odds, because important patches lie together. Three strengths of that multiplier are
tried (none, soft, sharp) and the shortest is kept, so a scattered mask costs next to nothing more.

Shapes: R × C patches.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .entropy import Coder, Writer

STRENGTHS = ("none", "soft", "sharp")
_UNIT = 64
_BY_NEIGHBOURS = {
    "none": (64,) * 7,
    "soft": (20, 56, 84, 121, 212, 320, 620),
    "sharp": (6, 48, 110, 230, 700, 1600, 6000),
}
_NEXT_TO_EARLIER = {"none": 1, "soft": 2, "sharp": 4}
NOT_SENT = -1


def code_level_map(
    coder: Coder, shape: tuple[int, int], counts: list[int], level_RC: NDArray[np.int8] | None = None
) -> NDArray[np.int8]:
    """Code (rows, columns) of levels: 0 … len(counts) − 1, NOT_SENT elsewhere.

    `counts` patches belong to each level; a writer gets the map in `level_RC`, a reader gets it back.
    """
    best = 0
    if level_RC is not None:
        sizes = [_length(shape, counts, level_RC, name) for name in STRENGTHS]
        best = int(np.argmin(sizes))
    name = STRENGTHS[coder.uniform(len(STRENGTHS), best)]
    return _code(coder, shape, counts, level_RC, name)


def _length(shape: tuple[int, int], counts: list[int], level_RC: NDArray[np.int8], name: str) -> int:
    trial = Writer()
    _code(trial, shape, counts, level_RC, name)
    return len(trial.finish())


def _code(
    coder: Coder, shape: tuple[int, int], counts: list[int], level_RC: NDArray[np.int8] | None, name: str
) -> NDArray[np.int8]:
    rows, columns = shape
    multiplier, near_earlier = _BY_NEIGHBOURS[name], _NEXT_TO_EARLIER[name]
    wide = columns + 2
    # one row of border on every side, so that neighbours need no test
    found = [NOT_SENT] * ((rows + 2) * wide)
    wanted = None if level_RC is None else np.pad(level_RC, 1, constant_values=NOT_SENT).ravel().tolist()
    free = [r * wide + c for r in range(1, rows + 1) for c in range(1, columns + 1)]
    for level, count in enumerate(counts):
        to_come, left = count, len(free)
        still_free = []
        for at in free:
            if to_come == 0 or to_come == left:
                taken = to_come > 0
            else:
                weight = (
                    2 * (found[at - 1] >= 0)
                    + 2 * (found[at - wide] >= 0)
                    + (found[at - wide - 1] >= 0)
                    + (found[at - wide + 1] >= 0)
                )
                odds = to_come * multiplier[weight]
                if found[at + 1] >= 0 or found[at + wide] >= 0:
                    odds *= near_earlier
                p1 = (odds << 16) // (odds + (left - to_come) * _UNIT)
                taken = bool(coder.chance(p1, None if wanted is None else int(wanted[at] == level)))
            if taken:
                found[at] = level
                to_come -= 1
            else:
                still_free.append(at)
            left -= 1
        free = still_free
    return np.asarray(found, np.int8).reshape(rows + 2, wide)[1:-1, 1:-1].copy()
