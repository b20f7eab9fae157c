"""Every rule and every trained policy on the same test traces: the table of raw scores.

Columns, a row for each contestant, seed and trace: agent, kind (rule, random or learned), seed, variant, trace, reward,
its parts reward_worth, reward_latency, reward_failure and reward_band, and what `interop.problem.summary` tells;
decision_us is the median time of one decision for one cell, NaN for rules; origin names the settings of training and
test of a learned policy, so that a table may hold policies that were trained and played elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from ..errors import MobaigcError, UnknownNameError
from ..interop.problem import REWARD_PARTS
from ..results.files import read_json
from .config import RANDOM, AgentConfig, RuleConfig
from .decision_time import policy_decision_us, rule_decision_us
from .episodes import Predictor, play, play_scheduler
from .plan import Plan, read_plan
from .policies import OtherSizesError, decider, load_weights, make_untrained
from .pools import PoolFile
from .report import FAILED_BY
from .runs import CONFIG, CURVE, DONE, WEIGHTS, digests_of, run_folder, settings_of
from .scores import read_curves, read_scores
from .vec_env import CellVecEnv

SCORES, BOUND = "scores.parquet", "bound.parquet"
KEPT = (
    "requests", "failed", *FAILED_BY, "partial", "jpsq", "worth", "latency_p50_s", "latency_p95_s", "keep",
    "prb_s_per_image",
)  # fmt: skip
GENERATION = 1
"""Raised when agents of equal settings begin to learn or decide otherwise."""


@dataclass(frozen=True)
class Contestant:
    """Something to play, once on every test trace."""

    name: str
    kind: str
    seed: int
    test: PoolFile
    tokens: int
    plays: RuleConfig | AgentConfig | None
    """None for the random policy."""
    folder: Path | None = None
    """Folder of the training run."""
    origin: str = ""
    """Settings of training and test as a hash."""
    other_origin: str = ""
    """The same if `--set` changed the training too."""

    @property
    def is_here(self) -> bool:
        """Whether it can be played: a rule, or a run that ended."""
        return self.folder is None or (self.folder / DONE).is_file()


class RandomPolicy:
    """Corrections drawn uniformly from all that an agent may do."""

    def __init__(self, numbers: int, seed: int = 0) -> None:
        self._numbers = numbers
        self._rng = np.random.default_rng(seed)

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> tuple[Any, Any]:
        """Actions (N, A·2), another draw at every call."""
        return self._rng.uniform(-1.0, 1.0, (len(observation), self._numbers)).astype(np.float32), state


def contestants(plan: Plan, out: Path, test: PoolFile, tokens: int) -> list[Contestant]:
    """The rules, the random policy and every policy of a plan, trained or not.

    Raises MobaigcError for a run that was trained with other settings or traces than the file now has.
    """
    found = [Contestant(rule.name, "rule", 0, test, tokens, rule) for rule in plan.rules()]
    found.append(Contestant(RANDOM, "random", 0, test, tokens, None))
    plans = [read_plan(plan.file), plan]
    digests = [digests_of(one) for one in plans]
    for entry in plan.config.agents:
        for seed in plan.config.runs_of(entry):
            folder = run_folder(out, entry.name, seed)
            told = [settings_of(one, entry, seed, pools) for one, pools in zip(plans, digests, strict=True)]
            if (folder / DONE).is_file():
                told = [_of_training(folder, told, plan.file)] * 2
            origins = (_origin(settings, test, tokens) for settings in told)
            found.append(Contestant(entry.name, "learned", seed, test, tokens, entry, folder, *origins))
    return found


def _of_training(folder: Path, expected: Sequence[dict[str, Any]], file: str) -> dict[str, Any]:
    """The settings of a run that is here, which must be among those expected."""
    trained: dict[str, Any] = read_json(folder / CONFIG)
    if trained in expected:
        return trained
    other = [name for name, value in trained.items() if expected[-1].get(name) != value]
    raise MobaigcError(
        f"{folder}: was trained with other settings than {file} has: {', '.join(other)}; "
        "train anew, or say the --set that it was trained with"
    )


def only_these(plan: Plan, contestants: Sequence[Contestant], only: Collection[str]) -> list[Contestant]:
    """Those with the names in `only`, the champion and the random policy; all if it is empty.

    Raises UnknownNameError for a name that is not in the plan.
    """
    names = list(dict.fromkeys(one.name for one in contestants))
    for name in only:
        if name not in names:
            raise UnknownNameError("rule or agent", name, names)
    kept = {plan.config.champion_name, RANDOM, *only}
    return [one for one in contestants if not only or one.name in kept]


def rows_of(contestant: Contestant, table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a table, with columns agent, seed and origin or without any, that are of a trained policy."""
    if "origin" not in table:
        return table.iloc[:0]
    same = table["origin"].isin([contestant.origin, contestant.other_origin])
    return table[(table["agent"] == contestant.name) & (table["seed"] == contestant.seed) & same]


