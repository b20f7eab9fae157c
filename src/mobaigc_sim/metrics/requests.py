"""Metrics of requests: their fate and its causes, latency, scores, bytes."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from ..results import Run
from .definitions import jpsq, latency_s, mean, measured_requests, metric, quantile, ratio


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


@metric("failed_rlf", "Failed: radio link", "")
def failed_rlf(run: Run) -> float:
    """Requests that failed because a radio link failure took the time they needed."""
    return _failed_by(run, "rlf")


@metric("failed_handover", "Failed: handover", "")
def failed_handover(run: Run) -> float:
    """Requests that failed because handovers took the time they needed."""
    return _failed_by(run, "handover")


@metric("failed_buffer", "Failed: buffer", "")
def failed_buffer(run: Run) -> float:
    """Requests that failed because what they needed did not fit into the buffer."""
    return _failed_by(run, "buffer")


@metric("failed_generation", "Failed: generation", "")
def failed_generation(run: Run) -> float:
    """Requests that failed because their images were not generated in time."""
    return _failed_by(run, "generation")


@metric("failed_left", "Failed: user left", "")
def failed_left(run: Run) -> float:
    """Requests that failed because the user went away."""
    return _failed_by(run, "left")


@metric("failure_ratio", "Failure ratio", "1")
def failure_ratio(run: Run) -> float:
    """Share of the requests that failed."""
    return ratio(failed(run), requests(run))


@metric("latency_p50_s", "Latency, median", "s")
def latency_p50_s(run: Run) -> float:
    """Median time from asking to the end of delivery or the deadline, over the requests that gave a picture."""
    return quantile(latency_s(measured_requests(run)), 0.5)


@metric("latency_p95_s", "Latency, 95th percentile", "s")
def latency_p95_s(run: Run) -> float:
    """95th percentile of the same."""
    return quantile(latency_s(measured_requests(run)), 0.95)


@metric("jpsq_mean", "JPSQ", "1")
def jpsq_mean(run: Run) -> float:
    """Mean JPSQ over all requests, 0 for the failed."""
    return mean(jpsq(measured_requests(run)))


@metric("s_mean", "Semantic similarity S", "1")
def s_mean(run: Run) -> float:
    """Mean S over the requests that gave a picture."""
    return mean(_pictured(run)["s"])


@metric("q_mean", "Quality Q", "1")
def q_mean(run: Run) -> float:
    """Mean Q over the requests that gave a picture."""
    return mean(_pictured(run)["q"])


@metric("psnr_db_median", "PSNR, median", "dB")
def psnr_db_median(run: Run) -> float:
    """Median PSNR over the requests that gave a picture (a mean would be infinite if one picture were exact)."""
    values = _pictured(run)["psnr_db"].to_numpy(np.float64)
    return float(np.median(values)) if len(values) else math.nan


@metric("ssim_mean", "SSIM", "1")
def ssim_mean(run: Run) -> float:
    """Mean SSIM over the requests that gave a picture."""
    return mean(_pictured(run)["ssim"])


@metric("bytes_ratio", "Bytes against whole image", "1")
def bytes_ratio(run: Run) -> float:
    """Bytes offered, over the bytes of the same images sent whole; requests that were generated only."""
    table = measured_requests(run)
    table = table[table["generated_ns"] >= 0]
    return ratio(float(table["offered_bytes"].sum()), float(table["whole_bytes"].sum()))


@metric("delivered_bytes", "Bytes delivered", "B")
def delivered_bytes(run: Run) -> float:
    """Bytes of images that were acknowledged."""
    return int(measured_requests(run)["delivered_bytes"].sum())


def _pictured(run: Run) -> pd.DataFrame:
    table = measured_requests(run)
    return table[table["status"] != "failed"]


def _with_status(run: Run, status: str) -> int:
    return int((measured_requests(run)["status"] == status).sum())


def _failed_by(run: Run, cause: str) -> int:
    table = measured_requests(run)
    return int(((table["status"] == "failed") & (table["cause"] == cause)).sum())
