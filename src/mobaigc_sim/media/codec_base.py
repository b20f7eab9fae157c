"""What a picture codec behind the progressive stream is, its registry, and the settings that all codecs share."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field, Strict, field_validator

from ..registry import PluginConfig, Registry
from .entropy import BitstreamError

codecs = Registry("codecs")

MAX_LEVELS = 15


class CodecConfig(PluginConfig):
    """The progressive stream (`media.codec`); each codec adds its own keys."""

    kind: str = "avif"
    """Codec of the pictures inside the packets."""
    quality: int = Field(42, ge=1, le=100)
    """Quality of the whole picture when semantic transmission is off. Each codec's default gives about 36 dB on 128 px
    scenes (WebP's 4:2:0 ends at 37): the reference that savings are stated against."""
    level_quality: int = Field(24, ge=1, le=100)
    """Quality of the most important level. Far below the reference, because recovery passes what arrived through the
    generator's autoencoder, which removes most of what the codec did; with `recovery.known: kept` take more."""
    quality_drop: int = Field(0, ge=0, le=50)
    """How much lower the quality of each following level is; 0 gives all levels the same."""
    patch: Literal[8, 16, 32] = 16
    """Side of a patch in pixels; 16 matches the macroblocks of WebP."""
    levels: Annotated[tuple[float, ...], Strict(False)] = (0.5, 1.0)
    """Share of the patches at which each level ends: rising, the last is 1. A keep ratio cuts the list."""
    selector: Literal["gain", "attention", "error", "random", "centre"] = "gain"
    """What puts patches in order: attention times what the thumbnail gets wrong, per expected byte; attention alone;
    what the thumbnail gets wrong, per expected byte; chance; or nearness to the middle."""
    thumbnail: int = Field(40, ge=4, le=128)
    """Longer side of the coarse picture in the base packet, in pixels."""
    thumbnail_quality: int = Field(4, ge=1, le=100)
    """Its AVIF quality, whatever the codec of the levels."""

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
    def encode(self, rgb: NDArray[np.uint8], quality: int, *, draft: bool = False) -> bytes:
        """Payload of a picture (H, W, 3) at quality 1 … 100; the same input gives the same bytes.

        A `draft` may be made in less time and be a little longer: enough to compare two ways of cutting a picture.
        """

    @abstractmethod
    def to_file(self, payload: bytes, height_px: int, width_px: int, quality: int) -> bytes:
        """The standard file of a payload; raises BitstreamError when the payload cannot be one."""

    def decode(self, payload: bytes, height_px: int, width_px: int, quality: int) -> NDArray[np.uint8]:
        """Picture (height, width, 3) of a payload.

        Raises BitstreamError for anything but a whole picture of exactly the declared size, before memory for
        another size is taken.
        """
        file = self.to_file(payload, height_px, width_px, quality)
        return open_file(file, self.pillow_format(), height_px, width_px)

    @classmethod
    @abstractmethod
    def pillow_format(cls) -> str:
        """Pillow's name of the file format that `to_file` makes."""


def make_codec(config: CodecConfig) -> Codec:
    """The codec that a configuration names; keys of its own that the configuration lacks take their defaults."""
    found = codecs.get(config.kind)
    codec: Codec = found(
        config if isinstance(config, found.Config) else found.Config(**config.model_dump(exclude_unset=True))
    )
    return codec


def codec_by_wire_id(wire_id: int) -> Codec:
    """The codec of a packet, with its default configuration; raises BitstreamError when none has the number."""
    for kind in codecs.names():
        found = codecs.get(kind)
        if found.wire_id == wire_id:
            codec: Codec = found(found.Config())
            return codec
    raise BitstreamError(f"the packet names codec number {wire_id}, which is not installed")


def save(rgb: NDArray[np.uint8], file_format: str, **options: Any) -> bytes:
    """The picture (H, W, 3) as a file that Pillow writes."""
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, file_format, **options)
    return out.getvalue()


def open_file(file: bytes, file_format: str, height_px: int, width_px: int) -> NDArray[np.uint8]:
    """The picture (height, width, 3) in a file; raises BitstreamError for anything else than one of that size."""
    try:
        picture = Image.open(io.BytesIO(file), formats=(file_format,))
        if picture.size == (width_px, height_px):
            return np.array(picture.convert("RGB"))
        found = picture.size
    except Exception as error:  # Pillow's plug-ins raise whatever their C libraries tell them
        raise BitstreamError(f"the {file_format} data in the packet cannot be decoded: {error}") from None
    raise BitstreamError(f"the packet declares {width_px} x {height_px} px but holds {found[0]} x {found[1]}")
