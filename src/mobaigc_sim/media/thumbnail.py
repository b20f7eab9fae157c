"""The coarse picture in the base packet: the start of what is painted, and what shows where nothing arrives.

The picture is shrunk and coded as AVIF, whatever codec the levels use: nothing else is as short at this size. A 128 px
scene at 48 px and quality 6 takes 69 bytes and has 24.2 dB when enlarged again; with one DCT of the same size under a
context coder, a base packet (23 bytes more or so) took 114 bytes for 23.8 dB (24 generated pictures).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .codec_avif import Avif

MAX_SIDE_PX = 128
_CODEC = Avif(Avif.Config())


@dataclass(frozen=True)
class Thumbnail:
    """A small picture as AVIF payload (`codec_avif`)."""

    shape: tuple[int, int]
    """Rows and columns."""
    payload: bytes


def small_shape(height_px: int, width_px: int, long_side_px: int) -> tuple[int, int]:
    """Rows and columns of the thumbnail of a picture: the longer side becomes `long_side_px`, if it is longer."""
    longest = max(height_px, width_px)
    long_side_px = min(long_side_px, longest)
    return max(1, round(height_px * long_side_px / longest)), max(1, round(width_px * long_side_px / longest))


def make_thumbnail(image: NDArray[np.uint8], long_side_px: int, quality: int) -> Thumbnail:
    """Shrink a picture (H, W, 3) and code it at quality 1 … 100."""
    rows, columns = small_shape(image.shape[0], image.shape[1], long_side_px)
    small = np.asarray(Image.fromarray(image).resize((columns, rows), Image.Resampling.LANCZOS))
    return Thumbnail((rows, columns), _CODEC.encode(small, quality))


def render_thumbnail(thumbnail: Thumbnail, height_px: int, width_px: int) -> NDArray[np.uint8]:
    """The thumbnail at full size (height, width, 3), bicubic; raises BitstreamError for a payload that is none."""
    small = _CODEC.decode(thumbnail.payload, *thumbnail.shape, _CODEC.config.quality)
    return np.asarray(Image.fromarray(small).resize((width_px, height_px), Image.Resampling.BICUBIC))
