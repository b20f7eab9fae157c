"""Build a bank: draw pictures once and measure what every part of their packets gives.

Every outcome comes from the live stack. Subsets that decode to the same picture (a base alone does so at every keep
ratio) are recovered once: for 11 keep ratios and 3 levels, about half of the work. A part holds the outcomes of a few
pictures and takes its name when it is whole, so a build that was killed goes on where it was.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import MobaigcError
from ..media.bank import (
    BUILDING,
    COMPLETE,
    FORMAT,
    MANIFEST,
    BankError,
    bank_settings,
    part_name,
    read_manifest,
    read_part,
    received_sets,
    schema,
)
from ..media.cache import digest
from ..media.config import MediaConfig
from ..media.decode import decode
from ..media.stack import KEEP_GRID, Delivery, MediaStack, Picture
from ..results.files import replace_with, write_json
from ..results.manifest import package_versions

PART_PICTURES = 8
MAX_KEEPS = 200
Wish = tuple[str, int]


def build_bank(
    out: Path,
    media: MediaConfig,
    prompts: Sequence[str],
    seeds: Sequence[int],
    keeps: Iterable[float] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Measure every (prompt, seed) at every keep ratio into the folder `out` and return it.

    `keeps`: by default the grid of the stack and `media.keep`. `on_progress(pictures done, pictures)` is called after
    each part. A folder with a part of this very build is continued, one with all of it is left alone. Raises BankError
    for anything else in the folder, MobaigcError for input that cannot be measured.
    """
    ratios = _checked_keeps([*KEEP_GRID, media.keep] if keeps is None else keeps)
    wishes = [(prompt, seed) for prompt in dict.fromkeys(prompts) for seed in sorted(set(seeds))]
    if not wishes:
        raise MobaigcError("a bank needs at least one prompt and one seed")
    stack = MediaStack(media.model_copy(update={"mode": "live", "bank": None, "semantic": True}))
    plan = {
        "format": FORMAT,
        "settings": bank_settings(media),
        "models": stack.model_hashes(),
        "keeps": ratios,
        "jpsq_weight": media.jpsq_weight,
        "pictures": len(wishes),
        "part_pictures": PART_PICTURES,
        "wishes_sha256": digest(wishes),
    }
    with _alone(out):
        if _already(out, plan):
            return out
        stack.check_prompts({prompt for prompt, _ in wishes})
        write_json(out / MANIFEST, {"status": BUILDING, **plan})
        parts = {}
        for number, start in enumerate(range(0, len(wishes), PART_PICTURES)):
            part = wishes[start : start + PART_PICTURES]
            path = out / part_name(number)
            if not _holds(path, part):
                rows = measure(stack, part, ratios)
                replace_with(path, lambda temporary, rows=rows: _write(temporary, rows))  # type: ignore[misc]
            parts[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
            if on_progress is not None:
                on_progress(start + len(part), len(wishes))
        write_json(out / MANIFEST, {"status": COMPLETE, **plan, "packages": package_versions(), "parts": parts})
    return out


def measure(stack: MediaStack, wishes: Sequence[Wish], keeps: Sequence[float]) -> list[dict[str, Any]]:
    """The rows of some pictures: each offer, each subset of its packets that a bank holds."""
    rows: list[dict[str, Any]] = []
    deliveries: list[Delivery[Picture]] = []
    places: list[int] = []
    for picture in stack.generate([p for p, _ in wishes], [s for _, s in wishes]):
        known: dict[str, int] = {}
        for offer, packets in _offers(picture, keeps):
            for received in received_sets(len(packets)):
                arrived = [packet for i, packet in enumerate(packets) if received >> i & 1]
                shown = decode(arrived)
                state = digest(shown.image.tobytes(), shown.known_HW.tobytes(), shown.prompt, shown.seed)
                if state not in known:
                    known[state] = len(deliveries)
                    deliveries.append(Delivery(picture, arrived))
                places.append(known[state])
                rows.append({"prompt": picture.prompt, "seed": picture.seed, **offer, "received": received})
    outcomes = stack.finish(deliveries)
    names = [name for name in schema().names if name not in rows[0]]
    return [row | {name: getattr(outcomes[i], name) for name in names} for row, i in zip(rows, places, strict=True)]


def _offers(picture: Picture, keeps: Sequence[float]) -> Iterator[tuple[dict[str, Any], list[bytes]]]:
    """The whole picture, then each keep ratio: the columns that say what is offered, and the packets."""
    whole = {"semantic": False, "keep": 1.0, "attention_mass": 1.0, "packet_bytes": [len(picture.whole)]}
    yield whole, [picture.whole]
    for keep in keeps:
        encoded = picture.encoder.at(keep)
        packets, mass = list(encoded.packets), encoded.importance_kept
        sizes = [len(packet) for packet in packets]
        yield {"semantic": True, "keep": keep, "attention_mass": mass, "packet_bytes": sizes}, packets


def _checked_keeps(keeps: Iterable[float]) -> list[float]:
    ratios: list[float] = np.unique(np.round(np.asarray(list(keeps), np.float64), 6)).tolist()
    if not ratios or not 0 < ratios[0] <= ratios[-1] <= 1 or len(ratios) > MAX_KEEPS:
        raise MobaigcError(f"expected 1 to {MAX_KEEPS} keep ratios above 0 and at most 1, got {ratios[:5]}")
    return ratios


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(rows, schema=schema()), path, compression="zstd")


def _holds(path: Path, wishes: Sequence[Wish]) -> bool:
    """Whether a whole part with these pictures is there; a part that is anything else is measured again."""
    try:
        rows = read_part(path)
    except BankError:
        return False
    return list(dict.fromkeys((row["prompt"], row["seed"]) for row in rows)) == list(wishes)


def _already(out: Path, plan: dict[str, Any]) -> bool:
    """Whether the folder holds all of this very bank; raises BankError where it holds something else."""
    if not any(out.iterdir()):
        return False
    if not (out / MANIFEST).exists():
        raise BankError(f"{out} is not empty and holds no bank; choose a new folder")
    found = read_manifest(out, whole=False)
    for key, value in plan.items():
        if found.get(key) != value:
            what = key
            if isinstance(value, dict):
                told = found.get(key) or {}
                what = next((k for k in [*value, *told] if told.get(k) != value.get(k)), key)
            raise BankError(f"{out} holds a bank that differs in '{what}'; choose a new folder, or remove this one")
    return bool(found["status"] == COMPLETE)


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Make the folder and keep other builds out of it."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as reason:
        raise BankError(f"the bank {out} cannot be made: {reason.strerror}") from reason
    handle = os.open(out, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BankError(f"another build is at work in {out}") from None
        yield
    finally:
        os.close(handle)
