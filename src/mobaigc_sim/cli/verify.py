"""`mobaigc-sim verify`: the models against closed forms, tables and stored references."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ..verify.rows import Row

CHECKS_FAILED = 1
_PIPE_WIDTH = 160


def verify(
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Topic to check, for example fading; may be repeated.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON and no progress.")] = False,
    out: Annotated[Path, typer.Option(help="Folder of the figures and of checks.json.")] = Path("runs/verify"),
) -> None:
    """Check the models against closed forms, tables and stored references; exit code 1 if a check fails."""
    from rich.console import Console

    from ..verify.rows import Curves
    from ..verify.topics import TOPICS, run
    from ..viz.verify_figure import draw_verification

    began_s = time.monotonic()
    curves: Curves = {}
    stderr = Console(stderr=True)
    if as_json or not stderr.is_terminal:
        rows = run(only or (), curves)
    else:
        with stderr.status("") as status:
            rows = run(only or (), curves, lambda title: status.update(title))
    out.mkdir(parents=True, exist_ok=True)
    figures = draw_verification(curves, out)
    passed, wall_s = sum(row.passed for row in rows), time.monotonic() - began_s
    told: dict[str, Any] = {
        "checks": len(rows),
        "passed": passed,
        "wall_s": round(wall_s, 1),
        "rows": [_told(row) for row in rows],
        "figures": [str(path) for path in figures],
    }
    text = json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False)
    (out / "checks.json").write_text(text + "\n", encoding="utf-8")
    if as_json:
        typer.echo(text)
    else:
        _print_rows(rows, {name: topic.title for name, topic in TOPICS.items()})
        for path in figures:
            typer.echo(path)
        typer.echo(f"{passed} of {len(rows)} checks pass in {wall_s:.0f} s")
    if passed < len(rows):
        raise typer.Exit(CHECKS_FAILED)


def _told(row: Row) -> dict[str, Any]:
    """A row for JSON, which has no infinity and nothing that is not a number."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in row._asdict().items()
    }


def _print_rows(rows: Sequence[Row], titles: dict[str, str]) -> None:
    """One table, a heading and a rule before each topic; what failed stands out."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_PIPE_WIDTH)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("check")
    for column in ("expected", "got"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("tolerance", no_wrap=True)
    table.add_column("source", style="dim")
    table.add_column("pass", no_wrap=True)
    topic = None
    for row in rows:
        if row.topic != topic:
            if topic is not None:
                table.add_section()
            topic = row.topic
            table.add_row(f"{titles[topic]} ({topic})", style="bold")
        numbers = (f"{row.expected:.6g}", f"{row.got:.6g}")
        verdict, style = ("yes", None) if row.passed else ("NO", "bold red")
        table.add_row(row.check, *numbers, row.tolerance, row.source, verdict, style=style)
    console.print(table)
