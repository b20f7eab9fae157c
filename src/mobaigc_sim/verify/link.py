"""Block error rate of the model against a Monte-Carlo of the NR LDPC chain on the Gaussian channel.

Shapes: P points of the Monte-Carlo, G points of a curve.

The SNR at a BLER of 10 % is read off the Monte-Carlo between its two neighbouring points, straight on a scale of normal
quantiles. A point without a failure counts as half a failure in a thousand blocks.

The losses of the model were fitted to these points; the rows with a loss from the other MCS are its test.

Source: `data/bler_points.csv`, made with one code block of 2000 information bits.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator
from importlib.resources import files

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from ..radio.link import LOSS_AT_MCS, block_error_rate
from ..radio.tables import MCS_TABLE_1
from .rows import Curves, Row, near

Array = NDArray[np.float64]

CODE_BLOCK_BITS = 2000
LEVEL = 0.1
_NO_FAILURE = 5e-4
_GRID_DB = np.arange(-10.0, 20.0, 0.001)


def monte_carlo() -> dict[int, tuple[Array, Array]]:
    """MCS → SNR in dB and BLER of every stored point."""
    points: dict[int, list[tuple[float, float]]] = defaultdict(list)
    text = files(__package__).joinpath("data/bler_points.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(line for line in text.splitlines() if not line.startswith("#")):
        points[int(row["mcs_index"])].append((float(row["snr_db"]), float(row["bler"])))
    return {mcs: (np.array(some)[:, 0], np.array(some)[:, 1]) for mcs, some in sorted(points.items())}


def rows(curves: Curves) -> Iterator[Row]:
    """The 10 % point of every MCS that was simulated, with its own loss and with one from the others."""
    drawn = []
    for mcs, (snr_db_P, bler_P) in monte_carlo().items():
        got_db = _GRID_DB[np.argmax(model(mcs, _GRID_DB) <= LEVEL)]
        check = f"SNR at a BLER of {LEVEL:g}, MCS {mcs}"
        yield near(check, measured_db(snr_db_P, bler_P), got_db, 0.3, "dB", "Monte-Carlo of the LDPC chain")
        unseen_db = got_db + _loss_without(mcs) - LOSS_AT_MCS[mcs]
        check = f"the same, the loss of MCS {mcs} taken from the others"
        yield near(check, measured_db(snr_db_P, bler_P), unseen_db, 0.3, "dB", "Monte-Carlo of the LDPC chain")
        near_G = np.arange(snr_db_P[0] - 0.6, snr_db_P[-1] + 0.6, 0.01)
        drawn += [("model", mcs, *pair) for pair in zip(near_G, model(mcs, near_G), strict=True)]
        drawn += [("monte_carlo", mcs, *pair) for pair in zip(snr_db_P, bler_P, strict=True)]
    curves["bler"] = pd.DataFrame(drawn, columns=["kind", "mcs_index", "snr_db", "bler"])


def _loss_without(mcs: int) -> float:
    """Implementation loss of an MCS if it had not been simulated."""
    others = {other: loss_db for other, loss_db in LOSS_AT_MCS.items() if other != mcs}
    return float(np.interp(mcs, list(others), list(others.values())))


def model(mcs: int, snr_db_G: Array) -> Array:
    """BLER of one code block of the length of the Monte-Carlo."""
    scheme = MCS_TABLE_1[mcs]
    return block_error_rate(snr_db_G, scheme, CODE_BLOCK_BITS, CODE_BLOCK_BITS / scheme.efficiency)


def measured_db(snr_db_P: Array, bler_P: Array) -> float:
    """SNR at a BLER of 10 % of points with rising SNR."""
    quantile_P = -ndtri(np.maximum(bler_P, _NO_FAILURE))
    return float(np.interp(-ndtri(LEVEL), quantile_P, snr_db_P))
