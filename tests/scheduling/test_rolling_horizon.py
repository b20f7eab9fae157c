"""Plans worked out by hand, and what becomes of them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mobaigc_sim.scheduling import RollingHorizon
from mobaigc_sim.scheduling.classic.horizon_program import Job, concave, periods, solve
from mobaigc_sim.scheduling.epoch import EpochView, empty_view

KEEPS = np.array([0.2, 0.6, 1.0])
WORTH = ((0.2, 0.5), (0.6, 0.8), (1.0, 0.9))


def job(gain: float, bits: float = 100.0, slack_s: float = 9.0, rate: float = 10.0, usual: float = 10.0) -> Job:
    return Job(0, True, rate, usual, slack_s, 0.0, ((bits, gain),))


def plan(*jobs: Job, ends: tuple[float, ...] = (1.0,), prb_per_s: float = 15.0, price: float = 0.0) -> np.ndarray:
    return solve(jobs, np.array(ends), prb_per_s, 1e9, price, 1e-6)


def test_the_better_request_is_served_first_and_the_other_by_what_is_left() -> None:
    assert plan(job(1.0), job(0.5)) == pytest.approx(np.array([[10.0], [5.0]]))


def test_a_deadline_moves_the_better_request_back() -> None:
    """Ten blocks a period; the poorer request is due with the first, the better one can wait: both are served."""
    found = plan(job(0.5, slack_s=1.0), job(1.0, slack_s=2.0), ends=(1.0, 2.0), prb_per_s=10.0)
    assert found == pytest.approx(np.array([[10.0, 0.0], [0.0, 10.0]]))


def test_only_the_part_of_a_period_before_the_deadline_can_be_used() -> None:
    assert plan(job(1.0, slack_s=0.4)) == pytest.approx(np.array([[6.0]]))


def test_nothing_is_planned_that_is_not_worth_its_price() -> None:
    """Ten blocks bring 1: they pay below a price of 0.1."""
    assert plan(job(1.0), price=0.11).sum() == 0.0
    assert plan(job(1.0), price=0.09).sum() == pytest.approx(10.0)


def test_rates_go_from_the_latest_report_to_the_usual_rate() -> None:
    rate_B = job(1.0, rate=30.0, usual=10.0).rate_B(np.array([2.0, 4.0]), 0.5)
    assert rate_B == pytest.approx([10 + 20 * math.exp(-1 / 0.5), 10 + 20 * math.exp(-3 / 0.5)])


def test_who_is_best_off_now_goes_first_and_who_will_be_waits() -> None:
    """User 0 loses its good channel, user 1 its bad one."""
    jobs = job(1.0, bits=300.0, rate=20.0, usual=5.0), job(1.0, bits=300.0, rate=5.0, usual=20.0)
    found = solve(jobs, np.array([1.0, 2.0]), 10.0, 2.0, 0.0, 1e-6)
    assert found == pytest.approx(np.array([[10.0, 0.0], [0.0, 10.0]]))


def test_the_envelope_leaves_out_what_lies_below_it() -> None:
    assert concave([10, 20, 30, 40], [1.0, 1.1, 2.0, 1.9]) == ((10.0, 1.0), (30.0, 2.0))
    assert concave([10, 20], [1.0, 3.0]) == ((20.0, 3.0),)
    assert concave([0, 10], [1.0, 0.0]) == ()


def test_periods_double_until_the_deadline_is_covered() -> None:
    assert periods(1.0, 5.0).tolist() == [1.0, 2.0, 4.0, 8.0]
    assert periods(1.0, 0.1).tolist() == [1.0]


def view_of(rates: list[float], slack_s: float = 1.0, prb_per_s: float = 1000.0) -> EpochView:
    """Users with a new request each: 1000, 3000 and 9000 bits at the keep ratios, 900 of them bases."""
    view = empty_view(len(rates), len(KEEPS))
    view.active_U[:], view.new_U[:], view.requests_U[:] = True, True, 1
    view.bits_per_prb_U[:] = view.usual_bits_U[:] = rates
    view.bits_UK[:], view.base_bits_UK[:] = [1000, 3000, 9000], 900
    view.slack_ns_U[:], view.level_U[:] = round(slack_s * 1e9), -1
    view.prb_per_s_1[0], view.keep_K[:] = prb_per_s, KEEPS
    view.reward_3[:] = 0.0, 1.0, 0.0
    return view


def rule(log_price: float = -20.0, every: int = 1) -> RollingHorizon:
    return RollingHorizon(RollingHorizon.Config(log_price=log_price, worth=WORTH, base_worth=0.4, every=every))


def test_a_request_gets_the_keep_ratio_that_fits_before_its_deadline() -> None:
    """1000 blocks a second of 9 bits carry 9000 bits in a second."""
    assert rule().begin_epoch(view_of([9.0])).level_U.tolist() == [2]
    assert rule().begin_epoch(view_of([9.0], slack_s=0.34)).level_U.tolist() == [1]
    assert rule().begin_epoch(view_of([9.0], slack_s=0.12)).level_U.tolist() == [0]


def test_a_higher_price_sends_less() -> None:
    """The last step brings 0.1 for 6000 / 9 blocks, the one before 0.3 for 2000 / 9."""
    steps = math.log(0.1 / (6000 / 9)), math.log(0.3 / (2000 / 9))
    found = [rule(p).begin_epoch(view_of([9.0])).level_U[0] for p in (steps[0] - 0.1, steps[0] + 0.1, steps[1] + 0.1)]
    assert found == [2, 1, 0]


def test_the_band_goes_to_whom_the_plan_serves_now() -> None:
    """What comes first is the base of the user whose deadline is near; a user with nothing to send is left out."""
    view = view_of([9.0, 9.0, 9.0], prb_per_s=1000.0)
    view.slack_ns_U[1] = 110_000_000
    view.active_U[2] = False
    decision = rule().begin_epoch(view)
    share_U = np.exp(decision.log_weight_U)
    assert share_U[1] > 10 * share_U[0] > 10 * share_U[2]


def test_users_may_be_listed_in_any_order_where_one_has_an_older_request() -> None:
    """The new request of a user is due in 0.5 s as that of the other; both do not fit at the largest keep ratio."""
    view = view_of([9.0, 8.0])
    view.requests_U[:], view.backlog_bits_U[:], view.base_bits_U[:] = [2, 1], [900, 0], [900, 0]
    view.age_ns_U[:] = 1_900_000_000, 1_500_000_000
    view.slack_ns_U[:] = 100_000_000, 500_000_000
    turned = EpochView._make(
        field[::-1] if name.endswith(("_U", "_UK")) else field
        for name, field in zip(EpochView._fields, view, strict=True)
    )
    one, two = rule().begin_epoch(view), rule().begin_epoch(turned)
    assert one.level_U.tolist() == two.level_U[::-1].tolist()
    assert one.level_U.sum() < 4


def test_a_plan_holds_for_some_epochs_unless_a_request_is_new() -> None:
    scheduler, view = rule(every=3), view_of([9.0, 9.0])
    first = scheduler.begin_epoch(view).log_weight_U
    view.new_U[:], view.level_U[:], view.backlog_bits_U[:] = False, 1, [3000, 1]
    assert scheduler.begin_epoch(view).log_weight_U.tolist() == first.tolist()
    scheduler.begin_epoch(view)
    changed = scheduler.begin_epoch(view).log_weight_U
    assert changed.tolist() != first.tolist()
    view.new_U[1] = True
    assert scheduler.begin_epoch(view).log_weight_U.tolist() != changed.tolist()
