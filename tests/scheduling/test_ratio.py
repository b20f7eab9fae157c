"""Rules of every slot with the keep ratio chosen by the price of a block."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from mobaigc_sim.cell.background import ENDLESS_BITS
from mobaigc_sim.scheduling import Edf, MaxCi, PricedUtility, RoundRobin, WithRatio
from mobaigc_sim.scheduling.base import NO_DEADLINE_NS
from mobaigc_sim.scheduling.epoch import EpochView, empty_view

from ..contracts.scheduler_contract import slot_state

KEEPS = np.linspace(0.1, 1.0, 10)
WORTH = ((0.1, 0.7), (0.5, 0.9), (1.0, 0.94))


def view_of(rates: list[float], backlogs: list[int], seed: int = 0) -> EpochView:
    """Users who all have a request that waits for its keep ratio, of different bits."""
    rng = np.random.default_rng(seed)
    view = empty_view(len(rates), len(KEEPS))
    view.active_U[:], view.new_U[:], view.requests_U[:] = True, True, 1
    view.bits_per_prb_U[:] = rates
    view.backlog_bits_U[:] = backlogs
    view.bits_UK[:] = np.sort(rng.integers(5_000, 60_000, view.bits_UK.shape), axis=1)
    view.base_bits_UK[:] = view.bits_UK // 3
    view.slack_ns_U[:] = 10**9
    view.prb_per_s_1[0], view.keep_K[:] = 1000.0, KEEPS
    view.reward_3[:] = 0.3, 1.0, 0.0005
    return view


def rule(log_price: float = -6.0, per_second: float = 2.0) -> WithRatio:
    return WithRatio(
        WithRatio.Config(rule=Edf.Config(), log_price=log_price, per_second=per_second, worth=WORTH, base_worth=0.6)
    )


def test_the_ratio_is_the_best_by_brute_force() -> None:
    rates, backlogs = [90.0, 250.0, 400.0], [0, 8_000, 20_000]
    chosen = set()
    for seed in range(20):
        view = view_of(rates, backlogs, seed)
        bits_U = view.backlog_bits_U + view.base_bits_UK[:, 0]
        work_s = float((bits_U / view.bits_per_prb_U).sum()) / 1000.0
        price = math.exp(-6.0 + 2.0 * work_s) + 0.0005
        level_U = rule().decide(view).level_U
        for u, rate in enumerate(rates):
            net_K = np.interp(KEEPS, *np.array(WORTH).T) - price * view.bits_UK[u] / rate
            assert level_U[u] == int(np.argmax(net_K))
        chosen |= set(level_U.tolist())
    assert len(chosen) > 3


def test_more_is_sent_as_the_price_falls_and_less_as_work_waits() -> None:
    view = view_of([100.0, 300.0], [0, 0])
    view.reward_3[2] = 0.0
    levels = np.array([rule(log_price).decide(view).level_U for log_price in (-2.0, -5.0, -6.0, -7.0, -12.0)])
    assert (np.diff(levels, axis=0) >= 0).all()
    assert levels[0].tolist() == [0, 0] and levels[-1].tolist() == [9, 9]
    busy = view_of([100.0, 300.0], [60_000, 60_000])
    assert (rule().decide(busy).level_U < rule().decide(view).level_U).all()


def test_a_user_who_sends_without_end_leaves_the_price_as_it_is() -> None:
    view = view_of([90.0, 250.0, 400.0], [0, 0, ENDLESS_BITS])
    view.new_U[2], view.requests_U[2], view.level_U[2], view.slack_ns_U[2] = False, 0, -1, NO_DEADLINE_NS
    view.bits_UK[2], view.base_bits_UK[2] = 0, 0
    alone = view_of([90.0, 250.0, 400.0], [0, 0, 0])
    alone.active_U[2], alone.new_U[2], alone.requests_U[2] = False, False, 0
    for kind in (WithRatio, PricedUtility):
        numbers: dict[str, Any] = {"rule": Edf.Config()} if kind is WithRatio else {}
        scheduler = kind(kind.Config(**numbers, log_price=-6.5, per_second=3.0, worth=WORTH, base_worth=0.6))
        level_U = scheduler.decide(view).level_U
        assert level_U[:2].tolist() == scheduler.decide(alone).level_U[:2].tolist()
        assert level_U[:2].min() > 0


def test_the_ratio_is_that_of_priced_utility() -> None:
    numbers: dict[str, Any] = {"log_price": -6.5, "per_second": 3.0, "worth": WORTH, "base_worth": 0.6}
    view = view_of([90.0, 250.0, 400.0], [1000, 8_000, 20_000])
    priced = PricedUtility(PricedUtility.Config(**numbers))
    same = WithRatio(WithRatio.Config(rule=MaxCi.Config(), **numbers))
    assert same.begin_epoch(view).level_U.tolist() == priced.decide(view).level_U.tolist()


def test_blocks_go_where_the_rule_says() -> None:
    state = slot_state([[9, 1, 5], [3, 7, 5]], slack_ns_U=[2, 1])
    for wrapped in (Edf, MaxCi):
        scheduler = WithRatio(WithRatio.Config(rule=wrapped.Config()))
        scheduler.begin_epoch(view_of([90.0, 100.0], [0, 0]))
        owners = wrapped(wrapped.Config()).allocate(state).owner_B.tolist()
        assert scheduler.allocate(state).owner_B.tolist() == owners


def test_the_rule_is_told_what_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    told = []
    monkeypatch.setattr(Edf, "observe_served", lambda _, *what: told.append(what))
    rule().observe_served(3, 800, 17)
    assert told == [(3, 800, 17)]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"kind": "priced_utility"}, "unknown slot rule 'priced_utility'"),
        ({"kind": "with_ratio"}, "unknown slot rule 'with_ratio'"),
        ({"kind": "edf", "keep": 0.5}, "leave out 'keep'"),
        ({"kind": "edff"}, "did you mean 'edf'"),
    ],
)
def test_what_cannot_be_wrapped_is_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        WithRatio.Config.model_validate({"rule": wrong})


def test_the_rule_keeps_its_memory() -> None:
    """A wrapped rule is the plain rule over a history, its memory included."""
    history = [slot_state([[5, 5], [5, 5], [5, 5]], slot=n) for n in range(4)]
    plain, wrapped = RoundRobin(RoundRobin.Config()), WithRatio(WithRatio.Config(rule=RoundRobin.Config()))
    theirs = [plain.allocate(state).owner_B.tolist() for state in history]
    assert [wrapped.allocate(state).owner_B.tolist() for state in history] == theirs
    assert len(set(map(tuple, theirs))) > 1
