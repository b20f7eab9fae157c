"""Every classic scheduler keeps the contract."""

from __future__ import annotations

from mobaigc_sim.scheduling import MaxCi, ProportionalFair, RoundRobin, Scheduler

from ..contracts.scheduler_contract import SchedulerContract


class TestRoundRobin(SchedulerContract):
    def make(self) -> Scheduler:
        return RoundRobin(RoundRobin.Config())


class TestProportionalFair(SchedulerContract):
    def make(self) -> Scheduler:
        return ProportionalFair(ProportionalFair.Config())


class TestMaxCi(SchedulerContract):
    def make(self) -> Scheduler:
        return MaxCi(MaxCi.Config(keep=0.5))
