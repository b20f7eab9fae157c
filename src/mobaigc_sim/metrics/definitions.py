"""Every metric of a run: a function of the run, declared once with name, title and unit.

Measured are: slots and transport blocks that start in [warm-up, duration), and requests that arrive after the warm-up.
A run goes on after its duration until the last request is finished, so no request is cut short.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import UnknownNameError
from ..results import Run
from ..units import NS_PER_S

Value = float | NDArray[np.float64]
Function = TypeVar("Function", bound=Callable[[Run], Value])


@dataclass(frozen=True)
class Metric:
    """A figure of merit; `unit` is "1" for ratios and empty for counts."""

    name: str
    title: str
    unit: str
    function: Callable[[Run], Value]


METRICS: dict[str, Metric] = {}


def metric(name: str, title: str, unit: str) -> Callable[[Function], Function]:
    """Function decorator that makes it a metric; raises ValueError when the name is taken."""

    def add(function: Function) -> Function:
        if name in METRICS:
            raise ValueError(f"metric '{name}' is declared twice")
        METRICS[name] = Metric(name, title, unit, function)
        return function

    return add


def evaluate(run: Run, name: str) -> Value:
    """One metric of a run; raises UnknownNameError with the nearest name."""
    if name not in METRICS:
        raise UnknownNameError("metric", name, METRICS)
    return METRICS[name].function(run)


def summarise(run: Run) -> dict[str, Any]:
    """Every metric of a run, ready for JSON: arrays become lists, what is undefined becomes None."""
    return {name: _plain(found.function(run)) for name, found in METRICS.items()}


def measured_requests(run: Run) -> pd.DataFrame:
    """Requests that arrive after the warm-up; the run goes on until the last of them is finished."""
    table = run.requests
    start_ns, _ = window_ns(run)
    return table[table["arrival_ns"] >= start_ns]


def measured_slots(run: Run) -> pd.DataFrame:
    """Slots that start after the warm-up."""
    return _within(run, run.slots)


def measured_blocks(run: Run) -> pd.DataFrame:
    """Transmissions of transport blocks that start after the warm-up."""
    return _within(run, run.transport_blocks)


def window_ns(run: Run) -> tuple[int, int]:
    """Start and end of what is measured."""
    return int(run.manifest["warmup_ns"]), int(run.manifest["duration_ns"])


@metric("requests", "Requests", "")
def requests(run: Run) -> float:
    """Requests measured."""
    return len(measured_requests(run))


@metric("delivered", "Delivered", "")
def delivered(run: Run) -> float:
    """Requests whose every offered byte arrived in time."""
    return _with_status(run, "delivered")


@metric("partial", "Delivered in part", "")
def partial(run: Run) -> float:
    """Requests recovered from what had arrived at the deadline."""
    return _with_status(run, "partial")


@metric("failed", "Failed", "")
def failed(run: Run) -> float:
    """Requests that gave no picture."""
    return _with_status(run, "failed")


@metric("failed_deadline", "Failed: deadline", "")
def failed_deadline(run: Run) -> float:
    """Requests that failed because time ran out."""
    return _failed_by(run, "deadline")


@metric("failed_harq", "Failed: HARQ", "")
def failed_harq(run: Run) -> float:
    """Requests that failed because HARQ gave up a block they needed."""
    return _failed_by(run, "harq")


@metric("failed_generation", "Failed: generation", "")
def failed_generation(run: Run) -> float:
    """Requests whose images were not generated in time."""
    return _failed_by(run, "generation")


@metric("failure_ratio", "Failure ratio", "1")
def failure_ratio(run: Run) -> float:
    """Share of the requests that failed."""
    return _ratio(failed(run), requests(run))


@metric("cell_throughput_bps", "Cell throughput", "bit/s")
def cell_throughput_bps(run: Run) -> float:
    """Transport block bits acknowledged, over the measured time."""
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


@metric("jain_fairness", "Fairness of user throughput (Jain)", "1")
def jain_fairness(run: Run) -> float:
    """(sum x)^2 / (n sum x^2) over user throughputs (R. Jain et al., DEC-TR-301, 1984)."""
    rates = user_throughput_bps(run)
    return _ratio(float(rates.sum()) ** 2, len(rates) * float((rates**2).sum()))


@metric("latency_p50_s", "Latency, median", "s")
def latency_p50_s(run: Run) -> float:
    """Median time from asking to the end of delivery or the deadline, over the requests that gave a picture."""
    return _quantile(latency_s(measured_requests(run)), 0.5)


@metric("latency_p95_s", "Latency, 95th percentile", "s")
def latency_p95_s(run: Run) -> float:
    """95th percentile of the same."""
    return _quantile(latency_s(measured_requests(run)), 0.95)


@metric("jpsq_mean", "JPSQ", "1")
def jpsq_mean(run: Run) -> float:
    """Mean JPSQ over all requests, 0 for the failed."""
    return _mean(jpsq(measured_requests(run)))


@metric("s_mean", "Semantic similarity S", "1")
def s_mean(run: Run) -> float:
    """Mean S over the requests that gave a picture."""
    return _mean(_pictured(run)["s"])


@metric("q_mean", "Quality Q", "1")
def q_mean(run: Run) -> float:
    """Mean Q over the requests that gave a picture."""
    return _mean(_pictured(run)["q"])


@metric("psnr_db_median", "PSNR, median", "dB")
def psnr_db_median(run: Run) -> float:
    """Median PSNR over the requests that gave a picture (a mean would be infinite if one picture were exact)."""
    values = _pictured(run)["psnr_db"].to_numpy(np.float64)
    return float(np.median(values)) if len(values) else math.nan


@metric("ssim_mean", "SSIM", "1")
def ssim_mean(run: Run) -> float:
    """Mean SSIM over the requests that gave a picture."""
    return _mean(_pictured(run)["ssim"])


@metric("bytes_ratio", "Bytes against whole image", "1")
def bytes_ratio(run: Run) -> float:
    """Bytes offered, over the bytes of the same images sent whole; requests that were generated only."""
    table = measured_requests(run)
    table = table[table["generated_ns"] >= 0]
    return _ratio(float(table["offered_bytes"].sum()), float(table["whole_bytes"].sum()))


@metric("delivered_bytes", "Bytes delivered", "B")
def delivered_bytes(run: Run) -> float:
    """Bytes of images that were acknowledged."""
    return int(measured_requests(run)["delivered_bytes"].sum())


@metric("prb_utilisation", "PRB utilisation", "1")
def prb_utilisation(run: Run) -> float:
    """Share of the resource blocks that carried data."""
    slots = measured_slots(run)
    used = float(slots["prb_used"].sum())
    return _ratio(used, used + float(slots["prb_free"].sum()))


@metric("first_tx_bler", "Block error rate, first transmission", "1")
def first_tx_bler(run: Run) -> float:
    """Share of first transmissions that were not decoded."""
    blocks = measured_blocks(run)
    return _mean(~blocks.loc[blocks["transmission"] == 1, "ack"])


@metric("residual_bler", "Block error rate after HARQ", "1")
def residual_bler(run: Run) -> float:
    """Share of transport blocks that were given up, over the blocks that came to an end.

    A block came to an end when it was acknowledged or when its HARQ process went on to another block.
    """
    blocks = measured_blocks(run)
    last = blocks.drop_duplicates(["ue", "tb"], keep="last")
    over = last["ack"] | last.duplicated(["ue", "harq_process"], keep="last")
    return _mean(~last.loc[over, "ack"])


def latency_s(table: pd.DataFrame) -> NDArray[np.float64]:
    """Seconds from arrival to completion or deadline of the requests that did not fail."""
    table = table[table["status"] != "failed"]
    return (table["finished_ns"] - table["arrival_ns"]).to_numpy(np.float64) / NS_PER_S


def jpsq(table: pd.DataFrame) -> NDArray[np.float64]:
    """JPSQ of each request, 0 where it failed."""
    return table["jpsq"].where(table["status"] != "failed", 0.0).to_numpy(np.float64)


def _within(run: Run, table: pd.DataFrame) -> pd.DataFrame:
    start_ns, end_ns = window_ns(run)
    return table[(table["time_ns"] >= start_ns) & (table["time_ns"] < end_ns)]


def _pictured(run: Run) -> pd.DataFrame:
    table = measured_requests(run)
    return table[table["status"] != "failed"]


def _with_status(run: Run, status: str) -> int:
    return int((measured_requests(run)["status"] == status).sum())


def _failed_by(run: Run, cause: str) -> int:
    table = measured_requests(run)
    return int(((table["status"] == "failed") & (table["cause"] == cause)).sum())


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def _mean(values: Any) -> float:
    return float(np.mean(values)) if len(values) else math.nan


def _quantile(values: NDArray[np.float64], q: float) -> float:
    return float(np.quantile(values, q)) if len(values) else math.nan


def _plain(value: Value) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value if math.isfinite(value) else None
