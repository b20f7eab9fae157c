"""A training file and the scenarios it means; what is wrong in them is told with the line of the training file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..errors import Problem, ScenarioError
from ..registry import PluginConfig
from ..scenario.load import load_as, load_scenario
from ..scenario.locate import Node
from ..scenario.merge import read_tree
from ..scenario.schema import Scenario
from .config import RuleConfig, Settings, TrainingFile

Part = Literal["training", "validation", "test"]
FIRST_REPLICATION: dict[Part, int] = {"training": 10_000, "validation": 20_000, "test": 30_000}
_PATHS = ("media.bank", "users.mobility.file")
"""Keys of a scenario whose relative paths count from the file that says them."""


@dataclass(frozen=True)
class Plan:
    """A training file that has been read."""

    file: str
    config: TrainingFile
    root: Node
    overrides: tuple[str, ...]
    """`key=value` for scenarios, from the command line."""

    def scenarios(self, part: Part) -> list[Scenario]:
        """One scenario a trace, the variants in turn; raises ScenarioError."""
        config = self.config
        count = getattr(config.traces, part)
        variants = [self.scenario(part, v) for v in range(min(len(config.vary), count))]
        first = FIRST_REPLICATION[part]
        return [variants[k % len(variants)].model_copy(update={"replication": first + k}) for k in range(count)]

    def rules(self) -> list[RuleConfig]:
        """The rules, with the numbers that tuning found."""
        tuned = self.config.tuned
        return [rule.with_values(tuned.get(rule.name, {})) for rule in self.config.rules]

    def variants(self, part: Part) -> list[int]:
        """The variant of each trace."""
        return [k % len(self.config.vary) for k in range(getattr(self.config.traces, part))]

    def scenario(self, part: Part, variant: int) -> Scenario:
        """A variant of the scenario; raises ScenarioError."""
        config, folder = self.config, os.path.dirname(os.path.abspath(self.file))
        own_key = "test_set" if part == "test" else "training_set"
        own = [rule.name for rule in config.rules if rule.scheduler is None and rule.name in config.tuned]
        tuned = [(("tuned", name), {f"scheduler.{key}": n for key, n in config.tuned[name].items()}) for name in own]
        layers: list[tuple[tuple[str | int, ...], Settings]] = [
            (("set",), config.set),
            *tuned,
            ((own_key,), getattr(config, own_key)),
            (("vary", variant), config.vary[variant]),
        ]
        texts = [
            f"{key}={json.dumps(_anchored(key, value, folder), ensure_ascii=False)}"
            for _, settings in layers
            for key, value in settings.items()
        ]
        file = os.path.normpath(os.path.join(os.path.dirname(self.file), config.scenario))
        if not os.path.isfile(file):
            place = self._node(("scenario",))
            raise ScenarioError([place.head.problem(("scenario",), f"no such file: {file}")])
        try:
            return load_scenario(file, (*texts, *self.overrides))
        except ScenarioError as error:
            raise ScenarioError([self._told_here(problem, layers) for problem in error.problems]) from None

    def _told_here(self, problem: Problem, layers: Sequence[tuple[tuple[str | int, ...], Settings]]) -> Problem:
        """The problem of a setting, with the place in the training file where the setting is."""
        said = problem.file.removeprefix("--set ")
        if (
            problem.line
            or said == problem.file
            or any(text.partition("=")[0].strip() == said for text in self.overrides)
        ):
            return problem
        for path, settings in reversed(layers):
            if said in settings:
                node = self._node((*path, said))
                place = node.key or node.place
                return place.problem((*path, problem.path or said), problem.message)
        return problem

    def problem(self, path: tuple[str | int, ...], message: str) -> Problem:
        """What is wrong with a key of the training file, with its place."""
        return self._node(path).place.problem(path, message)

    def _node(self, path: Iterable[str | int]) -> Node:
        node = self.root
        for part in path:
            node = node.child(part) or node
        return node


def read_plan(file: str, overrides: Iterable[str] = ()) -> Plan:
    """The plan of a training file. An override changes the file where its first word is a key of it, else scenarios.

    Raises ScenarioError with every problem found, scenarios of every part and variant included.
    """
    own: list[str] = []
    others: list[str] = []
    for text in overrides:
        key = text.partition("=")[0].strip().partition(".")[0]
        (own if key in TrainingFile.model_fields else others).append(text)
    config = load_as(TrainingFile, file, own)
    plan = Plan(file, config, read_tree(file)[0], tuple(others))
    problems: list[Problem] = []
    rules: list[PluginConfig] = []
    for part in FIRST_REPLICATION:
        for variant in range(len(config.vary)):
            try:
                rules.append(plan.scenario(part, variant).scheduler)
            except ScenarioError as error:
                problems += error.problems
            if rules and rules[-1] != rules[0]:
                problems.append(plan.problem(("vary", variant), "changes the scheduler, which all traces must share"))
                del rules[1:]
    if problems:
        raise ScenarioError(sorted(_unique(problems), key=lambda p: (p.file, p.line)))
    return plan


def _unique(problems: Iterable[Problem]) -> Iterator[Problem]:
    yield from dict.fromkeys(problems)


def _anchored(key: str, value: Any, folder: str) -> Any:
    if isinstance(value, dict):
        return {name: _anchored(f"{key}.{name}", below, folder) for name, below in value.items()}
    if key in _PATHS and isinstance(value, str):
        return os.path.normpath(os.path.join(folder, value))
    return value
