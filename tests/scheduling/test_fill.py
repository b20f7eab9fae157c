"""`fill`: hand-made cases and comparison with block-by-block greed."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mobaigc_sim.scheduling import SlotState, fill
from mobaigc_sim.scheduling.fill import deal

from ..contracts.scheduler_contract import assert_capped_by_need, assert_valid, assert_work_conserving, slot_states

Indices = NDArray[np.int64]


def of(metric: object, bits: object, backlog: object, free: object = None) -> list[int]:
    bits_UB = np.asarray(bits, float)
    free_B = np.ones(bits_UB.shape[1], bool) if free is None else np.asarray(free, bool)
    owners: list[int] = fill(np.asarray(metric, float), bits_UB, np.asarray(backlog), free_B).tolist()
    return owners


def test_each_block_goes_to_the_largest_metric() -> None:
    assert of([[3, 1, 2], [1, 2, 3]], np.full((2, 3), 10), [999, 999]) == [0, 1, 1]


def test_a_covered_user_keeps_the_blocks_that_carry_most() -> None:
    assert of([[9, 9, 9], [1, 1, 1]], [[10, 30, 20], [5, 5, 5]], [45, 999]) == [1, 0, 0]


def test_a_block_made_superfluous_in_a_later_round_is_returned() -> None:
    # User 1 first takes the middle block only; user 0, covered by the left one, leaves it the right one.
    assert of([[9, 0, 9], [1, 9, 1]], [[50, 50, 40], [0, 10, 100]], [50, 50]) == [0, -1, 1]


def test_bits_of_zero_are_never_granted_whatever_the_metric() -> None:
    assert of([[9, 9], [-1, -1]], [[0, 0], [0, 7]], [99, 99]) == [-1, 1]


def test_nothing_to_send_or_nothing_free() -> None:
    assert of([[1, 1]], [[10, 10]], [0]) == [-1, -1]
    assert of([[1, 1]], [[10, 10]], [99], [0, 0]) == [-1, -1]


def test_one_metric_for_all_blocks_is_an_order_of_users() -> None:
    assert of([[1], [3], [2]], np.full((3, 6), 10), [999, 30, 20]) == [1, 1, 1, 2, 2, 0]


@settings(deadline=None, max_examples=300)
@given(state=slot_states(), seed=st.integers(0, 1000))
def test_any_metric_gives_a_complete_filling(state: SlotState, seed: int) -> None:
    metric_UB = np.random.default_rng(seed).normal(size=state.bits_per_prb_UB.shape)
    owner_B = fill(metric_UB, state.bits_per_prb_UB, state.backlog_bits_U, state.prb_free_B)
    assert_valid(state, owner_B)
    assert_work_conserving(state, owner_B)
    assert_capped_by_need(state, owner_B)


@settings(deadline=None, max_examples=200)
@given(state=slot_states(min_users=1), seed=st.integers(0, 1000))
def test_with_full_buffers_it_is_the_argmax_of_each_block(state: SlotState, seed: int) -> None:
    metric_UB = np.random.default_rng(seed).normal(size=state.bits_per_prb_UB.shape)
    owner_B = fill(metric_UB, state.bits_per_prb_UB, np.full(len(state.ue_U), 10**15), state.prb_free_B)
    for b, free in enumerate(state.prb_free_B):
        able = [u for u in range(len(state.ue_U)) if free and state.bits_per_prb_UB[u, b] > 0]
        assert owner_B[b] == max(able, key=lambda u: metric_UB[u, b], default=-1)


@settings(deadline=None, max_examples=200)
@given(state=slot_states(min_users=1), seed=st.integers(0, 1000))
def test_on_flat_channels_users_are_served_in_the_order_of_their_metric(state: SlotState, seed: int) -> None:
    rng = np.random.default_rng(seed)
    bits_U, priority_U = rng.integers(1, 50, len(state.ue_U)), rng.permutation(len(state.ue_U)).astype(float)
    bits_UB = np.repeat(bits_U[:, None], len(state.prb_free_B), axis=1).astype(float)
    owner_B = fill(priority_U[:, None], bits_UB, state.backlog_bits_U, state.prb_free_B)
    left = int(state.prb_free_B.sum())
    for u in np.argsort(-priority_U):
        share = min(left, -(-int(state.backlog_bits_U[u]) // int(bits_U[u])))
        assert (owner_B == u).sum() == share
        left -= share


@settings(deadline=None, max_examples=300)
@given(state=slot_states(), seed=st.integers(0, 1000), levels=st.integers(1, 5))
def test_the_compiled_loop_does_what_deal_does(state: SlotState, seed: int, levels: int) -> None:
    # few levels make ties
    metric_UB = np.random.default_rng(seed).integers(0, levels, state.bits_per_prb_UB.shape).astype(float)

    def best(users_P: Indices, prbs_Q: Indices, usable_PQ: NDArray[np.bool_]) -> Indices:
        winner_Q: Indices = np.where(usable_PQ, metric_UB[np.ix_(users_P, prbs_Q)], -np.inf).argmax(axis=0)
        return winner_Q

    arguments = state.bits_per_prb_UB, state.backlog_bits_U, state.prb_free_B
    assert fill(metric_UB, *arguments).tolist() == deal(best, *arguments).tolist()
