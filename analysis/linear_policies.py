"""How much is there to gain? A search among simple policies that has far more decisions than any agent.

`python analysis/linear_policies.py [scenarios/training/overload.yaml] [--iterations 24]`

Both corrections of a user are linear in a few features of the user and of the cell, through tanh. The cross-entropy
method looks for the 28 coefficients whose mean reward on all training traces is best: every iteration plays 30 draws on
each of them. What it ends with is played on the validation and on the test traces, and compared with the rule on the
same traces, with 95 % bootstrap intervals. Nothing of it knows the future.

Source: R. Y. Rubinstein, D. P. Kroese, "The cross-entropy method", Springer 2004; for policies, S. Mannor,
R. Rubinstein, Y. Gat, "The cross entropy method for fast policy search", ICML 2003.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobaigc_sim.cell.world import TracePool
from mobaigc_sim.errors import MobaigcError
from mobaigc_sim.interop.problem import SchedulingProblem
from mobaigc_sim.metrics.stats import bootstrap_mean
from mobaigc_sim.scheduling.tokens import TokenLayout
from mobaigc_sim.training.episodes import Rule, play
from mobaigc_sim.training.plan import read_plan
from mobaigc_sim.training.pools import cached_pool

USER = {
    0: "log bits per block", 3: "speed", 4: "log blocks waiting", 5: "log base blocks waiting", 7: "time left",
    13: "density", 15: "a base waits", 16: "weight times rate", 12: "new",
}  # fmt: skip
CELL = {0: "seconds of work", 2: "users", 4: "requests coming"}
NAMES = (*USER.values(), *CELL.values(), "rate times work", "constant")
DRAWS, ELITE, FIRST_STD, LEAST_STD, KEPT = 30, 8, 0.15, 0.02, 0.3


class Linear:
    """A policy of 2 × 14 coefficients."""

    def __init__(self, coefficients: NDArray[np.float64], layout: TokenLayout) -> None:
        self.coefficients_2F = coefficients.reshape(2, -1)
        self.layout = layout

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> tuple[Any, Any]:
        """Corrections (B, A·2)."""
        seen = self.layout.unpack(observation)
        users = seen.users_NF[..., list(USER)]
        cell = np.repeat(seen.cell_G[:, None, list(CELL)], users.shape[1], axis=1)
        features = np.concatenate((users, cell, users[..., :1] * cell[..., :1], np.ones_like(users[..., :1])), -1)
        action = np.tanh((features @ self.coefficients_2F.T).astype(np.float32) * seen.mask_N[..., None])
        return action.reshape(len(observation), -1), state


def search(gain: Callable[[NDArray[np.float64]], float], size: int, iterations: int) -> NDArray[np.float64]:
    """The mean of the last distribution."""
    rng, mean, std = np.random.default_rng(0), np.zeros(size), np.full(size, FIRST_STD)
    for iteration in range(iterations):
        drawn = mean + std * rng.normal(size=(DRAWS, size))
        drawn[0] = mean
        gains = np.array([gain(one) for one in drawn])
        print(f"iteration {iteration}: mean {gains[0]:+.2f}, best draw {gains.max():+.2f}", flush=True)
        best = drawn[np.argsort(gains)[::-1][:ELITE]]
        mean = (1 - KEPT) * best.mean(axis=0) + KEPT * mean
        std = np.maximum((1 - KEPT) * best.std(axis=0) + KEPT * std, LEAST_STD)
    return mean


def main() -> None:
    """Search, and play what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", default="scenarios/training/overload.yaml", help="training file")
    parser.add_argument("--iterations", type=int, default=24)
    parser.add_argument("--coefficients", type=Path, help="text file of numbers that were found, instead of a search")
    parser.add_argument("--out", type=Path, help="where the numbers are written, by default runs/NAME/linear.txt")
    chosen = parser.parse_args()
    try:
        plan = read_plan(chosen.file)
    except MobaigcError as error:
        parser.exit(2, f"{error}\n")
    runs, tokens = Path("runs") / plan.config.name, plan.config.tokens
    pools: dict[str, TracePool] = {
        part: cached_pool(plan.scenarios(part), runs / "traces", part).load()
        for part in ("training", "validation", "test")
    }
    layout = SchedulingProblem(pools["training"], 1, tokens).layout
    rule = {part: play(Rule(), pool, tokens)["reward"].to_numpy() for part, pool in pools.items()}

    def gains(coefficients: NDArray[np.float64], part: str) -> NDArray[np.float64]:
        found: NDArray[np.float64] = play(Linear(coefficients, layout), pools[part], tokens)["reward"].to_numpy()
        return found - rule[part]

    if chosen.coefficients:
        found = np.loadtxt(chosen.coefficients, usecols=(0, 1)).T.ravel()
    else:
        found = search(lambda one: float(gains(one, "training").mean()), 2 * len(NAMES), chosen.iterations)
        pairs = zip(found.reshape(2, -1).T, NAMES, strict=True)
        lines = [f"{weight:9.5f} {price:9.5f}  # {name}" for (weight, price), name in pairs]
        out = chosen.out or runs / "linear.txt"
        out.write_text("# weight, price\n" + "\n".join(lines) + "\n", encoding="utf-8")
        print(out)
    for part in pools:
        told = bootstrap_mean(gains(found, part), np.random.default_rng(0))
        print(f"{part}: {told.estimate:+.2f} [{told.low:+.2f}, {told.high:+.2f}], the rule has {rule[part].mean():.1f}")


if __name__ == "__main__":
    main()
