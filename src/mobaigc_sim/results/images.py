"""Sampled images of a run: how they are named, written and read.

Shapes: H rows, W columns of pixels. For image i of request r the folder `images/` holds `r-i-original.webp` (RGB),
`r-i-importance.webp` (grey, the attention of each pixel in 1/255), `r-i-received.webp` (RGBA, alpha 0 where nothing
arrived), `r-i-recovered.webp` (RGB, absent where nothing could be recovered) and `r-i.json` (the weight of each prompt
word).
All pictures are lossless.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .files import read_json, replace_with, write_json
from .tables import ResultsError

FOLDER = "images"
_CHANNELS = {"original": 3, "received": 4, "recovered": 3}


@dataclass(frozen=True)
class SampledImage:
    """One image of a request, on every stage of its way."""

    request: int
    index: int
    original_HW3: NDArray[np.uint8]
    importance_HW: NDArray[np.float64]
    """In [0, 1]."""
    received_HW4: NDArray[np.uint8]
    recovered_HW3: NDArray[np.uint8] | None
    words: dict[str, float] = field(default_factory=dict)
    """Weight of each prompt word in the importance."""


def from_record(record: Mapping[str, Any]) -> SampledImage:
    """The image of a record with `request, index, original, importance, received, recovered` and, if known, `words`.

    Raises ResultsError when something is missing or a shape, type or range is wrong.
    """
    missing = {"request", "index", "original", "importance", "received", "recovered"} - record.keys()
    if missing:
        raise ResultsError(f"images: a record lacks {', '.join(sorted(missing))}")
    shape = np.shape(record["original"])[:2]
    for name, channels in _CHANNELS.items():
        picture = record[name]
        if picture is None and name == "recovered":
            continue
        if np.shape(picture) != (*shape, channels) or np.asarray(picture).dtype != np.uint8:
            raise ResultsError(
                f"images: expected `{name}` of shape {(*shape, channels)} and type uint8, "
                f"got {np.shape(picture)} and {np.asarray(picture).dtype}"
            )
    importance = np.asarray(record["importance"], np.float64)
    if importance.shape != shape or not (importance.min() >= 0 and importance.max() <= 1):
        raise ResultsError(f"images: expected `importance` of shape {shape} with values in [0, 1]")
    words = {str(word): float(weight) for word, weight in record.get("words", {}).items()}
    return SampledImage(
        int(record["request"]), int(record["index"]), record["original"], importance, record["received"],
        record["recovered"], words,
    )  # fmt: skip


def save_image(folder: Path, image: SampledImage) -> None:
    """Write the pictures of one image, then its word weights: the JSON file says that the rest is there."""
    pictures = {
        "original": image.original_HW3,
        "importance": np.rint(image.importance_HW * 255).astype(np.uint8),
        "received": image.received_HW4,
        "recovered": image.recovered_HW3,
    }
    stem = f"{image.request}-{image.index}"
    for name, pixels in pictures.items():
        if pixels is not None:
            picture = Image.fromarray(np.ascontiguousarray(pixels))
            save = partial(picture.save, format="WEBP", lossless=True, exact=True)
            replace_with(folder / f"{stem}-{name}.webp", save)
    write_json(folder / f"{stem}.json", {"words": image.words})


def list_images(folder: Path) -> list[tuple[int, int]]:
    """Request and index of every image that is there whole, in order."""
    stems = (path.stem.split("-") for path in folder.glob("*-*.json"))
    return sorted((int(request), int(index)) for request, index in stems)


def load_image(folder: Path, request: int, index: int) -> SampledImage:
    """Read one image back; raises ResultsError when it was not sampled."""
    stem = f"{request}-{index}"
    if not (folder / f"{stem}.json").is_file():
        raise ResultsError(f"{folder}: image {index} of request {request} was not sampled")
    recovered = folder / f"{stem}-recovered.webp"
    return SampledImage(
        request,
        index,
        _pixels(folder / f"{stem}-original.webp", "RGB"),
        _pixels(folder / f"{stem}-importance.webp", "L") / 255.0,
        _pixels(folder / f"{stem}-received.webp", "RGBA"),
        _pixels(recovered, "RGB") if recovered.is_file() else None,
        read_json(folder / f"{stem}.json")["words"],
    )


def _pixels(path: Path, mode: str) -> NDArray[np.uint8]:
    with Image.open(path) as picture:
        return np.asarray(picture.convert(mode))
