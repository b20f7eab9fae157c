"""The scenario of two users of whom only one can be served."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mobaigc_sim.cell.world import TracePool
from mobaigc_sim.scenario.load import load_scenario
from mobaigc_sim.training.episodes import Rule, play

TWINS = Path(__file__).parents[2] / "scenarios" / "cell_twins.yaml"
TOKENS = 4


class Prefers:
    """Gives one of the two all it asks for, until it is done."""

    def __init__(self, place: int) -> None:
        self.place = place

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> tuple[Any, Any]:
        """The largest weight at the place, the least elsewhere; no correction of prices."""
        action_NA2 = np.zeros((len(observation), TOKENS, 2), np.float32)
        action_NA2[:, :, 0] = -1.0
        action_NA2[:, self.place, 0] = 1.0
        return action_NA2.reshape(len(observation), -1), state


@pytest.fixture(scope="module")
def pool() -> TracePool:
    return TracePool.of([load_scenario(TWINS, (f"replication={k}",)) for k in range(8)])


def totals(table: pd.DataFrame) -> tuple[float, float]:
    delivered = ((1 - table["failed"]) * table["requests"]).sum()
    return float(table["reward"].sum()), float(delivered)


def test_either_may_be_first_but_not_both_at_once(pool: TracePool) -> None:
    first, second, both = (totals(play(policy, pool, TOKENS)) for policy in (Prefers(0), Prefers(1), Rule()))
    assert min(first[0], second[0]) > 1.5 * both[0]
    assert abs(first[0] - second[0]) < 0.1 * first[0], "no better than the other"
    assert max(first[1], second[1]) < 0.6 * 2 * 20 * len(pool.traces), "and no more than about one of two"
