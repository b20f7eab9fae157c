"""The rows of `verify`: when they pass, and that they fail when the model or the reference is off."""

from __future__ import annotations

import numpy as np
import pytest

from mobaigc_sim.errors import UnknownNameError
from mobaigc_sim.verify import link, pathloss, penetration, tables
from mobaigc_sim.verify.rows import at_least, between, close, exact, near
from mobaigc_sim.verify.topics import TOPICS, run


def failed(topic: str) -> list[str]:
    return [row.check for row in run([topic]) if not row.passed]


@pytest.mark.parametrize(
    ("row", "passed"),
    [
        (near("x", 2.0, 2.5, 0.5, "dB", "s"), True),
        (near("x", 2.0, 1.49, 0.5, "dB", "s"), False),
        (close("x", -10.0, -10.2, 0.03, "s"), True),
        (close("x", -10.0, -9.6, 0.03, "s"), False),
        (exact("x", 3, 3, "s"), True),
        (exact("x", 3, np.nextafter(3.0, 4.0), "s"), False),
        (at_least("x", 0.97, 0.97, "s"), True),
        (at_least("x", 0.97, 0.96, "s"), False),
        (between("x", 0.0, -1.0, 3.0, 3.0, "dB", "s"), True),
        (between("x", 0.0, -1.0, 3.0, -1.1, "dB", "s"), False),
    ],
)
def test_limits_belong_to_what_passes(row, passed):
    assert row.passed is passed


def test_what_is_not_a_number_fails_everywhere():
    rows = [
        near("x", 0.0, np.nan, 9.0, "", "s"),
        close("x", 1.0, np.nan, 9.0, "s"),
        exact("x", 0.0, np.nan, "s"),
        at_least("x", -9.0, np.nan, "s"),
        between("x", 0.0, -9.0, 9.0, np.nan, "", "s"),
    ]
    assert not any(row.passed for row in rows)


@pytest.mark.parametrize("topic", ["tables", "penetration", "link", "conservation"])
def test_the_fast_topics_pass(topic):
    rows = run([topic])
    assert len(rows) >= 5
    assert [row.check for row in rows if not row.passed] == []
    assert {row.topic for row in rows} == {topic}
    assert all(row.source and row.tolerance for row in rows)


def test_path_loss_passes_and_a_vector_off_by_two_thousandths_fails(monkeypatch):
    monkeypatch.setattr(pathloss, "LINKS", 1000)
    assert failed("pathloss") == []
    los_db, nlos_db = pathloss.LOSS_DB["umi", 200.0]
    monkeypatch.setitem(pathloss.LOSS_DB, ("umi", 200.0), (los_db + 0.002, nlos_db))
    monkeypatch.setitem(pathloss.BREAKPOINT_M, "uma", 561.0)
    assert failed("pathloss") == ["path loss, UMi 200 m, LOS", "breakpoint, UMa at 3.5 GHz"]


def test_links_that_are_all_in_sight_fail(monkeypatch):
    monkeypatch.setattr(pathloss, "LINKS", 1000)
    monkeypatch.setattr(pathloss.SCENARIOS["umi"], "los_probability", lambda d_m, height_m=1.5: np.ones(d_m.shape))
    assert "share of 1000 UMi links in LOS, 200 m" in failed("pathloss")


def test_a_wrong_entry_of_a_table_fails(monkeypatch):
    monkeypatch.setitem(tables.TBS_BITS, (51, 20), 22528)
    swapped = (*tables.MCS_TABLE_1[:16], tables.MCS_TABLE_1[17], tables.MCS_TABLE_1[16], *tables.MCS_TABLE_1[18:])
    monkeypatch.setattr(tables, "MCS_TABLE_1", swapped)
    wrong = failed("tables")
    assert "TBS, 51 PRB, MCS 20" in wrong and "MCS table 1, rows equal" in wrong
    assert "CQI table 1, rows equal" not in wrong


def test_the_lowest_threshold_mapped_to_the_highest_cqi_fails(monkeypatch):
    monkeypatch.setattr(tables, "wideband_cqi", lambda sinr_db, n_prb: np.array([15]))
    assert failed("tables") == ["CQI exactly at the lowest threshold", "CQI just below the lowest threshold"]


def test_a_depth_from_one_draw_fails(monkeypatch):
    monkeypatch.setattr(penetration, "draw_indoor_distance_m", lambda name, n, rng: rng.uniform(0.0, 25.0, n))
    assert failed("penetration") == ["mean depth in a building", "P(depth > 12.5 m)"]


def test_a_link_model_off_by_half_a_decibel_fails(monkeypatch):
    model = link.model
    monkeypatch.setattr(link, "model", lambda mcs, snr_db: model(mcs, snr_db - 0.5))
    assert len(failed("link")) == 2 * len(link.monte_carlo()) == 10


def test_topics_named_run_once_in_their_own_order():
    told: list[str] = []
    rows = run(["link", "tables", "link"], on_topic=told.append)
    assert told == [TOPICS["tables"].title, TOPICS["link"].title]
    assert [row.topic for row in rows] == sorted((row.topic for row in rows), key=["tables", "link"].index)


def test_an_unknown_topic_names_the_nearest_before_anything_runs():
    told: list[str] = []
    with pytest.raises(UnknownNameError, match=r"unknown topic 'fadings'; did you mean 'fading'\?"):
        run(["tables", "fadings"], on_topic=told.append)
    assert told == []
