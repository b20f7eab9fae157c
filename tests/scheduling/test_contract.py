"""Every classic scheduler keeps the contract."""

from __future__ import annotations

from mobaigc_sim.scheduling import (
    DriftPlusPenalty,
    Edf,
    ExpPf,
    LogRule,
    MaxCi,
    MaxWeight,
    MLwdf,
    PricedUtility,
    ProportionalFair,
    RollingHorizon,
    RoundRobin,
    Scheduler,
    WithRatio,
)

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


class TestEdf(SchedulerContract):
    def make(self) -> Scheduler:
        return Edf(Edf.Config())


class TestMLwdf(SchedulerContract):
    def make(self) -> Scheduler:
        return MLwdf(MLwdf.Config())


class TestExpPf(SchedulerContract):
    def make(self) -> Scheduler:
        return ExpPf(ExpPf.Config())


class TestLogRule(SchedulerContract):
    def make(self) -> Scheduler:
        return LogRule(LogRule.Config())


class TestMaxWeight(SchedulerContract):
    def make(self) -> Scheduler:
        return MaxWeight(MaxWeight.Config())


class TestPricedUtility(SchedulerContract):
    def make(self) -> Scheduler:
        return PricedUtility(PricedUtility.Config())


class TestDriftPlusPenalty(SchedulerContract):
    def make(self) -> Scheduler:
        return DriftPlusPenalty(DriftPlusPenalty.Config())


class TestRollingHorizon(SchedulerContract):
    def make(self) -> Scheduler:
        return RollingHorizon(RollingHorizon.Config())


class TestWithRatio(SchedulerContract):
    def make(self) -> Scheduler:
        return WithRatio(WithRatio.Config(rule=RoundRobin.Config()))
