"""The pseudo-opinion: a full-reference score in [0, 1] of every window of a picture, 1 for the clean picture.

The pseudo-opinion of a window is

    (0.5 · (SSIM − 0.32) / 0.68  +  0.3 · (GMS − 0.70) / 0.30  +  0.2 · (C − 0.20) / 0.80)^1.5

with the means over the window of SSIM, GMS (gradient magnitude similarity) and C (colour similarity) of
`media.reference_metrics`, each term cut to [0, 1] before its weight. The numbers subtracted are the means between
scenes that have nothing to do with each other; the power spreads the upper end.
Letters: B pictures, N windows of a picture.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...reference_metrics import chroma_map, gms_map, luma, ssim_map

WINDOW_PX, STRIDE_PX = 32, 16
ANCHORS = {"ssim": 0.32, "gms": 0.70, "chroma": 0.20}
WEIGHTS = {"ssim": 0.5, "gms": 0.3, "chroma": 0.2}
POWER = 1.5


def components(clean: NDArray[np.uint8], distorted: NDArray[np.uint8]) -> dict[str, NDArray[np.float64]]:
    """Window means (B, N) of SSIM, GMS and colour similarity."""
    y_a, y_b = luma(clean), luma(distorted)
    return {
        "ssim": _windows(ssim_map(y_a, y_b), 1),
        "gms": _windows(gms_map(y_a, y_b), 2),
        "chroma": _windows(chroma_map(clean, distorted), 1),
    }


def pseudo_opinion(clean: NDArray[np.uint8], distorted: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Pseudo-opinion of every window, (B, N), in [0, 1]; the mean over N is that of the picture."""
    parts = components(clean, distorted)
    terms = [WEIGHTS[k] * np.clip((v - ANCHORS[k]) / (1 - ANCHORS[k]), 0, 1) for k, v in parts.items()]
    return np.asarray(np.sum(terms, axis=0) ** POWER)


def _windows(maps: NDArray[np.float32], scale: int) -> NDArray[np.float64]:
    """Mean over each window of maps (B, H // scale, W // scale), by summed areas."""
    size, stride = WINDOW_PX // scale, STRIDE_PX // scale
    total = np.pad(maps.astype(np.float64).cumsum(1).cumsum(2), ((0, 0), (1, 0), (1, 0)))
    top = np.arange(0, maps.shape[1] - size + 1, stride)[:, None]
    left = np.arange(0, maps.shape[2] - size + 1, stride)[None, :]
    area = (
        total[:, top + size, left + size]
        - total[:, top, left + size]
        - total[:, top + size, left]
        + total[:, top, left]
    )
    return np.asarray(area.reshape(len(maps), -1) / size**2)
