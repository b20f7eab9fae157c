"""What every scheduler must do; inherit `SchedulerContract`, or `EpochSchedulerContract`, and say how to make it.

Shapes: U users, B resource blocks, K keep ratios.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray

from mobaigc_sim.scheduling import ContentView, Scheduler, SlotState
from mobaigc_sim.scheduling.base import NO_DEADLINE_NS
from mobaigc_sim.scheduling.epoch import EpochScheduler, EpochView, empty_view

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


IDLE, NEW, SERVED, BOTH, ENDLESS = range(5)
KEEPS = np.linspace(0.1, 1.0, 10)


def epoch_view(n_ue: int, seed: int) -> EpochView:
    """Users of every kind: nothing to send, a new request, one in service, both, and data without end or deadline."""
    rng, view = np.random.default_rng(seed), empty_view(n_ue, len(KEEPS))
    kind_U = rng.permutation(np.arange(n_ue) % 5)
    view.active_U[:], view.new_U[:] = kind_U != IDLE, (kind_U == NEW) | (kind_U == BOTH)
    view.usual_bits_U[:] = rng.uniform(50, 600, n_ue)
    view.bits_per_prb_U[:] = np.where(rng.random(n_ue) < 0.9, rng.uniform(50, 600, n_ue), 0.0)
    view.mean_rate_bps_U[:], view.speed_mps_U[:] = rng.uniform(0, 1e6, n_ue), rng.uniform(0, 30, n_ue)
    asks_U = view.new_U | (kind_U == SERVED)
    view.requests_U[:], view.images_U[:] = asks_U + (kind_U == BOTH), 2 * asks_U
    view.level_U[:] = np.where(kind_U == SERVED, rng.integers(0, len(KEEPS), n_ue), -1)
    view.bits_UK[asks_U] = np.sort(rng.integers(300, 8_000, view.bits_UK.shape), axis=1)[asks_U]
    view.base_bits_UK[:], view.mass_UK[asks_U] = view.bits_UK // 3, np.sqrt(KEEPS)
    view.backlog_bits_U[:] = np.where((kind_U == SERVED) | (kind_U == BOTH), rng.integers(200, 6_000, n_ue), 0)
    view.base_bits_U[:] = np.where(rng.random(n_ue) < 0.5, view.backlog_bits_U // 2, 0)
    view.backlog_bits_U[kind_U == ENDLESS] = 10**12
    view.in_flight_bits_U[:] = np.where(view.backlog_bits_U > 0, rng.integers(0, 2_000, n_ue), 0)
    view.slack_ns_U[:] = np.where(asks_U, rng.permutation(n_ue) * 20_000_000 + rng.integers(10**8, 10**9), 0)
    view.slack_ns_U[kind_U == ENDLESS] = NO_DEADLINE_NS
    view.age_ns_U[:] = np.where(asks_U, rng.integers(10**8, 10**9, n_ue), 0)
    view.prb_per_s_1[0], view.keep_K[:], view.reward_3[:] = 300.0, KEEPS, (0.3, 1.0, 0.0005)
    return view


class EpochSchedulerContract(SchedulerContract):
    """The same with a decision in force, and properties of decisions."""

    @abstractmethod
    def make_undecided(self) -> EpochScheduler:
        """A fresh instance."""

    def make(self) -> EpochScheduler:
        """With a decision in force on the forty users that `slot_states` may name."""
        scheduler = self.make_undecided()
        scheduler.begin_epoch(epoch_view(40, 0))
        return scheduler

    @pytest.mark.parametrize("seed", range(20))
    def test_users_of_a_view_may_be_listed_in_any_order(self, seed: int) -> None:
        view = epoch_view(9, seed)  # one of them without a deadline: ties between deadlines go by place
        order_U = np.random.default_rng(seed).permutation(9)
        turned = EpochView._make(
            field[order_U] if name.endswith(("_U", "_UK")) else field
            for name, field in zip(EpochView._fields, view, strict=True)
        )
        expected, found = self.make_undecided().begin_epoch(view), self.make_undecided().begin_epoch(turned)
        weight_U = np.exp(expected.log_weight_U)[order_U]
        np.testing.assert_allclose(np.exp(found.log_weight_U), weight_U, rtol=1e-3, atol=1e-6 * weight_U.max())
        new_U = turned.new_U
        np.testing.assert_array_equal(found.level_U[new_U], expected.level_U[order_U][new_U])

    @pytest.mark.parametrize("seed", range(3))
    def test_the_view_is_left_as_it_was(self, seed: int) -> None:
        view, before = epoch_view(9, seed), epoch_view(9, seed)
        self.make_undecided().begin_epoch(view)
        for name, now, then in zip(EpochView._fields, view, before, strict=True):
            np.testing.assert_array_equal(now, then, err_msg=name)
