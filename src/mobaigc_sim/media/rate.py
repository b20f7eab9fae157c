"""What a packet is expected to be worth, as far as the server can tell without running recovery.

| symbol | meaning |
|---|---|
| a_p | share of the attention mass in patch p |
| e_p | mean squared error of patch p where it is missing, so that the thumbnail shows |
| d_p | mean squared error of patch p as the codec sends it |

Gain of a level: Σ a_p (e_p − d_p) over its patches p. Packets go out by gain per byte, the greedy solution of the
knapsack that a deadline makes of them (G. B. Dantzig, 1957).

Shapes: H × W pixels, R × C patches, P patches.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def squared_error(shown: NDArray[np.uint8], wanted: NDArray[np.uint8], patch_px: int) -> NDArray[np.float64]:
    """Mean squared error (R, C) of each patch of a picture (H, W, 3), over its colours, in grey levels squared."""
    rows, columns = wanted.shape[0] // patch_px, wanted.shape[1] // patch_px
    squared = (shown.astype(np.int32) - wanted) ** 2
    return np.asarray(squared.reshape(rows, patch_px, columns, patch_px, 3).mean(axis=(1, 3, 4)))


def expected_gain(
    attention_P: NDArray[np.float64], missing_P: NDArray[np.float64], sent_P: NDArray[np.float64]
) -> float:
    """Attention-weighted squared error that a level takes away; negative where the thumbnail is better."""
    return float((attention_P * (missing_P - sent_P)).sum())
