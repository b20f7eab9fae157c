"""Does the radio model agree with those of the companies of 3GPP? The large-scale calibration of TR 38.901 at 6 GHz.

`python analysis/calibration.py [--drops 400] [--seed 1] [--out docs/calibration]`

Assumptions and reference: `mobaigc_sim.radio.calibration`. The last column is the standard error of our percentile,
from its spread over 20 batches of drops.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mobaigc_sim.radio.calibration import CASES, PERCENTILES, REFERENCES, calibrate
from mobaigc_sim.viz.calibration_figure import calibration_figure
from mobaigc_sim.viz.style import save_figure

LABELS = {"coupling_gain": "coupling gain (dB)", "sir": "geometry: SIR without noise (dB)"}
BATCHES = 20


def main() -> None:
    """Drop, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--drops", type=int, default=400, help=f"drops of each case, at least {BATCHES}")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("docs/calibration"))
    chosen = parser.parse_args()
    if chosen.drops < BATCHES:
        parser.error(f"--drops {chosen.drops}: at least {BATCHES} are needed")
    found = {case: dict(zip(LABELS, calibrate(case, chosen.seed, chosen.drops), strict=True)) for case in CASES}
    print(f"{'case':18s} {'quantity':14s} {'%':>3s} {'ours':>8s} {'mean':>8s}  {'companies':18s} inside  error")
    inside = [_print_rows(case, quantity, found[case][quantity]) for case in CASES for quantity in LABELS]
    print(f"inside the range of the companies: {sum(inside)} of {len(inside) * len(PERCENTILES)}")
    quantities = {
        label: (
            {CASES[case].label: found[case][quantity] for case in CASES},
            {CASES[case].label: REFERENCES[case][quantity] for case in CASES},
        )
        for quantity, label in LABELS.items()
    }
    for path in save_figure(calibration_figure(quantities), chosen.out.parent, chosen.out.name):
        print(path)


def _print_rows(case: str, quantity: str, values_db_N: NDArray[np.float64]) -> int:
    batches_db = [np.percentile(batch, PERCENTILES) for batch in np.array_split(values_db_N, BATCHES)]
    error_db = np.std(batches_db, axis=0, ddof=1) / np.sqrt(BATCHES)
    inside = 0
    for k, (percentile, ours_db) in enumerate(zip(PERCENTILES, np.percentile(values_db_N, PERCENTILES), strict=True)):
        mean_db, low_db, high_db = REFERENCES[case][quantity][percentile]
        fits = bool(low_db <= ours_db <= high_db)
        inside += fits
        span = f"{low_db:.2f} to {high_db:.2f}"
        print(
            f"{CASES[case].label:18s} {quantity:14s} {percentile:3d} {ours_db:8.2f} {mean_db:8.2f}  {span:18s} "
            f"{'yes' if fits else 'NO':6s} {error_db[k]:6.3f}"
        )
    return inside


if __name__ == "__main__":
    main()
