"""The evidence figure draws every edit and every kind of damage with the values it was given."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from mobaigc_sim.viz.evidence_figure import evidence_figure

EDITS = {
    "swapped": np.linspace(0.1, 0.5, 41),
    "moved": np.linspace(0.8, 1.0, 41),
    "other place": np.array([0.4, 0.4, 0.7, 0.9, 1.0]),
}
LEVELS = (0.0, 0.5, 1.0)
DAMAGE = {"blur": {"q": [0.8, 0.5, 0.2], "rank": 0.9}, "heavy_noise": {"q": [0.8, 0.6, 0.4], "rank": 0.8}}


def test_edits_stand_from_the_mildest_down_with_their_quartiles_and_means() -> None:
    left, _ = evidence_figure(EDITS, LEVELS, DAMAGE).axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["moved", "other place", "swapped"]
    assert left.yaxis_inverted()
    boxes = [line.get_xdata() for line in left.lines if len(line.get_xdata()) == 5]
    means = [line.get_xdata()[0] for line in left.lines if line.get_marker() == "o" and len(line.get_xdata()) == 1]
    for name, box, mean in zip(("moved", "other place", "swapped"), boxes, means, strict=True):
        assert (box.min(), box.max()) == pytest.approx(np.percentile(EDITS[name], [25, 75]))
        assert mean == pytest.approx(EDITS[name].mean())


def test_damage_stands_from_the_mildest_down_with_mean_q_by_level() -> None:
    _, right = evidence_figure(EDITS, LEVELS, DAMAGE).axes
    (picture,) = right.images
    assert picture.get_array().tolist() == [DAMAGE["heavy_noise"]["q"], DAMAGE["blur"]["q"]]
    assert [label.get_text() for label in right.get_yticklabels()] == ["heavy noise", "blur"]
    assert [label.get_text() for label in right.get_xticklabels()] == ["0", "0.5", "1"]
    assert [text.get_text() for text in right.texts] == ["0.80", "0.60", "0.40", "0.80", "0.50", "0.20"]


def test_every_kind_of_damage_that_is_measured_finds_room() -> None:
    many = {f"kind_of_damage_{k}": {"q": [0.9, 0.5, 0.1]} for k in range(25)}
    figure = evidence_figure(EDITS, LEVELS, many)
    left, right = figure.axes
    rendered = FigureCanvasAgg(figure).get_renderer()
    assert min(left.get_window_extent(rendered).width, right.get_window_extent(rendered).width) > 100
    heights = [label.get_window_extent(rendered) for label in right.get_yticklabels()]
    assert all(upper.y0 >= lower.y0 + 0.8 * lower.height for upper, lower in pairwise(heights))
