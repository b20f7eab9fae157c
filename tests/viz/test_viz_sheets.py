"""Gallery, explanation and console text."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from PIL import Image

from mobaigc_sim.errors import MobaigcError
from mobaigc_sim.results import TABLES, ResultsError, Run, load
from mobaigc_sim.viz.console import print_summary, render_run, summary_text
from mobaigc_sim.viz.explain import explain_figure, top_words
from mobaigc_sim.viz.gallery import choose, gallery, numbers
from mobaigc_sim.viz.pictures import heat_overlay, on_checker
from mobaigc_sim.viz.text import width_in, wrap

FACTS = {"kept": 0.38, "sent_bytes": 1240, "whole_bytes": 2310, "s": 0.93, "q": 0.81, "jpsq": 0.87, "psnr_db": 24.3}


def assert_texts_apart(figure, *, on_pictures=()):
    """No text overlaps another, leaves the sheet or lies on a picture, those listed and 'no picture' excepted."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    found = [(t.get_text(), t.get_window_extent(renderer)) for t in figure.findobj(Text) if t.get_text()]
    for (a, box_a), (b, box_b) in itertools.combinations(found, 2):
        assert not box_a.overlaps(box_b), f"'{a}' overlaps '{b}'"
    for text, box in found:
        assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1, text
        assert figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1, text
        if text not in on_pictures and text != "no picture":
            assert not any(bar.get_window_extent(renderer).overlaps(box) for bar in figure.artists), text
            assert not any(box.overlaps(axes.get_window_extent(renderer)) for axes in figure.axes), text
    return [text for text, _ in found]


def test_gallery_spans_the_range(made_run):
    chosen = choose(made_run, 4)
    table = made_run.requests.set_index("request")
    scores = [table.loc[request, "jpsq"] for request, _ in chosen]
    sampled = table.loc[[request for request, _ in made_run.images], "jpsq"]
    assert len(chosen) == 4 and scores == sorted(scores, reverse=True)
    assert scores[0] == sampled.max() and scores[-1] == sampled.min()
    assert len(choose(made_run, 100)) == len(made_run.images)


def test_gallery_shows_what_it_says(made_run):
    figure = gallery(made_run)
    chosen = choose(made_run)
    texts = assert_texts_apart(figure)
    axes = {a.get_label(): a for a in figure.axes}
    assert len(axes) == 4 * len(chosen)
    table = made_run.requests.set_index("request")
    statuses = [table.loc[request, "status"] for request, _ in chosen]
    assert sorted(t[2:] for t in texts if t.startswith("●")) == sorted(statuses)
    for request, index in chosen:
        image = made_run.image(request, index)
        np.testing.assert_array_equal(axes[f"{request}-original"].images[0].get_array(), image.original_HW3)
        shown = axes[f"{request}-received"].images[0].get_array()
        there = image.received_HW4[..., 3] == 255
        np.testing.assert_array_equal(shown[there], image.original_HW3[there])
        recovered = axes[f"{request}-recovered"].images
        assert bool(recovered) == (image.recovered_HW3 is not None)
        word = max(image.words, key=image.words.get)
        assert f"most weight: {word}" in texts
        for line in numbers(table.loc[request]):
            assert line in texts
    assert min(t.get_fontsize() for t in figure.findobj(Text) if t.get_text()) >= 9


def test_gallery_with_long_words_and_prompts(made_run):
    table = made_run.requests.copy()
    table["prompt"] = "a Donaudampfschifffahrtsgesellschaftskapitänsmütze for $5 and $6 in the sky " * 4
    frames = {"requests": table}
    run = Run(made_run.manifest, frames, made_run.folder)
    texts = assert_texts_apart(gallery(run, 3))
    assert sum(t.endswith("…") for t in texts) >= 3


def test_gallery_without_images(made_run):
    figure = gallery(Run(made_run.manifest, {"requests": made_run.requests}))
    assert "No images were sampled in this run." in assert_texts_apart(figure)


def test_numbers_of_a_request(made_run):
    row = made_run.requests.iloc[0].copy()
    row.update({"images": 3, "offered_bytes": 1240, "delivered_bytes": 900, "whole_bytes": 2480, "status": "partial",
                "jpsq": 0.8, "s": 0.9, "q": 0.7, "psnr_db": float("inf"), "ssim": 1.0})  # fmt: skip
    assert numbers(row) == [
        "1\u00a0240 of 2\u00a0480 B (50%), 3 images", "of these arrived 900 B", "JPSQ 0.80    S 0.90    Q 0.70",
        "PSNR exact    SSIM 1.00",
    ]  # fmt: skip
    row.update({"status": "failed", "delivered_bytes": 0, "images": 1})
    assert numbers(row) == ["1\u00a0240 of 2\u00a0480 B (50%)", "of these arrived 0 B", "JPSQ 0"]


LONG = "a teddy bear on the left and a guitar on the right of a table at sunset for $5 " * 3


@pytest.mark.parametrize(("words", "prompt"), [(0, LONG), (1, "a fox"), (2, "a fox"), (3, "a fox"), (6, LONG)])
def test_explanation(picture, prompt, words):
    peaks = np.linspace(1, 0.2, 6)
    rng = np.random.default_rng(0)
    spots = {}
    for i in range(words):
        spots[f"word{i}"] = np.zeros((128, 128))
        y, x = rng.integers(0, 120, 2)
        spots[f"word{i}"][y : y + 8, x : x + 8] = peaks[i]
    arrays = (picture["original"], spots, picture["importance"], picture["received"], picture["recovered"])
    figure = explain_figure(prompt, *arrays, FACTS)
    shown = [f"word{i}" for i in range(min(words, 4))]
    texts = assert_texts_apart(figure, on_pictures=shown)
    assert {"1", "2", "3", "4", *shown} <= set(texts) and "word4" not in texts
    assert {"0.93", "0.81", "0.87", "24.3 dB", "46% less data over the air"} <= set(texts)
    first = figure.axes[0].images[0].get_array()
    np.testing.assert_array_equal(first, picture["original"])


