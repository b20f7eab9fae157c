"""What a training file says: scenarios, traces, rules and agents to compare, and how long to train.

An example, of which `scenarios/training` has more:

    name: overload
    scenario: ../cell_overload.yaml
    set: {scheduler.log_price: -6.5}
    training_set: {media.bank: ../bank_training}
    test_set: {media.bank: ../bank}
    steps: 200000
    agents:
      - {agent: add, hyper: {gamma: 0.95}}
      - {agent: sac-set, hyper: {gamma: 0.95}, best_of: 8}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, Field, ValidationInfo, WrapValidator, field_validator, model_validator

from ..errors import UnknownNameError
from ..registry import FrozenConfig, PluginConfig, plugin_field
from ..scenario.schema import _folder_name
from ..scheduling import schedulers
from .add_hyper import AddHyper, OffPolicyAddHyper
from .baselines.agents import AGENTS, hyper_class
from .baselines.hyper import (
    A2cHyper,
    AgentHyper,
    DeterministicHyper,
    DqnHyper,
    EntropyHyper,
    OnPolicyHyper,
    Positive,
    PpoHyper,
)
from .tunable import Range, checked_ranges, with_values

AnyAddHyper = AddHyper | OffPolicyAddHyper
ADD_AGENTS: dict[str, type[AnyAddHyper]] = {
    "add": AddHyper,
    "add-off-policy": OffPolicyAddHyper,
}
RANDOM = "random"
"""Name of the policy that draws its corrections uniformly; every comparison has it."""
MOST_TRACES = 10_000
MOST_TRIALS = 4096

Item = TypeVar("Item")
Name = Annotated[str, AfterValidator(_folder_name)]
Settings = dict[str, Any]
"""Dotted keys of a scenario and their values."""
TraceCount = Annotated[int, Field(ge=1, le=MOST_TRACES)]


def hyper_of(agent: str) -> type[AnyAddHyper] | type[AgentHyper]:
    """The class of an agent's hyperparameters; UnknownNameError if there is no such agent."""
    if agent in ADD_AGENTS:
        return ADD_AGENTS[agent]
    if agent not in AGENTS:
        raise UnknownNameError("agent", agent, (*AGENTS, *ADD_AGENTS))
    return hyper_class(agent)


def _hyper(value: object, _: object, info: ValidationInfo) -> object:
    agent = info.data.get("agent")
    return value if agent is None else hyper_of(agent).model_validate(value)


def _not_empty(items: tuple[Item, ...]) -> tuple[Item, ...]:
    if not items:
        raise ValueError("expected one or more")
    return items


class TraceCounts(FrozenConfig):
    """How many traces there are; no trace belongs to two of the three."""

    training: TraceCount = 32
    """To learn from."""
    validation: TraceCount = 24
    """To choose the checkpoint by."""
    test: TraceCount = 64
    """For the comparison."""


class RuleConfig(FrozenConfig):
    """A scheduler that does not learn."""

    name: Name
    """Name in tables."""
    scheduler: Annotated[PluginConfig | None, plugin_field(schedulers)] = None
    """The scheduler; left out, the scenario's own, which is what agents correct."""
    tune: dict[str, Range] = Field(default_factory=dict)
    """Numeric keys of the scheduler that `mobaigc-sim tune` may set, each with its least and its largest value."""

    @field_validator("tune")
    @classmethod
    def _tunable(cls, ranges: dict[str, Range], info: ValidationInfo) -> dict[str, Range]:
        scheduler = info.data.get("scheduler")
        return ranges if scheduler is None else checked_ranges(scheduler, ranges)

    def with_values(self, values: Mapping[str, float]) -> RuleConfig:
        """The rule with other numbers; one without a scheduler of its own is left as it is.

        Raises ValidationError for numbers that its scheduler refuses.
        """
        if self.scheduler is None:
            return self
        return self.model_copy(update={"scheduler": with_values(self.scheduler, values)})


class TuningConfig(FrozenConfig):
    """How rules are tuned: every one that says what to tune with the same budget."""

    trials: Annotated[int, Field(ge=1, le=MOST_TRIALS)] = 48
    """Settings of each rule that are tried; the first is the one in the file."""
    traces: TraceCount = 12
    """Training traces that each setting is tried on: the first, and no more than there are."""


