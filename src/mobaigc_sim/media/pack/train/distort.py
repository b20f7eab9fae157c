"""Distortions of pictures, each with one strength in [0, 1]: what codecs, networks and inpainting do to scenes.

Every function takes an (H, W, 3) uint8 picture, a level (0 mild, 1 severe) and a generator, and returns a new picture.
Patch distortions damage a prefix of one random order of the 16 px patches, so that with equal generators a higher level
damages a superset.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image, ImageFilter
from scipy.ndimage import gaussian_filter

from . import artefacts
from .artefacts import Distortion, Picture, uint8

PATCH_PX = 16


def webp(picture: Picture, level: float, rng: np.random.Generator) -> Picture:
    """WebP at quality 90 … 1."""
    return coded(picture, "WEBP", quality=_quality(level, 90, 1), method=2)


def jpeg(picture: Picture, level: float, rng: np.random.Generator) -> Picture:
    """JPEG at quality 90 … 4."""
    return coded(picture, "JPEG", quality=_quality(level, 90, 4))


def avif(picture: Picture, level: float, rng: np.random.Generator) -> Picture:
    """AVIF at quality 85 … 5."""
    return coded(picture, "AVIF", quality=_quality(level, 85, 5), speed=9)


def jpeg2000(picture: Picture, level: float, rng: np.random.Generator) -> Picture:
    """JPEG 2000 at a compression of 6 … 90."""
    return coded(picture, "JPEG2000", quality_mode="rates", quality_layers=[6 * (90 / 6) ** level])


def blur(picture: Picture, level: float, rng: np.random.Generator) -> Picture:
    """Gaussian blur, σ from 0.4 to 4 px at 128 px."""
    sigma = (0.4 + 3.6 * level**1.5) * picture.shape[0] / 128
    return uint8(gaussian_filter(picture.astype(np.float32), (sigma, sigma, 0)))


def noise(picture: Picture, level: float, rng: np.random.Generator) -> Picture:
    """White Gaussian noise, σ from 2 to 40 levels of 255."""
    return uint8(picture + (2 + 38 * level**1.5) * rng.standard_normal(picture.shape, np.float32))


def rescale(picture: Picture, level: float, rng: np.random.Generator) -> Picture:
    """Scaled down by 1.25 … 8 and up again, bilinear or bicubic."""
    up = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)[rng.integers(2)]
    size = max(4, round(picture.shape[0] / 1.25 / 6.4**level))
    image = Image.fromarray(picture)
    small = image.resize((max(4, round(size * image.width / image.height)), size), Image.Resampling.BOX)
    return np.asarray(small.resize(image.size, up))


def smooth(picture: Picture, level: float, rng: np.random.Generator) -> Picture:
    """What a small autoencoder does: fine texture goes, edges stay, colours drift a little in soft waves."""
    image = Image.fromarray(picture)
    median = np.asarray(
        image.filter(ImageFilter.MedianFilter(3 if level < 0.35 else 5 if level < 0.7 else 7)), np.float32
    )
    soft = gaussian_filter(median, (0.5 + level, 0.5 + level, 0))
    drift = gaussian_filter(rng.standard_normal(picture.shape, np.float32), (6, 6, 0)) * 90 * level
    share = min(1.0, 0.4 + 0.6 * level)
    return uint8(picture + share * (soft - picture) + drift)


def seams(picture: Picture, level: float, rng: np.random.Generator) -> Picture:
    """Patches that do not meet: each kept patch gets its own offset of brightness and colour."""
    out = picture.astype(np.float32)
    offsets = rng.standard_normal((out.shape[0] // PATCH_PX + 1, out.shape[1] // PATCH_PX + 1, 3), np.float32)
    offsets = 0.5 * offsets + 0.5 * offsets.mean(-1, keepdims=True)
    step = np.repeat(np.repeat(offsets, PATCH_PX, 0), PATCH_PX, 1)[: out.shape[0], : out.shape[1]]
    return uint8(out + (3 + 37 * level) * step)


def flat_patches(picture: Picture, level: float, rng: np.random.Generator) -> Picture:
    """Missing patches filled with the mean colour of the picture, grey or black."""
    fills = (picture.mean((0, 1)), np.full(3, 128.0), np.zeros(3))
    fill = fills[rng.integers(3)]
    out = picture.copy()
    for rows, columns in _damaged(picture, level, rng):
        out[rows, columns] = fill
    return out


def colour_patches(picture: Picture, level: float, rng: np.random.Generator) -> Picture:
    """Patches whose colours are wrong: a patch of another place of the picture, or a random tint."""
    out = picture.copy()
    for rows, columns in _damaged(picture, level, rng):
        if rng.random() < 0.5:
            y = int(rng.integers(0, picture.shape[0] - PATCH_PX + 1))
            x = int(rng.integers(0, picture.shape[1] - PATCH_PX + 1))
            size = out[rows, columns].shape
            out[rows, columns] = picture[y : y + size[0], x : x + size[1]]
        else:
            out[rows, columns] = uint8(out[rows, columns] * rng.uniform(0.4, 1.6, 3))
    return out


def blended_patches(picture: Picture, level: float, rng: np.random.Generator) -> Picture:
    """Patches replaced by a strong blur with a feathered rim: inpainting that has no idea."""
    mask = np.zeros(picture.shape[:2], np.float32)
    for rows, columns in _damaged(picture, level, rng):
        mask[rows, columns] = 1
    feather = gaussian_filter(mask, 2.0)[..., None]
    soft = gaussian_filter(picture.astype(np.float32), (5, 5, 0))
    return uint8(picture + feather * (soft - picture))


def pixelate(picture: Picture, level: float, rng: np.random.Generator) -> Picture:
    """Blocks of 2 … 12 px of one colour."""
    image = Image.fromarray(picture)
    block = 2 + 10 * level
    small = image.resize((round(image.width / block), round(image.height / block)), Image.Resampling.BOX)
    return np.asarray(small.resize(image.size, Image.Resampling.NEAREST))


TRAINED: dict[str, Distortion] = {
    f.__name__: f
    for f in (
        *(webp, jpeg, blur, noise, rescale, smooth, seams, flat_patches, colour_patches, blended_patches),
        *(artefacts.motion, artefacts.jitter, artefacts.displaced_blocks, artefacts.combed, artefacts.impulses),
        *(artefacts.speckle, artefacts.chroma_noise, artefacts.bleed, artefacts.palette, artefacts.sharpened),
        *(artefacts.ringing, artefacts.painted),
    )
}
HELD_OUT: dict[str, Distortion] = {f.__name__: f for f in (avif, jpeg2000, pixelate)}
"""Never seen in training: the test of generalisation to other artefacts."""


HIDING = ("flat_patches", "colour_patches")
"""Distortions that take content away, so that what is left may no longer show what the caption says."""


def any_distortion(picture: Picture, rng: np.random.Generator, top: float = 1.0, *, hiding: bool = True) -> Picture:
    """One trained distortion of random kind and level up to `top`; one time in four a second one follows."""
    names = [name for name in TRAINED if hiding or name not in HIDING]
    for _ in range(2 if rng.random() < 0.25 else 1):
        picture = TRAINED[names[rng.integers(len(names))]](picture, top * float(rng.random()), rng)
    return picture


def _quality(level: float, best: int, worst: int) -> int:
    return round(best * float((worst / best) ** level))


def coded(picture: Picture, format_name: str, **options: Any) -> Picture:
    """The picture through a codec of Pillow with Pillow's options for it."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format_name, **options)
    return np.asarray(Image.open(buffer).convert("RGB"))


def _damaged(picture: Picture, level: float, rng: np.random.Generator) -> list[tuple[slice, slice]]:
    """The patches that a level of damage touches: 4 % … 70 % of them."""
    rows, columns = -(-picture.shape[0] // PATCH_PX), -(-picture.shape[1] // PATCH_PX)
    order = rng.permutation(rows * columns)
    chosen = order[: max(1, round((0.04 + 0.66 * level) * len(order)))]
    return [
        (
            slice(k // columns * PATCH_PX, (k // columns + 1) * PATCH_PX),
            slice(k % columns * PATCH_PX, (k % columns + 1) * PATCH_PX),
        )
        for k in chosen.tolist()
    ]