def test_explanation_of_a_failure(picture):
    nan = float("nan")
    facts = {**FACTS, "sent_bytes": 3000, "s": nan, "q": nan, "jpsq": 0.0, "psnr_db": nan}
    arrays = (picture["original"], picture["maps"], picture["importance"], picture["received"], None)
    texts = assert_texts_apart(explain_figure("a fox", *arrays, facts), on_pictures=set(picture["maps"]))
    assert "no picture" in texts and texts.count("none") == 3 and "30% more data over the air" in texts
    with pytest.raises(MobaigcError, match="missing: kept"):
        explain_figure("a fox", *arrays, {k: v for k, v in FACTS.items() if k != "kept"})


def test_explanation_bars_have_the_right_length(picture):
    arrays = (picture["original"], picture["maps"], picture["importance"], picture["received"], picture["recovered"])
    figure = explain_figure("a fox", *arrays, FACTS)
    bars = [bar.get_width() for bar in figure.artists if isinstance(bar, Rectangle)]
    whole, sent, track, s, _, q, _, jpsq, _, psnr = bars
    assert sent / whole == pytest.approx(1240 / 2310)
    assert [s / track, q / track, jpsq / track] == pytest.approx([0.93, 0.81, 0.87])
    assert psnr / track == pytest.approx(24.3 / 40)


def test_top_words():
    spot = np.zeros((8, 8))
    spot[2, 2] = 1.0
    maps = {"flat": np.full((8, 8), 5.0), "weak": spot / 2, "strong": spot, "faint": spot / 50}
    assert top_words(maps) == ["strong", "weak"]
    assert top_words(maps, 1) == ["strong"]
    assert top_words({}) == []


def test_heat_and_checker():
    picture = np.full((64, 64, 3), 200, np.uint8)
    heat = np.zeros((64, 64))
    heat[:32] = 0.5
    own, common = heat_overlay(picture, heat), heat_overlay(picture, heat, scale=2.0)
    assert (own[40] == own[40, 0, 0]).all(), "grey where there is no heat"

    def glow(shown):
        return int(shown[0, 0].max()) - int(shown[0, 0].min())

    assert glow(own) > glow(common) > 0
    np.testing.assert_array_equal(heat_overlay(picture, heat * 0), heat_overlay(picture, heat * 0, scale=1.0))
    received = np.dstack([picture, np.zeros((64, 64), np.uint8)])
    assert {int(v) for v in np.unique(on_checker(received))} == {228, 250}


def test_wrapping():
    lines = wrap("one two three four five six seven eight nine ten", 1.0, 10, lines=3)
    assert len(lines) == 3 and lines[-1].endswith("…")
    assert all(width_in(line, 10) <= 1.0 for line in lines)
    assert wrap("short", 3.0, 10) == ["short"]
    assert wrap("", 1.0, 10) == [""]


def test_render_run(made_run):
    paths = render_run(made_run.folder)
    names = {p.name for p in paths}
    stems = ("throughput", "prb_utilisation", "latency_cdf", "jpsq_cdf", "failures_by_cause")
    assert names == {f"{s}.{e}" for s in stems for e in ("pdf", "png")} | {"gallery.png"}
    with Image.open(made_run.folder / "figures" / "gallery.png") as sheet:
        assert sheet.width > 1500
    load(made_run.folder).verify()


def test_summary_text(made_run, capsys):
    print_summary(made_run.folder)
    text = capsys.readouterr().out
    rows = {line[:22].strip(): line[22:].strip() for line in text.splitlines()}
    value = made_run.summary
    parts = [int(rows[name].split(" ")[0]) for name in ("delivered", "partial", "failed")]
    assert int(rows["requests"]) == value["requests"] == sum(parts)
    assert sum(int(rows[f"by {cause}"]) for cause in ("deadline", "harq", "generation")) == parts[2]
    assert rows["throughput"] == f"{value['cell_throughput_bps'] / 1e6:.3g} Mbit/s"
    assert rows["JPSQ"].startswith(f"{value['jpsq_mean']:.3f} ")
    assert f"S {value['s_mean']:.3f}, Q {value['q_mean']:.3f}" in rows["JPSQ"]
    assert rows["bytes against whole"] == f"{value['bytes_ratio']:.1%}"
    assert str(made_run.folder / "figures") in text or not (made_run.folder / "figures").exists()


def test_rarer_causes_have_lines_where_there_were_any(made_run):
    table = made_run.requests.copy()
    table.loc[table.index[table["status"] == "failed"][-2:], "cause"] = "rlf"
    frames = {name: made_run.frame(name) for name in TABLES}
    text = summary_text(Run(made_run.manifest, frames | {"requests": table}))
    assert "    by rlf             2\n" in text
    assert "by handover" not in text


def test_summary_of_an_incomplete_and_empty_run(made_run):
    empty = {name: made_run.frame(name).iloc[:0] for name in ("requests", "slots", "transport_blocks")}
    text = summary_text(Run({**made_run.manifest, "status": "running"}, empty | {"users": empty["slots"]}))
    assert text.startswith("INCOMPLETE RUN (status 'running')")
    assert "JPSQ                   none" in text


def test_figures_of_an_incomplete_run_are_refused(tmp_path, made_run):
    (tmp_path / "manifest.json").write_text('{"status": "running"}')
    with pytest.raises(ResultsError, match="incomplete"):
        render_run(tmp_path)
