"""The throughput figure: CDFs of what every user and cell got, means over drops, and what others expect beside."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer

from mobaigc_sim.viz.throughput_figure import throughput_figure

COUNTS, DROPS, CELLS = (4, 2), 3, 5
SCALE = {"round robin": 1.0, "max C/I": 3.0}


def rows() -> pd.DataFrame:
    """In drop k user u gets (u + 1)·(k + 1) kbit/s under round robin and three times as much under max C/I."""
    made = []
    for name, scale in SCALE.items():
        for count in COUNTS:
            for k in range(DROPS):
                common = {"scheduler": name, "users_per_cell": count, "replication": k}
                for u in range(count * CELLS):
                    bps = 1e3 * scale * (u + 1) * (k + 1)
                    made.append({**common, "of": "user", "bps": bps, "bps_hz": bps / 1e6})
                for c in range(CELLS):
                    bps = 1e6 * scale * (c + 1) * (k + 1)
                    made.append({**common, "of": "cell", "bps": bps, "bps_hz": bps / 1e6})
    return pd.DataFrame(made)


def points(axes: Axes) -> dict[str, list[float]]:
    found = {}
    for one in axes.containers:
        assert isinstance(one, ErrorbarContainer) and one.lines[0] is not None
        found[str(one.get_label())] = np.asarray(one.lines[0].get_ydata()).tolist()
    return found


def test_a_column_a_user_count_in_rising_order_and_one_for_efficiency() -> None:
    figure = throughput_figure(rows())
    assert len(figure.axes) == 2 * (len(COUNTS) + 1)
    assert [axes.get_title() for axes in figure.axes[:2]] == ["2 users per cell", "4 users per cell"]


def test_the_cdf_of_the_users_is_over_all_drops() -> None:
    table = rows()
    line = throughput_figure(table).axes[0].lines[1]
    own = table[(table["of"] == "user") & (table["users_per_cell"] == 2) & (table["scheduler"] == "max C/I")]
    steps = np.asarray(line.get_xdata())[1:]
    assert steps.tolist() == sorted(own["bps"] / 1e6)
    assert np.asarray(line.get_ydata())[-1] == 1.0


def test_points_are_means_over_drops_of_the_cell_mean_and_of_the_5th_percentile_of_users() -> None:
    figure = throughput_figure(rows())
    edge, cell = points(figure.axes[2]), points(figure.axes[5])
    for name, scale in SCALE.items():
        expected = [scale * np.mean([k + 1 for k in range(DROPS)]) * np.mean([1, 2, 3, 4, 5])] * 2
        assert cell[name] == pytest.approx(expected)
        by_count = [scale * 2e-3 * np.quantile(np.arange(1, count * CELLS + 1), 0.05) for count in (2, 4)]
        assert edge[name] == pytest.approx(by_count)


def test_what_is_expected_stands_beside_by_user_count() -> None:
    figure = throughput_figure(rows(), {4: (0.1, 1.5), 2: (0.2, 1.4)}, "published")
    for axes, expected in ((figure.axes[2], [0.2, 0.1]), (figure.axes[5], [1.4, 1.5])):
        (line,) = [one for one in axes.lines if one.get_label() == "published"]
        assert np.asarray(line.get_ydata()).tolist() == expected


def test_a_single_drop_has_points_without_intervals() -> None:
    table = rows()
    figure = throughput_figure(table[table["replication"] == 0])
    assert points(figure.axes[5])["round robin"] == [3.0, 3.0]
    assert np.isfinite(figure.axes[5].get_ylim()).all()
