"""The speed figure draws every system's medians and ranges, and tells ours from the others."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from mobaigc_sim.viz.speed_figure import speed_figure
from mobaigc_sim.viz.style import BLUE

USERS = (200, 10, 50)


def drawn(systems: list[str], ours: list[str]) -> tuple[pd.DataFrame, Figure]:
    rows = [
        {"system": name, "users": users, "median": m, "low": 0.8 * m, "high": 1.5 * m}
        for k, name in enumerate(systems)
        for users in USERS
        for m in [10.0 ** (3 + k) * users]
    ]
    table = pd.DataFrame(rows)
    return table, speed_figure(table, ours)


def curves(axes: Axes) -> dict[str, ErrorbarContainer]:
    return {str(c.get_label()): c for c in axes.containers if isinstance(c, ErrorbarContainer)}


def test_a_line_a_system_with_medians_and_ranges_by_rising_user_count() -> None:
    table, figure = drawn(["mine", "peer"], ["mine"])
    (axes,) = figure.axes
    assert list(curves(axes)) == ["mine", "peer"]
    for container, (_, part) in zip(curves(axes).values(), table.groupby("system"), strict=True):
        part = part.sort_values("users")
        line, _, (bars,) = container.lines
        assert line is not None
        assert np.asarray(line.get_xdata()).tolist() == [10, 50, 200]
        assert np.asarray(line.get_ydata()).tolist() == part["median"].to_list()
        assert isinstance(bars, LineCollection)
        ends = np.array(bars.get_segments())[:, :, 1]
        np.testing.assert_allclose(ends, part[["low", "high"]])


def test_both_axes_are_logarithmic_and_the_user_counts_are_the_ticks() -> None:
    _, figure = drawn(["mine", "peer"], ["mine"])
    (axes,) = figure.axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert [label.get_text() for label in axes.get_xticklabels()] == ["10", "50", "200"]
    assert not axes.get_xticks(minor=True).size


def test_ours_alone_are_blue_and_no_two_systems_look_alike() -> None:
    peers = [f"peer {k}" for k in range(7)]
    _, figure = drawn([*peers, "mine", "mine, slower"], ["mine", "mine, slower"])
    lines = {name: curve.lines[0] for name, curve in curves(figure.axes[0]).items()}
    looks = {name: (to_hex(a.get_color()), a.get_marker(), a.get_linestyle()) for name, a in lines.items() if a}
    blue = {name for name, (color, _, _) in looks.items() if color.lower() == BLUE.lower()}
    assert blue == {"mine", "mine, slower"}
    assert len(set(looks.values())) == len(looks)
