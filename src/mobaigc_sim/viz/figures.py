"""Figures for papers: from data frame to Figure.

Data frames are those of `results`; requests are expected as `metrics.definitions.measured_requests` gives them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from ..metrics.definitions import jpsq, latency_s
from ..metrics.stats import wilson
from ..results.tables import CAUSES
from ..units import NS_PER_S
from .style import BLUE, SOFT, VERMILLION, paper

P = ParamSpec("P")
_CAUSE_LABELS = {
    "deadline": "deadline",
    "harq": "HARQ",
    "rlf": "radio link",
    "handover": "handover",
    "buffer": "buffer",
    "generation": "generation",
    "left": "user left",
}
_CAUSE_HATCHES = dict(zip(CAUSES, ("", "////", "xxxx", "\\\\\\\\", "----", "....", "oo"), strict=True))
USUAL_CAUSES = ("deadline", "harq", "generation")


def _as_paper(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with paper():
            figure = draw(*args, **kwargs)
            figure.draw_without_rendering()
            return figure

    return drawn


@_as_paper
def throughput(slots: pd.DataFrame, *, warmup_ns: int, duration_ns: int, bin_s: float = 1.0) -> Figure:
    """Bits sent and bits acknowledged in each interval of `bin_s`, in Mbit/s; the warm-up is shaded."""
    edges_s = _edges_s(duration_ns, bin_s)
    figure, axes = _axes("time (s)", "throughput (Mbit/s)")
    for column, label, colour, line in (
        ("bits_sent", "sent, retransmissions included", VERMILLION, "--"),
        ("bits_acked", "acknowledged", BLUE, "-"),
    ):
        rate = _binned(slots, column, edges_s) / np.diff(edges_s) / 1e6
        axes.stairs(rate, edges_s, label=label, color=colour, linestyle=line, baseline=None, linewidth=1.2)
    _over_time(axes, warmup_ns, duration_ns)
    axes.set_ylim(bottom=0)
    _legend_above(axes)
    return figure


@_as_paper
def prb_utilisation(slots: pd.DataFrame, *, warmup_ns: int, duration_ns: int, bin_s: float = 1.0) -> Figure:
    """Share of the resource blocks in use in each interval of `bin_s`, and its mean after the warm-up (dashed)."""
    edges_s = _edges_s(duration_ns, bin_s)
    figure, axes = _axes("time (s)", "resource blocks in use")
    used, free = (_binned(slots, column, edges_s) for column in ("prb_used", "prb_free"))
    share = np.divide(used, used + free, out=np.full(len(used), np.nan), where=used + free > 0)
    axes.stairs(share, edges_s, color=BLUE, baseline=None, linewidth=1.2, label=f"over {bin_s:g} s")
    after = slots[(slots["time_ns"] >= warmup_ns) & (slots["time_ns"] < duration_ns)]
    total = after["prb_used"].sum() + after["prb_free"].sum()
    if total:
        mean = float(after["prb_used"].sum() / total)
        axes.plot([warmup_ns / NS_PER_S, edges_s[-1]], [mean, mean], "--", color=VERMILLION, label=f"mean {mean:.0%}")
    _over_time(axes, warmup_ns, duration_ns)
    axes.set_ylim(0, 1.0)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    _legend_above(axes)
    return figure


@_as_paper
def latency_cdf(requests: pd.DataFrame) -> Figure:
    """CDF of the time to delivery or deadline over all requests.

    A failed request counts as never delivered, so the curve ends below 1 by the share that failed, which is stated.
    """
    figure, axes = _axes("latency $t$ (s)", "share of requests done within $t$")
    failed = int((requests["status"] == "failed").sum())
    times = latency_s(requests)
    if len(requests):
        axes.ecdf(np.concatenate([times, np.full(failed, np.inf)]), color=BLUE)
    allowed_s = np.unique((requests["deadline_ns"] - requests["arrival_ns"]) / NS_PER_S)
    right = 1.08 * max([*times, *allowed_s, 1e-3])
    top = 1 - failed / max(1, len(requests))
    if len(times):
        axes.hlines(top, times.max(), right, color=BLUE, linewidth=1.2)
    if len(allowed_s) == 1:
        axes.axvline(allowed_s[0], color=SOFT, linestyle=":", linewidth=1.0)
        axes.annotate("deadline", (allowed_s[0], 0.03), (-3, 0), textcoords="offset points", ha="right", color=SOFT)
    elif len(allowed_s):
        axes.axvspan(allowed_s[0], allowed_s[-1], color=SOFT, alpha=0.12, linewidth=0)
        axes.annotate("deadlines", (allowed_s[0], 0.03), (-3, 0), textcoords="offset points", ha="right", color=SOFT)
    if failed:
        axes.axhline(1, color=VERMILLION, linestyle="--", linewidth=0.8)
        text = f"{failed} of {len(requests)} failed ({failed / len(requests):.1%})"
        axes.annotate(text, (0.0, 1), (3, 3), textcoords="offset points", ha="left", va="bottom", color=VERMILLION)
    axes.set_xlim(0, right)
    axes.set_ylim(0, 1.12 if failed else 1.03)
    axes.set_yticks(np.linspace(0, 1, 6))
    axes.xaxis.set_major_locator(MaxNLocator(6))
    return figure


@_as_paper
def jpsq_cdf(requests: pd.DataFrame) -> Figure:
    """CDF of JPSQ and of its parts S and Q over all requests; failed requests stand at 0."""
    figure, axes = _axes("score $x$", "share of requests with score $\\leq x$")
    done = requests["status"] != "failed"
    scores = {"JPSQ": jpsq(requests)} | {
        label: requests[column].where(done, 0.0).to_numpy(np.float64) for label, column in (("S", "s"), ("Q", "q"))
    }
    for label, values in scores.items():
        if len(values):
            axes.ecdf(values, label=f"{label} (mean {values.mean():.2f})" if label == "JPSQ" else label)
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(0, 1.03)
    failed = int((~done).sum())
    if failed:
        share = failed / len(requests)
        axes.annotate(
            f"{failed} of {len(requests)} failed ({share:.1%})", (0.0, share), (4, 3), textcoords="offset points",
            color=VERMILLION, va="bottom",
        )  # fmt: skip
    if len(requests):
        axes.legend(loc="best")
    return figure


@_as_paper
def failures_by_cause(requests: pd.DataFrame) -> Figure:
    """Share of requests that failed, by cause and in all, with 95% Wilson intervals and counts.

    Beside deadline, HARQ and generation, causes are shown if there were any.
    """
    figure, axes = _axes("", "share of requests that failed")
    failed = requests[requests["status"] == "failed"]
    found_by = {cause: int((failed["cause"] == cause).sum()) for cause in CAUSES}
    shown = [cause for cause in CAUSES if found_by[cause] or cause in USUAL_CAUSES]
    counts = {_CAUSE_LABELS[cause]: found_by[cause] for cause in shown} | {"all": len(failed)}
    found = [wilson(count, len(requests)) for count in counts.values()]
    shares = [0.0 if np.isnan(one.estimate) else one.estimate for one in found]
    spans = [[s - one.low for s, one in zip(shares, found, strict=True)],
             [one.high - s for s, one in zip(shares, found, strict=True)]]  # fmt: skip
    bars = axes.bar(list(counts), shares, width=0.55, color=[BLUE] * len(shown) + [SOFT])
    for bar, cause in zip(bars, shown, strict=False):
        bar.set(hatch=_CAUSE_HATCHES[cause], edgecolor="white")
    if len(requests):
        axes.errorbar(range(len(counts)), shares, yerr=spans, fmt="none", ecolor="black", elinewidth=0.8)
    for i, (count, one) in enumerate(zip(counts.values(), found, strict=True)):
        axes.annotate(str(count), (i, one.high if len(requests) else 0.0), (0, 2), textcoords="offset points",
                      ha="center", va="bottom")  # fmt: skip
    axes.grid(axis="x", visible=False)
    axes.set_ylim(0, 1.18 * max(one.high for one in found) if len(requests) else 1.0)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_title(f"{len(requests)} requests, 95% intervals", color=SOFT)
    return figure


def bin_for(duration_ns: int) -> float:
    """Interval in seconds for figures over time: one second, less for runs shorter than ten."""
    return 1.0 if duration_ns >= 10 * NS_PER_S else 0.1


def _axes(x_label: str, y_label: str) -> tuple[Figure, Axes]:
    figure = Figure()
    axes = figure.add_subplot()
    axes.set(xlabel=x_label, ylabel=y_label)
    return figure, axes


def _edges_s(duration_ns: int, bin_s: float) -> NDArray[np.float64]:
    end_s = duration_ns / NS_PER_S
    inner = np.arange(np.ceil(end_s / bin_s - 1e-9)) * bin_s
    return np.append(inner, end_s)


def _binned(slots: pd.DataFrame, column: str, edges_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of the column over each interval [edge, next edge)."""
    edges_ns = np.rint(edges_s * NS_PER_S).astype(np.int64)
    times_ns = slots["time_ns"].to_numpy(np.int64)
    inside = (times_ns >= 0) & (times_ns < edges_ns[-1])
    index = np.searchsorted(edges_ns, times_ns[inside], side="right") - 1
    weights = slots[column].to_numpy(np.float64)[inside]
    return np.bincount(index, weights, len(edges_s) - 1).astype(np.float64)


def _over_time(axes: Axes, warmup_ns: int, duration_ns: int) -> None:
    axes.set_xlim(0, duration_ns / NS_PER_S)
    if warmup_ns:
        axes.axvspan(0, warmup_ns / NS_PER_S, color="#EDEFF2", linewidth=0, zorder=0.5)
        axes.annotate("warm-up", (0, 0), (3, 3), textcoords="offset points", color=SOFT)


def _legend_above(axes: Axes) -> None:
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2, columnspacing=1.2)
