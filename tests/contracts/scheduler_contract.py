"""What every scheduler must do; inherit `SchedulerContract` and say how to make the scheduler.

Shapes: U users, B resource blocks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray

from mobaigc_sim.scheduling import ContentView, Scheduler, SlotState
from mobaigc_sim.scheduling.base import NO_DEADLINE_NS

SLOT_NS = 500_000

inherited = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.differing_executors])


def slot_state(
    bits_per_prb_UB: ArrayLike,
    backlog_bits_U: ArrayLike | None = None,
    mean_rate_bps_U: ArrayLike | None = None,
    prb_free_B: ArrayLike | None = None,
    ue_U: ArrayLike | None = None,
    slack_ns_U: ArrayLike | None = None,
    wait_ns_U: ArrayLike | None = None,
    slot: int = 0,
) -> SlotState:
    """A SlotState; by default full buffers, equal averages and all blocks free."""
    bits_UB = np.asarray(bits_per_prb_UB, float)
    n_ue, n_prb = bits_UB.shape

    def given_or(value: ArrayLike | None, default: ArrayLike, dtype: type) -> NDArray[Any]:
        return np.asarray(default if value is None else value, dtype)

    return SlotState(
        now_ns=slot * SLOT_NS,
        slot_ns=SLOT_NS,
        ue_U=given_or(ue_U, np.arange(n_ue), np.int64),
        bits_per_prb_UB=bits_UB,
        backlog_bits_U=given_or(backlog_bits_U, np.full(n_ue, 10**9), np.int64),
        mean_rate_bps_U=given_or(mean_rate_bps_U, np.ones(n_ue), float),
        deadline_slack_ns_U=given_or(slack_ns_U, np.full(n_ue, 10**9), np.int64),
        head_wait_ns_U=given_or(wait_ns_U, np.zeros(n_ue), np.int64),
        prb_free_B=given_or(prb_free_B, np.ones(n_prb), bool),
    )


@st.composite
def slot_states(draw: st.DrawFn, ties: bool = True, min_users: int = 0) -> SlotState:
    """Slots of all loads, with blocks taken and users out of range; bits are whole numbers, so that sums are exact."""
    n_ue, n_prb = draw(st.integers(min_users, 9)), draw(st.integers(1, 24))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = draw(st.sampled_from([4, 1000])) if ties else 10**9
    bits_UB = rng.integers(1, values, (n_ue, n_prb), endpoint=True).astype(float)
    if draw(st.booleans()):
        bits_UB[:] = bits_UB[:, :1]
        bits_UB += 0 if ties else rng.permutation(n_ue * n_prb).reshape(n_ue, n_prb)
    bits_UB[rng.random((n_ue, n_prb)) < draw(st.sampled_from([0.0, 0.3]))] = 0
    load = draw(st.sampled_from([0.3, 2.0, 100.0]))
    return slot_state(
        bits_UB,
        backlog_bits_U=rng.integers(0, int(load * values * n_prb / max(n_ue, 1)) + 2, n_ue),
        mean_rate_bps_U=rng.choice([0.0, 1e3, 1e6], n_ue) if ties else rng.random(n_ue) * 1e6,
        prb_free_B=rng.random(n_prb) < draw(st.sampled_from([0.5, 1.0])),
        ue_U=np.sort(rng.choice(40, n_ue, replace=False)),
        slack_ns_U=np.where(rng.random(n_ue) < 0.2, NO_DEADLINE_NS, rng.integers(0, 10**9, n_ue)),
        wait_ns_U=rng.integers(0, 10**9, n_ue),
        slot=draw(st.integers(0, 10**6)),
    )


def permuted(state: SlotState, order_U: NDArray[np.int64]) -> SlotState:
    """The same slot with its users listed in another order."""
    return SlotState(
        now_ns=state.now_ns,
        slot_ns=state.slot_ns,
        ue_U=state.ue_U[order_U],
        bits_per_prb_UB=state.bits_per_prb_UB[order_U],
        backlog_bits_U=state.backlog_bits_U[order_U],
        mean_rate_bps_U=state.mean_rate_bps_U[order_U],
        deadline_slack_ns_U=state.deadline_slack_ns_U[order_U],
        head_wait_ns_U=state.head_wait_ns_U[order_U],
        prb_free_B=state.prb_free_B,
    )


def granted_bits_U(state: SlotState, owner_B: NDArray[np.int64]) -> NDArray[np.float64]:
    """Bits that each user's blocks carry."""
    taken_B = np.flatnonzero(owner_B >= 0)
    bits_B = state.bits_per_prb_UB[owner_B[taken_B], taken_B]
    return np.bincount(owner_B[taken_B], weights=bits_B, minlength=len(state.ue_U)).astype(np.float64)


