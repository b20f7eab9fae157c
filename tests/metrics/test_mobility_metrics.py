"""Handovers, ping-pongs and outages from lists of events, and the laws that hold for any course of events."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobaigc_sim.metrics import evaluate
from mobaigc_sim.metrics.mobility import handovers, user_seconds
from mobaigc_sim.results import Run

MS, S = 10**6, 10**9
ALWAYS = [{"time_ns": t * S, "ue": 0} for t in range(11)]


def course(*cells_at_ms, ue=0, interruption_ms=50):
    """Events of a user that starts in the first cell and is handed over to each further one at its time."""
    events, source = [], cells_at_ms[0][1]
    for at_ms, cell in cells_at_ms[1:]:
        begin, end = at_ms * MS, (at_ms + interruption_ms) * MS
        events.append({"time_ns": begin, "kind": "handover", "ue": ue, "detail": f"cell {source} to {cell}"})
        events.append({"time_ns": end, "kind": "handover_done", "ue": ue, "detail": f"cell -1 to {cell}"})
        source = cell
    return events


def told(at_ms, kind, detail="cell 0 to -1", ue=0):
    return {"time_ns": at_ms * MS, "kind": kind, "ue": ue, "detail": detail}


@pytest.mark.parametrize("interruption_ms", [0, 50, 400])
def test_a_stay_runs_from_one_completed_handover_to_the_next(make_run, interruption_ms):
    for stay_ms, ratio in ((999, 0.5), (1000, 0.0)):
        events = course((0, 0), (3000, 1), (3000 + stay_ms, 0), interruption_ms=interruption_ms)
        run = make_run(events=events, users=ALWAYS)
        assert [h.stay_ns for h in handovers(run.events)] == [-1, stay_ms * MS]
        assert evaluate(run, "ping_pong_ratio") == ratio


def test_back_and_forth_is_a_ping_pong_each_time_but_not_a_round_trip(make_run):
    there_and_back = course((0, 0), *((3000 + 300 * i, (i + 1) % 2) for i in range(5)))
    assert evaluate(make_run(events=there_and_back, users=ALWAYS), "ping_pong_ratio") == 4 / 5
    round_trip = course((0, 0), (3000, 1), (3300, 2), (3600, 0))
    assert evaluate(make_run(events=round_trip, users=ALWAYS), "ping_pong_ratio") == 0


@pytest.mark.parametrize(
    "between",
    [
        [told(3200, "rlf"), told(3400, "reestablished", "cell -1 to 1")],
        [told(3200, "left"), told(3400, "entered", "cell -1 to 1")],
    ],
)
def test_no_stay_reaches_across_a_failure_or_an_absence(make_run, between):
    events = [*course((0, 0), (3000, 1)), *between, *course((0, 1), (3600, 0))]
    run = make_run(events=events, users=ALWAYS)
    assert [h.stay_ns for h in handovers(run.events)] == [-1, -1]
    assert evaluate(run, "ping_pong_ratio") == 0


def test_users_do_not_mix(make_run):
    events = sorted(
        course((0, 0), (3000, 1)) + course((0, 1), (3100, 0), ue=1), key=lambda event: (event["time_ns"], event["ue"])
    )
    assert evaluate(make_run(events=events, users=ALWAYS), "ping_pong_ratio") == 0


def test_only_the_part_of_an_outage_inside_the_measured_time_counts(make_run):
    events = [told(1500, "rlf"), told(2500, "reestablished"), told(9000, "rlf")]  # the last one never ends
    assert evaluate(make_run(events=events, users=ALWAYS), "outage_ratio") == pytest.approx((0.5 + 1.0) / 8)


def test_users_who_are_there_but_never_handed_over(make_run):
    run = make_run(users=ALWAYS)
    assert [evaluate(run, name) for name in ("handover_rate", "rlf_rate", "outage_ratio")] == [0, 0, 0]
    assert str(evaluate(run, "ping_pong_ratio")) == "nan"


def test_time_in_which_nobody_is_there_does_not_count(make_run):
    """One user for 2 of the 10 s, another for 0.5 s: rows every 100 ms."""
    users = [{"time_ns": t * 100 * MS, "ue": 0} for t in range(30, 50)]
    users += [{"time_ns": t * 100 * MS, "ue": 1} for t in range(45, 50)]
    assert user_seconds(make_run(users=users)) == pytest.approx(2.5)
    events = course((0, 0), (3000, 1))
    assert evaluate(make_run(users=users, events=events), "handover_rate") == pytest.approx(1 / 2.5)


@pytest.mark.parametrize(
    ("period", "numerology", "row_ms"), [("100 ms", 1, 100), ("0.25 s", 0, 250), ("0.1 ms", 1, 0.5), ("0.1 ms", 0, 1)]
)
def test_the_scenario_tells_the_time_between_samples_but_a_slot_is_the_least(
    make_run, tmp_path, period, numerology, row_ms
):
    text = f"radio:\n  numerology: {numerology}\nresults:\n  users_period: {period}\n"
    (tmp_path / "scenario.yaml").write_text(text, encoding="utf-8")
    made = make_run(users=[{"time_ns": t * S, "ue": 0} for t in (1, 3, 6)])
    run = Run(made.manifest, {name: made.frame(name) for name in ("users", "events")}, tmp_path)
    assert user_seconds(run) == pytest.approx(2 * row_ms / 1000)


def test_one_sampling_time_and_no_scenario_tell_no_rate(make_run):
    assert str(user_seconds(make_run(users=[{"time_ns": 3 * S, "ue": 0}]))) == "nan"
    assert user_seconds(make_run()) == 0


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(60, 1500), st.integers(0, 2)), max_size=12))
def test_ratios_are_shares(make_run, steps):
    at_ms, cell, way = 0, 0, [(0, 0)]
    for wait_ms, step in steps:
        at_ms, cell = at_ms + wait_ms, (cell + 1 + step) % 4
        way.append((at_ms, cell))
    run = make_run(events=course(*way), users=ALWAYS)
    done = [h for h in handovers(run.events) if 2 * S <= h.done_ns < 10 * S]
    assert evaluate(run, "handover_rate") == pytest.approx(len(done) / 8)
    assert 0 <= evaluate(run, "outage_ratio") <= len(steps) * 0.05 / 8 + 1e-12
    if done:
        triples = zip(way, way[1:], way[2:], strict=False)
        back = [c for a, b, c in triples if a[1] == c[1] and c[0] - b[0] < 1000 and 1950 <= c[0] < 9950]
        assert evaluate(run, "ping_pong_ratio") == pytest.approx(len(back) / len(done))
