"""Figures show the numbers of their frames, and nothing in them overlaps."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from PIL import Image

from mobaigc_sim.metrics import METRICS, wilson
from mobaigc_sim.metrics.definitions import measured_requests
from mobaigc_sim.viz import figures
from mobaigc_sim.viz.style import IEEE, paper, save_figure

S = 10**9


def steps(axes):
    return {patch.get_label(): patch.get_data() for patch in axes.patches if hasattr(patch, "get_data")}


@pytest.fixture(scope="module")
def time(made_run):
    return {key: made_run.manifest[key] for key in ("warmup_ns", "duration_ns")}


@pytest.fixture(scope="module")
def measured(made_run):
    return measured_requests(made_run)


def test_throughput_is_that_of_the_slots(made_run, time):
    axes = figures.throughput(made_run.slots, **time).axes[0]
    shown = steps(axes)
    second = made_run.slots["time_ns"] // S
    for column, label in (("bits_acked", "acknowledged"), ("bits_sent", "sent, retransmissions included")):
        told = made_run.slots.groupby(second)[column].sum() / 1e6
        np.testing.assert_allclose(shown[label].values, told)
        np.testing.assert_allclose(shown[label].edges, np.arange(21))
    after = shown["acknowledged"].values[2:].mean() * 1e6
    assert after == pytest.approx(METRICS["cell_throughput_bps"].function(made_run))


def test_last_interval_may_be_short():
    slots = pd.DataFrame({"time_ns": [0, S, int(1.4 * S), 2 * S], "bits_sent": [8e6, 4e6, 4e6, 9e9]})
    slots["bits_acked"] = slots["bits_sent"]
    axes = figures.throughput(slots, warmup_ns=0, duration_ns=int(1.5 * S)).axes[0]
    found = steps(axes)["acknowledged"]
    np.testing.assert_allclose(found.values, [8, 16])
    np.testing.assert_allclose(found.edges, [0, 1, 1.5])


def test_prb_utilisation(made_run, time):
    axes = figures.prb_utilisation(made_run.slots, **time).axes[0]
    sums = made_run.slots.groupby(made_run.slots["time_ns"] // S)[["prb_used", "prb_free"]].sum()
    np.testing.assert_allclose(steps(axes)["over 1 s"].values, sums["prb_used"] / sums.sum(axis=1))
    (mean,) = axes.lines
    assert mean.get_ydata()[0] == pytest.approx(METRICS["prb_utilisation"].function(made_run))


def test_latency_cdf_keeps_the_failed(measured):
    axes = figures.latency_cdf(measured).axes[0]
    curve = axes.lines[0]
    x, y = curve.get_data()
    ok = measured[measured["status"] != "failed"]
    told = np.sort((ok["finished_ns"] - ok["arrival_ns"]) / S)
    np.testing.assert_allclose(x[np.isfinite(x)][1:], told)
    for t in (0.7, 1.0, 1.5):
        assert np.max(y[x <= t]) == pytest.approx((told <= t).sum() / len(measured))
    top = y[np.isfinite(x)].max()
    assert top == pytest.approx(len(ok) / len(measured)) and top < 1
    assert axes.get_ylim()[1] > 1
    texts = [text.get_text() for text in axes.texts]
    failed = len(measured) - len(ok)
    assert f"{failed} of {len(measured)} failed ({failed / len(measured):.1%})" in texts
    assert "deadline" in texts
    assert any(list(line.get_xdata()) == [2.0, 2.0] for line in axes.lines), "the deadline is marked"


def test_different_deadlines_are_a_band(measured):
    later = measured.copy()
    later.loc[later.index[::2], "deadline_ns"] += S
    assert "deadlines" in [text.get_text() for text in figures.latency_cdf(later).axes[0].texts]


def test_jpsq_cdf_starts_with_the_failed(measured):
    axes = figures.jpsq_cdf(measured).axes[0]
    failed = measured["status"] == "failed"
    told = {"JPSQ": measured["jpsq"], "S": measured["s"], "Q": measured["q"]}
    assert len(axes.lines) == 3
    for line in axes.lines:
        x, y = line.get_data()
        values = told[line.get_label().split(" ")[0]].where(~failed, 0.0)
        np.testing.assert_allclose(x[1:], np.sort(values))
        assert np.max(y[x <= 0]) == pytest.approx(failed.mean())
        assert y[-1] == 1
    assert f"mean {told['JPSQ'].where(~failed, 0.0).mean():.2f}" in axes.lines[0].get_label()
    assert len({(line.get_color(), line.get_linestyle()) for line in axes.lines}) == 3
    assert len({line.get_linestyle() for line in axes.lines}) == 3, "readable in grey"


def test_failures_by_cause(measured):
    axes = figures.failures_by_cause(measured).axes[0]
    failed = measured[measured["status"] == "failed"]
    counts = [*((failed["cause"] == cause).sum() for cause in ("deadline", "harq", "generation")), len(failed)]
    assert [bar.get_height() for bar in axes.patches] == pytest.approx([c / len(measured) for c in counts])
    assert sum(bar.get_height() for bar in axes.patches[:3]) == pytest.approx(axes.patches[3].get_height())
    assert [text.get_text() for text in axes.texts] == [str(c) for c in counts]
    (bars,) = (c for c in axes.collections if len(c.get_segments()) == 4)
    for segment, count in zip(bars.get_segments(), counts, strict=True):
        found = wilson(int(count), len(measured))
        np.testing.assert_allclose(sorted(segment[:, 1]), [found.low, found.high])


def test_rarer_causes_have_bars_where_there_were_any(measured):
    table = measured.copy()
    failed = table.index[table["status"] == "failed"][:3]
    table.loc[failed, "cause"] = ["handover", "left", "handover"]
    axes = figures.failures_by_cause(table).axes[0]
    shown = [label.get_text() for label in axes.get_xticklabels()]
    assert shown == ["deadline", "HARQ", "handover", "generation", "user left", "all"]
    counts = dict(zip(shown, (text.get_text() for text in axes.texts), strict=True))
    assert (counts["handover"], counts["user left"]) == ("2", "1")
    heights = [bar.get_height() for bar in axes.patches]
    assert sum(heights[:-1]) == pytest.approx(heights[-1])
    assert len({bar.get_hatch() for bar in axes.patches[:-1]}) == len(shown) - 1, "readable in grey"


def all_figures(run, time, requests):
    return {
        "throughput": figures.throughput(run.slots, **time),
        "prb": figures.prb_utilisation(run.slots, **time),
        "latency": figures.latency_cdf(requests),
        "jpsq": figures.jpsq_cdf(requests),
        "failures": figures.failures_by_cause(requests),
    }


def shown_texts(figure):
    """Texts that are drawn: tick labels beyond the limits are not."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    for text in figure.findobj(Text):
        if text.get_text() and text.get_visible():
            yield text.get_text(), text.get_window_extent(renderer)


