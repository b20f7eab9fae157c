"""Repeated trainings: the rule by which they agree, its intervals, and one stage from end to end."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mobaigc_sim.media.pack.train import generator, repeat
from mobaigc_sim.media.pack.train.agreement import Bounds, Figure, difference, interval, verdict

MEAN, SHARE, RANK = (Figure(kind, kind, 0.1) for kind in ("mean", "share", "rank"))


@pytest.mark.parametrize(
    ("low", "high", "tolerance", "expected"),
    [
        (-0.1, 0.1, 0.1, "agree"),
        (-0.1, 0.1, 0.09, "undecided"),
        (0.02, 0.2, 0.2, "agree"),
        (0.02, 0.2, 0.05, "undecided"),
        (0.02, 0.2, 0.01, "differ"),
    ],
)
def test_figures_agree_only_where_the_whole_interval_is_within_the_tolerance(low, high, tolerance, expected):
    assert verdict(Bounds((low + high) / 2, low, high), tolerance) == expected
    assert verdict(Bounds(-(low + high) / 2, -high, -low), tolerance) == expected


def test_intervals_of_means_and_shares_are_those_of_the_textbook():
    values = np.random.default_rng(0).normal(3, 2, (400, 1))
    found, half = interval(MEAN, values), 1.96 * values.std() / 20
    assert found.estimate == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.15 * half)
    eight = np.repeat([1.0, 0.0], [8, 2])[:, None]
    assert (interval(SHARE, eight).low, interval(SHARE, eight).high) == pytest.approx((0.4902, 0.9433), abs=1e-4)


@pytest.mark.parametrize("figure", [MEAN, SHARE])
def test_contents_that_say_the_same_again_add_nothing_and_gaps_do_not_count(figure):
    once = (np.random.default_rng(1).random((200, 1)) < 0.7).astype(float)
    gaps = np.concatenate((once, np.full_like(once, np.nan)), 1)
    alone, again = interval(figure, gaps), interval(figure, np.repeat(once, 4, 1))
    assert again.estimate == pytest.approx(alone.estimate)
    assert again.high - again.low == pytest.approx(alone.high - alone.low, rel=0.1)


def test_pairs_see_a_difference_that_two_intervals_hide():
    rng = np.random.default_rng(2)
    hard = rng.normal(0, 1, (60, 1))
    first, second = hard + 0.2, hard + rng.normal(0, 0.1, (60, 1))
    apart, a, b = difference(MEAN, first, second), interval(MEAN, first), interval(MEAN, second)
    assert a.low < b.high
    assert 0.1 < apart.low < apart.estimate < apart.high < 0.3
    assert difference(MEAN, first, first) == Bounds(0, 0, 0)
    assert difference(MEAN, second, first).estimate == pytest.approx(-apart.estimate)
    with pytest.raises(ValueError, match="same contents"):
        difference(MEAN, first, second[:5])


def test_rank_correlation_is_of_all_pairs_together():
    x = np.random.default_rng(3).random((30, 5))
    found = interval(RANK, np.stack((x, x**3), -1))
    assert (found.estimate, found.low, found.high) == pytest.approx((1, 1, 1))
    noise = np.random.default_rng(4).random((30, 5))
    found = interval(RANK, np.stack((x, noise), -1))
    assert found.low < 0 < found.high


def test_two_judges_from_end_to_end_and_again_from_their_checkpoints(tmp_path, monkeypatch):
    monkeypatch.setattr(repeat, "SCENES", 12)
    monkeypatch.setitem(repeat.PLAN, "judge", (4, 6))
    report = repeat.repeat(tmp_path, [1, 2], 0.5, ["judge"])
    assert [e["figure"] for e in report] == [f.name for f in repeat.FIGURES["judge"]]
    for entry in report:
        one, two = entry["seeds"][1], entry["seeds"][2]
        (pair,) = entry["differences"]
        assert pair["estimate"] == pytest.approx(one["estimate"] - two["estimate"])
        assert all(0 <= s["low"] <= s["estimate"] <= s["high"] <= 1 for s in (one, two))
        assert entry["contents"] == 12
    assert len(repeat.table(report).splitlines()) == 4
    assert json.loads(json.dumps(report))
    monkeypatch.setattr(repeat.judge, "make_batch", None)
    assert repeat.repeat(tmp_path, [1, 2], 0.5, ["judge"]) == report
    with pytest.raises(ValueError, match="other lengths"):
        repeat.repeat(tmp_path, [1, 2], 1.0, ["judge"])


def test_a_generator_is_measured_on_every_object_of_its_scenes(tmp_path, monkeypatch):
    monkeypatch.setattr(generator, "CHUNK", 8)
    monkeypatch.setattr(repeat, "ATTENDED", 4)
    (tmp_path / "seed-1").mkdir()
    hits, flow = repeat.train_generator(tmp_path / "seed-1", 1, 1, 4)
    scenes = repeat.figures.fresh_scenes(repeat.HELD_OUT, 4)
    assert (~np.isnan(hits)).sum(1).tolist() == [len(s.masks) for s in scenes]
    assert flow.shape == (4, 3) and (flow > 0).all()


def test_bad_seeds_and_scales_are_one_error(monkeypatch, capsys):
    for words, message in ((["--seeds", "3", "3"], "different seeds"), (["--scale", "0"], "above 0")):
        monkeypatch.setattr("sys.argv", ["repeat", *words])
        with pytest.raises(SystemExit):
            repeat.main()
        assert message in capsys.readouterr().err
