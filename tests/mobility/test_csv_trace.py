"""Plain CSV traces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobaigc_sim.mobility import FOREVER_NS, Area, CsvTrace, CsvTraceConfig, Static, StaticConfig, TraceError
from mobaigc_sim.mobility.courses import Course, Courses

S = 10**9
HEADER = "time_s,ue,x_m,y_m\n"


def follow(tmp_path: Path, text: str, n_ue: int = 1, **keys: object) -> CsvTrace:
    path = tmp_path / "walk.csv"
    path.write_text(text, encoding="utf-8")
    return CsvTrace(
        CsvTraceConfig.model_validate({"file": str(path), **keys}), n_ue, Area(9.0), np.random.default_rng()
    )


def test_columns_may_stand_in_any_order_and_users_mix(tmp_path: Path) -> None:
    text = "# a walk\ny_m, ue,x_m ,time_s,z_m\n\n0,b,0,0,1\n4,a,4,1,1\n8,b,0,2,1\n# rest\n4,a,9,6,1\n"
    model = follow(tmp_path, text, n_ue=2)
    assert model.ids == ("b", "a")
    now = model.advance(S)
    np.testing.assert_array_equal(now.position_m_U2, [[0, 4], [4, 4]])
    np.testing.assert_array_equal(now.velocity_mps_U2, [[0, 4], [1, 0]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"1: expected a header time_s,ue,x_m,y_m, but 'time_s' is missing"),
        ("time_s,ue,x,y_m\n", r"1: expected a header time_s,ue,x_m,y_m, but 'x_m' is missing"),
        (HEADER + "0,a,1\n", r"2: expected 4 values, got 3"),
        (HEADER + "\n0,,1,1\n", r"3: expected a name for ue, got nothing"),
        (HEADER + "now,a,1,1\n", r"2: expected a number for time_s, got 'now'"),
        (HEADER + "0,a,1e300,1\n", r"2: expected a number for x_m, got '1e300'"),
        (HEADER + "1,a,1,1\n0.5,a,1,1\n", r"3: expected a time after 1 s for 'a', got 0.5 s"),
    ],
)
def test_malformed_lines(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(TraceError, match=rf"walk\.csv:{message}"):
        follow(tmp_path, text)


def test_too_few_users_in_the_trace(tmp_path: Path) -> None:
    with pytest.raises(
        TraceError, match=r"walk\.csv: expected at least the 3 users of users\.count and .* together, but .* has 2$"
    ):
        follow(tmp_path, HEADER + "0,a,1,1\n0,b,1,1\n", n_ue=3)


def test_models_without_a_trace_have_everybody_there_for_ever() -> None:
    model = Static(StaticConfig(), 2, Area(9.0), np.random.default_rng())
    assert model.presence_ns(1) == ((0, FOREVER_NS),)
    assert model.advance(0).present_U.tolist() == [True, True]


@settings(deadline=None, max_examples=60)
@given(
    gaps_ms=st.lists(st.integers(1, 4000), min_size=1, max_size=30),
    start_ms=st.integers(-20_000, 5000),
    seed=st.integers(0, 99),
    asked_ms=st.lists(st.integers(0, 60_000), min_size=1, max_size=30),
)
def test_courses_agree_with_numpy(gaps_ms: list[int], start_ms: int, seed: int, asked_ms: list[int]) -> None:
    """np.interp between joined samples; the place of the last sample in gaps; presence as the samples say it."""
    time_ms = start_ms + np.cumsum([0, *gaps_ms])
    place_m = np.random.default_rng(seed).uniform(-99, 99, (len(time_ms), 2))
    course = Course.through(time_ms * 10**6, place_m, 2000 * 10**6)
    courses = Courses([course, course])
    for now_ms in sorted(asked_ms):
        now = courses.at(now_ms * 10**6)
        after = int(np.searchsorted(time_ms, now_ms, side="right"))
        at_sample = after > 0 and time_ms[after - 1] == now_ms
        between = 0 < after < len(time_ms) and time_ms[after] - time_ms[after - 1] <= 2000
        there = at_sample or between
        expected_m = [np.interp(now_ms, time_ms, way_m) for way_m in place_m.T]
        if not between:
            expected_m = place_m[max(after - 1, 0)].tolist()
        np.testing.assert_allclose(now.position_m_U2, [expected_m] * 2, atol=1e-9)
        assert now.present_U.tolist() == [there] * 2
        assert any(start <= now_ms * 10**6 < end for start, end in course.presence_ns()) == there
