"""How fast is the slot engine beside other simulators? One cell, full buffer, one thread.

`python analysis/speed.py --venvs DIR [--peers NAME=PYTHON …] [--users 10 50 200] [--rounds 5] [--from docs/speed.csv]`

Each peer lives in an environment of its own, `DIR/<name>`, and is nothing this project depends on:

    python -m venv DIR/handoverlab && DIR/handoverlab/bin/pip install 'handoverlab[fast]==2.8.0'
    python -m venv DIR/sionna      && DIR/sionna/bin/pip install sionna-no-rt==2.2.0
    python -m venv DIR/mobile_env  && DIR/mobile_env/bin/pip install mobile-env==2.1.0

A peer without its environment is named and left out. Every round runs every system once, each round starting with
another one, so that what else the machine does hits all of them. Figures are UE-slots per CPU second (users × slots ÷
processor time of the process): median [lowest, highest] over rounds, and the ratio of ours to each peer's within a
round. The systems do not compute the same; what each leaves out is printed below the table.
Writes all measurements (CSV, from which `--from` prints and draws again) and the figure (PNG and PDF).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mobaigc_sim import __version__
from mobaigc_sim.viz.speed_figure import speed_figure
from mobaigc_sim.viz.style import save_figure

DRIVERS = Path(__file__).with_name("peers")
THREADS = ("OMP", "MKL", "OPENBLAS", "NUMBA")
PATIENCE_S = 600
OWN = "mobaigc_sim"
OWN_COMMAND = (str(Path(sys.executable).with_name("mobaigc-sim")), "bench", "slots", "--json", "--rounds", "1")
OURS = {
    "compiled": "mobaigc_sim, compiled",
    "sparse reports": "mobaigc_sim, compiled, CSI every 5 ms",
    "simpy": "mobaigc_sim, through SimPy, CSI every 5 ms",
    "numpy": "mobaigc_sim, numpy",
}
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class System:
    """A command that prints measurements, and what it is called in table and figure."""

    name: str
    command: tuple[str, ...]


@dataclass(frozen=True)
class Peer:
    """One side of a peer's driver."""

    environment: str
    side: str
    name: str

    def system(self, python: Path) -> System:
        driver = DRIVERS / f"drive_{self.environment}.py"
        return System(self.name, (str(python), "-B", str(driver), "--side", self.side))


PEERS = (
    Peer("handoverlab", "numba", "HandoverLab, compiled, SINR held 40 ms"),
    Peer("handoverlab", "numpy", "HandoverLab, numpy, SINR held 40 ms"),
    Peer("handoverlab", "slot", "HandoverLab, channel every slot"),
    Peer("sionna", "compiled", "Sionna SYS, compiled, no HARQ"),
    Peer("sionna", "eager", "Sionna SYS, eager, no HARQ"),
    Peer("mobile_env", "steps", "mobile-env, no slots"),
)


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--venvs", type=Path, help="folder with one environment a peer")
    parser.add_argument("--peers", nargs="+", default=[], metavar="NAME=PYTHON", help="the Python of single peers")
    parser.add_argument("--users", type=int, nargs="+", default=[10, 50, 200])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--from", dest="stored", type=Path, help="measurements written before, instead of measuring")
    parser.add_argument("--out", type=Path, default=Path("docs/speed"))
    chosen = parser.parse_args()
    if chosen.stored:
        table = pd.read_csv(chosen.stored, keep_default_na=False)
    else:
        systems = [System(OWN, OWN_COMMAND), *installed(pythons(parser, chosen.venvs, chosen.peers))]
        table = measure(systems, chosen.users, chosen.rounds)
        if table.empty:
            parser.exit(1, "nothing could be measured\n")
        chosen.out.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(chosen.out.with_suffix(".csv"), index=False, float_format="%.6g")
    report(table)
    for path in save_figure(speed_figure(summary(table), list(OURS.values())), chosen.out.parent, chosen.out.name):
        print(path)


def pythons(parser: argparse.ArgumentParser, venvs: Path | None, named: Sequence[str]) -> dict[str, Path]:
    """The Python of each peer: as named, or that of its environment in `venvs`."""
    known = list(dict.fromkeys(peer.environment for peer in PEERS))
    found = {name: venvs / name / "bin" / "python" for name in known} if venvs else {}
    for one in named:
        name, equals, path = one.partition("=")
        if not equals or name not in known:
            parser.error(f"--peers {one}: expected NAME=PYTHON with a name of {', '.join(known)}")
        found[name] = Path(path)
    return found


