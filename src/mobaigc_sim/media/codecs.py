"""Picture codecs behind the progressive stream: WebP, AVIF and JPEG through Pillow, and whatever plug-ins add.

A codec's payload is a standard file less the part that the receiver can write itself, because it follows from the
codec, the size and the quality, which the packet header says anyway (bytes saved on a 128 px picture):

| codec | left out | saved |
|---|---|---|
| webp | RIFF and chunk headers, start code and size of the VP8 frame (RFC 6386 9.1, RFC 9649 2.4) | 27 |
| avif | all boxes but the AV1 data, the frame's OBU headers (ISO/IEC 23008-12, AV1 specification 5.3) | 281 |
| jpeg | everything before the scan, and the end marker: the tables are those of ITU-T T.81 annex K | 625 |

The saving is the same for the whole picture and for each level, so no comparison is tilted by it; without it each
further level would pay a container again. Colour is 4:2:0 in WebP (VP8 knows nothing else), which bounds it near
37 dB on saturated 128 px scenes, and 4:4:4 in AVIF and JPEG, where it costs fewer bytes than it is worth in error.
"""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field, Strict, field_validator

from ..errors import MobaigcError
from ..registry import PluginConfig, Registry
from .entropy import BitstreamError

codecs = Registry("codecs")

MAX_LEVELS = 15


class CodecConfig(PluginConfig):
    """The progressive stream (`media.codec`); each codec adds its own keys."""

    kind: str = "webp"
    """Codec of the pictures inside the packets."""
    quality: int = Field(90, ge=1, le=100)
    """Quality of the most important level, and of the whole picture when semantic transmission is off. Each codec's
    default gives about 36 dB on 128 px scenes (WebP's 4:2:0 ends at 37): what is sent is what inpainting builds on."""
    quality_drop: int = Field(10, ge=0, le=50)
    """How much lower the quality of each following level is; 0 gives all levels the same. Outer levels are smoother:
    at one quality they would have 3 dB less error than the first, which holds the objects."""
    patch: Literal[8, 16, 32] = 16
    """Side of a patch in pixels; 16 matches the macroblocks of WebP."""
    levels: Annotated[tuple[float, ...], Strict(False)] = (0.25, 0.5, 1.0)
    """Share of the patches at which each level ends: rising, the last is 1. A keep ratio cuts the list."""
    selector: Literal["attention", "density", "random", "centre"] = "attention"
    """What puts patches in order: attention, attention per expected byte, chance, or nearness to the middle."""
    thumbnail: int = Field(8, ge=4, le=64)
    """Longer side of the coarse picture in the base packet, in pixels."""
    thumbnail_step: int = Field(20, ge=1, le=255)
    """Quantiser step of the coarse picture, in grey levels: smaller is finer and longer."""

    @field_validator("levels")
    @classmethod
    def _rising(cls, levels: tuple[float, ...]) -> tuple[float, ...]:
        rising = all(a < b for a, b in zip((0.0, *levels), levels, strict=False))
        if not levels or not rising or levels[-1] != 1.0 or len(levels) > MAX_LEVELS:
            raise ValueError(f"expected 1 to {MAX_LEVELS} rising shares that end with 1.0, got {list(levels)}")
        return levels


class Codec(ABC):
    """A picture codec; `wire_id` (0 … 7) names it in packets."""

    wire_id: ClassVar[int]
    Config: ClassVar[type[CodecConfig]]

    def __init__(self, config: Any) -> None:
        self.config = config

    @abstractmethod
    def encode(self, rgb: NDArray[np.uint8], quality: int) -> bytes:
        """Payload of a picture (H, W, 3) at quality 1 … 100; the same input gives the same bytes."""

    @abstractmethod
    def to_file(self, payload: bytes, height_px: int, width_px: int, quality: int) -> bytes:
        """The standard file of a payload; raises BitstreamError when the payload cannot be one."""

    def decode(self, payload: bytes, height_px: int, width_px: int, quality: int) -> NDArray[np.uint8]:
        """Picture (height, width, 3) of a payload.

        Raises BitstreamError for anything but a whole picture of exactly the declared size, before memory for
        another size is taken.
        """
        file = self.to_file(payload, height_px, width_px, quality)
        return _open(file, self.pillow_format(), height_px, width_px)

    @classmethod
    @abstractmethod
    def pillow_format(cls) -> str:
        """Pillow's name of the file format that `to_file` makes."""


def make_codec(config: CodecConfig) -> Codec:
    """The codec that a configuration names; keys of its own that the configuration lacks take their defaults."""
    found = codecs.get(config.kind)
    codec: Codec = found(config if isinstance(config, found.Config) else found.Config(**config.model_dump()))
    return codec


def codec_by_wire_id(wire_id: int) -> Codec:
    """The codec of a packet, with its default configuration; raises BitstreamError when none has the number."""
    for kind in codecs.names():
        found = codecs.get(kind)
        if found.wire_id == wire_id:
            codec: Codec = found(found.Config())
            return codec
    raise BitstreamError(f"the packet names codec number {wire_id}, which is not installed")


class WebpConfig(CodecConfig):
    """WebP, lossy (VP8)."""

    kind: Literal["webp"] = "webp"
    effort: int = Field(5, ge=0, le=6)
    """How hard the encoder tries: libwebp's method. 6 saves 1 % over 5, 4 costs 1 % more; each step adds time."""


@codecs.register("webp")
class Webp(Codec):
    """WebP, lossy: the fewest bytes for the time at 128 px."""

    wire_id = 0
    Config = WebpConfig

    def encode(self, rgb: NDArray[np.uint8], quality: int) -> bytes:
        """See Codec: the VP8 frame less start code and size."""
        file = _save(rgb, "WEBP", quality=quality, method=self.config.effort)
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


