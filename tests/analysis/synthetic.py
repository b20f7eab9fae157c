"""Scores, curves and bounds drawn at random in the form of a comparison: for tests and for looking at figures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from mobaigc_sim.training.scores import write_scores

RULES = {"priced": 30.0, "edf": 22.0, "pf": 18.0}
LEARNED = {"add": 31.0, "sac-set": 29.0, "ppo": 26.0, "sac": 23.0, "dqn": 19.0}
MEANS = ("failed", "partial", "jpsq", "keep", "latency_p50_s", "latency_p95_s", "prb_s_per_image")


def scores(levels: Mapping[str, float], seeds: int = 3, traces: int = 12, seed: int = 0) -> pd.DataFrame:
    """Reward = level + what the trace gives all + luck of the seed + noise; agents of `LEARNED` are learned."""
    rng = np.random.default_rng(seed)
    load_T = 4 * rng.normal(size=traces)
    rows = []
    for agent, level in levels.items():
        kind = "random" if agent == "random" else "rule" if agent in RULES else "learned"
        for s in range(seeds if kind == "learned" else 1):
            reward_T = level + load_T + (kind == "learned") * rng.normal() + rng.normal(size=traces)
            rows.append(pd.DataFrame({
                "agent": agent, "kind": kind, "seed": s, "variant": np.arange(traces) % 3, "trace": np.arange(traces),
                "reward": reward_T, "reward_worth": reward_T + 12, "reward_latency": -5.0, "reward_failure": -4.0,
                "reward_band": -3.0, "requests": 40 + np.arange(traces),
                **dict(zip(MEANS, rng.random(len(MEANS)), strict=True)),
                "decision_us": 400.0 if kind == "learned" else np.nan,
            }))  # fmt: skip
    return pd.concat(rows, ignore_index=True)


def write_scenario(folder: Path, *, seeds: int = 3, traces: int = 12, seed: int = 0, whole: bool = True) -> None:
    """A folder of a scenario: scores alone, or everything."""
    own = scores({**RULES, "random": 2.0, **LEARNED}, seeds, traces, seed)
    write_scores(own, ["dqn: 1 of 4 runs are not done and left out"], folder / "scores.parquet")
    if not whole:
        return
    rng = np.random.default_rng(seed)
    best_T = own.groupby("trace")["reward"].max().to_numpy() + 2 + rng.random(traces)
    bound = pd.DataFrame({"knows": "fading", "trace": np.arange(traces), "reward": best_T, "achievable": best_T - 1})
    pd.concat([bound.assign(knows="path", reward=0.0), bound]).to_parquet(folder / "bound.parquet", index=False)
    steps = np.arange(0, 400_001, 40_000)
    curves = [
        pd.DataFrame({
            "agent": agent, "seed": s, "steps": steps, "reward": 0.0,
            "difference": (level - 30) * steps / 4e5 - 6 * np.exp(-steps / 1e5) + rng.normal(size=len(steps)),
        })
        for agent, level in LEARNED.items() for s in range(seeds)
    ]  # fmt: skip
    pd.concat(curves).to_csv(folder / "curves.csv", index=False)
    for name, add in (("users-5", 30.5), ("users-20", 31.0), ("users-40", 28.0), ("speed-3", 31.0), ("speed-60", 30.0)):
        elsewhere = scores({"priced": 30.0, "random": 2.0, "add": add, "sac-set": 29.0}, seeds, traces, seed)
        write_scores(elsewhere, [], folder / "generalise" / name / "scores.parquet")
    variants = scores({"add-gaussian": 29.5, "add-mlp": 27.0}, seeds, traces, seed)
    write_scores(variants, [], folder / "ablation" / "scores.parquet")