class AgentConfig(FrozenConfig):
    """A scheduler that learns."""

    name: Name
    """Name in tables and of the folder; left out, that of the agent."""
    agent: str
    """`add`, `add-off-policy`, or a baseline: dqn, ddpg, td3, sac, tqc, ppo, a2c, all but the first
    also with `-set` behind."""
    seeds: Positive = 10
    """Training runs, with the seeds 0, 1, …"""
    hyper: Annotated[
        AnyAddHyper | DqnHyper | DeterministicHyper | EntropyHyper | PpoHyper | A2cHyper,
        WrapValidator(_hyper),
    ]
    """Hyperparameters of the agent; what is left out has its default."""
    best_of: Annotated[int, Field(ge=0)] = 0
    """Candidates that the critics compare for a decision in evaluation; 0 for the policy's own action."""
    centred: bool = False
    """Learn from rewards less their running mean."""
    relative: bool = False
    """Learn from rewards less those of the corrected rule in the same epochs of the same traces."""
    averaged: Annotated[int, Field(ge=0)] = 0
    """Steps over which the weights that are evaluated and kept are averaged; 0 for the last ones."""

    @model_validator(mode="before")
    @classmethod
    def _filled_in(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        name = {"name": data["agent"]} if isinstance(data.get("agent"), str) else {}
        return {**name, "hyper": {}, **data}

    @field_validator("agent")
    @classmethod
    def _known(cls, agent: str) -> str:
        hyper_of(agent)
        return agent

    @model_validator(mode="after")
    def _options_fit(self) -> Self:
        devices = [key for key in ("best_of", "centred", "relative") if getattr(self, key)]
        if self.agent in ADD_AGENTS and devices:
            raise ValueError(f"{devices[0]} is for the baselines; of {self.agent} it is a hyperparameter or not needed")
        if self.centred and self.relative:
            raise ValueError("rewards can be centred or relative, not both")
        if self.best_of and isinstance(self.hyper, DqnHyper | OnPolicyHyper):
            raise ValueError(f"best_of needs critics of state and action, which {self.agent} lacks")
        return self


class TrainingFile(FrozenConfig):
    """A comparison of schedulers, trained and tested."""

    name: Name
    """Name of the comparison; results are in runs/NAME."""
    scenario: str
    """Scenario file, relative to this one."""
    set: Annotated[Settings, Field(default_factory=dict)]
    """Keys of the scenario to change, for example `users.count: 20`; relative paths count from this file."""
    training_set: Annotated[Settings, Field(default_factory=dict)]
    """Further changes for training and validation."""
    test_set: Annotated[Settings, Field(default_factory=dict)]
    """Further changes for the test."""
    vary: Annotated[tuple[Settings, ...], Field(strict=False), AfterValidator(_not_empty)] = ({},)
    """Variants of the scenario, each a mapping of further changes; traces are spread evenly over them."""
    traces: TraceCounts = TraceCounts()
    """How many traces."""
    cells: Positive = 16
    """Cells side by side in training."""
    tokens: Positive = 16
    """Users that an agent sees at most."""
    steps: Positive = 200_000
    """Environment steps of a training run, over all cells."""
    evaluate_every: Positive = 20_000
    """Steps between two evaluations on the validation traces."""
    rules: Annotated[tuple[RuleConfig, ...], Field(strict=False), AfterValidator(_not_empty)] = (
        RuleConfig(name="rule"),
    )
    """Schedulers that do not learn."""
    tuning: TuningConfig = TuningConfig()
    """How rules are tuned."""
    tuned: Annotated[dict[str, dict[str, float]], Field(default_factory=dict)]
    """Numbers that tuning found, by rule: what `mobaigc-sim tune` writes into tuned.yaml."""
    champion: str | None = None
    """Rule that all others are compared with; left out, the first."""
    agents: Annotated[tuple[AgentConfig, ...], Field(strict=False)] = ()
    """Schedulers that learn."""
    seeds: Annotated[dict[str, Positive], Field(default_factory=dict)]
    """How many training runs agents have in this file, by name, in place of what `agents` says."""

    @property
    def champion_name(self) -> str:
        """Name of the rule that all others are compared with."""
        return self.champion if self.champion is not None else self.rules[0].name

    @model_validator(mode="after")
    def _tuned_are_rules(self) -> Self:
        rules = {rule.name: rule for rule in self.rules}
        for name, values in self.tuned.items():
            if name not in rules:
                raise UnknownNameError("rule", name, rules)
            rules[name].with_values(values)
        return self

    @field_validator("seeds")
    @classmethod
    def _seeds_are_of_agents(cls, seeds: dict[str, int], info: ValidationInfo) -> dict[str, int]:
        names = [agent.name for agent in info.data.get("agents", ())]
        for name in seeds:
            if names and name not in names:
                raise UnknownNameError("agent", name, names)
        return seeds

    def runs_of(self, agent: AgentConfig) -> range:
        """The seeds of the training runs of an agent."""
        return range(self.seeds.get(agent.name, agent.seeds))

    @model_validator(mode="after")
    def _names_tell_apart(self) -> Self:
        rules = [rule.name for rule in self.rules]
        if self.champion is not None and self.champion not in rules:
            raise UnknownNameError("champion", self.champion, rules)
        taken = [RANDOM, *rules, *(agent.name for agent in self.agents)]
        for name in taken:
            if taken.count(name) > 1:
                raise ValueError(f"the name '{name}' is used twice among rules and agents (one is always '{RANDOM}')")
        return self
