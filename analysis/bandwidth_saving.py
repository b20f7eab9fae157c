"""How many bytes does attention-guided transmission save, at which JPSQ, and against what?

`python analysis/bandwidth_saving.py [--prompts 300] [--quick] [--from TABLE] [--out docs/bandwidth_saving]`

Prints the table of every method and two savings with 95 % paired bootstrap intervals, writes the rate–JPSQ figure
(PNG and PDF) and the raw table (Parquet, from which `--from` prints and draws again without any model):

(a) against the whole image in our own codec at its reference quality, at JPSQ within 0.01;
(b) against whichever plain codec needs the fewest bytes for the same JPSQ, at low and at high rate.

Each prompt names a (thing, place, time of day) that the generator and the scorers never saw in training. The operating
point of (a) is the smallest keep ratio whose mean JPSQ is within half the margin on further pictures; the saving is
measured without them. All other keep ratios are printed beside it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from mobaigc_sim.media.config import MediaConfig
from mobaigc_sim.media.pack.evaluate import held_out_prompts
from mobaigc_sim.media.rate_study import AUTOENCODER, OURS, RateStudy
from mobaigc_sim.metrics import paired_bootstrap
from mobaigc_sim.metrics.rate import Curve, saving, saving_at_equal_score
from mobaigc_sim.viz.rate_figure import rate_figure
from mobaigc_sim.viz.style import save_figure

MARGIN = 0.01
REFERENCE = {"webp": ("WebP", 90.0), "avif": ("AVIF", 42.0), "jpeg": ("JPEG", 80.0)}
PLAIN = ("WebP", "AVIF", "JPEG")
LOW, HIGH = 0.15, 0.5


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=300, help="pictures the savings are measured on")
    parser.add_argument("--calibration", type=int, default=48, help="further pictures that choose the operating point")
    parser.add_argument("--quick", action="store_true", help="16 pictures and 8 to choose: minutes, wide intervals")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--models", default="embedded")
    parser.add_argument("--from", dest="stored", type=Path, help="a table written before, instead of measuring")
    parser.add_argument("--out", type=Path, default=Path("docs/bandwidth_saving"))
    chosen = parser.parse_args()
    count, calibration = (16, 8) if chosen.quick else (chosen.prompts, chosen.calibration)
    config = MediaConfig(models=chosen.models)
    if chosen.stored:
        table = pd.read_parquet(chosen.stored)
    else:
        prompts = held_out_prompts(count + calibration, chosen.seed)
        seeds = range(chosen.seed, chosen.seed + len(prompts))
        table = RateStudy(tuple(prompts), tuple(seeds), config).table()
        chosen.out.parent.mkdir(parents=True, exist_ok=True)
        table.to_parquet(chosen.out.with_suffix(".parquet"), index=False)
    last = table["prompt"].max() + 1
    if last <= calibration:
        parser.error(f"{last} pictures in all: expected more than the {calibration} of --calibration")
    choosing = table["prompt"] >= last - calibration
    reference = _reference(table[~choosing], config.codec.kind)
    keep = _shortest_within_margin(table[choosing], reference)
    print(f"{last - calibration} prompts, seed {chosen.seed}; the keep ratio chosen on {calibration} others")
    _print_methods(table[~choosing])
    told = _print_savings(table[~choosing], reference, keep)
    for path in save_figure(rate_figure(table[~choosing], told), chosen.out.parent, chosen.out.name):
        print(path)


def _matrix(table: pd.DataFrame, method: str) -> tuple[np.ndarray, Curve]:
    part = table[table["method"] == method]
    sizes = part.pivot(index="setting", columns="prompt", values="bytes")
    scores = part.pivot(index="setting", columns="prompt", values="jpsq")
    return sizes.index.to_numpy(), Curve(sizes.to_numpy(float), scores.to_numpy(float))


def _reference(table: pd.DataFrame, kind: str) -> tuple[str, float]:
    """The whole image at the codec's reference quality: shown as it is or through the autoencoder, the better one."""
    name, quality = REFERENCE[kind]
    means = {}
    for method in (name, name + AUTOENCODER):
        settings, curve = _matrix(table, method)
        means[method, quality] = curve.score_KN[settings == quality].mean()
    return max(means, key=means.__getitem__)


