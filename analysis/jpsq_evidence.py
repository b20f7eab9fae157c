"""Is JPSQ a fair measure? S under edits of known severity, Q under growing damage, and what the weight w decides.

`python analysis/jpsq_evidence.py [--scenes 256] [--rates TABLE] [--out docs/jpsq_evidence]`

Scenes are rendered afresh: neither scorer has seen them. `--rates` is the Parquet table of `bandwidth_saving.py`; from
it the third part tells, for other w, the smallest keep ratio whose JPSQ is within 0.01 of the whole image and what it
saves, with 95 % paired bootstrap intervals. The whole image is in the default codec at its quality, shown as it is,
through the autoencoder or restored, whichever has the higher JPSQ at that w.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from mobaigc_sim.media.codec_base import CodecConfig
from mobaigc_sim.media.config import MediaConfig
from mobaigc_sim.media.pack.train.figures import LEVELS, quality_figures, similarity_under_edits
from mobaigc_sim.media.rate_study import AUTOENCODER, LABELS, OURS, RESTORATION
from mobaigc_sim.media.score import EmbeddedScorer
from mobaigc_sim.metrics import Interval, bootstrap_mean
from mobaigc_sim.metrics.weight import smallest_within
from mobaigc_sim.viz.evidence_figure import evidence_figure
from mobaigc_sim.viz.style import save_figure

MARGIN = 0.01
WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=256)
    parser.add_argument("--seed", type=int, default=9001)
    parser.add_argument("--rates", type=Path, help="table of bandwidth_saving.py; without it w is not varied")
    parser.add_argument("--out", type=Path, default=Path("docs/jpsq_evidence"))
    chosen = parser.parse_args()
    if chosen.rates is not None and not chosen.rates.is_file():
        parser.error(f"--rates {chosen.rates}: no such file; python analysis/bandwidth_saving.py makes it")
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
    if chosen.rates is None:
        print("\nw is not varied: python analysis/bandwidth_saving.py writes the table, then give it as --rates TABLE")
    else:
        _print_weights(pd.read_parquet(chosen.rates))
    for path in save_figure(evidence_figure(edits, LEVELS, quality["rows"]), chosen.out.parent, chosen.out.name):
        print(path)


def _print_weights(table: pd.DataFrame) -> None:
    """For each w: the smallest keep ratio within the margin of the whole image, its JPSQ and the bytes it saves."""
    codec = MediaConfig().codec
    assert isinstance(codec, CodecConfig)
    name, rng = LABELS[codec.kind], np.random.default_rng(0)
    references = [name, name + AUTOENCODER, name + RESTORATION]
    print(f"\nagainst the whole image at quality {codec.quality}; keep: JPSQ surely within {MARGIN}")
    print(f"{'w':4s} {'whole image':22s} {'JPSQ':5s}  keep  JPSQ difference             bytes saved")
    for w in WEIGHTS:
        found = smallest_within(table, OURS, references, codec.quality, w, MARGIN, rng)
        told = "none"
        if found.sent is not None:
            difference, saved = _told(found.sent.difference, "+.4f"), _told(found.sent.saved, ".1%")
            told = f"{found.sent.keep:4g}  {difference:27s} {saved}"
        print(f"{w:4.2f} {found.reference:22s} {found.reference_jpsq:5.3f}  {told}")


def _told(interval: Interval, style: str) -> str:
    return f"{interval.estimate:{style}} [{interval.low:{style}}, {interval.high:{style}}]"


if __name__ == "__main__":
    main()
