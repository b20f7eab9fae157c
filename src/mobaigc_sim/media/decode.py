"""Whatever packets arrived, in any order → a picture, and which of its pixels are known.

Shapes: H × W pixels, R × C patches.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .bitstream import (
    BASE,
    ENHANCEMENT,
    Base,
    BaseLayerLost,
    packet_type,
    read_base,
    read_enhancement,
    read_whole,
    split_stream,
)
from .codecs import codec_by_wire_id
from .entropy import BitstreamError
from .fills import fill as fill_unknown
from .layouts import slots, unpack
from .level_map import NOT_SENT
from .patches import to_pixels
from .thumbnail import render_thumbnail


@dataclass(frozen=True)
class Decoded:
    """A received picture."""

    image: NDArray[np.uint8]
    """(H, W, 3); unknown pixels hold the fill."""
    known_HW: NDArray[np.bool_]
    """Pixels that arrived."""
    prompt: str
    """Empty for a whole picture, which carries none."""
    seed: int
    keep: float
    """Share of the patches that was offered, arrived or not."""
    level_RC: NDArray[np.int8] | None
    """Level of each patch, NOT_SENT (−1) where it was not offered; None for a whole picture."""
    received: tuple[int, ...]
    """Levels that arrived, ascending."""
    rejected: int
    """Packets that were damaged or did not belong to the picture."""


def decode(packets: bytes | Iterable[bytes], fill: str = "thumbnail") -> Decoded:
    """The picture that some packets give: any subset that holds the base, in any order, duplicates included.

    One byte string is taken as packets one after another, cut anywhere.
    A damaged enhancement counts as lost. `fill` is one of `fills.FILLS`. Raises BaseLayerLost when neither a base nor
    a whole picture arrived undamaged, and UnknownNameError for an unknown fill. Time and memory are bounded by the
    largest picture that a packet may declare (2048 px a side), whatever the bytes are.
    """
    arrived = list(split_stream(packets) if isinstance(packets, bytes) else packets)
    first, reason = _first_readable(arrived)
    if isinstance(first, Decoded):
        return first
    if first is None:
        raise BaseLayerLost(f"the base layer is lost: {reason}; nothing can be shown without it")
    return _progressive(*first, arrived, fill)


def _first_readable(arrived: list[bytes]) -> tuple[tuple[Base, NDArray[np.uint8]] | Decoded | None, str]:
    """A base and its thumbnail at full size, or a whole picture; else the reason why there is none."""
    reason = f"none of the {len(arrived)} packets received is a base packet"
    for i, packet in enumerate(arrived):
        try:
            kind = packet_type(packet)
            if kind == BASE:
                base = read_base(packet)
                codec_by_wire_id(base.codec_id)
                return (base, render_thumbnail(base.thumbnail, *base.size_px)), ""
            if kind != ENHANCEMENT:
                return _whole(packet, rejected=i), ""
        except BitstreamError as error:
            reason = str(error)
    return None, reason


def _whole(packet: bytes, rejected: int) -> Decoded:
    codec_id, quality, height, width, payload = read_whole(packet)
    image = codec_by_wire_id(codec_id).decode(payload, height, width, quality)
    return Decoded(image, np.ones((height, width), bool), "", 0, 1.0, None, (), rejected)


def _progressive(base: Base, coarse: NDArray[np.uint8], arrived: list[bytes], fill: str) -> Decoded:
    codec = codec_by_wire_id(base.codec_id)
    height, width = base.size_px
    image = np.zeros((height, width, 3), np.uint8)
    received: set[int] = set()
    rejected = 0
    for packet in arrived:
        try:
            if packet_type(packet) == BASE:
                read_base(packet)
                continue
            level, layout, payload = read_enhancement(packet, base)
            if level in received:
                continue
            slots_rc = slots(layout, base.level_RC == level)
            rows, columns = slots_rc.shape
            small = codec.decode(payload, rows * base.patch_px, columns * base.patch_px, base.level_quality(level))
        except BitstreamError:
            rejected += 1
            continue
        image = unpack(small, slots_rc, base.patch_px, image)
        received.add(level)
    known_RC = np.isin(base.level_RC, sorted(received)) & (base.level_RC != NOT_SENT)
    known_HW = to_pixels(known_RC, base.patch_px)
    shown = fill_unknown(fill, image, known_HW, coarse)
    levels = tuple(sorted(received))
    return Decoded(shown, known_HW, base.prompt, base.seed, base.keep, base.level_RC, levels, rejected)