def _origin(settings: dict[str, Any], test: PoolFile, tokens: int) -> str:
    told = json.dumps([GENERATION, settings, test.digest, tokens], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def earlier_rows(contestants: Sequence[Contestant], path: Path) -> tuple[list[pd.DataFrame], list[str]]:
    """What a file of scores has of policies whose runs are not here, and a note for each agent it lacks.

    Their decisions are timed anew, with untrained weights: times of another machine compare with none of this one.
    """
    there = read_scores(path)[0] if path.is_file() else pd.DataFrame()
    found: list[pd.DataFrame] = []
    times_us: dict[str, float] = {}
    missing = Counter[str]()
    for one in contestants:
        if one.is_here:
            continue
        own = rows_of(one, there)
        if len(own):
            if one.name not in times_us:
                times_us[one.name] = _untrained_decision_us(one)
            found.append(own.drop(columns="variant").assign(decision_us=times_us[one.name]))
        else:
            missing[one.name] += 1
    return found, [f"{name}: {count} runs are not here and left out" for name, count in missing.items()]


def play_one(contestant: Contestant) -> tuple[pd.DataFrame | None, str | None]:
    """The rows of one contestant, or why there are none."""
    try:
        with _one_thread():
            return _played(contestant), None
    except OtherSizesError:
        trained = f"{contestant.name} seed {contestant.seed}"
        return None, f"{trained}: left out, its network is not made for {contestant.tokens} users"


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _untrained_decision_us(contestant: Contestant) -> float:
    assert isinstance(contestant.plays, AgentConfig)
    pool, tokens = contestant.test.load(), contestant.tokens
    with _one_thread():
        agent = make_untrained(contestant.plays, CellVecEnv(pool, 1, tokens))
        return policy_decision_us(decider(contestant.plays, agent, tokens * 2), pool, tokens)


def _played(contestant: Contestant) -> pd.DataFrame:
    pool, tokens, decision_us = contestant.test.load(), contestant.tokens, np.nan
    if isinstance(contestant.plays, RuleConfig):
        rule = contestant.plays.scheduler or pool.scenario.scheduler
        table = play_scheduler(rule, pool)
        decision_us = rule_decision_us(rule, pool)
    else:
        if contestant.plays is None or contestant.folder is None:
            policy: Predictor = RandomPolicy(tokens * 2)
        else:
            env = CellVecEnv(pool, 1, tokens)
            agent = make_untrained(contestant.plays, env)
            load_weights(agent, contestant.folder / WEIGHTS)
            policy = decider(contestant.plays, agent, tokens * 2)
            decision_us = policy_decision_us(policy, pool, tokens)
        table = play(policy, pool, tokens)
    found = pd.DataFrame({
        "agent": contestant.name, "kind": contestant.kind, "seed": contestant.seed, "origin": contestant.origin,
        **{name: table[name] for name in ("trace", "reward", *REWARD_PARTS, *KEPT)},
    })  # fmt: skip
    return found.assign(decision_us=decision_us)


def gather_curves(contestants: Sequence[Contestant], path: Path) -> pd.DataFrame:
    """The curves of all trained policies; of those whose runs are not here as an earlier file has them."""
    there, found = read_curves(path), []
    for one in contestants:
        if one.folder is None:
            continue
        if one.is_here:
            told = {"agent": one.name, "seed": one.seed, "origin": one.origin}
            found.append(pd.DataFrame([told]).merge(pd.read_csv(one.folder / CURVE), how="cross"))
        else:
            found.append(rows_of(one, there))
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def gather(plan: Plan, frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """All scores in one table, in the order of the plan."""
    names = [*(rule.name for rule in plan.rules()), RANDOM, *(entry.name for entry in plan.config.agents)]
    table = pd.concat(frames, ignore_index=True)
    place = table["agent"].map({name: place for place, name in enumerate(names)})
    table = table.assign(place=place).sort_values(["place", "seed", "trace"], ignore_index=True).drop(columns="place")
    variants = np.array(plan.variants("test"))
    table.insert(4, "variant", variants[table["trace"].to_numpy()])
    return table
