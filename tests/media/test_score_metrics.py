"""Reference metrics against closed forms and against pyiqa's implementations."""

from __future__ import annotations

import numpy as np
import pyiqa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mobaigc_sim.media.pack.train import distort
from mobaigc_sim.media.pack.train.figures import fresh_scenes
from mobaigc_sim.media.reference_metrics import PSNR_CAP_DB, chroma_map, gms_map, luma, psnr_db, ssim, ssim_map

levels = st.integers(0, 255)


@pytest.fixture(scope="module")
def pairs():
    clean = np.stack([s.image for s in fresh_scenes(99, 6)])
    functions = list(distort.TRAINED.values())
    shown = [functions[i](p, 0.5, np.random.default_rng(i)) for i, p in enumerate(clean)]
    return clean, np.stack(shown)


def flat(level: int) -> np.ndarray:
    return np.full((1, 32, 32, 3), level, np.uint8)


@given(levels, levels)
def test_psnr_of_flat_pictures(a, b):
    expected = PSNR_CAP_DB if a == b else 20 * np.log10(255 / abs(a - b))
    assert psnr_db(flat(a), flat(b))[0] == pytest.approx(expected)


@given(levels, levels)
def test_ssim_of_flat_pictures_is_its_luminance_term(a, b):
    c1 = 2.55**2
    assert ssim(flat(a), flat(b))[0] == pytest.approx((2 * a * b + c1) / (a * a + b * b + c1), abs=2e-3)


def test_ssim_agrees_with_pyiqa(pairs):
    clean, shown = pairs
    a, b = (torch.from_numpy(x).permute(0, 3, 1, 2).float() / 255 for x in (shown, clean))
    oracle = pyiqa.create_metric("ssim", device=torch.device("cpu"), color_space="yiq")(a, b).flatten().numpy()
    assert ssim(clean, shown) == pytest.approx(oracle, abs=2e-3)


def test_spread_of_gradient_similarity_agrees_with_pyiqas_gmsd(pairs):
    clean, shown = pairs
    a, b = (torch.from_numpy(x).permute(0, 3, 1, 2).float() / 255 for x in (shown, clean))
    oracle = pyiqa.create_metric("gmsd", device=torch.device("cpu"))(a, b).flatten().numpy()
    assert gms_map(luma(clean), luma(shown)).std((1, 2)) == pytest.approx(oracle, rel=0.1)


def test_maps_are_symmetric_and_one_for_identical_pictures(pairs):
    clean, shown = pairs
    for f in (ssim_map, gms_map):
        assert f(luma(clean), luma(shown)) == pytest.approx(f(luma(shown), luma(clean)), abs=1e-4)
        assert f(luma(clean), luma(clean)) == pytest.approx(1, abs=1e-4)
    assert (chroma_map(clean, clean) == 1).all()


def test_colour_similarity_of_flat_pictures_and_blindness_to_grey_levels():
    red = flat(100)
    red[..., 0] += 40
    distance = np.hypot(0.168736 * 40, 0.5 * 40)
    assert chroma_map(flat(100), red) == pytest.approx(1 / (1 + (distance / 12) ** 2), rel=1e-3)
    assert chroma_map(flat(30), flat(200)) == pytest.approx(1, abs=1e-3)
