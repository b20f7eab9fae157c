"""The grid of patches: pooling a map onto it, and the order in which patches are sent.

Shapes: H, W picture; P patches in all, R × C of them, numbered row by row; h, w grid of the importance map.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import MobaigcError, UnknownNameError
from .importance import checked_map

MAX_SIDE_PX = 2048
MAX_PATCHES = 16384


def check_picture(image: NDArray[np.uint8]) -> None:
    """Raise MobaigcError unless the picture is uint8 (H, W, 3) with sides of 1 to MAX_SIDE_PX."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        what = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise MobaigcError(f"expected a picture as uint8 (height, width, 3), got {what}")
    height, width = image.shape[:2]
    if not (0 < height <= MAX_SIDE_PX and 0 < width <= MAX_SIDE_PX):
        raise MobaigcError(f"the picture is {width} x {height} px; each side must have 1 to {MAX_SIDE_PX}")


def grid_shape(image: NDArray[np.uint8], patch_px: int) -> tuple[int, int]:
    """Rows and columns of patches of a picture.

    Raises MobaigcError for what is no picture, for sides that are no multiple of the patch, and for more than
    MAX_PATCHES patches.
    """
    check_picture(image)
    height, width = image.shape[:2]
    if height % patch_px or width % patch_px:
        raise MobaigcError(f"the picture is {width} x {height} px; both sides must be multiples of patch {patch_px}")
    rows, columns = height // patch_px, width // patch_px
    if rows * columns > MAX_PATCHES:
        raise MobaigcError(f"{rows * columns} patches of {patch_px} px; at most {MAX_PATCHES}: use larger patches")
    return rows, columns


def pool(importance: NDArray[np.floating], shape: tuple[int, int]) -> NDArray[np.float64]:
    """Importance (h, w) summed onto patches (R, C) by shared area: the mass stays, whatever the two grids are."""
    map_hw = checked_map(importance, "the importance map")
    return _overlap(shape[0], map_hw.shape[0]) @ map_hw @ _overlap(shape[1], map_hw.shape[1]).T


def _overlap(parts: int, cells: int) -> NDArray[np.float64]:
    """(parts, cells): the fraction of each cell that lies inside each part of the same line."""
    part, cell = np.arange(parts)[:, None] / parts, np.arange(cells)[None] / cells
    shared = np.minimum(part + 1 / parts, cell + 1 / cells) - np.maximum(part, cell)
    return np.asarray(np.clip(shared, 0, None) * cells)


@dataclass(frozen=True)
class Content:
    """What a selector may look at."""

    attention_RC: NDArray[np.float64]
    """Attention mass of each patch."""
    image: NDArray[np.uint8]
    missing_RC: NDArray[np.float64]
    """Mean squared error of each patch where it is missing, so that the phone has nothing but the thumbnail."""


def _attention(content: Content, rng: np.random.Generator) -> NDArray[np.float64]:
    """Most attention first."""
    return content.attention_RC


def _error(content: Content, rng: np.random.Generator) -> NDArray[np.float64]:
    """Most error taken away per expected byte first, whatever the attention: what a codec without prompts would do."""
    return content.missing_RC / _expected_bytes(content)


def _gain(content: Content, rng: np.random.Generator) -> NDArray[np.float64]:
    """Most attention-weighted error taken away per expected byte first."""
    return content.attention_RC * content.missing_RC / _expected_bytes(content)


def _expected_bytes(content: Content) -> NDArray[np.float64]:
    """Bytes of each patch up to a common factor: a constant plus the mean step between pixels."""
    rows, columns = content.attention_RC.shape
    luma = content.image.astype(np.float64).mean(axis=2)
    steps = np.abs(np.diff(luma, axis=0, append=luma[-1:])) + np.abs(np.diff(luma, axis=1, append=luma[:, -1:]))
    busy = steps.reshape(rows, luma.shape[0] // rows, columns, -1).mean(axis=(1, 3))
    return np.asarray(0.5 * busy.mean() + busy + 1e-9)


def _random(content: Content, rng: np.random.Generator) -> NDArray[np.float64]:
    """Any patch first."""
    shape = content.attention_RC.shape
    return rng.permutation(content.attention_RC.size).reshape(shape).astype(np.float64)


def _centre(content: Content, rng: np.random.Generator) -> NDArray[np.float64]:
    """Nearest to the middle of the picture first."""
    rows, columns = content.attention_RC.shape
    down = (np.arange(rows)[:, None] + 0.5) / rows - 0.5
    across = (np.arange(columns)[None] + 0.5) / columns - 0.5
    return np.asarray(-np.round(down**2 + across**2, 12))


_Score = Callable[[Content, np.random.Generator], NDArray[np.float64]]
SELECTORS: dict[str, _Score] = {
    "gain": _gain,
    "attention": _attention,
    "error": _error,
    "random": _random,
    "centre": _centre,
}


def patch_order(selector: str, content: Content, rng: np.random.Generator) -> NDArray[np.int64]:
    """Patch numbers (P,), the first to send first; equals stay in reading order.

    Raises UnknownNameError for a selector that is none of SELECTORS.
    """
    if selector not in SELECTORS:
        raise UnknownNameError("patch selector", selector, SELECTORS)
    return np.argsort(-SELECTORS[selector](content, rng).ravel(), kind="stable").astype(np.int64)


def mask_of(patches: NDArray[np.int64], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """(R, C) mask of some patch numbers."""
    mask = np.zeros(shape, bool)
    mask.ravel()[patches] = True
    return mask


def to_pixels(mask_RC: NDArray[np.bool_], patch_px: int) -> NDArray[np.bool_]:
    """A mask of patches as a mask of pixels (H, W)."""
    return np.repeat(np.repeat(mask_RC, patch_px, axis=0), patch_px, axis=1)
