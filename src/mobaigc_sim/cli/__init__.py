"""The command line `mobaigc-sim`: reads options, calls the rooms, tells errors in one line each.

Whatever takes long to import is imported inside the commands, so that `--help` answers at once.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from ..errors import MobaigcError, UnknownNameError
from ..version import __version__
from .bank import bank_app
from .bench import bench_app
from .learning import evaluate, train, tune
from .models import models_app
from .shared import Overrides
from .verify import verify

if TYPE_CHECKING:
    from ..experiment.run import Progress
    from ..scenario.schema import Scenario

BAD_INPUT, INTERRUPTED = 2, 130


class _Commands(TyperGroup):
    """Errors that are the input's fault become text on stderr and exit code 2; an interrupt exits with 130."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except MobaigcError as error:
            typer.echo(str(error), err=True)
            code = BAD_INPUT
        except KeyboardInterrupt:
            typer.echo("interrupted", err=True)
            code = INTERRUPTED
        except OSError as error:
            if error.errno == errno.EPIPE or error.filename is None:
                raise
            typer.echo(f"{error.filename}: {error.strerror}", err=True)
            code = BAD_INPUT
        raise typer.Exit(code)


app = typer.Typer(
    cls=_Commands,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Simulate the delivery of AI-generated images over a mobile network.",
)

File = Annotated[str, typer.Argument(metavar="FILE", help="Scenario file (YAML).", show_default=False)]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mobaigc-sim {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Simulate the delivery of AI-generated images over a mobile network."""


@app.command()
def run(
    file: File,
    overrides: Overrides = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run; by default runs/NAME-seedSEED.", show_default=False)
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON and no progress.")] = False,
) -> None:
    """Simulate a scenario and keep its tables, pictures, figures and summary in a folder."""
    from ..scenario.load import load_scenario

    scenario = load_scenario(file, overrides or ())
    folder = out if out is not None else _free_folder(Path("runs"), scenario)
    from ..experiment.run import run_one

    if quiet or as_json:
        folder = run_one(scenario, folder, None)
    else:
        with _progress_bar(scenario.name) as on_progress:
            folder = run_one(scenario, folder, on_progress)
    from ..viz.console import print_summary, render_run

    render_run(folder)
    if as_json:
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        typer.echo(json.dumps({"run": str(folder), "summary": summary}, indent=2))
    elif not quiet:
        print_summary(folder)


@app.command()
def check(file: File, overrides: Overrides = None) -> None:
    """Read a scenario, tell every problem with its file and line, simulate nothing."""
    from ..cell.cell import make_mobility
    from ..kernel.streams import Streams
    from ..scenario.dump import resolved
    from ..scenario.load import load_scenario

    scenario = load_scenario(file, overrides or ())
    make_mobility(scenario, Streams(scenario.seed, scenario.replication))
    told = resolved(scenario)
    typer.echo(
        f"{file}: fine: {scenario.name}, {told['duration']}, {scenario.users.count} users, "
        f"scheduler {told['scheduler']['kind']}, seed {scenario.seed}"
    )


@app.command()
def schema() -> None:
    """Print the JSON schema of scenario files, which lets editors complete and explain keys."""
    from ..scenario.json_schema import schema_text
    from ..scenario.schema import Scenario

    typer.echo(schema_text(Scenario), nl=False)


@app.command()
def image(
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="What the image shows.", show_default=False)],
    keep: Annotated[float, typer.Option(min=0.01, max=1.0, help="Share of the patches that is sent.")] = 0.4,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of the image and of the losses.")] = 0,
    loss: Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of the packets that is lost.")] = 0.0,
    out: Annotated[Path, typer.Option(help="Picture to write, as PNG.")] = Path("image.png"),
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a media key, for example --set media.models=FOLDER."),
    ] = None,
) -> None:
    """Take one image through the whole stack and draw what is generated, sent, recovered and scored."""
    from ..experiment.bank_command import media_settings
    from ..viz.one_image import explain_image

    media = media_settings(None, overrides or ())
    if media.mode == "bank":
        raise MobaigcError("image draws its picture itself, and a bank holds none: leave out media.mode=bank")
    facts = explain_image(prompt, keep=keep, seed=seed, loss=loss, out=out, media=media)
    typer.echo(
        f"{facts['sent_bytes']:.0f} B sent instead of {facts['whole_bytes']:.0f} B, "
        f"S {facts['s']:.3f}, Q {facts['q']:.3f}, JPSQ {facts['jpsq']:.3f}: {out}"
    )


@app.command("list")
def list_plugins(
    group: Annotated[
        str | None, typer.Argument(metavar="[GROUP]", help="For example schedulers.", show_default=False)
    ] = None,
) -> None:
    """List what is installed, plug-ins included, by the names that scenarios use as `kind`."""
    from ..scenario.plugins import describe, registries

    known = registries()
    if group is not None and group not in known:
        raise UnknownNameError("group", group, known)
    for name in [group] if group is not None else sorted(known):
        typer.echo(name)
        described = describe(known[name])
        width = max((len(kind) for kind, _ in described), default=0)
        for kind, text in described:
            typer.echo(f"  {kind:<{width}}  {text}")


app.command()(train)
app.command()(evaluate)
app.command()(tune)
app.command()(verify)
app.add_typer(models_app, name="models")
app.add_typer(bank_app, name="bank")
app.add_typer(bench_app, name="bench")


def _free_folder(parent: Path, scenario: Scenario) -> Path:
    """A folder that does not exist yet: NAME-seedSEED, then NAME-seedSEED-1 and so on."""
    stem = f"{scenario.name}-seed{scenario.seed}" + (f"-rep{scenario.replication}" if scenario.replication else "")
    folder, n = parent / stem, 0
    while folder.exists():
        n += 1
        folder = parent / f"{stem}-{n}"
    return folder


@contextmanager
def _progress_bar(name: str) -> Iterator[Any]:
    """A callback that moves a bar on stderr: simulated time, requests, failures, mean JPSQ, time left."""
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.1f}/{task.total:.0f} s  {task.fields[told]}"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(name, total=1.0, told="")

        def on_progress(progress: Progress) -> None:
            told = f"{progress.requests} requests, {progress.failures} failed"
            if progress.jpsq is not None:
                told += f", JPSQ {progress.jpsq:.3f}"
            bar.update(task, completed=progress.now_s, total=progress.duration_s, told=told)

        yield on_progress


def main() -> None:
    """Entry point of the console script."""
    try:
        app()
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
        raise SystemExit(INTERRUPTED) from None
