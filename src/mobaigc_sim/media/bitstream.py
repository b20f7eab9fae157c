"""The packets of one picture: what every byte on the air means.

Format version 3 (up to version 2 the thumbnail had a coder of its own). All packets share a frame of four or five
bytes, so that a byte stream that is cut anywhere still splits into whole packets:

| bytes | content |
|---|---|
| 1 | type (2 bits), then 6 bits that depend on it |
| 1–4 | length of the body, varint (LEB128) |
| n | body |
| 2 | CRC-16 (polynomial 1021, ITU-T V.41) of all of the above |

| type | the 6 bits | body |
|---|---|---|
| 1 base | version (3), codec (3) | length of the fields (varint), fields, AVIF payload of the thumbnail |
| 2 enhancement | level (4), layout (2) | codec payload of the level's small picture |
| 3 whole | version (3), codec (3) | quality (1 byte), height and width (varints), codec payload |

The fields of the base are one range-coded run, so that none is rounded up to bytes: patch size (1 of 3), rows
(1 … 256), "square" flag or columns, seed (32 bits), prompt (`prompt_code`), quality of the first level and drop from
level to level, number of levels, patches in each, which patch belongs to which (`level_map`), side of the thumbnail.

Why CRC-16: transport blocks below carry CRC-24 already (TS 38.212 5.1), so the sum here guards against mixed-up
packets and software, not against noise; two bytes instead of four save up to 8 bytes of a 1.5 KB picture.
The sum of a base starts from the prompt dictionary's check, and that of an enhancement from the seed, the grid and the
patches of its level: a packet of another picture, or of another cut of the same level, never passes for a valid one
(but by a chance of 1 in 65536), and the binding costs no byte.

Shapes: R × C patches.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import MobaigcError
from .codecs import MAX_LEVELS
from .entropy import BitstreamError, Coder, Reader, Writer
from .layouts import LAYOUTS
from .level_map import NOT_SENT, code_level_map
from .patches import MAX_PATCHES, MAX_SIDE_PX
from .prompt_code import FORMAT_CHECK, code_prompt
from .thumbnail import MAX_SIDE_PX as MAX_THUMBNAIL_PX
from .thumbnail import Thumbnail, small_shape

VERSION = 3
BASE, ENHANCEMENT, WHOLE = 1, 2, 3
PATCH_SIZES_PX = (8, 16, 32)
MAX_BODY_BYTES = 1 << 24
MAX_SEED = (1 << 32) - 1
_MAX_LINE = MAX_SIDE_PX // min(PATCH_SIZES_PX)
_CRC_START = 0xFFFF


class BaseLayerLost(BitstreamError):
    """Nothing can be shown: no undamaged base packet, or whole picture, is among what arrived."""


@dataclass(frozen=True)
class Base:
    """What the base packet says."""

    codec_id: int
    patch_px: int
    level_RC: NDArray[np.int8]
    """Level of each patch, NOT_SENT where the keep ratio leaves it out; levels count from 0 without gaps."""
    quality: int
    """Codec quality of level 0."""
    quality_drop: int
    seed: int
    prompt: str
    thumbnail: Thumbnail

    @property
    def size_px(self) -> tuple[int, int]:
        """Height and width of the picture."""
        return self.level_RC.shape[0] * self.patch_px, self.level_RC.shape[1] * self.patch_px

    @property
    def levels(self) -> int:
        """How many levels are offered."""
        return int(self.level_RC.max()) + 1

    @property
    def keep(self) -> float:
        """Share of the patches offered."""
        return float((self.level_RC != NOT_SENT).mean())

    def level_quality(self, level: int) -> int:
        """Codec quality of a level."""
        return max(1, self.quality - self.quality_drop * level)


def write_base(base: Base) -> bytes:
    """The base packet.

    Raises MobaigcError for a seed that is no unsigned 32-bit number or a prompt that is too long.
    """
    if not 0 <= base.seed <= MAX_SEED:
        raise MobaigcError(f"the seed is {base.seed}; a packet holds 0 to {MAX_SEED}")
    coder = Writer()
    _code_base(coder, base.codec_id, base)
    fields = coder.finish()
    body = _varint(len(fields)) + fields + base.thumbnail.payload
    return _frame(BASE, VERSION << 3 | base.codec_id, body, FORMAT_CHECK)


def read_base(packet: bytes) -> Base:
    """Content of a base packet; raises BitstreamError for anything else. The thumbnail is not looked into."""
    low, body = _unframe(packet, BASE, FORMAT_CHECK)
    codec_id = _codec_of(low)
    length, at = _read_varint(body, 0)
    if at + length > len(body):
        raise BitstreamError("the packet ends inside its fields")
    return _code_base(Reader(body[at : at + length]), codec_id, thumbnail=body[at + length :])


def write_enhancement(base: Base, level: int, layout: str, payload: bytes) -> bytes:
    """The packet of one level of the picture that `base` describes."""
    return _frame(ENHANCEMENT, level << 2 | LAYOUTS.index(layout), payload, _binding(base, level))


def read_enhancement(packet: bytes, base: Base) -> tuple[int, str, bytes]:
    """Level, layout and codec payload; raises BitstreamError unless the packet belongs to the base."""
    level, layout = packet[0] >> 2 & 15 if packet else 0, packet[0] & 3 if packet else 0
    if level >= base.levels or layout >= len(LAYOUTS):
        raise BitstreamError(f"the packet claims level {level}, layout {layout}; the base has {base.levels} levels")
    _, body = _unframe(packet, ENHANCEMENT, _binding(base, level))
    return level, LAYOUTS[layout], body


def write_whole(codec_id: int, quality: int, height_px: int, width_px: int, payload: bytes) -> bytes:
    """The packet of a picture that is sent in one piece."""
    body = bytes([quality]) + _varint(height_px) + _varint(width_px) + payload
    return _frame(WHOLE, VERSION << 3 | codec_id, body, FORMAT_CHECK)


def read_whole(packet: bytes) -> tuple[int, int, int, int, bytes]:
    """Codec, quality, height, width and codec payload; raises BitstreamError for anything else."""
    low, body = _unframe(packet, WHOLE, FORMAT_CHECK)
    quality = body[0] if body else 0
    height, at = _read_varint(body, 1)
    width, at = _read_varint(body, at)
    if not (1 <= quality <= 100 and 1 <= height <= MAX_SIDE_PX and 1 <= width <= MAX_SIDE_PX):
        raise BitstreamError(f"the packet declares {width} x {height} px at quality {quality}: out of range")
    return _codec_of(low), quality, height, width, body[at:]


def packet_type(packet: bytes) -> int:
    """BASE, ENHANCEMENT or WHOLE; raises BitstreamError for an empty packet or another type."""
    kind = packet[0] >> 6 if packet else 0
    if kind not in (BASE, ENHANCEMENT, WHOLE):
        raise BitstreamError("not a packet of this format: unknown type")
    return kind


def split_stream(data: bytes) -> Iterator[bytes]:
    """The packets of a byte stream, which may be cut anywhere; what follows the last whole one comes as one piece.

    Only lengths are looked at: whether a piece is a sound packet shows when it is read.
    """
    at = 0
    while at < len(data):
        end = len(data)
        with suppress(BitstreamError):
            length, start = _read_varint(data, at + 1)
            end = min(end, start + length + 2)
        yield data[at:end]
        at = end


def _code_base(coder: Coder, codec_id: int, base: Base | None = None, thumbnail: bytes = b"") -> Base:
    rows_wanted, columns_wanted = (None, None) if base is None else base.level_RC.shape
    patch_px = PATCH_SIZES_PX[
        coder.uniform(len(PATCH_SIZES_PX), None if base is None else PATCH_SIZES_PX.index(base.patch_px))
    ]
    rows = coder.uniform(_MAX_LINE, None if rows_wanted is None else rows_wanted - 1) + 1
    square = coder.chance(60000, None if base is None else int(rows_wanted == columns_wanted))
    columns = rows
    if not square:
        columns = coder.uniform(_MAX_LINE, None if columns_wanted is None else columns_wanted - 1) + 1
    patches = rows * columns
    if patches > MAX_PATCHES or max(rows, columns) * patch_px > MAX_SIDE_PX:
        raise BitstreamError(f"the packet declares {columns} x {rows} patches of {patch_px} px: too large")
    high = coder.uniform(1 << 16, None if base is None else base.seed >> 16)
    low = coder.uniform(1 << 16, None if base is None else base.seed & 0xFFFF)
    prompt = code_prompt(coder, None if base is None else base.prompt)
    quality = coder.uniform(100, None if base is None else base.quality - 1) + 1
    drop = coder.uniform(51, None if base is None else base.quality_drop)
    levels = coder.uniform(MAX_LEVELS, None if base is None else base.levels - 1) + 1
    if levels > patches:
        raise BitstreamError(f"the packet declares {levels} levels of {patches} patches")
    counts: list[int] = []
    for level in range(levels):
        # every level to come has at least one patch
        room = patches - sum(counts) - (levels - level - 1)
        counts.append(coder.uniform(room, None if base is None else int((base.level_RC == level).sum()) - 1) + 1)
    level_map = code_level_map(coder, (rows, columns), counts, None if base is None else base.level_RC)
    side = coder.uniform(MAX_THUMBNAIL_PX, None if base is None else max(base.thumbnail.shape) - 1) + 1
    shape = small_shape(rows * patch_px, columns * patch_px, side)
    return Base(codec_id, patch_px, level_map, quality, drop, high << 16 | low, prompt, Thumbnail(shape, thumbnail))


def _binding(base: Base, level: int) -> int:
    rows, columns = base.level_RC.shape
    fixed = np.array([base.seed, rows, columns, base.patch_px, base.codec_id, base.level_quality(level)], "<u4")
    return binascii.crc_hqx(fixed.tobytes() + np.packbits(base.level_RC == level).tobytes(), _CRC_START)


def _frame(kind: int, low: int, body: bytes, crc_start: int) -> bytes:
    framed = bytes([kind << 6 | low]) + _varint(len(body)) + body
    return framed + binascii.crc_hqx(framed, crc_start).to_bytes(2, "big")


def _unframe(packet: bytes, kind: int, crc_start: int) -> tuple[int, bytes]:
    if packet_type(packet) != kind:
        raise BitstreamError(f"expected a packet of type {kind}, got type {packet[0] >> 6}")
    length, start = _read_varint(packet, 1)
    if len(packet) != start + length + 2:
        raise BitstreamError(f"the packet has {len(packet)} bytes; its header says {start + length + 2}")
    if binascii.crc_hqx(packet[:-2], crc_start) != int.from_bytes(packet[-2:], "big"):
        raise BitstreamError("the packet's checksum is wrong: it is damaged, or belongs to another picture")
    return packet[0] & 0x3F, packet[start:-2]


def _codec_of(low: int) -> int:
    if low >> 3 != VERSION:
        raise BitstreamError(f"the packet has format version {low >> 3}; this receiver knows {VERSION}")
    return low & 7


def _varint(value: int) -> bytes:
    if not 0 <= value < MAX_BODY_BYTES:
        raise MobaigcError(f"{value} does not fit a packet; at most {MAX_BODY_BYTES - 1}")
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for i in range(4):
        if at + i >= len(data):
            raise BitstreamError("the packet ends inside its header")
        value |= (data[at + i] & 0x7F) << 7 * i
        if data[at + i] < 0x80:
            return value, at + i + 1
    raise BitstreamError("a number in the packet's header is too long")
