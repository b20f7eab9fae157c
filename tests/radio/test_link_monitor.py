"""Radio link monitoring on SINR timelines whose T310 is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mobaigc_sim.radio.link_monitor import RadioLinkConfig, RadioLinkMonitor

MS = 1_000_000
BAD, GOOD, BETWEEN = -20.0, 20.0, -7.0
SHORT = {"out_window": "10 ms", "in_window": "10 ms", "t310": "50 ms"}


def monitor(n_ue: int = 1, **keys) -> RadioLinkMonitor:
    return RadioLinkMonitor(RadioLinkConfig.model_validate(keys), n_ue)


def play(links: RadioLinkMonitor, sinr_db_TU, start: int = 0):
    """Failures and running T310 after each sample."""
    sinr_db_TU = np.asarray(sinr_db_TU, dtype=float)
    sinr_db_TU = sinr_db_TU[:, None] if sinr_db_TU.ndim == 1 else sinr_db_TU
    monitored_U = np.ones(sinr_db_TU.shape[1], dtype=bool)
    failed, running = [], []
    for t, row in enumerate(sinr_db_TU, start):
        failed.append(links.observe(t * 10 * MS, row, monitored_U))
        running.append(links.t310_running_U)
    return np.array(failed), np.array(running)


def test_timeline_with_the_default_windows():
    failed, running = play(monitor(), [GOOD] * 50 + [BAD] * 200)
    # 20 dB is gone from the window of 200 ms with its twentieth bad sample; T310 starts there and lasts 1 s.
    assert np.flatnonzero(running)[[0, -1]].tolist() == [69, 189 + 60]
    assert np.flatnonzero(failed).tolist() == [169]


def test_out_of_sync_and_in_sync_follow_the_linear_mean_of_their_windows():
    rng = np.random.default_rng(4)
    sinr_db = np.repeat(rng.normal(-7.0, 5.0, 60), 7)
    _, running = play(monitor(t310="100 s"), sinr_db)
    linear, state = 10 ** (sinr_db / 10), False
    for t in range(len(sinr_db)):
        good = t >= 9 and 10 * np.log10(linear[t - 9 : t + 1].mean()) > -6
        bad = t >= 19 and 10 * np.log10(linear[t - 19 : t + 1].mean()) < -8
        state = False if good else state or bad
        assert running[t, 0] == state
    assert np.count_nonzero(np.diff(running[:, 0].astype(int)) == 1) > 5


def test_t310_expires_to_the_sample_and_the_failure_is_told_once():
    failed, running = play(monitor(**SHORT), [BAD] * 8)
    assert failed[:, 0].tolist() == [False] * 5 + [True] + [False] * 2
    assert running[:, 0].tolist() == [True] * 8


def test_in_sync_in_the_last_sample_before_expiry_saves_the_link_and_at_expiry_does_not():
    saved, running = play(monitor(**SHORT), [BAD] * 4 + [GOOD] * 20)
    assert not saved.any() and running[:, 0].tolist() == [True] * 4 + [False] * 20
    lost, _ = play(monitor(**SHORT), [BAD] * 5 + [GOOD] * 20)
    assert np.flatnonzero(lost).tolist() == [5]


def test_n310_counts_consecutive_out_of_sync_indications():
    trace = [BAD, BAD, GOOD, BAD, BETWEEN, BAD, BETWEEN, BAD, BAD]
    _, running = play(monitor(n310=3, **SHORT), trace)
    assert np.flatnonzero(running).tolist() == [7, 8]


def test_n311_counts_consecutive_in_sync_indications_while_t310_runs():
    trace = [GOOD] * 5 + [BAD, GOOD, BAD, GOOD, BETWEEN, GOOD, GOOD]
    _, running = play(monitor(n311=2, **SHORT | {"t310": "1 s"}), trace)
    assert np.flatnonzero(running).tolist() == [5, 6, 7, 8, 9]


def test_between_the_thresholds_t310_neither_starts_nor_stops():
    failed, running = play(monitor(**SHORT), [BETWEEN] * 20)
    assert not running.any() and not failed.any()
    failed, running = play(monitor(**SHORT), [BAD] + [BETWEEN] * 9)
    assert np.flatnonzero(failed).tolist() == [5] and np.flatnonzero(running).tolist() == [0, 1, 2, 3, 4]


def test_a_window_that_is_not_full_indicates_nothing():
    _, running = play(monitor(), [BAD] * 25)
    assert np.flatnonzero(running)[0] == 19
    links = monitor(in_window="50 ms", out_window="10 ms", t310="1 s")
    _, running = play(links, [BAD] + [GOOD] * 10)
    assert np.flatnonzero(running)[[0, -1]].tolist() == [0, 3]


def test_where_both_windows_speak_the_in_sync_window_counts():
    # After ten samples of −5.8 dB the long window still averages −8.8 dB.
    _, running = play(monitor(), [-40.0] * 20 + [-5.8] * 30)
    assert np.flatnonzero(running).tolist() == list(range(19, 29))


def test_reset_zeroes_the_counters():
    links = monitor(2, n310=3, **SHORT)
    play(links, np.full((2, 2), BAD))
    links.reset(np.array([1]))
    _, running = play(links, np.full((3, 2), BAD), start=2)
    assert running.T.tolist() == [[True] * 3, [False, False, True]]


def test_reset_empties_the_window_and_stops_t310():
    links = monitor(2)
    play(links, np.full((25, 2), BAD))
    links.reset(np.array([1]))
    assert links.t310_running_U.tolist() == [True, False]
    _, running = play(links, np.full((25, 2), BAD), start=25)
    assert running[:, 0].all() and np.flatnonzero(running[:, 1])[0] == 19


def test_a_user_that_is_not_monitored_never_fails_and_starts_anew():
    links = monitor(2)
    for t in range(300):
        monitored_U = np.array([True, t % 100 != 0])
        failed_U = links.observe(t * 10 * MS, np.where(monitored_U, BAD, np.nan), monitored_U)
        assert failed_U.tolist() == [t in (119, 238), False]


def test_t310_expires_between_samples_too():
    links = monitor(**SHORT | {"t310": "45 ms"})
    play(links, [BAD] * 5)
    sinr_db_U, monitored_U = np.array([BAD]), np.ones(1, dtype=bool)
    assert not links.is_due(44 * MS) and not links.observe(44 * MS, sinr_db_U, monitored_U)[0]
    assert not links.is_due(45 * MS) and links.observe(45 * MS, sinr_db_U, monitored_U)[0]


runs_drawn = st.tuples(st.integers(1, 30), st.integers(0, 9), st.sampled_from([BAD, BETWEEN, GOOD]))


@given(st.lists(runs_drawn, min_size=1, max_size=15))
def test_a_late_call_equals_calls_in_time_and_keeps_the_raster(runs):
    keys = {"t310": "200 ms", "out_window": "40 ms", "in_window": "20 ms", "n310": 2, "n311": 2}
    late, prompt, sample = monitor(**keys), monitor(**keys), 0
    for gap, late_ms, sinr_db in [(1, 0, GOOD), *runs]:
        failed, running = play(prompt, [sinr_db] * gap, start=sample)
        sample += gap
        found_U = late.observe(((sample - 1) * 10 + late_ms) * MS, np.array([sinr_db]), np.ones(1, dtype=bool))
        assert found_U[0] == failed.any()
        assert late.t310_running_U[0] == running[-1, 0]
        assert not late.is_due(sample * 10 * MS - 1) and late.is_due(sample * 10 * MS)


@given(st.integers(0, 2**32 - 1), st.permutations(range(6)))
def test_users_are_independent_and_their_order_is_immaterial(seed, order):
    rng = np.random.default_rng(seed)
    keys = {"t310": "100 ms", "out_window": "40 ms", "in_window": "20 ms", "n310": 2}
    sinr_db_TU = np.repeat(rng.normal(-9.0, 6.0, (12, 6)), 6, axis=0)
    failed_TU, running_TU = play(monitor(6, **keys), sinr_db_TU)
    shuffled_TU, _ = play(monitor(6, **keys), sinr_db_TU[:, order])
    assert np.array_equal(shuffled_TU, failed_TU[:, order])
    for ue in range(6):
        alone_T1, alone_running_T1 = play(monitor(1, **keys), sinr_db_TU[:, ue])
        assert np.array_equal(alone_T1[:, 0], failed_TU[:, ue])
        assert np.array_equal(alone_running_T1[:, 0], running_TU[:, ue])


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"q_in": "-9 dB"}, "q_in"),
        ({"out_window": "205 ms"}, "out_window"),
        ({"in_window": "5 ms"}, "in_window"),
        ({"n310": 0}, "n310"),
        ({"t310": 0}, "t310"),
    ],
)
def test_inconsistent_values_are_refused(keys, said):
    with pytest.raises(ValidationError, match=said):
        monitor(**keys)
