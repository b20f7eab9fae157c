"""What the studies of many runs have in common: their options, the table they measure or read, and how far they are."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd

from mobaigc_sim.errors import MobaigcError
from mobaigc_sim.experiment.many import run_many


def options(
    doc: str | None, replications: int, duration_s: float, warmup_s: float, out: str
) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", type=Path, default=Path("scenarios/vehicular_macro.yaml"))
    parser.add_argument("--bank", type=Path, default=Path("scenarios/bank"))
    parser.add_argument("--replications", type=int, default=replications)
    parser.add_argument("--duration", type=float, default=duration_s, help="seconds simulated, the warm-up included")
    parser.add_argument("--warmup", type=float, default=warmup_s, help="seconds that are not measured")
    parser.add_argument("--quick", action="store_true", help="two short replications: some minutes, useless intervals")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--from", dest="stored", type=Path, help="a table written before, instead of simulating")
    parser.add_argument("--out", type=Path, default=Path(out))
    return parser


def table_of(
    parser: argparse.ArgumentParser, chosen: argparse.Namespace, simulate: Callable[[argparse.Namespace], pd.DataFrame]
) -> pd.DataFrame:
    """The table the options ask for: read, or simulated and written; ends the program for impossible options."""
    for name in ("replications", "jobs"):
        if getattr(chosen, name) < 1:
            parser.error(f"--{name}: expected 1 or more, got {getattr(chosen, name)}")
    if not 0 <= chosen.warmup < chosen.duration:
        parser.error(f"--warmup: expected less than the duration of {chosen.duration:g} s, got {chosen.warmup:g}")
    if chosen.stored:
        return pd.read_csv(chosen.stored)
    try:
        table = simulate(chosen)
    except MobaigcError as error:
        parser.exit(2, f"{error}\n")
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(chosen.out.with_suffix(".csv"), index=False, float_format="%.6g")
    return table


def run_all(measure: Callable[[Any], Any], cases: Sequence[Any], jobs: int) -> list[Any]:
    """Every case measured; says on stderr how far it is."""
    started = time.monotonic()

    done = count(1)

    def tell(_: object) -> None:
        passed_s = time.monotonic() - started
        print(f"\r{next(done)} of {len(cases)} runs, {passed_s:.0f} s", end="", file=sys.stderr, flush=True)

    found = run_many(measure, cases, jobs, tell)
    print(file=sys.stderr)
    return found
