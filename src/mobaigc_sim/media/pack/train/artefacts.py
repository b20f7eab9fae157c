"""More distortions, of pixels, colours and small blocks; `distort` holds the tables and says what a distortion is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageFilter
from scipy.ndimage import gaussian_filter

Picture = NDArray[np.uint8]
Distortion = Callable[[Picture, float, np.random.Generator], Picture]


def uint8(values: ArrayLike) -> Picture:
    """Values rounded and cut to bytes."""
    return np.clip(np.asarray(values) + 0.5, 0, 255).astype(np.uint8)


def motion(picture: Picture, level: float, rng: np.random.Generator) -> Picture:
    """Blur along a line of 2 … 20 px in a random direction."""
    reach, angle = 1 + 9 * level, rng.uniform(0, np.pi)
    steps = np.linspace(-reach, reach, 2 * round(2 * reach) + 1)
    y, x = np.rint(steps * np.sin(angle)).astype(int), np.rint(steps * np.cos(angle)).astype(int)
    pad = int(np.ceil(reach))
    rows, columns = picture.shape[:2]
    wide = np.pad(picture, ((pad, pad), (pad, pad), (0, 0)), mode="edge").astype(np.float32)
    shifted = [wide[pad + i : pad + i + rows, pad + j : pad + j + columns] for i, j in zip(y, x, strict=True)]
    return uint8(np.mean(shifted, axis=0))


def jitter(picture: Picture, level: float, rng: np.random.Generator) -> Picture:
    """Every pixel taken from a random place up to 1 … 5 px away."""
    offsets = rng.uniform(-1, 1, (2, *picture.shape[:2])) * (0.7 + 4.3 * level**1.5)
    return _fetched(picture, np.rint(offsets).astype(int))


def displaced_blocks(picture: Picture, level: float, rng: np.random.Generator) -> Picture:
    """Every block of 4 … 16 px (one size a picture) shows what lies up to 1 … 8 px beside it."""
    side = int(rng.integers(4, 17))
    rows, columns = picture.shape[:2]
    offsets = rng.uniform(-1, 1, (2, rows // side + 1, columns // side + 1)) * (0.8 + 7.2 * level**1.5)
    each = np.repeat(np.repeat(np.rint(offsets).astype(int), side, 1), side, 2)
    return _fetched(picture, each[:, :rows, :columns])


def combed(picture: Picture, level: float, rng: np.random.Generator) -> Picture:
    """Interlacing: every other row moved sideways by 1 … 9 px."""
    out = picture.copy()
    out[1::2] = np.roll(picture, round(1 + 8 * level) * (1 if rng.random() < 0.5 else -1), axis=1)[1::2]
    return out


def impulses(picture: Picture, level: float, rng: np.random.Generator) -> Picture:
    """0.3 % … 15 % of the pixels become black or white."""
    chance = rng.random(picture.shape[:2])
    hit = chance < 0.003 + 0.147 * level**1.5
    out = picture.copy()
    out[hit] = np.where(rng.random(picture.shape[:2]) < 0.5, 0, 255)[hit][:, None]
    return out


def speckle(picture: Picture, level: float, rng: np.random.Generator) -> Picture:
    """Every value times a Gaussian of mean 1 and deviation 2 % … 35 %."""
    return uint8(picture * (1 + (0.02 + 0.33 * level**1.5) * rng.standard_normal(picture.shape, np.float32)))


def chroma_noise(picture: Picture, level: float, rng: np.random.Generator) -> Picture:
    """Soft blotches in the two colour channels, of deviation 3 … 40 levels of 255; the luma stays."""
    planes = np.array(Image.fromarray(picture).convert("YCbCr"), np.float32)
    blotches = rng.standard_normal((*picture.shape[:2], 2), np.float32)
    soft = gaussian_filter(blotches, (1, 1, 0))
    planes[..., 1:] += (3 + 37 * level**1.5) * soft / soft.std()
    return _from_ycbcr(planes)


def bleed(picture: Picture, level: float, rng: np.random.Generator) -> Picture:
    """Colours of a coarse grid (subsampled chroma): blurred by σ 1 … 12 px, and the luma by σ 0.4 … 1.2 px."""
    planes = np.array(Image.fromarray(picture).convert("YCbCr"), np.float32)
    planes[..., 1:] = gaussian_filter(planes[..., 1:], (1 + 11 * level, 1 + 11 * level, 0))
    planes[..., 0] = gaussian_filter(planes[..., 0], 0.4 + 0.8 * level)
    return _from_ycbcr(planes)


def palette(picture: Picture, level: float, rng: np.random.Generator) -> Picture:
    """64 … 3 colours, chosen for the picture, with or without dithering."""
    colours = round(64 * (3 / 64) ** level)
    image = Image.fromarray(picture)
    table = image.quantize(colours, method=Image.Quantize.MEDIANCUT)
    dither = (Image.Dither.NONE, Image.Dither.FLOYDSTEINBERG)[rng.integers(2)]
    return np.asarray(image.quantize(palette=table, dither=dither).convert("RGB"))


def sharpened(picture: Picture, level: float, rng: np.random.Generator) -> Picture:
    """Unsharp mask of radius 1.2 px and strength 0.5 … 7."""
    values = picture.astype(np.float32)
    return uint8(values + (0.5 + 6.5 * level**1.5) * (values - gaussian_filter(values, (1.2, 1.2, 0))))


def ringing(picture: Picture, level: float, rng: np.random.Generator) -> Picture:
    """A sharp cut of the spectrum at 0.8 … 0.1 of the highest frequency."""
    cut = 0.8 * (0.1 / 0.8) ** level
    spectrum = np.fft.rfft2(np.pad(picture.astype(np.float32), ((8, 8), (8, 8), (0, 0)), mode="reflect"), axes=(0, 1))
    rows = np.abs(np.fft.fftfreq(picture.shape[0] + 16))[:, None]
    columns = np.fft.rfftfreq(picture.shape[1] + 16)[None, :]
    spectrum[np.hypot(rows, columns) > cut / 2] = 0
    back = np.fft.irfft2(spectrum, (picture.shape[0] + 16, picture.shape[1] + 16), axes=(0, 1))
    return uint8(back[8:-8, 8:-8])


def painted(picture: Picture, level: float, rng: np.random.Generator) -> Picture:
    """Flat strokes with hard edges: the commonest value around each pixel, of 24 a channel, window 3 … 11 px."""
    coarse = Image.fromarray(uint8(np.rint(picture / 11.0) * 11.0))
    return np.asarray(coarse.filter(ImageFilter.ModeFilter(3 + 2 * round(4 * level))))


def _fetched(picture: Picture, offsets: NDArray[np.int64]) -> Picture:
    """The picture with each pixel taken from `offsets` (2, H, W) away, cut at the rim."""
    rows, columns = picture.shape[:2]
    y, x = np.mgrid[0:rows, 0:columns]
    return np.asarray(picture[np.clip(y + offsets[0], 0, rows - 1), np.clip(x + offsets[1], 0, columns - 1)])


def _from_ycbcr(planes: NDArray[np.float32]) -> Picture:
    return np.asarray(Image.fromarray(uint8(planes), "YCbCr").convert("RGB"))
