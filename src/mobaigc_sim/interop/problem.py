"""The scheduling problem behind every form of the environment: cells on traces, residual actions, token observations.

Shapes: N cells, A tokens, L length of an observation, 4 the parts of the reward.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cell.compiled.many import observe, step_all
from ..cell.world import TracePool, World
from ..scenario.load import load_scenario
from ..scenario.schema import Scenario
from ..scheduling.classic.priced_utility import PricedUtilityConfig
from ..scheduling.tokens import ACTION_RANGE, ACTIONS, TokenLayout
from .shipped import shipped_scenario

CAUSES = ("deadline", "harq", "generation")
"""Why a request fails in one cell whose users stay and whose buffers take everything, see `cell.request`."""
REWARD_PARTS = ("reward_worth", "reward_latency", "reward_failure", "reward_band")

AnyScenario = Scenario | str | PathLike[str]


Source = AnyScenario | Sequence[Scenario] | TracePool | None


def pool_of(scenario: Source, traces: int = 16, overrides: Iterable[str] = ()) -> TracePool:
    """Traces of a scenario (its replication and those that follow), or one of each scenario of a list.

    A pool is taken as it is; None is the shipped overloaded cell.

    Raises MobaigcError for a scenario that cannot be read or that the compiled cell does not cover.
    """
    if isinstance(scenario, TracePool):
        return scenario
    if scenario is None:
        scenario = shipped_scenario("cell_overload.yaml")
    if isinstance(scenario, str | PathLike):
        scenario = load_scenario(scenario, overrides)
    if isinstance(scenario, Scenario):
        first = scenario.replication
        scenario = [scenario.model_copy(update={"replication": first + k}) for k in range(traces)]
    return TracePool.of(scenario)


class SchedulingProblem:
    """Cells side by side. An action of zero is the priced rule.

    Its numbers are those of the scenario's scheduler if that is `priced_utility`, else its defaults.
    """

    def __init__(self, pool: TracePool, cells: int = 1, tokens: int = 16) -> None:
        rule = pool.scenario.scheduler
        self.rule = rule if isinstance(rule, PricedUtilityConfig) else PricedUtilityConfig()
        self.layout = TokenLayout(tokens, len(pool.keep_grid))
        self.world = World(pool, cells, tokens)
        self.pricing = self.rule.pricing(pool.keep_grid)
        self.observation_NL = np.zeros((cells, self.layout.size), np.float32)
        self.reward_N4 = np.zeros((cells, 4))
        self._range_2 = np.array(ACTION_RANGE)
        self._left_N = np.zeros(cells, np.int64)

    @property
    def traces(self) -> int:
        """Traces of the pool."""
        return len(self.world.pool.traces)

    def start(self, n: int, trace: int) -> None:
        """Begin anew in a cell."""
        self.world.start(n, trace)
        self._left_N[n] = self.world.epochs
        observe(self.pricing, self.world.members[n], self.observation_NL[n])

    def step(self, action: NDArray[np.float32]) -> None:
        """An epoch in every cell; `observation_NL` and `reward_N4` are those of its end."""
        action_NA2 = np.ascontiguousarray(action, np.float32).reshape(len(self.reward_N4), self.layout.tokens, ACTIONS)
        step_all(*self.world.shelf, self.pricing, self._range_2, action_NA2, self.reward_N4, self.observation_NL)
        self._left_N -= 1

    @property
    def over_N(self) -> NDArray[np.bool_]:
        """Cells in which every request of the trace has ended."""
        return self._left_N <= 0

    def place(self, n: int) -> tuple[int, int]:
        """Trace of a cell, and its epoch."""
        slot, trace, _ = self.world.members[n].clock_3.tolist()
        return trace, slot // self.world.rules.epoch_slots

    def summary(self, n: int) -> dict[str, Any]:
        """What became of the requests of a cell that is over."""
        return summary(self.world, n)


def summary(world: World, n: int = 0) -> dict[str, Any]:
    """What became of the requests of a cell that is over."""
    found = world.requests(n)
    shown = found["status"] != "failed"
    by = np.where(shown, "", found["cause"])
    latency_s = (found["finished_ns"] - found["arrival_ns"])[shown] * 1e-9
    p50, p95 = np.quantile(latency_s, [0.5, 0.95]) if shown.any() else (np.nan, np.nan)
    blocks = int(world.members[n].cell.band_1[0])
    images = world.pool.scenario.traffic.images_per_request
    return {
        "requests": len(shown),
        "failed": float(np.mean(~shown)) if len(shown) else 0.0,
        **{f"failed_{cause}": float(np.sum(by == cause) / max(len(shown), 1)) for cause in CAUSES},
        "partial": float(np.mean(found["status"] == "partial")) if len(shown) else 0.0,
        "jpsq": float(found["jpsq"].mean()) if len(shown) else 0.0,
        "worth": float(found["worth"].mean()) if len(shown) else 0.0,
        "latency_p50_s": float(p50),
        "latency_p95_s": float(p95),
        "keep": float(np.nanmean(found["keep"])) if np.isfinite(found["keep"]).any() else np.nan,
        "blocks": blocks,
        "prb_s_per_image": blocks * world.rules.slot_s / max(int(shown.sum()) * images, 1),
    }
