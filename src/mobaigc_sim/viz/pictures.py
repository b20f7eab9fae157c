"""Pixels for the sheets: attention as heat, missing parts as a checker, a place for a picture that is not there.

Shapes: H rows, W columns of pixels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from numpy.typing import NDArray

from .style import FAINT, SOFT

_HEAT = colormaps["inferno"]
_LUMA = np.array([0.299, 0.587, 0.114])


def heat_overlay(
    image_HW3: NDArray[np.uint8], map_HW: NDArray[np.floating[Any]], scale: float | None = None
) -> NDArray[np.uint8]:
    """The picture in dim grey, with the map glowing over it.

    `scale` is the value shown hottest; left out, it is the map's maximum. Maps that are to be compared need
    one scale.
    """
    scale = float(map_HW.max()) if scale is None else scale
    heat_HW = np.clip(map_HW / scale, 0, 1) if scale > 0 else np.zeros(map_HW.shape)
    grey_HW3 = 0.65 * (image_HW3 @ _LUMA)[..., None] / 255 * np.ones(3)
    glow_HW3 = _HEAT(0.25 + 0.68 * heat_HW)[..., :3]
    weight_HW1 = (0.72 * heat_HW)[..., None]
    mixed_HW3: NDArray[np.float64] = grey_HW3 * (1 - weight_HW1) + glow_HW3 * weight_HW1
    return np.rint(255 * mixed_HW3).astype(np.uint8)


def on_checker(received_HW4: NDArray[np.uint8], squares: int = 32) -> NDArray[np.uint8]:
    """The picture over a light checker that shows through where nothing arrived; `squares` across the width."""
    height, width = received_HW4.shape[:2]
    side = max(1, width // squares)
    rows, columns = np.ogrid[0:height, 0:width]
    checker_HW1 = np.where((rows // side + columns // side) % 2, 250, 228)[..., None]
    alpha_HW1 = received_HW4[..., 3:] / 255.0
    return np.rint(received_HW4[..., :3] * alpha_HW1 + checker_HW1 * (1 - alpha_HW1)).astype(np.uint8)


def show(axes: Axes, picture_HW3: NDArray[np.uint8] | None) -> None:
    """Fill the axes with the picture, or say that there is none."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(color=FAINT, linewidth=0.8)
    if picture_HW3 is None:
        axes.set_facecolor("#F4F5F7")
        axes.text(0.5, 0.5, "no picture", transform=axes.transAxes, ha="center", va="center", color=SOFT)
    else:
        axes.imshow(picture_HW3, interpolation="antialiased", aspect="equal")
