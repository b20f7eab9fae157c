"""How the patches of one level become one small picture for the codec, and back.

Three layouts; the encoder tries all and keeps the one with the least bytes × mean squared error of the patches, both as
measured. Bytes alone would not do: a mosaic may be 3 % shorter and 1 dB worse, because the codec's chroma filter bleeds
from one patch into a neighbour that is none in the picture. In WebP, place wins for most first levels and rows for most
outer ones; in AVIF, mosaic wins for outer levels.

| layout | the small picture | best for |
|---|---|---|
| place | the bounding box of the level, every patch where it belongs | patches that lie together |
| rows | each row of patches pushed left, empty rows left out | clusters with gaps and ragged edges |
| mosaic | patches in reading order, as wide as the whole grid | scattered patches |

A layout depends on the level's patch mask alone, which the base packet holds, so it costs two bits. Slots without a
patch get one flat colour, the nearest patch's mean, which every codec predicts almost for nothing.

Shapes: R × C patches of the picture; r × c slots of the small picture.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

LAYOUTS = ("place", "rows", "mosaic")


def slots(layout: str, mask_RC: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(r, c): number of the patch in each slot of the small picture, −1 where there is none."""
    rows, columns = mask_RC.shape
    number = np.where(mask_RC, np.arange(rows * columns).reshape(rows, columns), -1)
    if layout == "place":
        down, across = np.flatnonzero(mask_RC.any(axis=1)), np.flatnonzero(mask_RC.any(axis=0))
        return number[down[0] : down[-1] + 1, across[0] : across[-1] + 1]
    if layout == "rows":
        used = mask_RC.any(axis=1)
        first = np.argsort(~mask_RC[used], axis=1, kind="stable")
        pushed = np.take_along_axis(number[used], first, axis=1)
        return pushed[:, : int(mask_RC.sum(axis=1).max())]
    patches = np.flatnonzero(mask_RC)
    width = min(columns, patches.size)
    filled = np.full(-(-patches.size // width) * width, -1, np.int64)
    filled[: patches.size] = patches
    return filled.reshape(-1, width)


def pack(image: NDArray[np.uint8], slots_rc: NDArray[np.int64], patch_px: int) -> NDArray[np.uint8]:
    """The small picture (r·patch, c·patch, 3) of the patches in `slots_rc`."""
    tiles = _tiles(image, patch_px)[slots_rc]
    empty = slots_rc < 0
    if empty.any():
        down, across = distance_transform_edt(empty, return_distances=False, return_indices=True)
        colour = np.round(tiles.mean(axis=(2, 3))).astype(np.uint8)[down, across]
        tiles[empty] = colour[empty][:, None, None, :]
    return _from_tiles(tiles)


def unpack(
    small: NDArray[np.uint8], slots_rc: NDArray[np.int64], patch_px: int, onto: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """A copy of the picture `onto` with the patches of the small picture put in their places."""
    tiles = _tiles(onto, patch_px)
    used = slots_rc >= 0
    rows, columns = slots_rc.shape
    tiles[slots_rc[used]] = _tiles(small, patch_px).reshape(rows, columns, patch_px, patch_px, 3)[used]
    return _from_tiles(tiles.reshape(onto.shape[0] // patch_px, -1, patch_px, patch_px, 3))


def _tiles(image: NDArray[np.uint8], patch_px: int) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    split = image.reshape(height // patch_px, patch_px, width // patch_px, patch_px, 3)
    return split.transpose(0, 2, 1, 3, 4).reshape(-1, patch_px, patch_px, 3)


def _from_tiles(tiles: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows, columns, patch_px = tiles.shape[:3]
    joined = tiles.transpose(0, 2, 1, 3, 4).reshape(rows * patch_px, columns * patch_px, 3)
    return np.ascontiguousarray(joined)
