"""Tuning of the rules of a training file: every rule that says what to tune has the same budget.

A trial is a setting of a rule, played on the same training traces as all others; the mean reward decides, and among
equals the earlier trial. The first trial is the rule as it stands in the file, the others are points of one scrambled
Sobol sequence. Its first dimensions belong to the keys that several rules tune, by name, so that trial k of all of them
has the same price, if their ranges are the same; the next ones to the other keys of each rule, by name.

Source: I. M. Sobol', "The distribution of points in a cube and the accurate evaluation of integrals", Zh. Vychisl. Mat.
Mat. Fiz. 7, 1967; scrambling by J. Matoušek, "On the L2-discrepancy for anchored boxes", J. Complexity 14, 1998.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from scipy.stats import qmc

from ..errors import MobaigcError, Problem, ScenarioError, UnknownNameError
from ..registry import PluginConfig
from ..results.files import replace_with
from ..scenario.yaml12 import write_yaml
from ..scheduling.classic.priced_utility import PricedUtilityConfig
from .episodes import play_scheduler
from .plan import Plan
from .pools import PoolFile, cached_pool
from .tunable import Range, Value, numeric_keys, value_at, value_of, with_values, wrong_ranges
from .tuning_log import TUNING, Row, Rows, append_row

TUNED = "tuned.yaml"
SEED = 0
DIMENSIONS = 16
"""Of the Sobol sequence, at least; fixed, so that a further key does not move the points of the others."""


@dataclass(frozen=True)
class TunedRule:
    """A rule that says what to tune."""

    name: str
    scheduler: PluginConfig
    ranges: Mapping[str, Range]


@dataclass(frozen=True)
class Trial:
    """A setting of a rule, to be played."""

    rule: str
    trial: int
    values: Mapping[str, Value]
    scheduler: PluginConfig
    traces: PoolFile
    log: Path

    @property
    def digest(self) -> str:
        """The whole setting of the scheduler, the traces and the version of this package, as a hash."""
        told = json.dumps([self.traces.digest, self.scheduler.model_dump(mode="json")], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    def found_in(self, rows: Rows) -> Row | None:
        """Its row, None if it is not done; a trial of the same rule with the same setting is the same."""
        return rows.get((self.rule, self.digest))


@dataclass(frozen=True)
class Best:
    """What tuning has found for a rule."""

    rule: str
    trials: int
    configured: float
    """Mean reward of a trace with the setting of the file."""
    reward: float
    """Mean reward of a trace with the best values."""
    values: Mapping[str, Value]


def tuned_rules(plan: Plan) -> list[TunedRule]:
    """The rules of a plan that say what to tune.

    Raises ScenarioError where a rule without a scheduler names keys that the scenario's does not have, and MobaigcError
    if there is nothing to tune.
    """
    own = plan.scenario("training", 0).scheduler
    found, problems = [], list[Problem]()
    for index, rule in enumerate(plan.rules()):
        if not rule.tune:
            continue
        scheduler = own if rule.scheduler is None else rule.scheduler
        problems += [_problem(plan, index, key, said) for key, said in wrong_ranges(scheduler, rule.tune)]
        found.append(TunedRule(rule.name, scheduler, rule.tune))
    if problems:
        raise ScenarioError(problems)
    if not found:
        raise MobaigcError(f"{plan.file}: nothing to tune: no rule has the key 'tune'")
    return found


def _problem(plan: Plan, index: int, key: str, said: str) -> Problem:
    node, path = plan.root, ("rules", index, "tune", key)
    for part in path:
        node = node.child(part) or node
    return node.head.problem(path, said)


def settings(rules: Sequence[TunedRule], trials: int) -> dict[str, list[dict[str, Value]]]:
    """The values of each trial of each rule."""
    counts = Counter(key for rule in rules for key in rule.ranges)
    shared = sorted(key for key, count in counts.items() if count > 1)
    own = {rule.name: sorted(set(rule.ranges) - set(shared)) for rule in rules}
    points_TD = _sobol(trials - 1, len(shared) + max(map(len, own.values())))
    found = {}
    for rule in rules:
        number = numeric_keys(rule.scheduler)
        place = {key: d for d, key in enumerate([*shared, *own[rule.name]])}
        keys = sorted(rule.ranges)
        first: dict[str, Value] = {key: value_of(rule.scheduler, key) for key in keys}
        others: list[dict[str, Value]] = [
            {key: value_at(number[key], rule.ranges[key], point_D[place[key]]) for key in keys}
            for point_D in points_TD.tolist()
        ]
        found[rule.name] = [first, *others]
    return found


def _sobol(count: int, dimensions: int) -> NDArray[np.float64]:
    """The first points (T, D) of the sequence; a longer one begins with a shorter one."""
    sequence = qmc.Sobol(max(dimensions, DIMENSIONS), scramble=True, rng=SEED)
    points_TD: NDArray[np.float64] = sequence.random_base2(max(count - 1, 0).bit_length())
    return points_TD[:count]


def trials_of(plan: Plan, out: Path) -> list[Trial]:
    """Every trial of a plan, the first of every rule first; traces are tabulated unless they are there."""
    rules = tuned_rules(plan)
    scenarios = plan.scenarios("training")[: plan.config.tuning.traces]
    # traces know nothing of the scheduler, and are not to be made anew when its numbers are changed
    neutral = [scenario.model_copy(update={"scheduler": PricedUtilityConfig()}) for scenario in scenarios]
    traces = cached_pool(neutral, out / "traces", "tuning")
    values = settings(rules, plan.config.tuning.trials)
    return [
        Trial(rule.name, k, values[rule.name][k], _set(rule, k, values[rule.name][k]), traces, out / TUNING)
        for k in range(plan.config.tuning.trials)
        for rule in rules
    ]


def _set(rule: TunedRule, trial: int, values: Mapping[str, Value]) -> PluginConfig:
    if not trial:
        return rule.scheduler
    try:
        return with_values(rule.scheduler, values)
    except ValidationError as error:
        said = error.errors(include_url=False)[0]["msg"]
        raise MobaigcError(f"{rule.name}: trial {trial} with {told(values)} is not possible: {said}") from None


def trials_to_do(trials: Sequence[Trial], rows: Rows, only: Collection[str] = ()) -> list[Trial]:
    """The trials that are not done; raises UnknownNameError for a rule that is not tuned."""
    names = list(dict.fromkeys(trial.rule for trial in trials))
    for name in only:
        if name not in names:
            raise UnknownNameError("rule", name, names)
    return [trial for trial in trials if trial.found_in(rows) is None and (not only or trial.rule in only)]


def play_trial(trial: Trial) -> None:
    """Play a setting on every trace, and append what it earns to the log."""
    began_s = time.perf_counter()
    reward_N = play_scheduler(trial.scheduler, trial.traces.load())["reward"].to_numpy(np.float64)
    count = len(reward_N)
    error = float(reward_N.std(ddof=1) / np.sqrt(count)) if count > 1 else np.nan
    seconds = round(time.perf_counter() - began_s, 3)
    append_row(
        trial.log,
        Row(trial.rule, trial.trial, dict(trial.values), float(reward_N.mean()), error, seconds, trial.digest),
    )


def best_of(trials: Sequence[Trial], rows: Rows) -> list[Best]:
    """What is best, of the rules whose trials are all done."""
    found = []
    for name in dict.fromkeys(trial.rule for trial in trials):
        mine = [trial for trial in trials if trial.rule == name]
        done = [row for trial in mine if (row := trial.found_in(rows)) is not None]
        if len(done) < len(mine):
            continue
        reward_T = [row.reward for row in done]
        k = int(np.argmax(reward_T))
        found.append(Best(name, len(mine), reward_T[0], reward_T[k], mine[k].values))
    return found


def write_best(path: Path, best: Sequence[Best]) -> None:
    """Write the best values of each rule as YAML."""
    content: dict[str, Any] = {one.rule: dict(one.values) for one in best}
    replace_with(path, lambda temporary: temporary.write_text(write_yaml(content), encoding="utf-8"))


def told(values: Mapping[str, Value]) -> str:
    """Values in one line."""
    return ", ".join(f"{key} {json.dumps(value)}" for key, value in values.items())
