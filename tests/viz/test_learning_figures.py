"""Figures of a comparison draw the numbers they are given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mobaigc_sim.viz.learning import curves_figure, draw_comparison, intervals_figure, profiles_figure

TABLE = pd.DataFrame({
    "agent": ["rule", "add"], "reward": [5.0, 6.0], "reward_low": [4.0, 5.5], "reward_high": [5.5, 7.0],
    "difference": [0.0, 1.0], "difference_low": [0.0, 0.5], "difference_high": [0.0, 1.5],
})  # fmt: skip
SCORES = pd.DataFrame(
    {
        "agent": ["rule"] * 4 + ["add"] * 8,
        "seed": [0] * 8 + [1] * 4,
        "trace": [0, 1, 2, 3] * 3,
        "reward": [1.0, 2, 3, 4, 2, 3, 4, 5, 0, 2, 4, 6],
    }
)
CURVES = pd.DataFrame({
    "agent": ["add"] * 4, "seed": [0, 0, 1, 1], "steps": [0, 10, 0, 10], "difference": [-1.0, 2, -3, 4],
})  # fmt: skip


def test_intervals_have_their_ends_and_middles() -> None:
    for axes, name in zip(intervals_figure(TABLE, "rule").axes, ("reward", "difference"), strict=True):
        (bars,) = axes.collections
        ends = np.array(bars.get_segments())[:, :, 0]  # type: ignore[attr-defined]
        np.testing.assert_allclose(ends, TABLE[[f"{name}_low", f"{name}_high"]])
        np.testing.assert_allclose(np.asarray(axes.lines[0].get_xdata()), TABLE[name])
        assert axes.yaxis_inverted()


def test_a_profile_is_the_share_above_the_champion_by_more_than_a_threshold() -> None:
    (axes,) = profiles_figure(SCORES, "rule").axes
    curve = axes.lines[0]
    assert curve.get_label() == "add"
    values, shares = np.asarray(curve.get_xdata()), np.asarray(curve.get_ydata())
    differences = np.array([1, 1, 1, 1, -1, 0, 1, 2])
    for threshold in (-0.5, 0.5, 1.5):
        assert shares[values > threshold][0] == pytest.approx(np.mean(differences > threshold))


def test_curves_show_mean_and_range_over_seeds() -> None:
    (axes,) = curves_figure(CURVES).axes
    assert np.asarray(axes.lines[0].get_ydata()).tolist() == [-2.0, 3.0]
    band = axes.collections[0].get_paths()[0].get_extents()
    assert (band.y0, band.y1) == (-3.0, 4.0)


def test_nothing_is_drawn_of_training_that_there_was_not(tmp_path: Path) -> None:
    draw_comparison(SCORES, TABLE, pd.DataFrame(), "rule", tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{name}.{kind}" for name in ("intervals", "profiles") for kind in ("pdf", "png")
    }
