"""`mobaigc-sim bench …`: costs on this machine, beside other ways to do the same work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from .shared import print_table

bench_app = typer.Typer(no_args_is_help=True, help="Costs on this machine, beside other ways to do the same work.")


@bench_app.command("media")
def bench_media(
    count: Annotated[int, typer.Option(min=1, help="Requests a side and round.")] = 16,
    batch: Annotated[int, typer.Option(min=1, help="Requests that the stack takes together.")] = 8,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; the sides take turns in each.")] = 3,
    models: Annotated[str, typer.Option(metavar="NAME", help="embedded, hub:owner/name or a folder.")] = "embedded",
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of torch; by default its own choice.", show_default=False)
    ] = None,
) -> None:
    """Cost of a request in the media stack: batched, one by one, and with diffusers called the plain way."""
    from rich.console import Console
    from rich.progress import Progress as Bar

    from ..experiment.bench_media import COLUMNS, facts, rows
    from ..experiment.bench_media import bench_media as measure

    stderr = Console(stderr=True)
    with Bar(console=stderr, transient=True, disable=not stderr.is_terminal) as bar:
        task = bar.add_task("media", total=None)
        found = measure(
            count, batch, rounds, models, threads, lambda done, total: bar.update(task, completed=done, total=total)
        )
    print_table(COLUMNS, rows(found))
    for line in facts(found):
        typer.echo(line)


@bench_app.command("slots")
def bench_slots(
    users: Annotated[list[int] | None, typer.Option(min=1, help="Numbers of users; may be repeated.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; the sides take turns in each.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print the medians as JSON.")] = False,
) -> None:
    """Users times slots per second of one core, with full buffers.

    compiled, sparse reports: the kernel alone, as no run uses it.

    simpy: what `run` does.

    numpy: the work of the kernel in plain numpy, scheduler included.
    """
    from rich.console import Console
    from rich.progress import Progress as Bar

    from ..experiment import bench_slots as bench

    stderr = Console(stderr=True)
    with Bar(console=stderr, transient=True, disable=as_json or not stderr.is_terminal) as bar:
        task = bar.add_task("slots", total=None)
        found = bench.bench_slots(
            users or (10, 50, 200), rounds, lambda done, total: bar.update(task, completed=done, total=total)
        )
    if as_json:
        typer.echo(json.dumps(bench.as_json(found)))
        return
    print_table(bench.COLUMNS, bench.rows(found))
    for line in bench.facts(found):
        typer.echo(line)


@bench_app.command("env")
def bench_env(
    scenario: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Scenario; by default the overloaded cell.")
    ] = None,
    cells: Annotated[int, typer.Option(min=1, help="Cells of the batched side.")] = 64,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; the sides take turns in each.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print all figures as JSON.")] = False,
) -> None:
    """Decisions per second of the scheduling environment, single and batched, beside a plain run."""
    from rich.console import Console
    from rich.progress import Progress as Bar

    from ..experiment import bench_env as bench
    from ..interop.shipped import shipped_scenario
    from ..scenario.load import load_scenario

    wanted = load_scenario(scenario or shipped_scenario("cell_overload.yaml"))
    stderr = Console(stderr=True)
    with Bar(console=stderr, transient=True, disable=as_json or not stderr.is_terminal) as bar:
        task = bar.add_task("env", total=None)
        found = bench.bench_env(
            wanted, cells, rounds, lambda done, total: bar.update(task, completed=done, total=total)
        )
    if as_json:
        typer.echo(json.dumps(bench.as_json(found)))
        return
    print_table(bench.COLUMNS, bench.rows(found))
    for line in bench.facts(found):
        typer.echo(line)
