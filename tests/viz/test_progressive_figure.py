"""The progressive figure draws every request and the mean."""

from __future__ import annotations

import numpy as np

from mobaigc_sim.metrics.progressive import progress
from mobaigc_sim.viz.progressive_figure import progressive_figure


def test_a_panel_a_keep_ratio_with_a_line_a_request_and_the_mean() -> None:
    scores = [np.array([0.5, 0.6]), np.array([0.7, 0.9]), np.array([0.8])]
    told = progress(scores, 0.01, np.random.default_rng(0))
    figure = progressive_figure({"keep 0.25": (scores, told), "keep 1": (scores[:2], told)})
    first, second = figure.axes
    assert [a.get_title() for a in figure.axes] == ["keep 0.25", "keep 1"]
    thin = [line.get_ydata().tolist() for line in first.lines[:3]]
    assert thin == [s.tolist() for s in scores]
    (mean,) = first.containers
    np.testing.assert_allclose(mean.lines[0].get_ydata(), [2 / 3, 0.75])
    assert first.get_ylim() == second.get_ylim()
