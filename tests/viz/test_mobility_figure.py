"""The mobility figure stacks the causes of failed and partial requests by speed, load and way of sending."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.figure import Figure

from mobaigc_sim.viz.mobility_figure import mobility_figure

SPEEDS = (3.0, 60.0)
SHARES = {"failed_deadline": 0.04, "failed_harq": 0.01, "partial_handover": 0.02}
LOAD = {"heavy": 3.0, "light": 1.0}
SENT = {"keep 0.25": 1.0, "whole": 2.0}


def summary(spread: float = 0.5) -> pd.DataFrame:
    rows = []
    for load, by_load in LOAD.items():
        for sent, by_way in SENT.items():
            for k, speed in enumerate(SPEEDS):
                values = {name: share * by_load * by_way * (k + 1) for name, share in SHARES.items()}
                values["failed"] = values["failed_deadline"] + values["failed_harq"]
                values["partial"] = values["partial_handover"]
                values |= {"handover_rate": 0.1 * k, "rlf_rate": 0.001 * k, "first_tx_bler": 0.05 * (k + 1) * by_load}
                for name, value in values.items():
                    ends = (value * (1 - spread), value * (1 + spread))
                    rows.append((load, sent, speed, name, value, *ends))
    return pd.DataFrame(rows, columns=["load", "sent", "speed_kmh", "quantity", "estimate", "low", "high"])


def bars(axes: Axes) -> dict[str, list[tuple[float, float]]]:
    """Bottom and height of every bar by label."""
    found = {}
    for one in axes.containers:
        if isinstance(one, BarContainer):
            found[str(one.get_label())] = [(bar.get_y(), bar.get_height()) for bar in one]
    return found


def titles(figure: Figure) -> list[str]:
    return [axes.get_title() for axes in figure.axes]


def test_a_column_a_load_from_fewest_to_most_failures_and_one_for_what_moves_them() -> None:
    figure = mobility_figure(summary())
    assert len(figure.axes) == 6
    assert titles(figure)[:2] == ["light load", "heavy load"]


def test_causes_are_stacked_and_end_at_the_share_that_failed() -> None:
    found = bars(mobility_figure(summary()).axes[1])
    for way, factor in SENT.items():
        for k in range(len(SPEEDS)):
            scale = 3.0 * factor * (k + 1)
            assert found[f"{way}, deadline"][k] == pytest.approx((0.0, 0.04 * scale))
            assert found[f"{way}, harq"][k] == pytest.approx((0.04 * scale, 0.01 * scale))
            assert found[f"{way}, handover"][k][1] == 0.0


def test_partial_requests_stand_below_with_causes_of_their_own() -> None:
    found = bars(mobility_figure(summary()).axes[3])
    assert [height for _, height in found["whole, handover"]] == pytest.approx([0.04, 0.08])
    assert all(height == 0.0 for _, height in found["whole, deadline"])


def test_causes_that_never_occur_are_left_out_of_panels_and_legend() -> None:
    figure = mobility_figure(summary())
    assert not any("buffer" in label for label in bars(figure.axes[0]))
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["deadline", "HARQ", "handover", *SENT]


def test_intervals_are_drawn_at_the_total() -> None:
    axes = mobility_figure(summary()).axes[0]
    first = next(one for one in axes.containers if isinstance(one, ErrorbarContainer))
    ends = np.array(first.lines[2][0].get_segments())[:, :, 1]
    np.testing.assert_allclose(ends, [[0.025, 0.075], [0.05, 0.15]])


def test_a_single_replication_is_drawn_without_intervals() -> None:
    table = summary().assign(low=0.0, high=math.inf)
    figure = mobility_figure(table)
    assert all(np.isfinite(axes.get_ylim()).all() for axes in figure.axes)


def test_nothing_failed_draws_empty_panels() -> None:
    table = summary()
    table.loc[table["quantity"].str.startswith(("failed", "partial")), ["estimate", "low", "high"]] = 0.0
    assert mobility_figure(table).axes[0].get_ylim()[1] > 0
