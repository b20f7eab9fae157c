"""Metrics of what the cells carried: throughput, utilisation, block errors, background files.

A resource block of one slot takes 12 subcarriers of 15 kHz · 2^µ for 1 ms / 2^µ, which is 180 Hz·s in every numerology.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..results import Run
from ..units import NS_PER_S
from .definitions import (
    mean,
    measured_blocks,
    measured_requests,
    measured_slots,
    metric,
    quantile,
    ratio,
    window_ns,
    within,
)
from .mobility import epoch

HZ_S_PER_PRB = 180.0


@metric("cell_throughput_bps", "Throughput of all cells", "bit/s")
def cell_throughput_bps(run: Run) -> float:
    """Transport block bits acknowledged by all users of all cells, over the measured time."""
    start_ns, end_ns = window_ns(run)
    return float(measured_slots(run)["bits_acked"].sum()) * NS_PER_S / (end_ns - start_ns)


@metric("user_throughput_bps", "User throughput", "bit/s")
def user_throughput_bps(run: Run) -> NDArray[np.float64]:
    """Acknowledged bits over the measured time of each user that asked or was sent something, in order of `ue`."""
    start_ns, end_ns = window_ns(run)
    blocks = measured_blocks(run)
    bits = blocks["tb_size_bits"].where(blocks["ack"], 0).groupby(blocks["ue"]).sum()
    ues = np.union1d(measured_requests(run)["ue"], bits.index).astype(np.int64)
    return bits.reindex(ues, fill_value=0).to_numpy(np.float64) * NS_PER_S / (end_ns - start_ns)


@metric("user_throughput_p5_bps", "User throughput, 5th percentile", "bit/s")
def user_throughput_p5_bps(run: Run) -> float:
    """5th percentile of the same over users."""
    return quantile(user_throughput_bps(run), 0.05)


@metric("user_throughput_p50_bps", "User throughput, median", "bit/s")
def user_throughput_p50_bps(run: Run) -> float:
    """Median of the same over users."""
    return quantile(user_throughput_bps(run), 0.5)


@metric("spectral_efficiency", "Spectral efficiency", "bit/s/Hz")
def spectral_efficiency(run: Run) -> float:
    """Acknowledged bits a second, cell and Hz of the resource blocks, idle ones included; guard bands do not count."""
    slots = measured_slots(run)
    blocks = float(slots["prb_used"].sum() + slots["prb_free"].sum())
    return ratio(float(slots["bits_acked"].sum()), blocks * HZ_S_PER_PRB)


@metric("jain_fairness", "Fairness of user throughput (Jain)", "1")
def jain_fairness(run: Run) -> float:
    """(sum x)^2 / (n sum x^2) over user throughputs (R. Jain et al., DEC-TR-301, 1984)."""
    rates = user_throughput_bps(run)
    return ratio(float(rates.sum()) ** 2, len(rates) * float((rates**2).sum()))


@metric("prb_utilisation", "PRB utilisation", "1")
def prb_utilisation(run: Run) -> float:
    """Share of the resource blocks that carried data."""
    slots = measured_slots(run)
    used = float(slots["prb_used"].sum())
    return ratio(used, used + float(slots["prb_free"].sum()))


@metric("first_tx_bler", "Block error rate, first transmission", "1")
def first_tx_bler(run: Run) -> float:
    """Share of first transmissions that were not decoded."""
    blocks = measured_blocks(run)
    return mean(~blocks.loc[blocks["transmission"] == 1, "ack"])


@metric("residual_bler", "Block error rate after HARQ", "1")
def residual_bler(run: Run) -> float:
    """Share of transport blocks that were given up, over the blocks that came to an end.

    A block came to an end when it was acknowledged or when its HARQ process went on to another block, of the same cell
    and without a change of cells in between.
    """
    blocks = measured_blocks(run)
    last = blocks.assign(epoch=epoch(run, blocks)).drop_duplicates(["ue", "tb"], keep="last")
    over = last["ack"] | last.duplicated(["ue", "harq_process", "epoch"], keep="last")
    return mean(~last.loc[over, "ack"])


@metric("files", "Background files", "")
def files(run: Run) -> float:
    """Files of the background traffic that arrived in the measured time and were completed before the run ended."""
    return int(_completed(_measured_files(run)).sum())


@metric("files_unfinished", "Background files unfinished", "")
def files_unfinished(run: Run) -> float:
    """Files that arrived in the measured time and were not completed when the run ended."""
    return int((~_completed(_measured_files(run))).sum())


@metric("file_throughput_mean_bps", "File throughput, mean", "bit/s")
def file_throughput_mean_bps(run: Run) -> float:
    """Mean of size over time from arrival to completion, over files; an unfinished one counts as 0."""
    return mean(_file_throughput_bps(run))


@metric("file_throughput_p5_bps", "File throughput, 5th percentile", "bit/s")
def file_throughput_p5_bps(run: Run) -> float:
    """5th percentile of the same, unfinished files as 0 again."""
    return quantile(_file_throughput_bps(run), 0.05)


def _file_throughput_bps(run: Run) -> NDArray[np.float64]:
    table = _measured_files(run)
    completed = _completed(table)
    throughput_bps = np.zeros(len(table))
    time_s = (table["completed_ns"] - table["arrival_ns"]).to_numpy(np.float64)[completed] / NS_PER_S
    throughput_bps[completed] = 8.0 * table["size_bytes"].to_numpy(np.float64)[completed] / time_s
    return throughput_bps


def _measured_files(run: Run) -> pd.DataFrame:
    return within(run, run.frame("files"), "arrival_ns")


def _completed(table: pd.DataFrame) -> NDArray[np.bool_]:
    """Which files were completed; −1 stands for the time of what never happened."""
    completed: NDArray[np.bool_] = table["completed_ns"].to_numpy(np.int64) >= 0
    return completed
