"""The rules that know deadlines and queues, on slots whose winners are worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mobaigc_sim.scheduling import Edf, ExpPf, LogRule, MaxWeight, MLwdf, Scheduler
from mobaigc_sim.scheduling.base import NO_DEADLINE_NS
from mobaigc_sim.scheduling.classic.urgency import waited_share

from ..contracts.scheduler_contract import SLOT_NS, slot_state

MS = 1_000_000


def winners(scheduler: Scheduler, bits: object, **given: object) -> list[int]:
    found: list[int] = scheduler.allocate(slot_state(bits, **given)).owner_B.tolist()  # type: ignore[arg-type]
    return found


def test_edf_follows_the_deadline_whatever_the_channel() -> None:
    bits = [[900, 900], [1, 1], [500, 500]]
    assert winners(Edf(Edf.Config()), bits, slack_ns_U=[50 * MS, 10 * MS, 30 * MS]) == [1, 1]
    assert winners(Edf(Edf.Config()), bits, slack_ns_U=[NO_DEADLINE_NS, NO_DEADLINE_NS - 1, 30 * MS]) == [2, 2]


def test_max_weight_takes_the_largest_product_of_queue_and_rate() -> None:
    bits = [[10, 30], [20, 20]]
    assert winners(MaxWeight(MaxWeight.Config()), bits, backlog_bits_U=[4000, 3000]) == [1, 0]


def test_waited_share_is_wait_over_budget_and_a_slot_at_least() -> None:
    state = slot_state(
        np.ones((3, 1)), wait_ns_U=[300 * MS, 0, 7 * MS], slack_ns_U=[700 * MS, 100 * MS - SLOT_NS, NO_DEADLINE_NS]
    )
    assert waited_share(state) == pytest.approx([0.3, SLOT_NS / (100 * MS), SLOT_NS / 1e9])


@pytest.mark.parametrize("share", [0.2, 0.6])
def test_m_lwdf_weighs_proportional_fair_by_the_share_waited(share: float) -> None:
    """User 0 has waited a share of its time, user 1 a tenth: user 0 wins up to that ratio of the rates."""
    wait_ns = round(share * 1000) * MS
    given = {
        "wait_ns_U": [wait_ns, 100 * MS],
        "slack_ns_U": [1000 * MS - wait_ns, 900 * MS],
        "mean_rate_bps_U": [1e6, 1e6],
    }
    ratio = share / 0.1
    assert winners(MLwdf(MLwdf.Config()), [[100, 100], [99 * ratio, 101 * ratio]], **given) == [0, 1]


def test_exp_pf_is_the_published_metric() -> None:
    waited = -math.log(0.1) * np.array([0.8, 0.2])
    weight = np.exp((waited - waited.mean()) / (1 + math.sqrt(waited.mean())))
    ratio = weight[0] / weight[1]
    given = {"wait_ns_U": [80 * MS, 20 * MS, 5 * MS], "slack_ns_U": [20 * MS, 80 * MS, NO_DEADLINE_NS]}
    rule = ExpPf(ExpPf.Config(miss=0.1))
    bits = [[100, 100], [99 * ratio, 101 * ratio], [1, 1]]
    assert winners(rule, bits, mean_rate_bps_U=[1e6] * 3, **given) == [0, 1]
    # without a deadline the plain proportional-fair metric counts
    assert winners(rule, [[100], [1], [101 * weight[0]]], mean_rate_bps_U=[1e6] * 3, **given) == [2]


def test_log_rule_is_the_published_metric() -> None:
    ratio = math.log(1.1 + 5 / 0.99 * 0.8) / math.log(1.1 + 5 / 0.99 * 0.2)
    given = {"wait_ns_U": [80 * MS, 20 * MS], "slack_ns_U": [20 * MS, 80 * MS], "mean_rate_bps_U": [1e6, 1e6]}
    assert winners(LogRule(LogRule.Config()), [[100, 100], [99 * ratio, 101 * ratio]], **given) == [0, 1]
