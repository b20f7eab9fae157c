"""`mobaigc-sim bank …`: pictures measured once, for runs that need no model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .shared import Overrides, print_table

bank_app = typer.Typer(
    no_args_is_help=True, help="Banks: pictures measured once, from which runs in `media.mode: bank` draw requests."
)


@bank_app.command("build")
def bank_build(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder of the bank.", show_default=False)],
    prompts: Annotated[
        str, typer.Option(metavar="FILE|N", help="Prompts, one a line, or how many of the shipped list.")
    ] = "64",
    seeds: Annotated[str, typer.Option(help="Seeds of each prompt, for example 0-3,10.")] = "0",
    keeps: Annotated[
        str | None, typer.Option(help="Keep ratios, for example 0.2,0.5,1; by default 0.1 to 1 and media.keep.")
    ] = None,
    scenario: Annotated[
        str | None, typer.Option(metavar="FILE", help="Scenario whose media settings count.", show_default=False)
    ] = None,
    overrides: Overrides = None,
) -> None:
    """Draw pictures and measure what every part of their packets gives; a build that was stopped goes on."""
    from ..experiment.bank_command import media_settings, read_keeps, read_prompts, read_seeds

    settings = media_settings(scenario, overrides or ())
    wishes = read_prompts(prompts), read_seeds(seeds)
    ratios = None if keeps is None else read_keeps(keeps)
    from rich.console import Console
    from rich.progress import Progress as Bar

    from ..experiment.bank_build import build_bank

    console = Console(stderr=True)
    with Bar(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("pictures", total=None)
        build_bank(out, settings, *wishes, ratios, lambda done, total: bar.update(task, completed=done, total=total))
    bank_show(out)


@bank_app.command("show")
def bank_show(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Folder of the bank.", show_default=False)],
) -> None:
    """Tell what a bank holds: sizes and scores of each offer, means over its pictures."""
    from ..experiment.bank_command import COLUMNS, facts, table
    from ..media.bank import Bank

    bank = Bank.open(path)
    for line in facts(bank):
        typer.echo(line)
    print_table(COLUMNS, table(bank))
