"""Word maps, importance and the order of patches against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mobaigc_sim.errors import MobaigcError, UnknownNameError
from mobaigc_sim.media.importance import ImportanceConfig, importance_map, mass_curve
from mobaigc_sim.media.patches import (
    SELECTORS,
    Content,
    check_picture,
    grid_shape,
    mask_of,
    patch_order,
    pool,
    to_pixels,
)

CONFIG = ImportanceConfig()
masses = arrays(
    np.float64, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.floats(0, 10, allow_subnormal=False)
)


def _blob(at: tuple[int, int], mass: float = 1.0) -> np.ndarray:
    out = np.zeros((8, 8))
    out[at] = mass
    return out


def test_weights_decide_and_not_the_mass_of_a_word() -> None:
    maps = {
        "fox": _blob((1, 1), 0.01),
        "desert": _blob((5, 5), 300.0),
        "a": _blob((7, 7), 1e6),
    }
    roles = {"fox": "object", "desert": "place", "a": "other"}
    found = importance_map(maps, roles, CONFIG)
    assert found.sum() == pytest.approx(1)
    assert found[1, 1] == pytest.approx(1 / 1.15)
    assert found[5, 5] == pytest.approx(0.15 / 1.15)
    assert found[7, 7] == 0


def test_an_irrelevant_word_does_not_change_the_order() -> None:
    fox = np.random.default_rng(0).random((8, 8)) ** 4
    flat = np.full((8, 8), 5.0) + np.random.default_rng(1).random((8, 8)) * 1e-6
    alone = importance_map({"fox": fox}, {"fox": "object"}, CONFIG)
    joined = importance_map({"fox": fox, "cake": flat}, {"fox": "object", "cake": "object"}, CONFIG)
    best = np.argsort(-alone.ravel())[:16]
    assert set(best) == set(np.argsort(-joined.ravel())[:16])


def test_nothing_known_is_uniform() -> None:
    found = importance_map({"a": _blob((0, 0)), "with": _blob((3, 3))}, {}, CONFIG)
    assert np.allclose(found, 1 / 64)
    assert np.allclose(importance_map({"fox": np.zeros((4, 4))}, {"fox": "object"}, CONFIG), 1 / 16)


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        ({}, "at least one word"),
        ({"fox": np.zeros(8)}, "map of 'fox' has shape"),
        ({"fox": -np.ones((2, 2))}, "negative"),
        ({"fox": np.full((2, 2), np.nan)}, "not finite"),
        ({"fox": np.ones((2, 2)), "cake": np.ones((3, 3))}, "map of 'cake' is .* expected"),
    ],
)
def test_bad_maps_are_named(maps: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(MobaigcError, match=message):
        importance_map(maps, {}, CONFIG)


def test_unknown_role_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'object'"):
        importance_map({"fox": np.ones((2, 2))}, {"fox": "objekt"}, CONFIG)


@given(masses)
@settings(deadline=None, max_examples=100)
def test_curve_rises_concavely_to_one_and_no_order_does_better(importance: np.ndarray) -> None:
    curve = mass_curve(importance, np.argsort(-importance.ravel(), kind="stable"))
    assert curve[0] == 0
    assert curve[-1] == pytest.approx(1)
    steps = np.diff(curve)
    assert (steps >= -1e-12).all()
    assert (np.diff(steps) <= 1e-9).all()
    other = np.random.default_rng(0).permutation(importance.size)
    assert (mass_curve(importance, other) <= curve + 1e-9).all()


@given(masses, st.integers(1, 12), st.integers(1, 12))
@settings(deadline=None, max_examples=100)
def test_pooling_keeps_the_mass_on_any_grid(importance: np.ndarray, rows: int, columns: int) -> None:
    pooled = pool(importance, (rows, columns))
    assert pooled.sum() == pytest.approx(importance.sum(), rel=1e-9, abs=1e-9)
    assert (pooled >= 0).all()
    # a coarser pooling of the pooled map is the coarser pooling of the map
    assert np.allclose(pool(pooled, (1, 1)), pool(importance, (1, 1)))


def test_pooling_onto_a_divisor_sums_blocks() -> None:
    fine = np.random.default_rng(0).random((16, 16))
    assert np.allclose(pool(fine, (8, 8)), fine.reshape(8, 2, 8, 2).sum(axis=(1, 3)))


def test_selectors() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    image[:, 32:] = 90
    flat, missing = np.ones((4, 4)), np.ones((4, 4))
    content = Content(flat, image, missing)
    order = {name: patch_order(name, content, np.random.default_rng(3)) for name in SELECTORS}
    for found in order.values():
        assert sorted(found) == list(range(16))
    # equals stay in reading order
    assert order["attention"].tolist() == list(range(16))
    # equal error: smooth patches cost less, so they come first, and equal attention changes nothing
    assert set(order["error"][:8] % 4) == {2, 3}
    assert order["gain"].tolist() == order["error"].tolist()
    assert set(order["centre"][:4]) == {5, 6, 9, 10}
    assert order["random"].tolist() == patch_order("random", content, np.random.default_rng(3)).tolist()
    assert order["random"].tolist() != patch_order("random", content, np.random.default_rng(4)).tolist()
    hot = flat.copy()
    hot[3, 1] = 2
    assert patch_order("attention", Content(hot, image, missing), rng)[0] == 13
    assert patch_order("error", Content(hot, image, missing), rng).tolist() == order["error"].tolist()
    # what the thumbnail shows well enough is not worth sending, however hot it is; of equals, what it shows worst
    missing = np.ones((4, 4))
    missing[3, 1], missing[1, 2] = 0, 3
    found = patch_order("gain", Content(hot, image, missing), rng)
    assert (found[0], found[-1]) == (6, 13)
    with pytest.raises(UnknownNameError, match="did you mean 'centre'"):
        patch_order("center", content, rng)


def test_pixels_of_a_mask() -> None:
    mask = mask_of(np.array([1, 2]), (2, 2))
    assert to_pixels(mask, 2).tolist() == [[False, False, True, True]] * 2 + [[True, True, False, False]] * 2


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((128, 128, 3)), "uint8"),
        (np.zeros((128, 128), np.uint8), "uint8"),
        (np.zeros((120, 128, 3), np.uint8), "multiples of patch 16"),
        (np.zeros((0, 16, 3), np.uint8), "each side"),
        (np.zeros((2064, 16, 3), np.uint8), "each side"),
    ],
)
def test_bad_pictures_are_named(image: np.ndarray, message: str) -> None:
    with pytest.raises(MobaigcError, match=message):
        grid_shape(image, 16)


def test_too_many_patches() -> None:
    huge = np.zeros((2048, 2048, 3), np.uint8)
    check_picture(huge)
    with pytest.raises(MobaigcError, match="use larger patches"):
        grid_shape(huge, 8)
    assert grid_shape(huge, 16) == (128, 128)
