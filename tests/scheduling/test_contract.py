"""Every scheduler keeps the contract."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mobaigc_sim.scheduling import (
    Add,
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
from mobaigc_sim.scheduling.add.network import AddConfig, AddNetwork
from mobaigc_sim.scheduling.epoch import EpochScheduler

from ..contracts.scheduler_contract import KEEPS, EpochSchedulerContract, SchedulerContract


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


class TestPricedUtility(EpochSchedulerContract):
    def make_undecided(self) -> EpochScheduler:
        return PricedUtility(PricedUtility.Config())


class TestDriftPlusPenalty(SchedulerContract):
    def make(self) -> Scheduler:
        return DriftPlusPenalty(DriftPlusPenalty.Config())


class TestRollingHorizon(EpochSchedulerContract):
    def make_undecided(self) -> EpochScheduler:
        return RollingHorizon(RollingHorizon.Config())


class TestWithRatio(EpochSchedulerContract):
    def make_undecided(self) -> EpochScheduler:
        return WithRatio(WithRatio.Config(rule=RoundRobin.Config()))


class TestAdd(EpochSchedulerContract):
    """Untrained weights."""

    file: Path

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def policy(cls, tmp_path_factory: pytest.TempPathFactory) -> None:
        cls.file = tmp_path_factory.mktemp("policy") / "p.safetensors"
        torch.manual_seed(0)
        AddNetwork(AddConfig(tokens=4, levels=len(KEEPS), width=8, hidden=8, critic=False)).save(cls.file)

    def make_undecided(self) -> EpochScheduler:
        return Add(Add.Config(policy=str(self.file)))