def drawn_ticks(axes):
    for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        for place, label in zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=True):
            if not min(limits) - 1e-9 <= place <= max(limits) + 1e-9:
                label.set_visible(False)


@pytest.mark.parametrize("name", ["throughput", "prb", "latency", "jpsq", "failures"])
def test_texts_stay_apart_and_inside(made_run, time, measured, name):
    with paper():
        figure = all_figures(made_run, time, measured)[name]
        figure.draw_without_rendering()
        drawn_ticks(figure.axes[0])
        found = list(shown_texts(figure))
    assert len(found) > 8
    for (a, box_a), (b, box_b) in itertools.combinations(found, 2):
        assert not box_a.overlaps(box_b), f"'{a}' overlaps '{b}'"
    page = figure.bbox.padded(0.5)
    for text, box in found:
        assert page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1, text
    place = figure.axes[0].get_position()
    assert place.width > 0.7 and place.height > 0.55, "the data have most of the room"


@pytest.mark.parametrize("statuses", [[], ["failed"], ["delivered"]])
def test_few_requests(measured, statuses):
    table = pd.concat([measured.iloc[:0], *(measured[measured["status"] == s].head(3) for s in statuses)])
    for draw in (figures.latency_cdf, figures.jpsq_cdf, figures.failures_by_cause):
        axes = draw(table).axes[0]
        texts = {text.get_text() for text in axes.texts}
        assert bool({"3 of 3 failed (100.0%)", "3"} & texts) == (statuses == ["failed"])


def test_no_slots(made_run, time):
    assert figures.throughput(made_run.slots.iloc[:0], **time).axes
    assert figures.prb_utilisation(made_run.slots.iloc[:0], **time).axes


def test_files_are_for_print(tmp_path, measured):
    figure = figures.jpsq_cdf(measured)
    assert figure.get_size_inches()[0] == 3.5
    pdf, png = save_figure(figure, tmp_path, "jpsq_cdf")
    content = pdf.read_bytes()
    assert b"/FontFile2" in content and b"/Type3" not in content, "TrueType fonts are embedded"
    with Image.open(png) as picture:
        assert picture.width == 1050 and round(picture.info["dpi"][0]) == 300
    again, _ = save_figure(figures.jpsq_cdf(measured), tmp_path, "again")
    assert again.read_bytes() == content
    assert "pdf.fonttype: 42" in IEEE.read_text()
