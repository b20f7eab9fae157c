"""Layer 3 filter and event A3 on traces whose trigger instants are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mobaigc_sim.radio.handover import A3Monitor, HandoverConfig

MS = 1_000_000
STEP_MS = 40


def config(**keys) -> HandoverConfig:
    return HandoverConfig.model_validate({"filter_coefficient": 0} | keys)


def monitor(n_ue: int = 1, n_cell: int = 2, seed: int = 0, **keys) -> A3Monitor:
    return A3Monitor(config(**keys), n_ue, n_cell, np.random.default_rng(seed))


def targets_TU(a3: A3Monitor, rsrp_dbm_TUC, serving_U=None, step_ms=STEP_MS):
    rsrp_dbm_TUC = np.asarray(rsrp_dbm_TUC, dtype=float)
    users = rsrp_dbm_TUC.shape[1]
    serving_U = np.zeros(users, dtype=np.int64) if serving_U is None else serving_U
    eligible_U = np.ones(users, dtype=bool)
    return np.array(
        [a3.measure(t * step_ms * MS, row, serving_U, eligible_U) for t, row in enumerate(rsrp_dbm_TUC)]
    ).reshape(-1, users)


def one_user(*neighbours_db):
    """Trace of one user whose serving cell stays at −90 dBm and whose neighbours are given relative to it."""
    rows = np.broadcast_arrays(0.0, *neighbours_db)
    return -90.0 + np.stack(rows, axis=-1)[:, None, :]


def test_it_triggers_when_the_condition_has_held_for_the_time_to_trigger_and_not_a_sample_earlier():
    trace = one_user([0, 3, 3.1, 4, 4, 4, 4, 4, 4])
    assert targets_TU(monitor(), trace)[:, 0].tolist() == [-1] * 6 + [1] * 3


@pytest.mark.parametrize(("ttt_ms", "first"), [(0, 2), (1, 3), (40, 3), (41, 4), (80, 4), (320, 10)])
def test_time_to_trigger_is_counted_from_the_first_sample_that_fulfils_the_condition(ttt_ms, first):
    found = targets_TU(monitor(time_to_trigger=f"{ttt_ms} ms"), one_user([0, 0] + [5] * 12))[:, 0]
    assert np.flatnonzero(found == 1)[0] == first


def test_one_sample_that_misses_the_entering_condition_starts_the_clock_anew():
    trace = one_user([5, 5, 5, 5, 2.9, 5, 5, 5, 5, 5])
    assert targets_TU(monitor(), trace)[:, 0].tolist() == [-1] * 9 + [1]


def test_a_target_stays_until_the_leaving_condition_has_held_for_the_time_to_trigger():
    dead_band, leave = [1.5] * 6, [0.9] * 5
    a3 = monitor(hysteresis="2 dB")
    trace = one_user([5.1] * 5 + dead_band + leave[:4] + dead_band + leave + dead_band)
    expected = [-1] * 4 + [1] * (1 + 6 + 4 + 6 + 4) + [-1] * (1 + 6)
    assert targets_TU(a3, trace)[:, 0].tolist() == expected


def test_leaving_takes_the_time_to_trigger_even_when_the_power_drops_at_once():
    trace = one_user([5.0] * 5 + [-20.0] * 6)
    assert targets_TU(monitor(), trace)[:, 0].tolist() == [-1] * 4 + [1] * 5 + [-1] * 2


def test_reset_in_mid_time_to_trigger_starts_the_clock_anew():
    a3 = monitor(2)
    trace = np.broadcast_to(np.array([[-90.0, -80.0]]), (10, 2, 2))
    assert (targets_TU(a3, trace[:3]) == -1).all()
    a3.reset(np.array([1]))
    found = [a3.measure(t * STEP_MS * MS, trace[t], np.zeros(2, dtype=np.int64), np.ones(2, bool)) for t in range(3, 9)]
    assert np.array(found).T.tolist() == [[-1] + [1] * 5, [-1] * 4 + [1] * 2]


def test_hysteresis_adds_to_the_offset():
    levels = np.arange(0.0, 8.0, 0.5)
    for level in levels:
        found = targets_TU(monitor(hysteresis="2 dB", offset="1.25 dB"), one_user([level] * 6))
        assert (found[-1, 0] == 1) == (level > 3.25)


def test_a_negative_offset_hands_over_to_a_weaker_cell():
    found = targets_TU(monitor(n_cell=3, offset="-2 dB"), one_user([-1.9] * 6, [-2.1] * 6))
    assert found[-1, 0] == 1


def follow(a3: A3Monitor, rsrp_dbm_TUC) -> int:
    """Number of handovers of one user whose handovers are carried out at once."""
    serving_U, changes = np.zeros(1, dtype=np.int64), 0
    for t, row in enumerate(rsrp_dbm_TUC):
        target_U = a3.measure(t * STEP_MS * MS, row, serving_U, np.ones(1, dtype=bool))
        if target_U[0] >= 0:
            assert target_U[0] != serving_U[0]
            serving_U, changes = target_U, changes + 1
            a3.reset(np.array([0]))
    return changes


def test_hysteresis_prevents_ping_pong():
    swing = one_user(4.0 * np.sign(np.sin(2 * np.pi * (np.arange(400) + 0.5) / 20)))
    assert follow(monitor(), swing) == 40
    assert follow(monitor(hysteresis="2 dB"), swing) == 0


def test_time_to_trigger_prevents_ping_pong():
    swing = one_user(4.0 * np.sign(np.sin(2 * np.pi * (np.arange(400) + 0.5) / 20)))
    assert follow(monitor(time_to_trigger="360 ms"), swing) == 40
    assert follow(monitor(time_to_trigger="361 ms"), swing) == 0


@pytest.mark.parametrize("k", [1, 4, 7, 13])
@pytest.mark.parametrize("step_ms", [10, 40, 200])
def test_step_response_of_the_filter(k, step_ms):
    a3 = monitor(filter_coefficient=k, period=f"{step_ms} ms")
    time_ms = step_ms * np.arange(60)
    found_dbm = []
    for t, level in zip(time_ms, [-100.0] + [-80.0] * 59, strict=True):
        a3.measure(int(t) * MS, np.array([[level, -200.0]]), np.zeros(1, dtype=np.int64), np.ones(1, dtype=bool))
        found_dbm.append(a3.filtered_dbm_UC[0, 0])
    expected_dbm = -80.0 - 20.0 * (1 - 2 ** (-k / 4)) ** (time_ms / 200.0)
    assert np.allclose(found_dbm, expected_dbm, rtol=0, atol=1e-9)


def test_at_the_period_that_k_assumes_the_filter_is_that_of_the_specification():
    samples = np.random.default_rng(3).normal(-90, 8, 30)
    a3, expected = monitor(filter_coefficient=6, period="200 ms"), samples[0]
    for t, sample in enumerate(samples):
        expected = sample if t == 0 else (1 - 0.5**1.5) * expected + 0.5**1.5 * sample
        a3.measure(t * 200 * MS, np.array([[sample, -150.0]]), np.zeros(1, dtype=np.int64), np.ones(1, dtype=bool))
        assert a3.filtered_dbm_UC[0, 0] == pytest.approx(expected)


def test_filtering_delays_the_trigger_by_the_closed_form():
    step_db, k = 10.0, 4
    samples = int(np.floor(np.log(1 - 3.0 / step_db) / (0.2 * np.log(1 - 2 ** (-k / 4))))) + 1
    a3 = monitor(filter_coefficient=k, time_to_trigger=0)
    found = targets_TU(a3, one_user([0.0] + [step_db] * 20))[:, 0]
    assert np.flatnonzero(found == 1)[0] == samples


@pytest.mark.parametrize("offset_db", [-2.0, 0.0, 3.0])
@pytest.mark.parametrize("speed_mps", [8.3, 33.3])
def test_a_user_on_the_way_between_two_sites_triggers_where_the_power_law_says(offset_db, speed_mps):
    distance_m, exponent, ttt_s, step_s = 500.0, 3.76, 0.16, STEP_MS / 1000
    ratio = 10 ** (offset_db / (10 * exponent))
    crossing_s = distance_m * ratio / (1 + ratio) / speed_mps
    expected = np.ceil(crossing_s / step_s) + round(ttt_s / step_s)
    travelled_m = speed_mps * step_s * np.arange(1, int(distance_m / speed_mps / step_s))
    levels_dbm = -10 * exponent * np.log10(np.stack([travelled_m, distance_m - travelled_m], axis=-1))
    found = targets_TU(monitor(offset=f"{offset_db} dB"), levels_dbm[:, None, :])[:, 0]
    assert np.flatnonzero(found == 1)[0] + 1 == expected


def test_the_strongest_of_several_triggered_neighbours_is_the_target():
    trace = one_user([6] * 10, [4] * 6 + [9] * 4, [7] * 4 + [2] * 6)
    assert targets_TU(monitor(n_cell=4), trace)[:, 0].tolist() == [-1] * 4 + [1] * 2 + [2] * 4


def test_users_that_are_not_eligible_or_not_served_have_no_target_and_start_anew():
    a3 = monitor(3, 3)
    rsrp_dbm_UC = np.array([[-90.0, -80.0, -90.0]] * 3)
    for t in range(12):
        serving_U = np.array([0, 0 if t >= 5 else -1, 0])
        found_U = a3.measure(t * STEP_MS * MS, rsrp_dbm_UC, serving_U, np.array([True, True, t != 6]))
        assert found_U.tolist() == [1 if t >= 4 else -1, 1 if t >= 9 else -1, 1 if 4 <= t <= 5 or t >= 11 else -1]


def test_reset_keeps_the_filter_and_forget_does_not():
    a3 = monitor(2, filter_coefficient=8)
    trace = np.broadcast_to(np.array([[-90.0, -80.0]]), (5, 2, 2))
    assert targets_TU(a3, trace)[-1].tolist() == [1, 1]
    a3.reset(np.array([0]))
    a3.forget(np.array([1]))
    a3.measure(200 * MS, trace[0] - 10.0, np.zeros(2, dtype=np.int64), np.ones(2, dtype=bool))
    assert a3.filtered_dbm_UC[0, 0] == pytest.approx(-100.0 + 10.0 * 0.75**0.2)
    assert a3.filtered_dbm_UC[1].tolist() == [-100.0, -90.0]
    ready = [
        a3.measure((240 + 40 * i) * MS, trace[0], np.zeros(2, dtype=np.int64), np.ones(2, dtype=bool)) for i in range(4)
    ]
    assert np.array(ready).tolist() == [[-1, -1]] * 3 + [[1, 1]]


def test_between_samples_nothing_happens():
    often, seldom = monitor(), monitor()
    trace = one_user([0.0, 5.0] * 10 + [5.0] * 10)
    for t in range(len(trace) * 8):
        row = trace[t // 8] if t % 8 == 0 else trace[0] + 30.0 * (t % 3)
        assert often.is_due(t * 5 * MS) == (t % 8 == 0)
        found = often.measure(t * 5 * MS, row, np.zeros(1, dtype=np.int64), np.ones(1, dtype=bool))
        if t % 8:
            assert found[0] == -1
        else:
            assert found == seldom.measure(t * 5 * MS, row, np.zeros(1, dtype=np.int64), np.ones(1, dtype=bool))


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 39)), min_size=1, max_size=8))
def test_a_late_call_equals_calls_in_time_and_keeps_the_raster(gaps):
    rng = np.random.default_rng(len(gaps))
    late, prompt = monitor(3, 4, filter_coefficient=4), monitor(3, 4, filter_coefficient=4)
    serving_U, eligible_U, sample = np.array([0, 1, 2]), np.ones(3, dtype=bool), 0
    for gap, late_ms in [(1, 0), *gaps]:
        rsrp_dbm_UC = rng.normal(-90.0, 6.0, (3, 4))
        for _ in range(gap):
            expected_U = prompt.measure(sample * STEP_MS * MS, rsrp_dbm_UC, serving_U, eligible_U)
            sample += 1
        found_U = late.measure(((sample - 1) * STEP_MS + late_ms) * MS, rsrp_dbm_UC, serving_U, eligible_U)
        assert found_U.tolist() == expected_U.tolist()
        assert np.array_equal(late.filtered_dbm_UC, prompt.filtered_dbm_UC)
        assert not late.is_due(sample * STEP_MS * MS - 1) and late.is_due(sample * STEP_MS * MS)


traces = st.tuples(st.integers(0, 2**32 - 1), st.permutations(range(5)), st.permutations(range(4)))


@given(traces)
def test_users_are_independent_and_the_order_of_users_and_cells_is_immaterial(drawn):
    seed, users, cells = drawn
    rng = np.random.default_rng(seed)
    keys = {"filter_coefficient": 4, "hysteresis": "1 dB", "offset": "1 dB", "time_to_trigger": "80 ms"}
    rsrp_dbm_TUC = -90.0 + np.cumsum(rng.normal(0.0, 2.0, (40, 5, 4)), axis=0)
    serving_U = rng.integers(0, 4, 5)
    together_TU = targets_TU(monitor(5, 4, **keys), rsrp_dbm_TUC, serving_U)
    for ue in range(5):
        alone_T1 = targets_TU(monitor(1, 4, **keys), rsrp_dbm_TUC[:, [ue]], serving_U[[ue]])
        assert np.array_equal(alone_T1[:, 0], together_TU[:, ue])
    cell_at = np.argsort(cells)
    shuffled_TU = targets_TU(
        monitor(5, 4, **keys), rsrp_dbm_TUC[:, users][:, :, cells], cell_at[serving_U[list(users)]]
    )
    expected_TU = np.where(together_TU < 0, -1, cell_at[together_TU])[:, users]
    assert np.array_equal(shuffled_TU, expected_TU)


def test_the_measurement_error_has_the_spread_asked_for_and_is_filtered():
    plain, filtered = (monitor(400, 20, filter_coefficient=k, measurement_error="1.2 dB") for k in (0, 4))
    rsrp_dbm_UC = np.full((400, 20), -90.0)
    for t in range(40):
        for a3 in (plain, filtered):
            a3.measure(t * STEP_MS * MS, rsrp_dbm_UC, np.zeros(400, dtype=np.int64), np.ones(400, dtype=bool))
    weight = 1 - 0.5**0.2
    assert plain.filtered_dbm_UC.mean() == pytest.approx(-90.0, abs=0.06)
    assert plain.filtered_dbm_UC.std() == pytest.approx(1.2, rel=0.04)
    assert filtered.filtered_dbm_UC.std() == pytest.approx(1.2 * np.sqrt(weight / (2 - weight)), rel=0.04)


def test_without_an_error_the_generator_is_not_touched():
    rng = np.random.default_rng(1)
    A3Monitor(config(), 2, 3, rng).measure(0, np.zeros((2, 3)), np.zeros(2, dtype=np.int64), np.ones(2, dtype=bool))
    assert rng.random() == np.random.default_rng(1).random()


@pytest.mark.parametrize(
    "keys",
    [
        {"offset": "15.5 dB"},
        {"offset": "-16 dB"},
        {"hysteresis": "-1 dB"},
        {"measurement_error": "-1 dB"},
        {"period": 0},
        {"filter_coefficient": 20},
    ],
)
def test_values_outside_the_specification_are_refused(keys):
    with pytest.raises(ValidationError):
        config(**keys)
