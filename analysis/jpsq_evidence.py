"""Is JPSQ a fair measure? S under edits of known severity, Q under growing damage, and what the weight w decides.

`python analysis/jpsq_evidence.py [--scenes 256] [--rates docs/bandwidth_saving.parquet] [--out docs/jpsq_evidence]`

Scenes are rendered afresh: neither scorer has seen them. `--rates` is the table of `bandwidth_saving.py`; from it the
third part computes which keep ratio is within 0.01 of the whole image, and what it saves, for other w.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from mobaigc_sim.media.pack.train.figures import LEVELS, quality_figures, similarity_under_edits
from mobaigc_sim.media.rate_study import OURS
from mobaigc_sim.media.score import EmbeddedScorer
from mobaigc_sim.metrics import bootstrap_mean
from mobaigc_sim.viz.evidence_figure import evidence_figure
from mobaigc_sim.viz.style import save_figure

MARGIN = 0.01
WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=256)
    parser.add_argument("--seed", type=int, default=9001)
    parser.add_argument("--rates", type=Path, default=Path("docs/bandwidth_saving.parquet"))
    parser.add_argument("--out", type=Path, default=Path("docs/jpsq_evidence"))
    chosen = parser.parse_args()
    scorer, rng = EmbeddedScorer(), np.random.default_rng(0)
    edits = similarity_under_edits(scorer, chosen.seed, chosen.scenes)
    print(f"S of {chosen.scenes} scenes and their edits: mean [95 %], share above the object swap")
    for name, values in edits.items():
        mean = bootstrap_mean(values, rng)
        above = (values > edits["object swapped"]).mean()
        print(f"{name:22s} {mean.estimate:.3f} [{mean.low:.3f}, {mean.high:.3f}] {above:6.1%}")
    quality = quality_figures(scorer, chosen.seed + 1)
    print(f"\nmean Q at levels {', '.join(f'{x:g}' for x in LEVELS)}; rank correlation with the pseudo-opinion")
    for name, row in quality["rows"].items():
        falls = "falls" if all(b < a for a, b in zip(row["q"], row["q"][1:], strict=False)) else "NOT monotone"
        print(f"{name:22s} {'  '.join(f'{q:.2f}' for q in row['q'])}  {row['rank']:.3f}  {falls}")
    if chosen.rates.is_file():
        _print_weights(pd.read_parquet(chosen.rates))
    for path in save_figure(evidence_figure(edits, LEVELS, quality["rows"]), chosen.out.parent, chosen.out.name):
        print(path)


def _print_weights(table: pd.DataFrame) -> None:
    """For each w: the shortest keep ratio within the margin of the whole image, and the bytes it saves."""
    means = table.groupby(["method", "setting"])[["bytes", "s", "q"]].mean()
    ours = means.xs(OURS)
    whole = means.loc[[(m, q) for m, q in means.index if m in ("AVIF", "AVIF + autoencoder") and q == 42.0]]
    print("\nw    whole image   keep within 0.01   bytes saved")
    for w in WEIGHTS:
        reference = (w * whole["s"] + (1 - w) * whole["q"]).max()
        scores = w * ours["s"] + (1 - w) * ours["q"]
        good = [k for k, score in scores.items() if score >= reference - MARGIN]
        saved = f"{1 - ours['bytes'][min(good)] / whole['bytes'].iloc[0]:.1%}" if good else "-"
        print(f"{w:4.2f} {reference:10.3f}   {min(good) if good else 'none':>16}   {saved:>10}")


if __name__ == "__main__":
    main()
