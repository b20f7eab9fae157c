"""What stands where nothing arrived, before (or instead of) inpainting by the generator.

Shapes: H × W pixels.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..errors import MobaigcError, UnknownNameError

TELEA_RADIUS_PX = 5

Picture = NDArray[np.uint8]
Mask = NDArray[np.bool_]


def _thumbnail(image: Picture, known_HW: Mask, thumbnail: Picture) -> Picture:
    """The enlarged thumbnail."""
    return thumbnail


def _mean(image: Picture, known_HW: Mask, thumbnail: Picture) -> Picture:
    """One flat colour: the mean of what arrived, of the thumbnail where nothing did."""
    pixels = image[known_HW] if known_HW.any() else thumbnail.reshape(-1, 3)
    return np.broadcast_to(np.round(pixels.mean(axis=0)).astype(np.uint8), image.shape)


def _telea(image: Picture, known_HW: Mask, thumbnail: Picture) -> Picture:
    """Fast marching from the known edges (A. Telea, 2004, as in OpenCV); the thumbnail where nothing is known."""
    try:
        import cv2
    except ImportError:
        raise MobaigcError(
            "the fill 'telea' needs OpenCV, which is not installed: pip install opencv-python-headless"
        ) from None
    if not known_HW.any():
        return thumbnail
    missing = np.where(known_HW, 0, 255).astype(np.uint8)
    return np.asarray(cv2.inpaint(np.ascontiguousarray(image), missing, TELEA_RADIUS_PX, cv2.INPAINT_TELEA), np.uint8)


FILLS: dict[str, Callable[[Picture, Mask, Picture], Picture]] = {
    "thumbnail": _thumbnail,
    "mean": _mean,
    "telea": _telea,
}


def fill(name: str, image: Picture, known_HW: Mask, thumbnail: Picture) -> Picture:
    """A copy of the picture with its unknown pixels filled; known pixels keep their values.

    Raises UnknownNameError for a name that is none of FILLS.
    """
    if name not in FILLS:
        raise UnknownNameError("fill", name, FILLS)
    if known_HW.all():
        return image.copy()
    return np.where(known_HW[..., None], image, FILLS[name](image, known_HW, thumbnail))
