"""The sprite atlas: one RGBA picture per object class, shipped with the package."""

from __future__ import annotations

import colorsys
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
HUE = {"red": 0.99, "yellow": 0.135, "green": 0.36, "blue": 0.60, "purple": 0.78}
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


@lru_cache(maxsize=2048)
def sprite_array(name: str, height_px: int, colour: str | None = None) -> NDArray[np.float32]:
    """Sprite scaled to a height: (height, width, 4) in [0, 1], width at most 1.25 × height."""
    sprite = sprites()[name]
    width_px = round(sprite.width * height_px / sprite.height)
    if width_px > 1.25 * height_px:
        height_px = round(1.25 * height_px * sprite.height / sprite.width)
        width_px = round(sprite.width * height_px / sprite.height)
    scaled = sprite.resize((width_px, height_px), Image.Resampling.LANCZOS)
    rgba = np.asarray(scaled, np.float32) / np.float32(255)
    return rgba if colour is None else painted(rgba, colour)


def painted(rgba: NDArray[np.float32], colour: str) -> NDArray[np.float32]:
    """The sprite with every saturated pixel brought to one hue; greys, highlights and shading stay."""
    rgb = rgba[..., :3]
    value, low = rgb.max(-1), rgb.min(-1)
    saturation = np.where(value > 0, (value - low) / np.maximum(value, 1e-6), 0)
    pure = np.asarray(colorsys.hsv_to_rgb(HUE[colour], 1, 1), np.float32)
    strength = np.clip(1.1 * saturation, 0, 1)[..., None]
    body = value[..., None] * (1 - strength * (1 - pure))
    if colour == "yellow":
        body = np.clip(1.2 * body, 0, 1)
    share = np.clip((saturation - 0.2) / 0.15, 0, 1)[..., None]
    return np.concatenate((rgb + share * (body - rgb), rgba[..., 3:]), axis=-1).astype(np.float32)
