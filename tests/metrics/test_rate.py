"""Savings between rate–score curves."""

import numpy as np
import pandas as pd
import pytest

from mobaigc_sim.metrics.rate import Curve, RateTable, gain_at_equal_bytes, saving, saving_at_equal_score

RNG = np.random.default_rng


def line(slope, sizes, pictures=200, noise=0.0):
    """score = slope · log2(bytes) for every picture, but for an offset of its own."""
    offset = noise * RNG(1).standard_normal(pictures)
    sizes_KN = np.repeat(np.asarray(sizes, float)[:, None], pictures, 1)
    return Curve(sizes_KN, slope * np.log2(sizes_KN) + offset)


def test_bytes_at_a_score_follow_the_line_between_settings():
    curve = line(1.0, [64, 256, 1024])
    for wanted in (6.0, 7.3, 8.0, 9.9):
        assert curve.bytes_at(wanted) == pytest.approx(2**wanted)


def test_a_setting_that_a_shorter_one_beats_does_not_count():
    curve = Curve(np.array([[10.0], [20.0], [40.0]]), np.array([[1.0], [0.5], [2.0]]))
    assert curve.bytes_at(1.5) == pytest.approx(20.0)
    assert curve.bytes_at(0.2) == pytest.approx(10.0)
    assert curve.bytes_at(2.1) == float("inf")


def test_order_of_settings_does_not_matter():
    sizes, scores = np.array([[30.0], [10.0], [20.0]]), np.array([[3.0], [1.0], [2.0]])
    again = Curve(np.sort(sizes, 0), np.sort(scores, 0))
    assert Curve(sizes, scores).bytes_at(2.5) == again.bytes_at(2.5)


def test_half_the_bytes_are_a_saving_of_half():
    reference = RNG(0).uniform(500, 1500, 300)
    found = saving(reference / 2, reference, RNG(1))
    assert (found.estimate, found.low, found.high) == pytest.approx((0.5, 0.5, 0.5))


def test_the_interval_covers_the_true_saving_about_as_often_as_it_says():
    hits = 0
    for seed in range(120):
        rng = RNG(seed)
        reference = rng.uniform(500, 1500, 80)
        found = saving(reference * rng.uniform(0.3, 0.9, 80), reference, rng, resamples=400)
        hits += found.low <= 0.4 <= found.high
    assert 0.88 <= hits / 120 <= 0.99


def test_equal_score_saving_names_the_best_rival_and_its_sign():
    ours = np.full(200, 100.0), np.full(200, 8.0)
    rivals = {"good": line(1.0, [64, 256, 1024], noise=0.01), "bad": line(0.9, [64, 256, 4096], noise=0.01)}
    name, found = saving_at_equal_score(*ours, rivals, RNG(2), resamples=200)
    assert name == "good"
    assert found.estimate == pytest.approx(1 - 100 / 256, abs=0.02)
    assert found.low <= found.estimate <= found.high
    worse = saving_at_equal_score(np.full(200, 512.0), ours[1], rivals, RNG(2), resamples=50)[1]
    assert worse.high < 0


def test_a_score_that_no_rival_reaches_is_a_saving_of_everything():
    name, found = saving_at_equal_score(
        np.ones(5), np.full(5, 99.0), {"only": line(1.0, [2, 4], 5)}, RNG(0), resamples=9
    )
    assert name == "only" and found.estimate == 1.0


def test_the_score_at_a_size_is_the_inverse_of_the_bytes_at_a_score():
    curve = line(1.0, [64, 256, 1024])
    for score in (6.0, 7.7, 10.0):
        assert curve.score_at(curve.bytes_at(score)) == pytest.approx(score)
    assert np.isnan([curve.score_at(63), curve.score_at(1025)]).all()


def test_gain_at_equal_bytes_is_what_was_added_to_the_line():
    other = line(1.0, [64, 256, 1024], noise=0.5)
    offset = other.score_KN[1] - 8
    sizes = np.full(200, 128.0)
    found = gain_at_equal_bytes(sizes, 7.3 + offset, other, RNG(3), resamples=200)
    assert found.estimate == pytest.approx(0.3)
    assert found.high - found.low < 1e-9
    free = gain_at_equal_bytes(np.full(200, 10.0), offset, other, RNG(3), resamples=20)
    assert np.isnan([free.estimate, free.low, free.high]).all()


def rate_table(**means):
    """method → setting → (bytes, mean JPSQ, its deviation), over the same 60 pictures."""
    rng, rows = RNG(5), []
    for method, settings in means.items():
        for setting, (size, mean, deviation) in settings.items():
            noise = deviation * rng.standard_normal(60)
            rows += [(method, setting, n, size, mean + noise[n] - noise.mean()) for n in range(60)]
    return RateTable(pd.DataFrame(rows, columns=["method", "setting", "prompt", "bytes", "jpsq"]))


def test_the_shortest_setting_within_the_margin_is_surely_within():
    table = rate_table(
        whole={42.0: (700, 0.9, 0.0)},
        ours={0.1: (100, 0.889, 0.0), 0.2: (150, 0.892, 0.05), 0.5: (300, 0.893, 0.001), 1.0: (500, 0.9, 0.001)},
        other={1.0: (250, 0.8901, 0.0), 2.0: (280, 0.91, 0.0)},
    )
    reference = table.best([("whole", 42.0), ("ours", 0.1)])
    assert reference == ("whole", 42.0)
    assert table.mean(("ours", 0.5)) == pytest.approx((300, 0.893))
    assert table.shortest_within(["ours"], reference, 0.01, RNG(1)) == ("ours", 0.5)
    assert table.shortest_within(["ours", "other"], reference, 0.01, RNG(1)) == ("other", 1.0)
    assert table.shortest_within(["ours"], reference, 0.0, RNG(1)) is None
