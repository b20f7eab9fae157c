"""How many bytes does attention-guided transmission save, at which JPSQ, and against what?

`python analysis/bandwidth_saving.py [--prompts 300] [--quick] [--jobs 2] [--from TABLE] [--out docs/bandwidth_saving]`

Prints the table of every method and three comparisons with 95 % paired bootstrap intervals, writes the rate–JPSQ
figure (PNG and PDF) and the raw table (Parquet, from which `--from` prints and draws again without any model):

(a) bytes saved against the whole image in our own codec at its reference quality, at JPSQ within 0.01, beside what a
    plain codec at a lower quality saves within the same margin;
(b) bytes saved against whichever plain codec needs the fewest for the same JPSQ, at low and at high rate;
(c) JPSQ gained at equal bytes over other ways to choose, paint and code. (A phone with the very generator needs prompt
    and seed alone: that is in the table of methods.)

Intervals are over pictures; their prompts share the 36 (thing, place, time of day) that training never shows. Whatever
is chosen by its JPSQ (the keep ratio of (a), how the reference is shown, the plain quality within the margin) is chosen
on further pictures: the shortest whose 95 % interval there lies inside the margin.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from mobaigc_sim.media.config import MediaConfig
from mobaigc_sim.media.pack.evaluate import held_out_prompts
from mobaigc_sim.media.rate_study import (
    AUTOENCODER,
    LABELS,
    OTHER_SELECTORS,
    OURS,
    RESTORATION,
    rate_table,
    reference_quality,
)
from mobaigc_sim.metrics import Interval, paired_bootstrap
from mobaigc_sim.metrics.rate import RateTable, Setting, gain_at_equal_bytes, saving, saving_at_equal_score
from mobaigc_sim.viz.rate_figure import rate_figure
from mobaigc_sim.viz.style import save_figure

MARGIN = 0.01
SHOWN = ("", AUTOENCODER, RESTORATION)
PLAIN = tuple(name + how for name in LABELS.values() for how in SHOWN)
LOW, MIDDLE, HIGH = 0.1, 0.25, 0.5


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=300, help="pictures the savings are measured on")
    parser.add_argument("--calibration", type=int, default=48, help="further pictures that choose settings")
    parser.add_argument("--quick", action="store_true", help="16 pictures and 8 to choose: minutes, wide intervals")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--models", default="embedded")
    parser.add_argument("--from", dest="stored", type=Path, help="a table written before, instead of measuring")
    parser.add_argument("--out", type=Path, default=Path("docs/bandwidth_saving"))
    chosen = parser.parse_args()
    for name in ("prompts", "calibration", "jobs"):
        if getattr(chosen, name) < 1:
            parser.error(f"--{name}: expected 1 or more, got {getattr(chosen, name)}")
    config = MediaConfig(models=chosen.models)
    if chosen.stored:
        table = pd.read_parquet(chosen.stored)
        if not {"seed", "calibration"} <= set(table.attrs):
            parser.error(f"--from {chosen.stored}: expected a table that this script wrote")
    else:
        table = _measured(chosen, config)
    calibration, pictures = table.attrs["calibration"], table["prompt"].nunique()
    choosing = table["prompt"] >= pictures - calibration
    measured = RateTable(table[~choosing])
    settings = _chosen(RateTable(table[choosing]), config.codec.kind)
    print(f"{pictures - calibration} prompts, seed {table.attrs['seed']}; settings chosen on {calibration} others")
    _print_methods(table[~choosing])
    _print_within_margin(measured, settings)
    _print_at_equal_score(measured)
    _print_at_equal_bytes(measured)
    marks = {label: measured.mean(settings[label]) for label in ("reference", "operating point") if label in settings}
    for path in save_figure(rate_figure(table[~choosing], marks), chosen.out.parent, chosen.out.name):
        print(path)


def _measured(chosen: argparse.Namespace, config: MediaConfig) -> pd.DataFrame:
    count, calibration = (16, 8) if chosen.quick else (chosen.prompts, chosen.calibration)
    prompts = held_out_prompts(count + calibration, chosen.seed)
    table = rate_table(prompts, range(chosen.seed, chosen.seed + len(prompts)), config, chosen.jobs)
    table.attrs = {"seed": chosen.seed, "calibration": calibration}
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    table.to_parquet(chosen.out.with_suffix(".parquet"), index=False)
    return table


def _chosen(table: RateTable, kind: str) -> dict[str, Setting]:
    """What is told apart in (a): label → setting, the reference first; what nothing reaches is left out."""
    quality = float(reference_quality(kind))
    reference = table.best((LABELS[kind] + how, quality) for how in SHOWN)
    found = {"reference": reference}
    for label, methods in (
        ("operating point", (OURS,)),
        ("shortest plain codec", PLAIN),
        ("shortest plain codec, no model on the phone", tuple(LABELS.values())),
    ):
        setting = table.shortest_within(methods, reference, MARGIN, np.random.default_rng(3))
        if setting is not None:
            found[label] = setting
    return found


def _print_methods(table: pd.DataFrame) -> None:
    print(f"{'method':28s} {'setting':>8s} {'bytes':>7s} {'JPSQ':>6s} {'S':>6s} {'Q':>6s} {'PSNR':>6s} {'SSIM':>6s}")
    columns = ["bytes", "jpsq", "s", "q", "psnr_db", "ssim"]
    for (method, setting), row in table.groupby(["method", "setting"], sort=False)[columns].mean().iterrows():
        print(
            f"{method:28s} {setting:8g} {row['bytes']:7.0f} {row['jpsq']:6.3f} {row['s']:6.3f} {row['q']:6.3f} "
            f"{row['psnr_db']:6.1f} {row['ssim']:6.3f}"
        )


def _print_within_margin(table: RateTable, settings: dict[str, Setting]) -> None:
    rng, reference = np.random.default_rng(0), settings["reference"]
    sizes, scores = table.at(reference)
    print(
        f"\n(a) against {reference[0]} at quality {reference[1]:g}: {sizes.mean():.0f} bytes, JPSQ {scores.mean():.4f}"
    )
    if "operating point" not in settings:
        print(f"NOT reached: no keep ratio is surely within {MARGIN} of it on the pictures that choose")
    named: dict[Setting, list[str]] = {}
    for label, setting in list(settings.items())[1:]:
        named.setdefault(setting, []).append(label)
    for setting in dict.fromkeys([*((OURS, keep) for keep in table.settings[OURS]), *named]):
        its_sizes, its_scores = table.at(setting)
        lost = paired_bootstrap(its_scores, scores, rng)
        inside = "within" if lost.low > -MARGIN else "NOT within"
        told = f"{setting[0]}, {setting[1]:g}"
        print(
            f"{told:28s} saves {_percent(saving(its_sizes, sizes, rng))}, JPSQ {_plain(lost)} {inside} {MARGIN}"
            + (f" <- {', '.join(named[setting])}" if setting in named else "")
        )


def _print_at_equal_score(table: RateTable) -> None:
    rng = np.random.default_rng(1)
    rivals = {"whatever the phone does": PLAIN, "shown as it is": tuple(LABELS.values())}
    print("\n(b) against the plain codec that needs the fewest bytes for the same JPSQ")
    for keep in (LOW, MIDDLE, HIGH):
        sizes, scores = table.at((OURS, keep))
        for how, methods in rivals.items():
            best, saved = saving_at_equal_score(sizes, scores, {m: table.curves[m] for m in methods}, rng)
            told = f"saves {_percent(saved)} over {best}"
            if saved.estimate == 1.0:
                told = "none reaches this JPSQ at any quality tried"
            elif scores.mean() < (least := table.curves[best].score_KN.mean(1).min()):
                told += f", which has JPSQ {least:.3f} or more"
            print(f"keep {keep:4g}, {sizes.mean():4.0f} bytes, JPSQ {scores.mean():.3f}, {how:24s} {told}")


def _print_at_equal_bytes(table: RateTable) -> None:
    rng = np.random.default_rng(2)
    print("\n(c) JPSQ gained at equal bytes over other ways to choose, paint and code")
    others = (*OTHER_SELECTORS, f"{OURS}, filled", f"{OURS}, Telea", "low resolution + diffusion", *PLAIN)
    for other in (name for name in others if name in table.curves):
        told = []
        for keep in (LOW, MIDDLE, HIGH):
            gain = gain_at_equal_bytes(*table.at((OURS, keep)), table.curves[other], rng)
            told.append(_plain(gain) if np.isfinite(gain.estimate) else "not tried there")
        print(
            f"{other:28s} " + "  ".join(f"keep {k:g}: {t:26s}" for k, t in zip((LOW, MIDDLE, HIGH), told, strict=True))
        )


def _percent(found: Interval) -> str:
    return f"{found.estimate:+.1%} [{found.low:+.1%}, {found.high:+.1%}]"


def _plain(found: Interval) -> str:
    return f"{found.estimate:+.4f} [{found.low:+.4f}, {found.high:+.4f}]"


if __name__ == "__main__":
    main()
