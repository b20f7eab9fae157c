"""Weather over a painted scene: what it does to the air behind the things, and what falls in front of them."""

from __future__ import annotations

import numpy as np

from .backgrounds import LIGHT, Canvas, smooth_noise

OVERCAST = (0.62, 0.66, 0.72)
_RAIN_STREAKS, _SNOWFLAKES = 70, 60


def behind(canvas: Canvas, weather: str, time: str, horizon: int, rng: np.random.Generator) -> Canvas:
    """The background (size, size, 3) under a weather, before anything stands in it."""
    size = canvas.shape[0]
    light = np.asarray(LIGHT[time], np.float32)
    grey = np.asarray(OVERCAST, np.float32) * (0.25 + 0.75 * light)
    rows = np.arange(size, dtype=np.float32)[:, None, None]
    above = np.clip((horizon - rows) / (size / 16) + 0.5, 0, 1)
    if weather == "fog":
        far = np.exp(-(((rows - horizon) / (0.42 * size)) ** 2))
        cover = np.clip(0.35 + 0.5 * far + 0.1 * smooth_noise((size, size), (4, 4), rng)[..., None], 0, 0.92)
        return np.asarray(canvas + cover * (grey * 1.15 - canvas), np.float32)
    if weather == "rain":
        wet = canvas * (0.72 + 0.1 * above)
        return np.asarray(wet + 0.75 * above * (0.75 * grey - wet), np.float32)
    pale = canvas + 0.7 * above * (1.1 * grey - canvas)
    return np.asarray(pale + 0.4 * (1 - above) * ((0.3 + 0.7 * light) - pale), np.float32)


def in_front(canvas: Canvas, weather: str, time: str, rng: np.random.Generator) -> Canvas:
    """The finished scene with the weather between it and the eye."""
    size = canvas.shape[0]
    light = 0.35 + 0.65 * np.asarray(LIGHT[time], np.float32)
    if weather == "fog":
        return np.asarray(canvas + 0.22 * (np.asarray(OVERCAST, np.float32) * light - canvas), np.float32)
    cover = np.zeros((size, size), np.float32)
    if weather == "rain":
        long = size // 12
        for y, x in zip(rng.integers(0, size - long, _RAIN_STREAKS), rng.integers(4, size, _RAIN_STREAKS), strict=True):
            steps = np.arange(long)
            cover[y + steps, x - steps // 3] = 0.38
        return np.asarray(canvas + cover[..., None] * (np.asarray((0.85, 0.9, 1.0), np.float32) * light - canvas))
    for y, x in zip(rng.integers(0, size - 3, _SNOWFLAKES), rng.integers(0, size - 3, _SNOWFLAKES), strict=True):
        side = int(rng.integers(2, 4))
        cover[y : y + side, x : x + side] = 0.85
    return np.asarray(canvas + cover[..., None] * (light - canvas), np.float32)
