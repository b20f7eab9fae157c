"""What a phone shows for each part of the packets that may arrive: every prefix, and all but one enhancement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from .bitstream import BaseLayerLost
from .cache import digest
from .decode import decode
from .stack import Delivery, MediaStack, Picture

PICTURES = 16
_SCORES = ("s", "q", "jpsq", "psnr_db")


def prefixes_and_losses(packets: int) -> list[int]:
    """Bit i of a set says that packet i arrived: the prefixes 1 … packets, then all but one enhancement."""
    everything = (1 << packets) - 1
    prefixes = [(1 << n) - 1 for n in range(1, packets + 1)]
    return list(dict.fromkeys([*prefixes, *(everything & ~(1 << i) for i in range(1, packets))]))


def progressive_table(
    stack: MediaStack, prompts: Sequence[str], seeds: Sequence[int], keeps: Sequence[float]
) -> pd.DataFrame:
    """One row for each request, keep ratio and set: `request`, `keep`, `packets` (offered), `received`, `bytes` (of
    what arrived), `lost` (nothing could be shown) and the scores, 0 where lost.

    Sets that decode to the same picture, as the base does at every keep ratio, are recovered once.
    """
    rows = []
    for start in range(0, len(prompts), PICTURES):
        drawn = stack.generate(prompts[start : start + PICTURES], seeds[start : start + PICTURES])
        rows += list(_rows(stack, drawn, start, keeps))
    return pd.DataFrame(rows)


def _rows(
    stack: MediaStack, pictures: list[Picture], first: int, keeps: Sequence[float]
) -> Iterator[dict[str, float | bool]]:
    todo: dict[str, Delivery[Picture]] = {}
    wanted = []
    for number, picture in enumerate(pictures, start=first):
        for keep in keeps:
            packets = stack.offer(picture, keep)
            for received in prefixes_and_losses(len(packets)):
                arrived = [packet for i, packet in enumerate(packets) if received >> i & 1]
                told = {"request": number, "keep": keep, "packets": len(packets), "received": received}
                told["bytes"] = sum(map(len, arrived))
                try:
                    shown = decode(arrived)
                except BaseLayerLost:
                    wanted.append((told, ""))
                    continue
                key = digest(number, shown.image.tobytes(), shown.known_HW.tobytes())
                todo.setdefault(key, Delivery(picture, arrived))
                wanted.append((told, key))
    outcomes = dict(zip(todo, stack.finish(list(todo.values())), strict=True))
    for told, key in wanted:
        found = outcomes.get(key)
        yield told | {"lost": found is None} | {s: 0.0 if found is None else getattr(found, s) for s in _SCORES}