def installed(found: Mapping[str, Path]) -> Iterator[System]:
    """The systems of the peers that are there; the others are named."""
    missing = dict.fromkeys(p.environment for p in PEERS if not found.get(p.environment, Path()).is_file())
    for name in missing:
        print(f"left out: {name}, no Python at {found.get(name, 'any place named by --venvs or --peers')}")
    return (peer.system(found[peer.environment].absolute()) for peer in PEERS if peer.environment not in missing)


def measure(systems: Sequence[System], users: Sequence[int], rounds: int) -> pd.DataFrame:
    """One row for each round, system and user count; a system that fails is named and left out from then on."""
    rows: Rows = []
    failed: set[str] = set()
    for k in range(rounds):
        first = k % len(systems)
        for system in (*systems[first:], *systems[:first]):
            if system.name in failed:
                continue
            print(f"round {k + 1} of {rounds}: {system.name}", file=sys.stderr, flush=True)
            try:
                rows += [{"round": k + 1, **row} for row in run(system, users)]
            except (OSError, subprocess.SubprocessError, ValueError, KeyError) as error:
                print(f"left out: {system.name}: {last_words(getattr(error, 'stderr', None) or str(error))}")
                failed.add(system.name)
    order = [*OURS.values(), *(peer.name for peer in PEERS)]
    rows.sort(key=lambda row: (row["round"], order.index(row["system"]), row["users"]))
    return pd.DataFrame(rows)


def last_words(told: str) -> str:
    """The last line of a message with a letter in it, without frame."""
    lines = [line.strip(" │") for line in told.splitlines() if any(map(str.isalpha, line))]
    return lines[-1] if lines else "no message"


def run(system: System, users: Sequence[int]) -> Rows:
    """What one run of a system tells, for every user count."""
    environment = os.environ | {f"{library}_NUM_THREADS": "1" for library in THREADS}
    each = [part for count in users for part in ("--users", str(count))]
    command = [*system.command, *(each if system.name == OWN else ["--users", *map(str, users)])]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=PATIENCE_S)
    if system.name != OWN:
        return [{"system": system.name} | json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]
    told = [row for row in json.loads(ran.stdout)["rows"] if row["side"] in OURS]
    return [
        {
            "system": OURS[row["side"]],
            "users": row["users"],
            "slots": row.get("slots", ""),
            "ue_slots_per_s": row["ue_slots_per_s"],
            "version": __version__,
            "note": row.get("note", ""),
        }
        for row in told
    ]


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Median, lowest and highest over rounds of each system and user count."""
    by = table.groupby(["system", "users"], sort=False)["ue_slots_per_s"]
    return by.agg(median="median", low="min", high="max").reset_index()


def report(table: pd.DataFrame) -> None:
    """Print medians, ratios of ours to the others within a round, and what each system leaves out."""
    counts = sorted(set(table["users"]))
    rounds = table["round"].nunique()
    print(f"\nUE-slots per CPU second, one thread: median [lowest, highest] over {rounds} rounds")
    medians = summary(table).set_index(["system", "users"])
    for system, part in table.groupby("system", sort=False):
        versions = ", ".join(dict.fromkeys(map(str, part["version"])))
        print(f"{system} ({versions})")
        for users in counts:
            if (system, users) in medians.index:
                m = medians.loc[(system, users)]
                slots = part[part["users"] == users]["slots"].iloc[0]
                played = f", {slots} slots a round" if slots != "" else ""
                print(f"  {users:>5} users: {m['median']:9.3g} [{m['low']:.3g}, {m['high']:.3g}]{played}")
    report_ratios(table)
    print("\nWhat each one does and leaves out:")
    for system, part in table.groupby("system", sort=False):
        if note := part["note"].iloc[0]:
            print(f"  {system}: {note}")


def report_ratios(table: pd.DataFrame) -> None:
    """Print how many times as fast ours are as every other system within a round."""
    speeds = table.pivot_table(index=["round", "users"], columns="system", values="ue_slots_per_s", sort=False)
    for own in (name for name in OURS.values() if name in speeds):
        print(f"\n{own}, how many times as fast: median [lowest, highest] of the rounds' ratios")
        for other in (name for name in speeds if name not in OURS.values()):
            by_users = (speeds[own] / speeds[other]).groupby("users")
            told = (f"{users} users {r.median():.3g} [{r.min():.3g}, {r.max():.3g}]" for users, r in by_users)
            print(f"  {other}: {'; '.join(told)}")


if __name__ == "__main__":
    main()
