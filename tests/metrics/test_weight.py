"""The weight of JPSQ decides which keep ratio does."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mobaigc_sim.metrics.weight import AtWeight, smallest_within

PICTURES = 60
OFFSETS = np.random.default_rng(3).uniform(-0.1, 0.1, PICTURES)
"""How easy a picture is, the same for every method."""
NOISE = np.random.default_rng(4).standard_normal(PICTURES)
NOISE = (NOISE - NOISE.mean()) / NOISE.std()


def rows(method: str, setting: float, size: float, s: float, q: float, noise: float = 0.0) -> pd.DataFrame:
    scores = {"s": s + OFFSETS + noise * NOISE, "q": q + OFFSETS + noise * NOISE}
    return pd.DataFrame({"method": method, "setting": setting, "prompt": range(PICTURES), "bytes": size, **scores})


TABLE = pd.concat(
    [
        rows("whole", 42, 1000, s=0.8, q=0.5),
        rows("whole", 60, 1500, s=0.9, q=0.9),
        rows("whole, cleaned", 42, 1010, s=0.7, q=0.7),
        rows("ours", 0.2, 300, s=0.6, q=0.75),
        rows("ours", 0.5, 600, s=0.75, q=0.7),
        rows("ours", 1.0, 900, s=0.8, q=0.7),
    ]
).sample(frac=1, random_state=1)


def at(w: float, table: pd.DataFrame = TABLE) -> AtWeight:
    return smallest_within(table, "ours", ["whole", "whole, cleaned"], 42, w, 0.01, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("w", "reference", "jpsq", "keep", "difference", "saved"),
    [
        (0.0, "whole, cleaned", 0.7, 0.2, 0.05, 1 - 300 / 1010),
        (0.5, "whole, cleaned", 0.7, 0.5, 0.025, 1 - 600 / 1010),
        (1.0, "whole", 0.8, 1.0, 0.0, 1 - 900 / 1000),
    ],
)
def test_the_best_reference_at_its_quality_and_the_smallest_keep_ratio_that_reaches_it(
    w: float, reference: str, jpsq: float, keep: float, difference: float, saved: float
) -> None:
    found = at(w)
    assert found.reference == reference
    assert found.reference_jpsq == pytest.approx(jpsq + OFFSETS.mean())
    assert found.sent is not None
    assert found.sent.keep == keep
    for interval, value in ((found.sent.difference, difference), (found.sent.saved, saved)):
        assert [interval.low, interval.estimate, interval.high] == pytest.approx([value] * 3)


def test_a_mean_inside_the_margin_with_an_interval_that_is_not_does_not_count() -> None:
    wide = pd.concat([TABLE[TABLE["method"] != "ours"], rows("ours", 0.3, 400, s=0.695, q=0.695, noise=0.1)])
    assert at(0.5, wide).sent is None
    narrow = pd.concat([wide, rows("ours", 0.4, 500, s=0.695, q=0.695, noise=0.005)])
    sent = at(0.5, narrow).sent
    assert sent is not None
    assert sent.keep == 0.4
    assert sent.difference.estimate == pytest.approx(-0.005)
    assert -0.01 < sent.difference.low < -0.005 < sent.difference.high


def test_a_table_that_lacks_methods_or_pictures_is_refused() -> None:
    with pytest.raises(ValueError, match="expected rows of 'ours'"):
        at(0.5, TABLE[TABLE["method"] != "ours"])
    with pytest.raises(ValueError, match="of whole or whole, cleaned at 42"):
        at(0.5, TABLE[TABLE["setting"] != 42])
    with pytest.raises(ValueError, match="same pictures"):
        at(0.5, TABLE[(TABLE["method"] != "ours") | (TABLE["prompt"] != 5)])
