"""Does every packet make the picture better, and what does the loss of one cost?

`python analysis/progressive.py [--prompts 100] [--quick] [--keeps 0.25 0.5 1] [--from TABLE] [--out docs/progressive]`

Held-out prompts are drawn and encoded with the default codec at several keep ratios; what a phone shows is recovered
and scored after every prefix of the packets, and with each single enhancement lost. Prints, by keep ratio, the share of
requests whose JPSQ never falls by more than 0.01 below what fewer packets gave (Wilson's 95 % interval), mean JPSQ by
packets received, and the effect of losing one enhancement; writes the figure (PNG and PDF) and the raw table (Parquet,
from which `--from` prints and draws again without any model).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from mobaigc_sim.media.config import MediaConfig
from mobaigc_sim.media.pack.evaluate import held_out_prompts
from mobaigc_sim.media.progressive_study import progressive_table
from mobaigc_sim.media.stack import MediaStack
from mobaigc_sim.media.words import UnknownWordError
from mobaigc_sim.metrics import wilson
from mobaigc_sim.metrics.progressive import Losses, Progress, largest_drop, prefixes, progress, single_losses
from mobaigc_sim.viz.progressive_figure import progressive_figure
from mobaigc_sim.viz.style import save_figure

MARGIN = 0.01
GOAL = 0.95


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=100)
    parser.add_argument("--quick", action="store_true", help="12 prompts: two minutes, wide intervals")
    parser.add_argument("--keeps", type=float, nargs="+", default=[0.25, 0.5, 1.0])
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--models", default="embedded")
    parser.add_argument("--from", dest="stored", type=Path, help="a table written before, instead of measuring")
    parser.add_argument("--out", type=Path, default=Path("docs/progressive"))
    chosen = parser.parse_args()
    if chosen.stored:
        table = pd.read_parquet(chosen.stored)
    else:
        stack = MediaStack(MediaConfig(models=chosen.models))
        prompts = _drawable(stack, 12 if chosen.quick else chosen.prompts, chosen.seed)
        seeds = range(chosen.seed, chosen.seed + len(prompts))
        table = progressive_table(stack, prompts, seeds, chosen.keeps)
        chosen.out.parent.mkdir(parents=True, exist_ok=True)
        table.to_parquet(chosen.out.with_suffix(".parquet"), index=False)
    rng = np.random.default_rng(0)
    panels = {}
    print(f"{table['request'].nunique()} held-out prompts; 95 % intervals; margin {MARGIN}")
    for keep, part in table.groupby("keep"):
        by_request = prefixes(part)
        told = progress(by_request, MARGIN, rng)
        panels[f"keep {keep:g}"] = by_request, told
        _print_keep(f"keep {keep:g}", told, single_losses(part, MARGIN, rng))
    drops = [max(map(largest_drop, prefixes(part))) for _, part in table.groupby("request")]
    share = wilson(sum(drop <= MARGIN for drop in drops), len(drops))
    print(f"\nmonotone at every keep ratio: {share.estimate:.1%} [{share.low:.1%}, {share.high:.1%}]")
    for path in save_figure(progressive_figure(panels), chosen.out.parent, chosen.out.name):
        print(path)


def _drawable(stack: MediaStack, count: int, seed: int) -> list[str]:
    """Held-out prompts whose words the model set knows."""
    found = []
    for prompt in held_out_prompts(4 * count, seed):
        try:
            stack.check_prompts([prompt])
        except UnknownWordError:
            continue
        found.append(prompt)
    return found[:count]


def _print_keep(title: str, told: Progress, lost: Losses) -> None:
    m = told.monotone
    verdict = "meets" if m.estimate >= GOAL else "MISSES"
    print(f"\n{title}: monotone within {MARGIN} for {m.estimate:.1%} [{m.low:.1%}, {m.high:.1%}], {verdict} {GOAL:.0%}")
    print(f"  worst fall {told.worst_drop:.4f}")
    for n, mean in told.mean_by_packets.items():
        print(f"  {n} packets: JPSQ {mean.estimate:.4f} [{mean.low:.4f}, {mean.high:.4f}]")
    cost, below = lost.cost, lost.below_base
    print(
        f"  one enhancement lost: no picture in {lost.lost.estimate:.1%} of the requests (at most {lost.lost.high:.1%})"
    )
    print(f"    costs JPSQ {cost.estimate:.4f} [{cost.low:.4f}, {cost.high:.4f}], at worst {lost.worst_cost:.4f}")
    print(f"    some loss worse than the base alone: {below.estimate:.1%} [{below.low:.1%}, {below.high:.1%}]")


if __name__ == "__main__":
    main()
