"""A picture and its importance map → base packet and enhancement packets, the most useful first.

The patches are put in order once. Levels end at fixed shares of the order (`levels`), and a keep ratio k cuts the list
of levels at k, the last level exactly there. So the enhancement packets for k are those for a larger ratio, byte for
byte, but for the last level; only the base (whose map ends at k) and that level differ. Packets are sent in order of
expected gain per byte (`rate.expected_gain`), which the base need not say: every packet names its level.

A pilot chose the defaults (64 generated pictures of 128 px, AVIF, bytes of all packets, JPSQ after recovery):

| stream | bytes | JPSQ |
|---|---|---|
| whole picture at quality 42 (the reference), 12, 6, 1, restored | 671, 289, 230, 174 | 0.908, 0.907, 0.906, 0.904 |
| base alone, thumbnail of 48 px at quality 6; of 64 px | 91, 122 | 0.899, 0.902 |
| 48 px at 6 and 10, 25, 50, 100 % of the patches at 20 | 194, 315, 423, 536 | 0.902, 0.903, 0.904, 0.908 |
| 40 px at 4 and 10, 25, 50, 100 % at 24 (the defaults) | 189, 319, 432, 555 | 0.899, 0.902, 0.905, 0.908 |

A better thumbnail pays first; it is not larger by default, because a base that is nearly as good as the whole picture
leaves the enhancements nothing to add, and JPSQ then falls with a packet about as often as it rises. Three levels
(0.25, 0.5, 1) took 6 to 10 % more bytes than two. Coding patches as differences from the thumbnail took as many bytes
for more error (409 instead of 386, 30.8 dB instead of 32.5): AV1's own prediction is the better one.

Shapes: H × W pixels, R × C patches, P = R·C patches in order of importance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..errors import MobaigcError
from .bitstream import MAX_SEED, Base, write_base, write_enhancement, write_whole
from .codecs import CodecConfig, make_codec
from .importance import mass_curve
from .layouts import LAYOUTS, pack, slots
from .level_map import NOT_SENT
from .patches import Content, check_picture, grid_shape, mask_of, patch_order, pool
from .rate import expected_gain, squared_error
from .thumbnail import make_thumbnail, render_thumbnail


@dataclass(frozen=True)
class EncodedImage:
    """The packets of one picture at one keep ratio; `base` first, then `enhancements`."""

    base: bytes
    enhancements: tuple[bytes, ...]
    """In order of sending: of expected gain per byte."""
    gains: tuple[float, ...]
    """Expected gain of each enhancement, see `rate.expected_gain`."""
    keep: float
    level_RC: NDArray[np.int8]
    """Level of each patch, NOT_SENT where it is left out."""
    order_P: NDArray[np.int64]
    """Patch numbers (row by row), the most important first."""
    curve: NDArray[np.float64]
    """Share of the attention mass inside the first n patches of the order, n = 0 … P."""

    @property
    def packets(self) -> tuple[bytes, ...]:
        """Everything that is sent, in the order of sending."""
        return (self.base, *self.enhancements)

    @property
    def total_bytes(self) -> int:
        """Length of everything that is sent."""
        return sum(map(len, self.packets))

    @property
    def kept_mask_RC(self) -> NDArray[np.bool_]:
        """Patches that are sent."""
        return np.asarray(self.level_RC != NOT_SENT)

    @property
    def importance_kept(self) -> float:
        """Share of the attention mass inside the patches sent."""
        return float(self.curve[int(self.kept_mask_RC.sum())])


@dataclass(frozen=True)
class SizesAtKeep:
    """What a scheduler may know of one picture; all arrays run over `keep`."""

    keep: NDArray[np.float64]
    base_bytes: NDArray[np.int64]
    total_bytes: NDArray[np.int64]
    """Base and enhancement packets together."""
    importance: NDArray[np.float64]
    """Share of the attention mass inside the patches sent."""

    @classmethod
    def of_whole(cls, keep: NDArray[np.float64], size_bytes: int) -> SizesAtKeep:
        """Of a picture that is sent whole whatever the keep ratio, in one packet."""
        size_bytes_K = np.full(len(keep), size_bytes, np.int64)
        return cls(keep, size_bytes_K, size_bytes_K, np.ones(len(keep)))


class ProgressiveEncoder:
    """One picture, encoded at any number of keep ratios; levels that are whole at several ratios are coded once."""

    def __init__(
        self, image: NDArray[np.uint8], importance: NDArray[np.floating], prompt: str, seed: int, config: CodecConfig
    ) -> None:
        self._codec = make_codec(config)
        self._config = config = self._codec.config
        self._image = image
        self._shape = grid_shape(image, config.patch)
        if not 0 <= seed <= MAX_SEED:
            raise MobaigcError(f"the seed is {seed}; a packet holds 0 to {MAX_SEED}")
        self._prompt, self._seed = prompt, seed
        map_RC = pool(importance, self._shape)
        self._thumbnail = make_thumbnail(image, config.thumbnail, config.thumbnail_quality)
        missing_RC = squared_error(render_thumbnail(self._thumbnail, *image.shape[:2]), image, config.patch)
        # the random selector is a function of the request, so that a repeated request sends the same bytes
        rng = np.random.Generator(np.random.PCG64(seed))
        self.order_P = patch_order(config.selector, Content(map_RC, image, missing_RC), rng)
        self.curve = mass_curve(map_RC, self.order_P)
        self._attention_P = np.diff(mass_curve(map_RC, np.arange(map_RC.size)))
        self._missing_P = missing_RC.ravel()
        self._coded: dict[tuple[int, int], _Level] = {}

    def at(self, keep: float) -> EncodedImage:
        """The packets at one keep ratio in (0, 1], rounded to patches, one at least."""
        base = self._base(keep)
        ends = [0, *np.cumsum(np.bincount(base.level_RC[base.level_RC != NOT_SENT])).tolist()]
        coded = [
            self._level(start, end, base.level_quality(level)) for level, (start, end) in enumerate(pairwise(ends))
        ]
        packets = [write_enhancement(base, i, level.layout, level.payload) for i, level in enumerate(coded)]
        sent = sorted(range(base.levels), key=lambda i: -coded[i].gain / len(packets[i]))
        return EncodedImage(
            write_base(base),
            tuple(packets[i] for i in sent),
            tuple(coded[i].gain for i in sent),
            keep,
            base.level_RC,
            self.order_P,
            self.curve,
        )

    def sizes_at(self, keep_grid: Sequence[float] | NDArray[np.float64]) -> SizesAtKeep:
        """Bytes and attention mass at each of several keep ratios."""
        coded = [self.at(float(keep)) for keep in keep_grid]
        return SizesAtKeep(
            np.asarray(keep_grid, np.float64),
            np.array([len(c.base) for c in coded], np.int64),
            np.array([c.total_bytes for c in coded], np.int64),
            np.array([c.importance_kept for c in coded]),
        )

    def _base(self, keep: float) -> Base:
        if not 0 < keep <= 1:
            raise MobaigcError(f"keep is {keep}; expected a share of the patches above 0 and at most 1")
        total = self.order_P.size
        kept = _rounded(keep * total)
        ends = sorted({min(_rounded(share * total), kept) for share in self._config.levels})
        level_P = np.searchsorted(ends, np.arange(total), side="right")
        level_RC = np.full(self._shape, NOT_SENT, np.int8)
        level_RC.ravel()[self.order_P[:kept]] = level_P[:kept]
        c = self._config
        return Base(
            self._codec.wire_id,
            c.patch,
            level_RC,
            c.level_quality,
            c.quality_drop,
            self._seed,
            self._prompt,
            self._thumbnail,
        )

    def _level(self, start: int, end: int, quality: int) -> _Level:
        """The patches start … end of the order, coded in the layout with the least bytes × error of a draft."""
        if (start, end) not in self._coded:
            chosen = self.order_P[start:end]
            ways = self._layouts(mask_of(chosen, self._shape))
            layout = next(iter(ways))
            if len(ways) > 1:
                layout = min(ways, key=lambda way: self._cost(ways[way], quality))
            payload, error_P = self._try(ways[layout], quality)
            gain = expected_gain(self._attention_P[chosen], self._missing_P[chosen], error_P[chosen])
            self._coded[start, end] = _Level(layout, payload, gain)
        return self._coded[start, end]

    def _layouts(self, mask_RC: NDArray[np.bool_]) -> dict[str, NDArray[np.int64]]:
        """Slots by the name of the layout; of layouts that give the same small picture, the first."""
        ways: dict[str, NDArray[np.int64]] = {}
        for layout in LAYOUTS:
            found = slots(layout, mask_RC)
            if not any(np.array_equal(found, other) for other in ways.values()):
                ways[layout] = found
        return ways

    def _cost(self, slots_rc: NDArray[np.int64], quality: int) -> float:
        """Bytes × mean squared error (plus what rounding alone makes, 1/12) of a draft."""
        payload, error_P = self._try(slots_rc, quality, draft=True)
        return len(payload) * (float(error_P[slots_rc[slots_rc >= 0]].mean()) + 1 / 12)

    def _try(
        self, slots_rc: NDArray[np.int64], quality: int, *, draft: bool = False
    ) -> tuple[bytes, NDArray[np.float64]]:
        """Payload of one layout, and the mean squared error of each of its patches by patch number."""
        small = pack(self._image, slots_rc, self._config.patch)
        payload = self._codec.encode(small, quality, draft=draft)
        shown = self._codec.decode(payload, small.shape[0], small.shape[1], quality)
        error_P = np.zeros(self.order_P.size)
        used = slots_rc >= 0
        error_P[slots_rc[used]] = squared_error(shown, small, self._config.patch)[used]
        return payload, error_P


@dataclass(frozen=True)
class _Level:
    layout: str
    payload: bytes
    gain: float


def encode(
    image: NDArray[np.uint8],
    importance: NDArray[np.floating],
    prompt: str,
    seed: int,
    keep: float,
    config: CodecConfig,
) -> EncodedImage:
    """The packets of a picture (H, W, 3) uint8 at one keep ratio.

    `importance` (h, w) lies on any grid over the picture, values ≥ 0; `seed` is an unsigned 32-bit number. Raises
    MobaigcError for sides that are no multiple of the patch and for anything out of range.
    """
    return ProgressiveEncoder(image, importance, prompt, seed, config).at(keep)


def encode_whole(image: NDArray[np.uint8], config: CodecConfig, quality: int | None = None) -> bytes:
    """The whole picture in one packet by the same codec, frame and checksum: what is sent with semantics off.

    `quality` replaces the configured one; the picture may have any size up to 2048 px a side.
    """
    check_picture(image)
    codec = make_codec(config)
    quality = codec.config.quality if quality is None else quality
    return write_whole(codec.wire_id, quality, image.shape[0], image.shape[1], codec.encode(image, quality))


def _rounded(patches: float) -> int:
    return max(1, int(patches + 0.5))
