"""What a run says at its end: a table in plain text, and its figures and pictures as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..metrics.definitions import measured_requests, summarise
from ..results import Run, load
from ..results.tables import CAUSES
from . import figures
from .gallery import gallery
from .style import save_figure, save_sheet
from .text import thousands

FIGURES, GALLERY = "figures", "gallery.png"


def print_summary(run_dir: str | Path) -> None:
    """Print the table of `summary_text` for a run folder, an incomplete one included."""
    print(summary_text(load(run_dir, allow_incomplete=True)))


def summary_text(run: Run) -> str:
    """Requests and their fate, throughput, latency, scores, bytes, and where the figures are.

    Values come from the run's summary, or from its tables where there is none.
    """
    value = run.summary or summarise(run)
    lines = [
        ("requests", _count(value["requests"])),
        ("  delivered", _part(value["delivered"], value["requests"])),
        ("  partial", _part(value["partial"], value["requests"])),
        ("  failed", _part(value["failed"], value["requests"])),
        *(
            (f"    by {cause}", _count(value[f"failed_{cause}"]))
            for cause in CAUSES
            if value[f"failed_{cause}"] or cause in figures.USUAL_CAUSES
        ),
        ("throughput", _number(value["cell_throughput_bps"], 1e-6, "{:.3g} Mbit/s")),
        ("latency p50 / p95", f"{_seconds(value['latency_p50_s'])} / {_seconds(value['latency_p95_s'])}"),
        ("JPSQ", f"{_score(value['jpsq_mean'])}   (images not shown count 0; else S {_score(value['s_mean'])}, "
                 f"Q {_score(value['q_mean'])})"),
        ("bytes against whole", _number(value["bytes_ratio"], 100, "{:.1f}%")),
        ("PRB utilisation", _number(value["prb_utilisation"], 100, "{:.1f}%")),
        ("BLER first / residual", f"{_number(value['first_tx_bler'], 100, '{:.1f}%')} / "
                                  f"{_number(value['residual_bler'], 100, '{:.2f}%')}"),
    ]  # fmt: skip
    width = max(len(name) for name, _ in lines) + 2
    text = [f"{name:<{width}}{shown}" for name, shown in lines]
    if not run.complete:
        text.insert(
            0, f"INCOMPLETE RUN (status '{run.manifest.get('status')}'): what follows covers only what was written"
        )
    if run.folder is not None:
        text += [f"{name:<{width}}{place}" for name, place in _places(run)]
    return "\n".join(text)


def render_run(run_dir: str | Path) -> list[Path]:
    """Make every figure (PDF and PNG) and the gallery of a complete run in its folder `figures`; returns the files."""
    run = load(run_dir)
    requests, folder = measured_requests(run), Path(run_dir) / FIGURES
    time = {key: int(run.manifest[key]) for key in ("warmup_ns", "duration_ns")}
    bin_s = figures.bin_for(time["duration_ns"])
    made = {
        "throughput": figures.throughput(run.slots, **time, bin_s=bin_s),
        "prb_utilisation": figures.prb_utilisation(run.slots, **time, bin_s=bin_s),
        "latency_cdf": figures.latency_cdf(requests),
        "jpsq_cdf": figures.jpsq_cdf(requests),
        "failures_by_cause": figures.failures_by_cause(requests),
    }
    paths = [path for name, figure in made.items() for path in save_figure(figure, folder, name)]
    if run.images:
        paths.append(save_sheet(gallery(run), folder / GALLERY))
    return paths


def _places(run: Run) -> list[tuple[str, str]]:
    folder = Path(run.folder or ".")
    places = [("tables", folder), ("images", folder / "images"), ("figures", folder / FIGURES)]
    if (folder / FIGURES / GALLERY).is_file():
        places.append(("gallery", folder / FIGURES / GALLERY))
    return [(name, str(place)) for name, place in places if place.exists()]


def _count(value: Any) -> str:
    return thousands(value)


def _part(value: Any, whole: Any) -> str:
    return f"{_count(value)} ({value / whole:.1%})" if whole else _count(value)


def _number(value: float | None, factor: float, form: str) -> str:
    return "none" if value is None else form.format(value * factor)


def _seconds(value: float | None) -> str:
    return _number(value, 1.0, "{:.3f} s")


def _score(value: float | None) -> str:
    return _number(value, 1.0, "{:.3f}")
