"""How pictures and packets stand in the cache: as named arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .cache import Arrays
from .generate import Generated


def pack_drawn(one: Generated) -> Arrays:
    """A picture and its word maps, the order of the words in the names."""
    return {"image": one.image, **{f"word:{i:04d}:{word}": m for i, (word, m) in enumerate(one.word_maps.items())}}


def unpack_drawn(prompt: str, seed: int, arrays: Arrays) -> Generated:
    """The picture of a prompt and seed; its words are in the order they were."""
    maps = {name.split(":", 2)[2]: arrays[name] for name in sorted(arrays) if name.startswith("word:")}
    return Generated(prompt, seed, arrays["image"], maps)


def pack_bytes(packets: Sequence[bytes]) -> Arrays:
    """Packets end to end, and their sizes."""
    sizes = np.array([len(packet) for packet in packets], np.int64)
    return {"sizes": sizes, "bytes": np.frombuffer(b"".join(packets), np.uint8)}


def unpack_bytes(arrays: Arrays) -> list[bytes]:
    """The packets, in order."""
    ends = np.cumsum(arrays["sizes"]).tolist()
    joined = arrays["bytes"].tobytes()
    return [joined[a:b] for a, b in zip([0, *ends], ends, strict=False)]
