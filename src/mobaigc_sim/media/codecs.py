"""Picture codecs behind the progressive stream: WebP, AVIF and JPEG through Pillow, and whatever plug-ins add.

A codec's payload is a standard file less the part that the receiver can write itself, because it follows from the
codec, the size and the quality, which the packet header says anyway (bytes saved on a 128 px picture):

| codec | left out | saved |
|---|---|---|
| webp | RIFF and chunk headers, start code and size of the VP8 frame (RFC 6386 9.1, RFC 9649 2.4) | 27 |
| avif | all boxes, OBU headers and the usual sequence header (ISO/IEC 23008-12, AV1 specification 5.3, 5.5) | 290 |
| jpeg | everything before the scan, and the end marker: the tables are those of ITU-T T.81 annex K | 625 |

The saving is the same for the whole picture and for each level, so no comparison is tilted by it; without it each
further level would pay a container again. Colour is 4:2:0 in WebP (VP8 knows nothing else), which bounds it near
37 dB on saturated 128 px scenes, and 4:4:4 in AVIF and JPEG, where it costs fewer bytes than it is worth in error.

One codec serves all levels of a picture: choosing the best of AVIF, WebP and JPEG for each level by size at equal error
would save 0.1 % over AVIF alone (32 pictures, shares of 10 to 100 % of the patches, 27 to 36 dB).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..errors import MobaigcError
from .codec_avif import Avif, AvifConfig
from .codec_base import MAX_LEVELS, Codec, CodecConfig, codec_by_wire_id, codecs, make_codec, save
from .entropy import BitstreamError

__all__ = [
    "MAX_LEVELS",
    "Avif",
    "AvifConfig",
    "Codec",
    "CodecConfig",
    "Jpeg",
    "JpegConfig",
    "Webp",
    "WebpConfig",
    "codec_by_wire_id",
    "codecs",
    "make_codec",
]


class WebpConfig(CodecConfig):
    """WebP, lossy (VP8)."""

    kind: Literal["webp"] = "webp"
    quality: int = Field(90, ge=1, le=100)
    """As in every codec; WebP's scale is its own."""
    level_quality: int = Field(45, ge=1, le=100)
    """As in every codec: the error of AVIF at its default."""
    effort: int = Field(5, ge=0, le=6)
    """How hard the encoder tries: libwebp's method. 6 saves 1 % over 5, 4 costs 1 % more; each step adds time."""


@codecs.register("webp")
class Webp(Codec):
    """WebP, lossy: the fewest bytes for the time at 128 px."""

    wire_id = 0
    Config = WebpConfig

    def encode(self, rgb: NDArray[np.uint8], quality: int, *, draft: bool = False) -> bytes:
        """See Codec: the VP8 frame less start code and size."""
        file = save(rgb, "WEBP", quality=quality, method=self.config.effort)
        if file[12:16] != b"VP8 " or file[23:26] != _VP8_START:
            raise MobaigcError("the WebP encoder wrote something else than a plain lossy file")
        size = int.from_bytes(file[16:20], "little")
        return file[20:23] + file[30 : 20 + size]

    def to_file(self, payload: bytes, height_px: int, width_px: int, quality: int) -> bytes:
        """See Codec."""
        sides = width_px.to_bytes(2, "little") + height_px.to_bytes(2, "little")
        frame = payload[:3] + _VP8_START + sides + payload[3:]
        chunk = b"VP8 " + len(frame).to_bytes(4, "little") + frame + b"\0" * (len(frame) % 2)
        return b"RIFF" + (4 + len(chunk)).to_bytes(4, "little") + b"WEBP" + chunk

    @classmethod
    def pillow_format(cls) -> str:
        """See Codec."""
        return "WEBP"


_VP8_START = b"\x9d\x01\x2a"


class JpegConfig(CodecConfig):
    """JPEG, baseline."""

    kind: Literal["jpeg"] = "jpeg"
    quality: int = Field(80, ge=1, le=100)
    """As in every codec; JPEG's scale is its own."""
    level_quality: int = Field(40, ge=1, le=100)
    """As in every codec: the error of AVIF at its default."""


@codecs.register("jpeg")
class Jpeg(Codec):
    """JPEG, baseline, 4:4:4: the reference that every device decodes."""

    wire_id = 2
    Config = JpegConfig

    def encode(self, rgb: NDArray[np.uint8], quality: int, *, draft: bool = False) -> bytes:
        """See Codec: the entropy-coded scan."""
        file = _save_jpeg(rgb, quality)
        header = _jpeg_header(rgb.shape[0], rgb.shape[1], quality)
        if not file.startswith(header) or not file.endswith(_JPEG_END):
            raise MobaigcError("the JPEG encoder wrote tables other than the standard ones")
        return file[len(header) : -2]

    def to_file(self, payload: bytes, height_px: int, width_px: int, quality: int) -> bytes:
        """See Codec."""
        if not payload:
            raise BitstreamError("the JPEG scan in the packet is empty")
        return _jpeg_header(height_px, width_px, quality) + payload + _JPEG_END

    @classmethod
    def pillow_format(cls) -> str:
        """See Codec."""
        return "JPEG"


_JPEG_END = b"\xff\xd9"


def _save_jpeg(rgb: NDArray[np.uint8], quality: int) -> bytes:
    return save(rgb, "JPEG", quality=quality, subsampling=0, optimize=False, progressive=False)


@lru_cache(maxsize=256)
def _jpeg_header(height_px: int, width_px: int, quality: int) -> bytes:
    """A JPEG file of this size and quality up to the end of its scan header (T.81 B.2.3)."""
    file = _save_jpeg(np.zeros((height_px, width_px, 3), np.uint8), quality)
    scan = file.index(b"\xff\xda")
    return file[: scan + 2 + int.from_bytes(file[scan + 2 : scan + 4], "big")]