def _shortest_within_margin(table: pd.DataFrame, reference: tuple[str, float]) -> float:
    settings, ours = _matrix(table, OURS)
    others, whole = _matrix(table, reference[0])
    target = whole.score_KN[others == reference[1]].mean() - MARGIN / 2
    good = [k for k, scores in zip(settings, ours.score_KN, strict=True) if scores.mean() >= target]
    return float(min(good, default=settings[-1]))


def _print_methods(table: pd.DataFrame) -> None:
    print(f"{'method':28s} {'setting':>8s} {'bytes':>7s} {'JPSQ':>6s} {'S':>6s} {'Q':>6s} {'PSNR':>6s} {'SSIM':>6s}")
    columns = ["bytes", "jpsq", "s", "q", "psnr_db", "ssim"]
    for (method, setting), row in table.groupby(["method", "setting"], sort=False)[columns].mean().iterrows():
        print(
            f"{method:28s} {setting:8g} {row['bytes']:7.0f} {row['jpsq']:6.3f} {row['s']:6.3f} {row['q']:6.3f} "
            f"{row['psnr_db']:6.1f} {row['ssim']:6.3f}"
        )


def _print_savings(table: pd.DataFrame, reference: tuple[str, float], keep: float) -> dict[str, tuple[float, float]]:
    """Prints both savings; returns the points to mark in the figure: label → (bytes, JPSQ)."""
    rng = np.random.default_rng(0)
    settings, ours = _matrix(table, OURS)
    others, plain = _matrix(table, reference[0])
    whole = plain.bytes_KN[others == reference[1]][0], plain.score_KN[others == reference[1]][0]
    marks = {"reference": (float(whole[0].mean()), float(whole[1].mean()))}
    print(f"\n(a) against {reference[0]} at quality {reference[1]:g}: {marks['reference'][0]:.0f} bytes")
    for setting, sizes, scores in zip(settings, ours.bytes_KN, ours.score_KN, strict=True):
        saved, lost = saving(sizes, whole[0], rng), paired_bootstrap(scores, whole[1], rng)
        mark = " <- chosen" if setting == keep else ""
        inside = "within" if lost.low > -MARGIN else "NOT within"
        print(
            f"keep {setting:4g}: saves {saved.estimate:6.1%} [{saved.low:.1%}, {saved.high:.1%}], "
            f"JPSQ {lost.estimate:+.4f} [{lost.low:+.4f}, {lost.high:+.4f}] {inside} {MARGIN}{mark}"
        )
        if setting == keep:
            marks["operating point"] = (float(sizes.mean()), float(scores.mean()))
    rivals = {
        "shown as it is": {name: _matrix(table, name)[1] for name in PLAIN},
        "through the autoencoder": {name: _matrix(table, name + AUTOENCODER)[1] for name in PLAIN},
    }
    print("\n(b) against the best plain codec at equal JPSQ")
    for setting in (LOW, keep, HIGH):
        i = int(np.flatnonzero(settings == setting)[0])
        for how, curves in rivals.items():
            best, saved = saving_at_equal_score(ours.bytes_KN[i], ours.score_KN[i], curves, rng)
            told = f"{saved.estimate:+.1%} [{saved.low:+.1%}, {saved.high:+.1%}] over {best}"
            if saved.estimate == 1.0:
                told = "no plain codec reaches this JPSQ at any quality tried"
            print(f"keep {setting:4g}, JPSQ {ours.score_KN[i].mean():.3f}, plain {how:24s} {told}")
    return marks


if __name__ == "__main__":
    main()
