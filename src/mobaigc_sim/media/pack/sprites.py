"""The sprite atlas: one RGBA picture per object class, shipped with the package."""

from __future__ import annotations

import io
import tarfile
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .vocabulary import OBJECTS

ATLAS = Path(__file__).with_name("atlas.webp")
CELL_PX = 128
COLUMNS = 7
NPM_PACKAGE = "@lobehub/fluent-emoji-3d@1.1.0"


def build_atlas(package_tgz: Path, out: Path = ATLAS) -> None:
    """Cut the classes of the vocabulary out of the npm package's tarball (`npm pack` of NPM_PACKAGE)."""
    rows = -(-len(OBJECTS) // COLUMNS)
    atlas = Image.new("RGBA", (COLUMNS * CELL_PX, rows * CELL_PX))
    with tarfile.open(package_tgz) as tar:
        for i, obj in enumerate(OBJECTS):
            member = tar.extractfile(f"package/assets/{obj.code_point}.webp")
            if member is None:
                raise FileNotFoundError(f"{package_tgz}: no sprite {obj.code_point} for '{obj.name}'")
            sprite = Image.open(io.BytesIO(member.read())).convert("RGBA")
            sprite = sprite.resize((CELL_PX, CELL_PX), Image.Resampling.LANCZOS)
            atlas.paste(sprite, (i % COLUMNS * CELL_PX, i // COLUMNS * CELL_PX))
    atlas.save(out, quality=92, method=6)


@lru_cache(maxsize=1)
def sprites() -> dict[str, Image.Image]:
    """Object name → RGBA sprite, cropped to its visible box."""
    atlas = Image.open(ATLAS).convert("RGBA")
    out = {}
    for i, obj in enumerate(OBJECTS):
        x, y = i % COLUMNS * CELL_PX, i // COLUMNS * CELL_PX
        cell = atlas.crop((x, y, x + CELL_PX, y + CELL_PX))
        box = cell.getchannel("A").point(lambda a: 255 if a > 24 else 0).getbbox()
        out[obj.name] = cell.crop(box)
    return out


@lru_cache(maxsize=512)
def sprite_array(name: str, height_px: int) -> NDArray[np.float32]:
    """Sprite scaled to a height: (height, width, 4) in [0, 1], width at most 1.25 × height."""
    sprite = sprites()[name]
    width_px = round(sprite.width * height_px / sprite.height)
    if width_px > 1.25 * height_px:
        height_px = round(1.25 * height_px * sprite.height / sprite.width)
        width_px = round(sprite.width * height_px / sprite.height)
    scaled = sprite.resize((width_px, height_px), Image.Resampling.LANCZOS)
    return np.asarray(scaled, np.float32) / np.float32(255)