class AvifConfig(CodecConfig):
    """AVIF (AV1 intra)."""

    kind: Literal["avif"] = "avif"
    quality: int = Field(60, ge=1, le=100)
    """As in every codec; AVIF's scale is its own."""
    effort: int = Field(2, ge=0, le=6)
    """How hard the encoder tries: 10 less libavif's speed. 4 saves 8 % over 2 and takes three times as long."""


@codecs.register("avif")
class Avif(Codec):
    """AVIF, 4:4:4: a third fewer bytes than WebP at the same error, in twice the time."""

    wire_id = 1
    Config = AvifConfig

    def encode(self, rgb: NDArray[np.uint8], quality: int) -> bytes:
        """See Codec: length and content of the sequence header, then the content of the frame's OBU."""
        file = _save_avif(rgb, quality, 10 - self.config.effort)
        data = file[file.index(b"mdat") + 4 :]
        sequence_end = 4 + data[3]
        frame_start = sequence_end + 1
        while data[frame_start] & 0x80:
            frame_start += 1
        payload = data[3:sequence_end] + data[frame_start + 1 :]
        if self.to_file(payload, rgb.shape[0], rgb.shape[1], quality) != file:
            raise MobaigcError("the AVIF encoder wrote something else than one still picture of one frame")
        return payload

    def to_file(self, payload: bytes, height_px: int, width_px: int, quality: int) -> bytes:
        """See Codec; the size inside the AV1 sequence header is held against the declared one."""
        length = payload[0] if payload else 0
        sequence, frame = payload[1 : 1 + length], payload[1 + length :]
        if len(sequence) < length or not frame or _av1_size(sequence) != (height_px, width_px):
            raise BitstreamError(f"the AV1 data in the packet is not a picture of {width_px} x {height_px} px")
        data = b"\x12\x00\x0a" + bytes([length]) + sequence + b"\x32" + _leb128(len(frame)) + frame
        header, length_at = _avif_boxes(height_px, width_px)
        boxes = bytearray(header)
        boxes[length_at : length_at + 4] = len(data).to_bytes(4, "big")
        boxes[-8:-4] = (len(data) + 8).to_bytes(4, "big")
        return bytes(boxes) + data

    @classmethod
    def pillow_format(cls) -> str:
        """See Codec."""
        return "AVIF"


def _save_avif(rgb: NDArray[np.uint8], quality: int, speed: int) -> bytes:
    return _save(rgb, "AVIF", quality=quality, speed=speed, subsampling="4:4:4", max_threads=1)


@lru_cache(maxsize=256)
def _avif_boxes(height_px: int, width_px: int) -> tuple[bytes, int]:
    """Boxes up to the data of an AVIF file of this size, and where in them the data's length stands."""
    file = _save_avif(np.zeros((height_px, width_px, 3), np.uint8), 50, 10)
    start = file.index(b"mdat") + 4
    length_at = file.index((len(file) - start).to_bytes(4, "big"), file.index(b"iloc"))
    return file[:start], length_at


def _av1_size(sequence: bytes) -> tuple[int, int]:
    """Height and width in the sequence header of a reduced still picture (AV1 specification 5.5.1), else zeros."""
    bits = int.from_bytes(sequence[:8].ljust(8, b"\0"), "big")

    def take(start: int, count: int) -> int:
        return bits >> (64 - start - count) & ((1 << count) - 1)

    if take(3, 2) != 0b11:
        return 0, 0
    width_bits, height_bits = take(10, 4) + 1, take(14, 4) + 1
    width, height = take(18, width_bits) + 1, take(18 + width_bits, height_bits) + 1
    return height, width


def _leb128(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


class JpegConfig(CodecConfig):
    """JPEG, baseline."""

    kind: Literal["jpeg"] = "jpeg"
    quality: int = Field(80, ge=1, le=100)
    """As in every codec; JPEG's scale is its own."""


@codecs.register("jpeg")
class Jpeg(Codec):
    """JPEG, baseline, 4:4:4: the reference that every device decodes."""

    wire_id = 2
    Config = JpegConfig

    def encode(self, rgb: NDArray[np.uint8], quality: int) -> bytes:
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
    return _save(rgb, "JPEG", quality=quality, subsampling=0, optimize=False, progressive=False)


@lru_cache(maxsize=256)
def _jpeg_header(height_px: int, width_px: int, quality: int) -> bytes:
    """A JPEG file of this size and quality up to the end of its scan header (T.81 B.2.3)."""
    file = _save_jpeg(np.zeros((height_px, width_px, 3), np.uint8), quality)
    scan = file.index(b"\xff\xda")
    return file[: scan + 2 + int.from_bytes(file[scan + 2 : scan + 4], "big")]


def _save(rgb: NDArray[np.uint8], file_format: str, **options: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, file_format, **options)
    return out.getvalue()


def _open(file: bytes, file_format: str, height_px: int, width_px: int) -> NDArray[np.uint8]:
    try:
        picture = Image.open(io.BytesIO(file), formats=(file_format,))
        if picture.size == (width_px, height_px):
            return np.array(picture.convert("RGB"))
        found = picture.size
    except Exception as error:  # Pillow's plug-ins raise whatever their C libraries tell them
        raise BitstreamError(f"the {file_format} data in the packet cannot be decoded: {error}") from None
    raise BitstreamError(f"the packet declares {width_px} x {height_px} px but holds {found[0]} x {found[1]}")
