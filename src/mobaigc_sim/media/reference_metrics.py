"""Full-reference picture metrics in numpy: PSNR, SSIM, gradient similarity and colour similarity.

Shapes: B pictures, H rows, W columns. Pictures are uint8 RGB; maps are in [0, 1] or, for SSIM, [-1, 1].
Luma and chroma follow ITU-R BT.601 (full range for chroma differences, 16–235 excursion is not applied).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d, gaussian_filter

Pictures = NDArray[np.uint8]
Maps = NDArray[np.float32]

PSNR_CAP_DB = 100.0
SSIM_RADIUS_PX = 5
_SSIM_SIGMA_PX = 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_GMS_C = 170.0
_CHROMA_SCALE = 12.0


def psnr_db(a_BHWC: Pictures, b_BHWC: Pictures) -> NDArray[np.float64]:
    """Peak signal-to-noise ratio over all channels, (B,), in dB; identical pictures give PSNR_CAP_DB."""
    error = a_BHWC.astype(np.float32) - b_BHWC.astype(np.float32)
    mse_B = np.square(error).mean((1, 2, 3), dtype=np.float64)
    return np.asarray(np.minimum(PSNR_CAP_DB, 10 * np.log10(255.0**2 / np.maximum(mse_B, 1e-12))))


def ssim(a_BHWC: Pictures, b_BHWC: Pictures) -> NDArray[np.float64]:
    """Structural similarity of the luma, (B,): mean of `ssim_map` where the window lies inside the picture."""
    inner = slice(SSIM_RADIUS_PX, -SSIM_RADIUS_PX)
    return np.asarray(ssim_map(luma(a_BHWC), luma(b_BHWC))[:, inner, inner].mean((1, 2), dtype=np.float64))


def luma(pictures: Pictures) -> Maps:
    """BT.601 luma in [0, 255], (B, H, W)."""
    return pictures.astype(np.float32) @ np.asarray((0.299, 0.587, 0.114), np.float32)


def ssim_map(y_a: Maps, y_b: Maps) -> Maps:
    """SSIM at every pixel, Gaussian window of 11 × 11 and σ 1.5, K = (0.01, 0.03).

    Source: Wang, Bovik, Sheikh, Simoncelli, IEEE Trans. Image Processing 13(4), 2004, equation 13.
    """
    mean_a, mean_b = _window(y_a), _window(y_b)
    var_a = _window(y_a * y_a) - mean_a * mean_a
    var_b = _window(y_b * y_b) - mean_b * mean_b
    cov = _window(y_a * y_b) - mean_a * mean_b
    top = (2 * mean_a * mean_b + _C1) * (2 * cov + _C2)
    return np.asarray(top / ((mean_a**2 + mean_b**2 + _C1) * (var_a + var_b + _C2)), np.float32)


def gms_map(y_a: Maps, y_b: Maps) -> Maps:
    """Gradient magnitude similarity at half resolution, (B, H // 2, W // 2).

    Source: Xue, Zhang, Mou, Bovik, IEEE Trans. Image Processing 23(2), 2014, equations 1–4, c = 170.
    """
    g_a, g_b = _gradient(_halve(y_a)), _gradient(_halve(y_b))
    return np.asarray((2 * g_a * g_b + _GMS_C) / (g_a**2 + g_b**2 + _GMS_C), np.float32)


def chroma_map(a_BHWC: Pictures, b_BHWC: Pictures) -> Maps:
    """Colour similarity 1 / (1 + d² / 12²), d the distance of the smoothed (Cb, Cr) in levels of 255: (B, H, W)."""
    weights = np.asarray(((-0.168736, 0.5), (-0.331264, -0.418688), (0.5, -0.081312)), np.float32)
    chroma = (a_BHWC.astype(np.float32) - b_BHWC.astype(np.float32)) @ weights
    smooth = gaussian_filter(chroma, (0, _SSIM_SIGMA_PX, _SSIM_SIGMA_PX, 0), radius=(0, 5, 5, 0))
    return np.asarray(1 / (1 + np.square(smooth).sum(-1) / _CHROMA_SCALE**2), np.float32)


def _window(maps: Maps) -> Maps:
    sigma = (0, _SSIM_SIGMA_PX, _SSIM_SIGMA_PX)
    return np.asarray(gaussian_filter(maps, sigma, radius=(0, SSIM_RADIUS_PX, SSIM_RADIUS_PX)), np.float32)


def _halve(maps: Maps) -> Maps:
    rows, columns = maps.shape[1] // 2 * 2, maps.shape[2] // 2 * 2
    m = maps[:, :rows, :columns]
    return np.asarray((m[:, ::2, ::2] + m[:, 1::2, ::2] + m[:, ::2, 1::2] + m[:, 1::2, 1::2]) / 4, np.float32)


def _gradient(maps: Maps) -> Maps:
    step, flat = (1 / 3, 0.0, -1 / 3), (1.0, 1.0, 1.0)
    gx = correlate1d(correlate1d(maps, step, axis=2), flat, axis=1)
    gy = correlate1d(correlate1d(maps, step, axis=1), flat, axis=2)
    return np.asarray(np.hypot(gx, gy), np.float32)
