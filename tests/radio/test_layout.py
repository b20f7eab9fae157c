"""Layouts: lattices, wrap-around as translations of the cluster, and what may not be combined."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from mobaigc_sim.radio.layout import Layout, LayoutConfig

Array = NDArray[np.float64]


def laid_out(**given: object) -> Layout:
    return Layout.of(LayoutConfig.model_validate(given))


WRAPPED = {n: laid_out(sites=n, sectors=3, isd="500 m", wrap_around=True) for n in (7, 19)}
places = st.floats(-5000.0, 5000.0)


def distances_m(layout: Layout, position_m_N2: Array) -> Array:
    vectors_m = layout.vectors_m(position_m_N2)
    return np.hypot(vectors_m[..., 0], vectors_m[..., 1])


def lattice_steps(vector_m_N2: Array, isd_m: float) -> Array:
    """Coordinates on the lattice with a neighbour straight up and one at 30°."""
    q = vector_m_N2[:, 0] / (isd_m * np.sqrt(0.75))
    return np.stack([q, vector_m_N2[:, 1] / isd_m - 0.5 * q], axis=1)


@pytest.mark.parametrize(("sites", "furthest"), [(1, 0.0), (7, 1.0), (19, 2.0)])
def test_hexagonal_sites_are_the_inner_rings_of_the_lattice(sites: int, furthest: float) -> None:
    layout = laid_out(sites=sites, isd="200 m")
    steps = lattice_steps(layout.site_m_S2, 200.0)
    assert layout.n_site == sites == len(np.unique(np.round(steps), axis=0))
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-9)
    radius_m_S = np.hypot(*layout.site_m_S2.T)
    assert radius_m_S[0] == 0.0
    assert radius_m_S.max() == pytest.approx(furthest * 200.0)


@pytest.mark.parametrize("sites", [7, 19])
def test_wrap_moves_a_site_by_whole_translations_of_the_cluster(sites: int) -> None:
    layout = WRAPPED[sites]
    position_m_N2 = np.random.default_rng(1).uniform(-3000.0, 3000.0, (500, 2))
    plain_m = position_m_N2[:, None] - layout.site_m_S2
    moved_m_N2 = (plain_m - layout.vectors_m(position_m_N2)).reshape(-1, 2)
    assert layout.translation_m_22 is not None
    np.testing.assert_allclose(np.hypot(*layout.translation_m_22.T), np.sqrt(sites) * 500.0)
    spans = np.linalg.solve(layout.translation_m_22.T, moved_m_N2.T)
    np.testing.assert_allclose(spans, np.round(spans), atol=1e-9)
    steps = lattice_steps(moved_m_N2, 500.0)
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-8)


@pytest.mark.parametrize("sites", [7, 19])
def test_translated_clusters_cover_every_lattice_point_once(sites: int) -> None:
    layout = WRAPPED[sites]
    grid = np.array([(q, r) for q in range(-6, 7) for r in range(-6, 7)], dtype=np.float64)
    lattice_m_N2 = grid @ (500.0 * np.array([[np.sqrt(0.75), 0.5], [0.0, 1.0]]))
    assert np.all((distances_m(layout, lattice_m_N2) < 1e-6).sum(axis=1) == 1)


@given(st.sampled_from([7, 19]), places, places)
def test_wrap_finds_the_nearest_of_all_copies(sites: int, x_m: float, y_m: float) -> None:
    layout = WRAPPED[sites]
    assert layout.translation_m_22 is not None
    span = np.arange(-9, 10)
    copies_m = np.stack(np.meshgrid(span, span), axis=-1).reshape(-1, 2) @ layout.translation_m_22
    all_m = np.array([x_m, y_m]) - layout.site_m_S2[:, None] - copies_m
    nearest_m = np.hypot(all_m[..., 0], all_m[..., 1]).min(axis=1)
    np.testing.assert_allclose(distances_m(layout, np.array([[x_m, y_m]]))[0], nearest_m, atol=1e-6)


@pytest.mark.parametrize("sites", [7, 19])
def test_every_site_sees_the_same_neighbours_when_wrapped(sites: int) -> None:
    layout = WRAPPED[sites]
    seen_m = np.sort(distances_m(layout, layout.site_m_S2), axis=1)
    np.testing.assert_allclose(seen_m, np.broadcast_to(seen_m[0], seen_m.shape), atol=1e-6)
    np.testing.assert_allclose(seen_m[0, 1:7], 500.0)


def test_outer_sites_see_fewer_neighbours_without_wrap_around() -> None:
    layout = laid_out(sites=7, isd="500 m")
    near = (np.abs(distances_m(layout, layout.site_m_S2) - 500.0) < 1e-6).sum(axis=1)
    assert near.tolist() == [6, 3, 3, 3, 3, 3, 3]


@given(st.sampled_from([7, 19]), places, places, st.floats(-1.0, 1.0), st.floats(-1.0, 1.0))
def test_distances_are_continuous(sites: int, x_m: float, y_m: float, dx_m: float, dy_m: float) -> None:
    before_m, after_m = distances_m(WRAPPED[sites], np.array([[x_m, y_m], [x_m + dx_m, y_m + dy_m]]))
    assert np.abs(after_m - before_m).max() <= np.hypot(dx_m, dy_m) + 1e-6


def test_three_sectors_of_a_hexagonal_site_look_at_its_neighbours() -> None:
    layout = WRAPPED[7]
    assert layout.n_cell == 21
    assert layout.cell_site_C.tolist() == [site for site in range(7) for _ in range(3)]
    np.testing.assert_allclose(np.degrees(layout.cell_azimuth_rad_C), np.tile([30.0, 150.0, -90.0], 7))
    azimuths_deg = np.degrees(np.arctan2(layout.site_m_S2[1:, 1], layout.site_m_S2[1:, 0]))
    assert {30, 150, -90} <= set(np.round(azimuths_deg).astype(int).tolist())


def test_line_is_centred_beside_its_track_and_looks_at_it() -> None:
    layout = laid_out(grid="line", sites=4, isd="1 km", offset="20 m")
    assert layout.site_m_S2.tolist() == [[-1500.0, 20.0], [-500.0, 20.0], [500.0, 20.0], [1500.0, 20.0]]
    np.testing.assert_allclose(layout.cell_azimuth_rad_C, -np.pi / 2)
    sectors = laid_out(grid="line", sites=1, sectors=3, offset="20 m")
    np.testing.assert_allclose(np.degrees(sectors.cell_azimuth_rad_C), [90.0, -150.0, -30.0])


def test_hall_is_two_rows_of_six_twenty_metres_apart() -> None:
    layout = laid_out(grid="hall", sectors=3)
    assert (layout.n_site, layout.n_cell) == (12, 36)
    assert sorted(set(layout.site_m_S2[:, 0])) == [-50.0, -30.0, -10.0, 10.0, 30.0, 50.0]
    assert sorted(set(layout.site_m_S2[:, 1])) == [-10.0, 10.0]


def test_vectors_point_from_the_site_to_the_user() -> None:
    layout = laid_out(grid="line", sites=2, isd="100 m")
    assert layout.vectors_m(np.array([[10.0, 5.0]])).tolist() == [[[60.0, 5.0], [-40.0, 5.0]]]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"sites": 3}, "1, 7 or 19 on a hexagonal grid, got 3"),
        ({"wrap_around": True}, "7 or 19 sites"),
        ({"grid": "line", "sites": 7, "wrap_around": True}, "hexagonal grid"),
        ({"grid": "hall", "sites": 3}, "12 in the hall, got 3"),
        ({"grid": "hall", "isd": "30 m"}, "must fit a hall"),
        ({"offset": "5 m"}, "grid: line"),
        ({"isd": 0}, "greater than 0"),
    ],
)
def test_impossible_layouts_are_refused(given: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        LayoutConfig.model_validate(given)
