"""The comparison of schedulers, from tuned rules to the tables: one command that goes on where it was stopped.

`python analysis/scheduler_campaign.py [--jobs 2] [--only overload] [--skip-tuning]`

For each training file of `scenarios/training`: rules are tuned, agents trained and everything is played on the test
traces (`mobaigc-sim tune`, `train`, `evaluate`), at home and elsewhere: other numbers of users, speeds and loads.
Variants of ADD are trained for the headline scenario. What the comparison is made of goes to
`analysis/scheduler_comparison`, where `scheduler_comparison.py` makes tables and figures of it.

The settings of the agents (`agents.yaml`), the quickstart policy and the live runs have commands of their own.

What tuning finds is printed and stays in `runs/NAME/tuned.yaml`: putting it into the training file is the author's to
do, and makes another comparison.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

HEADLINE = "overload"
SCENARIOS = (HEADLINE, "pedestrian", "vehicular")
BOUND_TRACES = "60"
ELSEWHERE_TRACES = "50"
LOADS = {
    "overload": {"0.25": "800 ms", "4": "50 ms"},
    "pedestrian": {"0.5": "800 ms", "10": "40 ms"},
    "vehicular": {"0.5": "1000 ms", "10": "50 ms"},
}
SPEEDS_KMH = {"overload": ("90", "120"), "pedestrian": ("15", "30"), "vehicular": ("10", "120")}
USERS = ("5", "20", "40")
TABLES = ("scores.parquet", "curves.csv", "bound.parquet")


def main() -> None:
    """Run every command that is left to do."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", default="2", help="processes")
    parser.add_argument("--only", choices=SCENARIOS, action="append", help="this scenario; may be repeated")
    parser.add_argument("--skip-tuning", action="store_true", help="take the numbers of rules as the files have them")
    chosen = parser.parse_args()
    jobs = ("--jobs", chosen.jobs)
    for name in chosen.only or SCENARIOS:
        file, runs, kept = training_file(name), Path("runs") / name, Path("analysis/scheduler_comparison") / name
        if not chosen.skip_tuning:
            call("tune", file, *jobs)
        call("train", file, *jobs)
        call("evaluate", file, *jobs, "--bound", BOUND_TRACES)
        for tag, changes in elsewhere(name):
            call("evaluate", file, *jobs, "--tag", tag, "--only", "add", *changes)
        if name == HEADLINE:
            ablation = training_file("ablation")
            call("train", ablation, *jobs)
            call("evaluate", ablation, *jobs, "--tag", "ablation")
            keep(Path("runs/ablation/ablation"), kept / "ablation")
        keep(runs, kept)
        for tag, _ in elsewhere(name):
            keep(runs / tag, kept / tag)
    subprocess.run([sys.executable, "analysis/scheduler_comparison.py"], check=True)


def training_file(name: str) -> str:
    """Where a training file is."""
    return f"scenarios/training/{name}.yaml"


def elsewhere(name: str) -> list[tuple[str, tuple[str, ...]]]:
    """Subfolder and options of each test on cells that no policy was trained for; all traces of one kind."""
    fewer = ("--set", f"traces.test={ELSEWHERE_TRACES}", "--set", "vary=[{}]")
    found = [(f"users-{n}", ("--set", f"users.count={n}", "--tokens", str(max(int(n), 10)))) for n in USERS]
    found += [(f"speed-{v}", ("--set", f"users.mobility.speed={v} km/h")) for v in SPEEDS_KMH[name]]
    found += [(f"load-{k}", ("--set", f"traffic.arrivals.mean_interval={t}")) for k, t in LOADS[name].items()]
    return [(f"generalise/{tag}", (*fewer, *changes)) for tag, changes in found]


def call(*words: str) -> None:
    """One command of mobaigc-sim."""
    print("mobaigc-sim", *words, flush=True)
    subprocess.run([sys.executable, "-m", "mobaigc_sim.cli", *words], check=True)


def keep(source: Path, target: Path) -> None:
    """Copy the tables that a comparison is made of."""
    target.mkdir(parents=True, exist_ok=True)
    for name in TABLES:
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)


if __name__ == "__main__":
    main()
