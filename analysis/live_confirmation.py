"""Do schedulers rank the same with generation in the loop as with a bank of measured pictures?

`python analysis/live_confirmation.py [--replications 6] [--jobs 2] [--policy quickstart] [--from TABLE.csv]`

Each replication of the quickstart scenario is run twice with every scheduler: live, where each request's images are
drawn, encoded, recovered and scored, and in mode `bank`, where the same requests have the outcomes that were measured
before. Pictures and packets that one scheduler's live run has made come from a disk cache in those of the others. The
schedulers are a trained ADD and the rules of the training file, tuned there: priced utility, and proportional fair with
the ratio rule and with whole images.

The reward is the scenario's, told from the tables of a run; the worth of a request's images is here that of their mean
JPSQ, since the table of requests has no single image. Intervals are 95 % bootstrap intervals over replications.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from study import run_all

from mobaigc_sim.errors import MobaigcError
from mobaigc_sim.experiment.many import run_in_memory
from mobaigc_sim.media.bank import Bank
from mobaigc_sim.media.config import CacheConfig
from mobaigc_sim.metrics import paired_bootstrap
from mobaigc_sim.scenario.schema import Scenario
from mobaigc_sim.scheduling import Add
from mobaigc_sim.scheduling.add.scheduler import policy_file
from mobaigc_sim.training.plan import read_plan

MODES = ("bank", "live")
CACHE = "runs/live_confirmation_cache"
"""What one scheduler's run has drawn and encoded, another's need not do again."""
MEASURES = ("reward", "failed", "jpsq", "latency_p50_s", "prb_s_per_image")


@dataclass(frozen=True)
class Case:
    """One run."""

    scheduler: str
    mode: str
    scenario: Scenario


def main() -> None:
    """Run or read, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file", default="scenarios/training/quickstart.yaml", help="training file")
    parser.add_argument("--policy", default="quickstart", help="shipped policy, or a file")
    parser.add_argument("--replications", type=int, default=6)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--from", dest="stored", type=Path, help="a table written before, instead of simulating")
    parser.add_argument("--out", type=Path, default=Path("runs/live_confirmation.csv"))
    chosen = parser.parse_args()
    if chosen.stored:
        table = pd.read_csv(chosen.stored)
    else:
        try:
            table = pd.DataFrame(run_all(measure, cases(chosen.file, chosen.policy, chosen.replications), chosen.jobs))
        except MobaigcError as error:
            parser.exit(2, f"{error}\n")
        chosen.out.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(chosen.out, index=False, float_format="%.6g")
    print(told(table))


def cases(file: str, policy: str, replications: int) -> list[Case]:
    """Every scheduler in both modes; raises MobaigcError for a file or a policy that cannot be used."""
    plan = read_plan(file)
    policy_file(policy)
    base = plan.scenario("test", 0)
    schedulers = {"add": Add.Config(policy=policy), **{rule.name: rule.scheduler for rule in plan.rules()}}
    found, cache = [], CacheConfig(folder=CACHE)
    for k in range(replications):
        for name, scheduler in schedulers.items():
            for mode in MODES:
                update: dict[str, Any] = {
                    "replication": k, "media": base.media.model_copy(update={"mode": mode, "cache": cache}),
                    "scheduler": scheduler or base.scheduler,
                }  # fmt: skip
                found.append(Case(name, mode, base.model_copy(update=update)))
    return found


def measure(case: Case) -> dict[str, Any]:
    """The row of a run."""
    scenario, rules, media = case.scenario, case.scenario.reward, case.scenario.media
    run = run_in_memory(scenario, ["requests", "slots"])
    requests, images = run.requests, scenario.traffic.images_per_request
    whole = _whole_jpsq(Bank.open(Path(str(media.bank))), media.jpsq_weight)
    shown = requests["status"] != "failed"
    took_ns = requests["finished_ns"] - requests["arrival_ns"]
    late = (took_ns / (requests["deadline_ns"] - requests["arrival_ns"])).where(shown, 1.0)
    worth = (1 - (requests["prompt"].map(whole) - requests["jpsq"]) / rules.tolerance).clip(0, 1).where(shown, 0)
    carrier = scenario.radio.setup(scenario.n_ue).carrier
    blocks, epoch_slots = run.slots["prb_used"].sum(), carrier.slots(scenario.service.allocation_interval)
    band = rules.band * blocks / (carrier.n_prb * epoch_slots)
    return {
        "replication": scenario.replication,
        "scheduler": case.scheduler,
        "mode": case.mode,
        "requests": len(requests),
        "reward": float((worth - rules.latency * late - rules.failure * ~shown).sum() - band),
        "failed": float((~shown).mean()),
        "jpsq": float(requests["jpsq"].mean()),
        "latency_p50_s": float(took_ns[shown].median() * 1e-9),
        "prb_s_per_image": float(blocks * carrier.slot_ns * 1e-9 / max(shown.sum() * images, 1)),
    }


def _whole_jpsq(bank: Bank, weight: float) -> dict[str, float]:
    """Mean JPSQ of a prompt's pictures when everything arrives."""
    found: dict[str, list[float]] = {}
    for (prompt, _), picture in bank.pictures.items():
        scored = picture.offers[0].outcome(1)
        found.setdefault(prompt, []).append(weight * scored.s + (1 - weight) * scored.q)
    return {prompt: float(np.mean(values)) for prompt, values in found.items()}


def told(table: pd.DataFrame) -> str:
    """Means of every scheduler in both modes, and how much more the first earns than each other."""
    lines = []
    for mode in MODES:
        own = table[table["mode"] == mode]
        lines += [f"mode {mode}, {own['replication'].nunique()} replications, {own['requests'].sum()} requests"]
        means = own.groupby("scheduler", sort=False)[list(MEASURES)].mean()
        lines += [means.sort_values("reward", ascending=False).to_string(float_format="%.4g")]
        rewards = own.pivot(index="replication", columns="scheduler", values="reward")
        first, *others = means.index
        for other in others:
            gain = paired_bootstrap(rewards[first], rewards[other], np.random.default_rng(0))
            lines += [f"{first} over {other}: {gain.estimate:+.2f} [{gain.low:+.2f}, {gain.high:+.2f}]"]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
