"""Painted backgrounds: one function a place, all on a (size, size, 3) float canvas in [0, 1]."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Canvas = NDArray[np.float32]

SKY = {
    "day": ((0.33, 0.62, 0.94), (0.80, 0.91, 1.00)),
    "sunset": ((0.36, 0.24, 0.50), (1.00, 0.62, 0.32)),
    "night": ((0.03, 0.05, 0.16), (0.14, 0.17, 0.36)),
}
LIGHT = {"day": (1.0, 1.0, 1.0), "sunset": (0.98, 0.76, 0.68), "night": (0.34, 0.38, 0.56)}


def paint(place: str, time: str, size: int, horizon: int, rng: np.random.Generator) -> Canvas:
    """Paint a place at a time of day; things stand below the row `horizon`."""
    canvas = _sky(time, size, horizon, rng)
    light = np.asarray(LIGHT[time], np.float32)
    _PAINTERS[place](canvas, horizon, light, rng)
    return np.clip(canvas, 0, 1)


def smooth_noise(shape: tuple[int, int], grid: tuple[int, int], rng: np.random.Generator) -> Canvas:
    """Noise in [-1, 1] of the given shape, bicubic between the points of a coarse grid."""
    coarse = Image.fromarray(rng.uniform(-1, 1, grid).astype(np.float32))
    fine: Canvas = np.asarray(coarse.resize((shape[1], shape[0]), Image.Resampling.BICUBIC), np.float32)
    return fine


def _texture(rows: int, size: int, rng: np.random.Generator, coarse: float, fine: float) -> Canvas:
    lumps = coarse * smooth_noise((rows, size), (max(2, rows // 8), size // 8), rng)
    return np.asarray(lumps + fine * smooth_noise((rows, size), (max(2, rows // 2), size // 2), rng))[..., None]


def _sky(time: str, size: int, horizon: int, rng: np.random.Generator) -> Canvas:
    top, bottom = (np.asarray(c, np.float32) for c in SKY[time])
    ramp = np.clip(np.linspace(0, 1, size, dtype=np.float32) * size / max(horizon, 1), 0, 1)[:, None, None]
    canvas = np.broadcast_to(top + (bottom - top) * ramp, (size, size, 3)).astype(np.float32)
    if time == "night":
        for y, x in zip(rng.integers(0, horizon, 24), rng.integers(0, size, 24), strict=True):
            canvas[y, x] = 0.9
    else:
        haze = np.clip(smooth_noise((horizon, size), (5, 6), rng) - 0.25, 0, 1)[..., None]
        tint = np.asarray((1, 1, 1) if time == "day" else (1, 0.75, 0.65), np.float32)
        canvas[:horizon] += 0.55 * haze * (tint - canvas[:horizon])
    return canvas


def _ground(canvas: Canvas, edge: NDArray[np.float32], colour: Canvas) -> None:
    size = canvas.shape[0]
    below = np.arange(size, dtype=np.float32)[:, None] - edge[None, :]
    cover = np.clip(below + 0.5, 0, 1)[..., None]
    canvas += cover * (colour - canvas)


def _rolling(size: int, horizon: int, height: float, bumps: int, rng: np.random.Generator) -> NDArray[np.float32]:
    edge: NDArray[np.float32] = horizon - height * smooth_noise((1, size), (1, bumps), rng)[0]
    return edge


def _shaded(colour: tuple[float, float, float], size: int, light: Canvas) -> Canvas:
    depth = np.linspace(1.10, 0.86, size, dtype=np.float32)[:, None, None]
    return np.broadcast_to(np.asarray(colour, np.float32) * light * depth, (size, size, 3)).astype(np.float32)


def _meadow(canvas: Canvas, horizon: int, light: Canvas, rng: np.random.Generator) -> None:
    size = canvas.shape[0]
    grass = _shaded((0.36, 0.66, 0.22), size, light) * (1 + _texture(size, size, rng, 0.10, 0.16))
    petals = ((0.98, 0.95, 0.9), (0.98, 0.85, 0.25), (0.95, 0.45, 0.6))
    for _ in range(14):
        y, x = int(rng.integers(horizon + 4, size - 2)), int(rng.integers(1, size - 2))
        grass[y : y + 2, x : x + 2] = np.asarray(petals[rng.integers(3)], np.float32) * light
    _ground(canvas, _rolling(size, horizon, size / 40, 4, rng), grass)


def _beach(canvas: Canvas, horizon: int, light: Canvas, rng: np.random.Generator) -> None:
    size = canvas.shape[0]
    _ground(canvas, np.full(size, horizon, np.float32), _shaded((0.16, 0.60, 0.70), size, light))
    sand = _shaded((0.95, 0.83, 0.55), size, light) * (1 + _texture(size, size, rng, 0.05, 0.08))
    _ground(canvas, _rolling(size, horizon + size // 10, size / 40, 4, rng), sand)


def _snowy_hill(canvas: Canvas, horizon: int, light: Canvas, rng: np.random.Generator) -> None:
    size = canvas.shape[0]
    x = np.linspace(-1, 1, size, dtype=np.float32)
    crest = horizon + size / 8 * (x - rng.uniform(-0.5, 0.5)) ** 2
    snow = _shaded((0.95, 0.97, 1.0), size, 0.25 + 0.75 * light) * (1 + _texture(size, size, rng, 0.03, 0.04))
    _ground(canvas, crest.astype(np.float32), snow)


def _mountains(canvas: Canvas, horizon: int, light: Canvas, rng: np.random.Generator) -> None:
    size = canvas.shape[0]
    peaks = np.interp(
        np.arange(size), np.linspace(0, size, 8), horizon - size * (0.08 + 0.22 * rng.random(8) * ([0, 1] * 4))
    ).astype(np.float32)
    rows = np.arange(size, dtype=np.float32)[:, None]
    snow = np.clip((peaks.min() + size / 9 - rows) / 4 + smooth_noise((size, size), (6, 16), rng), 0, 1)[..., None]
    rock = _shaded((0.48, 0.47, 0.55), size, light) * (1 + _texture(size, size, rng, 0.16, 0.06))
    _ground(canvas, peaks, rock + snow * (np.asarray((0.95, 0.97, 1), np.float32) * light - rock))
    grass = _shaded((0.27, 0.46, 0.27), size, light) * (1 + _texture(size, size, rng, 0.08, 0.10))
    _ground(canvas, _rolling(size, horizon, size / 40, 4, rng), grass)


def _city_street(canvas: Canvas, horizon: int, light: Canvas, rng: np.random.Generator) -> None:
    size = canvas.shape[0]
    night = float(light.mean()) < 0.5
    unit = size // 16
    x = 0
    while x < size:
        width = unit * int(rng.integers(2, 4))
        top = horizon - unit * int(rng.integers(2, 7))
        shade = np.asarray((0.62, 0.60, 0.64), np.float32) * rng.uniform(0.75, 1.15) * light
        canvas[top:horizon, x : x + width] = shade
        pane = np.asarray((1.0, 0.86, 0.45) if night else (0.75, 0.87, 0.95), np.float32)
        for wy in range(top + unit // 2, horizon - 2, unit):
            for wx in range(x + unit // 2, min(x + width, size) - 3, unit):
                canvas[wy : wy + unit // 2, wx : wx + 3] = pane if rng.random() < 0.75 else shade * 0.6
        x += width
    road = _shaded((0.40, 0.41, 0.45), size, light) * (1 + _texture(size, size, rng, 0.04, 0.08))
    middle = (horizon + size) // 2 + unit
    for dash in range(int(rng.integers(0, 2 * unit)), size, 3 * unit):
        road[middle : middle + unit // 3, dash : dash + 3 * unit // 2] = np.asarray((0.95, 0.9, 0.7)) * light
    road[horizon : horizon + unit // 2] = np.asarray((0.72, 0.70, 0.68), np.float32) * light
    _ground(canvas, np.full(size, horizon, np.float32), road)


def _desert(canvas: Canvas, horizon: int, light: Canvas, rng: np.random.Generator) -> None:
    size = canvas.shape[0]
    far = _shaded((0.80, 0.50, 0.26), size, light)
    _ground(canvas, _rolling(size, horizon - size // 32, size / 12, 4, rng), far)
    ripples = 0.06 * np.sin(np.arange(size)[:, None] * 1.1 + 6 * smooth_noise((size, size), (4, 5), rng))
    near = _shaded((0.90, 0.63, 0.34), size, light) * (1 + ripples[..., None] + _texture(size, size, rng, 0.03, 0.05))
    _ground(canvas, _rolling(size, horizon + size // 16, size / 30, 3, rng), near.astype(np.float32))


def _sea(canvas: Canvas, horizon: int, light: Canvas, rng: np.random.Generator) -> None:
    size = canvas.shape[0]
    rows = np.arange(size, dtype=np.float32)[:, None]
    waves = 0.13 * np.sin(rows * rows / (1.2 * size) * 1.6 + 5 * smooth_noise((size, size), (4, 6), rng))
    water = _shaded((0.10, 0.42, 0.72), size, light) * (1 + waves[..., None] + _texture(size, size, rng, 0.05, 0.03))
    _ground(canvas, np.full(size, horizon, np.float32), water.astype(np.float32))


def _wooden_table(canvas: Canvas, horizon: int, light: Canvas, rng: np.random.Generator) -> None:
    size = canvas.shape[0]
    wall = np.asarray(((0.87, 0.84, 0.76), (0.72, 0.81, 0.85), (0.86, 0.76, 0.76))[rng.integers(3)], np.float32)
    canvas[:] = wall * light * (1 + 0.04 * smooth_noise((size, size), (3, 3), rng))[..., None]
    grain = 0.14 * np.sin(np.arange(size)[:, None] * 0.9 + 7 * smooth_noise((size, size), (8, 2), rng))
    wood = _shaded((0.62, 0.38, 0.18), size, light) * (1 + grain[..., None] + _texture(size, size, rng, 0.04, 0.05))
    _ground(canvas, np.full(size, horizon, np.float32), wood.astype(np.float32))


_PAINTERS: dict[str, Callable[[Canvas, int, Canvas, np.random.Generator], None]] = {
    "meadow": _meadow,
    "sandy beach": _beach,
    "snowy hill": _snowy_hill,
    "mountains": _mountains,
    "city street": _city_street,
    "desert": _desert,
    "sea": _sea,
    "wooden table": _wooden_table,
}
