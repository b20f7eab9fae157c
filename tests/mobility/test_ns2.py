"""Movement files of ns-2: the traces and course changes of the test suite of ns-3's Ns2MobilityHelper, and errors.

That suite ends its run of the destination that is not reached at 16 s; the arrival at 21 s here is 6 s + 15 m / 1 m/s.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mobaigc_sim.mobility import Area, Ns2, Ns2Config, TraceError

S = 10**9


def follow(tmp_path: Path, text: str, n_ue: int = 1, **keys: object) -> Ns2:
    path = tmp_path / "moves.tcl"
    path.write_text(text, encoding="utf-8")
    config = Ns2Config.model_validate({"file": str(path), **keys})
    return Ns2(config, n_ue, Area(10.0), np.random.default_rng(0))


PUBLISHED: dict[str, tuple[str, list[tuple[float, ...]]]] = {
    "simple": ('$ns_ at 1.0 "$node_(0) setdest 25 0 5"', [(0, 0, 0, 0, 0), (1, 0, 0, 5, 0), (6, 25, 0, 0, 0)]),
    "square, first places last": (
        '$ns_ at 1.0 "$node_(0) setdest 15 10 5"\n$ns_ at 2.0 "$node_(0) setdest 15  15  5"\n'
        '$ns_ at 3.0 "$node_(0) setdest 10 15 5"\n$ns_ at 4.0 "$node_(0) setdest 10  10  5"\n'
        "$node_(0) set X_ 10.0\n$node_(0) set Y_ 10.0\n",
        [
            (0, 10, 10, 0, 0),
            (1, 10, 10, 5, 0),
            (2, 15, 10, 0, 5),
            (3, 15, 15, -5, 0),
            (4, 10, 15, 0, -5),
            (5, 10, 10, 0, 0),
        ],
    ),
    "a destination that is not reached": (
        "$node_(0) set X_ 0.0\n$node_(0) set Y_ 0.0\n"
        '$ns_ at 1.0 "$node_(0) setdest 0  10       1"\n$ns_ at 6.0 "$node_(0) setdest 0  -10       1"\n',
        [(1, 0, 0, 0, 1), (6, 0, 5, 0, -1), (16, 0, -5, 0, -1), (21, 0, -10, 0, 0)],
    ),
    "speed zero": (
        '$ns_ at 1.0 "$node_(0) setdest 25 0 5"\n$ns_ at 7.0 "$node_(0) setdest 11  22  0"\n',
        [(1, 0, 0, 5, 0), (6, 25, 0, 0, 0), (7, 25, 0, 0, 0), (99, 25, 0, 0, 0)],
    ),
    "a place set later": (
        '$ns_ at 1.0 "$node_(0) set X_ 10"\n$ns_ at 1.0 "$node_(0) set Z_ 10"\n$ns_ at 1.0 "$node_(0) set Y_ 10"',
        [(0, 0, 0, 0, 0), (1, 10, 10, 0, 0)],
    ),
    "already there": (
        '$node_(0) set X_ 10.0\r\n$node_(0) set Y_ 0.0\r\n$ns_ at 1.0 "$node_(0) setdest 10  0       1"\n',
        [(0, 10, 0, 0, 0), (2, 10, 0, 0, 0)],
    ),
    "comments and exponents": (
        '# comment\n\n\n$node_(0) set X_ 1.0e+2 # comment\n$ns_ at 1.0 "$node_(0) setdest 0 0 1.0e+2" ###',
        [(0, 100, 0, 0, 0), (1, 100, 0, -100, 0), (2, 0, 0, 0, 0)],
    ),
    "long rests": (
        "$node_(0) set X_ 350.0\n$node_(0) set Y_ 50.0\n"
        '$ns_ at 50.0  "$node_(0) setdest 400.0 50.0 1.0"\n$ns_ at 150.0 "$node_(0) setdest 400.0 150.0 4.0"\n'
        '$ns_ at 300.0 "$node_(0) setdest 250.0 150.0 3.0"\n$ns_ at 350.0 "$node_(0) setdest 250.0 50.0 1.0"\n'
        '$ns_ at 600.0 "$node_(0) setdest 250.0 1050.0 2.0"\n$ns_ at 900.0 "$node_(0) setdest 300.0 650.0 2.5"\n',
        [
            (50, 350, 50, 1, 0),
            (100, 400, 50, 0, 0),
            (150, 400, 50, 0, 4),
            (175, 400, 150, 0, 0),
            (300, 400, 150, -3, 0),
            (350, 250, 150, 0, -1),
            (450, 250, 50, 0, 0),
            (600, 250, 50, 0, 2),
            (900, 250, 650, 2.5, 0),
            (920, 300, 650, 0, 0),
        ],
    ),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_traces_give_the_published_course(tmp_path: Path, name: str) -> None:
    text, course = PUBLISHED[name]
    model = follow(tmp_path, text)
    for now_s, x_m, y_m, vx_mps, vy_mps in course:
        now = model.advance(round(now_s * S))
        np.testing.assert_allclose(now.position_m_U2, [[x_m, y_m]], atol=1e-7)
        np.testing.assert_allclose(now.velocity_mps_U2, [[vx_mps, vy_mps]], atol=1e-9)
        assert now.present_U.all()


def test_users_come_in_the_order_of_the_file_and_distances_are_skipped(tmp_path: Path) -> None:
    text = '$node_(7) set X_ 1\n$god_ set-dist 3 7 1\n$ns_ at 1 "$god_ set-dist 3 7 2"\n$node_(3) set X_ 2\n'
    model = follow(tmp_path, text, n_ue=2, origin_m={"x": 1, "y": -5.5})
    assert model.ids == ("7", "3")
    np.testing.assert_array_equal(model.advance(0).position_m_U2, [[0, 5.5], [1, 5.5]])


def test_time_zero_may_lie_within_the_trace(tmp_path: Path) -> None:
    model = follow(tmp_path, '$ns_ at 1.0 "$node_(0) setdest 25 0 5"', start="3 s")
    start, end = model.advance(0), model.advance(9 * S)
    assert (start.position_m_U2[0, 0], start.travelled_m_U[0]) == (10.0, 0.0)
    assert (end.position_m_U2[0, 0], end.travelled_m_U[0]) == (25.0, pytest.approx(15.0))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("$node() set X_ 1", r"expected '\$node_\(0\) set X_ 1.0', .* got '\$node\(\) set X_ 1'"),
        ("$node_(-22) set Y_ 3", "expected '"),
        ("$node_(0) setdest 1 1 1", "expected '"),
        ('$ns_ at  "$node_(0) setdest 4 4 4"', "expected '"),
        ("$node_(0) set X_ east", "expected a number for X_, got 'east'"),
        ("$node_(0) set X_ nan", "expected a number for X_, got 'nan'"),
        ('$ns_ at sss "$node_(0) setdest 5 5 5"', "expected a number for the time, got 'sss'"),
        ('$ns_ at -12 "$node_(0) setdest 1 2 3"', "expected a time of at least 0 s, got -12 s"),
        ('$ns_ at 1 "$node_(0) setdest 2 2.. 1"', "expected a number for y, got '2..'"),
        ('$ns_ at 1 "$node_(0) setdest 2 2 -1"', "expected a speed of at least 0 m/s, got -1 m/s"),
    ],
)
def test_malformed_lines(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(TraceError, match=rf"moves\.tcl:3: {message}"):
        follow(tmp_path, f"# moves\n$node_(0) set X_ 1\n{line}\n")