def assert_valid(state: SlotState, owner_B: NDArray[np.int64]) -> None:
    """One owner or nobody for each block, and nobody where the block is taken, useless, or the user has no data."""
    assert owner_B.shape == state.prb_free_B.shape
    assert np.issubdtype(owner_B.dtype, np.integer)
    assert ((owner_B >= -1) & (owner_B < len(state.ue_U))).all()
    assert (owner_B[~state.prb_free_B] == -1).all()
    for b in np.flatnonzero(owner_B >= 0):
        assert state.bits_per_prb_UB[owner_B[b], b] > 0
        assert state.backlog_bits_U[owner_B[b]] > 0


def assert_work_conserving(state: SlotState, owner_B: NDArray[np.int64]) -> None:
    """No free block is idle while a user that could use it has data left."""
    unmet_U = granted_bits_U(state, owner_B) < state.backlog_bits_U
    idle_B = state.prb_free_B & (owner_B == -1)
    assert not (state.bits_per_prb_UB[unmet_U][:, idle_B] > 0).any()


def assert_capped_by_need(state: SlotState, owner_B: NDArray[np.int64]) -> None:
    """Without its least block no user's backlog would be covered, so no block is superfluous."""
    granted_U = granted_bits_U(state, owner_B)
    for u in np.unique(owner_B[owner_B >= 0]):
        least = state.bits_per_prb_UB[u, owner_B == u].min()
        assert granted_U[u] - least < state.backlog_bits_U[u]


class SchedulerContract(ABC):
    """Properties of a scheduler, over slots of all loads."""

    @abstractmethod
    def make(self) -> Scheduler:
        """A fresh instance."""

    @inherited
    @given(history=st.lists(slot_states(), min_size=1, max_size=3))
    def test_allocation_is_valid_work_conserving_and_capped_by_need(self, history: list[SlotState]) -> None:
        scheduler = self.make()
        for state in history:
            owner_B = scheduler.allocate(state).owner_B
            assert_valid(state, owner_B)
            assert_work_conserving(state, owner_B)
            assert_capped_by_need(state, owner_B)

    @inherited
    @given(history=st.lists(slot_states(), min_size=1, max_size=4))
    def test_same_history_same_allocation(self, history: list[SlotState]) -> None:
        one, two = self.make(), self.make()
        for state in history:
            np.testing.assert_array_equal(one.allocate(state).owner_B, two.allocate(state).owner_B)

    @inherited
    @given(state=slot_states(ties=False, min_users=2), data=st.data())
    def test_order_of_users_does_not_matter(self, state: SlotState, data: st.DataObject) -> None:
        order_U = np.array(data.draw(st.permutations(range(len(state.ue_U)))))
        usable = state.bits_per_prb_UB[state.bits_per_prb_UB > 0]
        assume(len(np.unique(usable)) == len(usable))
        first_B = self.make().allocate(state).owner_B
        second_B = self.make().allocate(permuted(state, order_U)).owner_B
        np.testing.assert_array_equal(first_B, np.where(second_B >= 0, order_U[second_B], -1))

    @inherited
    @given(state=slot_states())
    def test_the_state_is_left_as_it_was(self, state: SlotState) -> None:
        arrays = {name: value.copy() for name, value in vars(state).items() if isinstance(value, np.ndarray)}
        self.make().allocate(state)
        for name, before in arrays.items():
            np.testing.assert_array_equal(getattr(state, name), before)

    def test_no_users(self) -> None:
        owner_B = self.make().allocate(slot_state(np.zeros((0, 5)))).owner_B
        assert owner_B.tolist() == [-1] * 5

    def test_one_user_gets_all_it_needs_and_no_more(self) -> None:
        full = self.make().allocate(slot_state([[100, 100, 0, 100]], prb_free_B=[1, 1, 1, 0]))
        assert full.owner_B.tolist() == [0, 0, -1, -1]
        little = self.make().allocate(slot_state([[100] * 4], backlog_bits_U=[150]))
        assert sorted(little.owner_B.tolist()) == [-1, -1, 0, 0]

    @inherited
    @given(slack_ns=st.integers(-(10**10), 10**10), rate=st.floats(0, 1e9), active=st.integers(1, 50))
    def test_keep_ratio_is_none_or_a_share(self, slack_ns: int, rate: float, active: int) -> None:
        grid = np.linspace(0.1, 1.0, 10)
        content = ContentView(
            now_ns=0,
            ue=0,
            deadline_slack_ns=slack_ns,
            bytes_at_keep=200 + 2000 * grid,
            keep_grid=grid,
            importance_at_keep=np.sqrt(grid),
            mean_rate_bps=rate,
            active_requests=active,
        )
        keep = self.make().keep_ratio(content)
        assert keep is None or 0 < keep <= 1
