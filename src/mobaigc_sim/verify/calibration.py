"""Percentiles of the calibration drop against the ranges that companies reported.

Source: TR 38.901 clause 7.8.1; R1-165974 (6 GHz, about 21 companies).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from ..radio.calibration import CASES, PERCENTILES, REFERENCES, calibrate
from .rows import Curves, Row, between

LABELS = {"coupling_gain": "coupling gain", "sir": "geometry SIR"}
DROPS = 100


def rows(curves: Curves) -> Iterator[Row]:
    """Three percentiles of two quantities in three cases."""
    drawn = []
    for case, setup in CASES.items():
        found = dict(zip(LABELS, calibrate(case, 1, DROPS), strict=True))
        drawn.append(pd.DataFrame(found).assign(case=case))
        for quantity, values_db_N in found.items():
            for percentile, got_db in zip(PERCENTILES, np.percentile(values_db_N, PERCENTILES), strict=True):
                mean_db, low_db, high_db = REFERENCES[case][quantity][percentile]
                check = f"{setup.label}, {LABELS[quantity]}, {percentile} %"
                yield between(check, mean_db, low_db, high_db, got_db, "dB", "R1-165974, mean and range of companies")
    curves["calibration"] = pd.concat(drawn, ignore_index=True)
