"""`mobaigc-sim models …`: which model sets there are, what they hold, fetching them."""

from __future__ import annotations

from typing import Annotated

import typer

models_app = typer.Typer(no_args_is_help=True, help="Model sets: which there are, what they hold, fetching them.")
Set = Annotated[str, typer.Argument(metavar="NAME", help="embedded, hub:owner/name or a folder.", show_default=False)]


@models_app.command("list")
def models_list() -> None:
    """List the model sets known by name, and which are on this machine."""
    from ..media.model_catalogue import list_sets

    for line in list_sets():
        typer.echo(line)


@models_app.command("show")
def models_show(name: Set) -> None:
    """Tell what a model set on this machine is made of, without loading it."""
    from ..media.model_catalogue import show_set

    for line in show_set(name):
        typer.echo(line)


@models_app.command("pull")
def models_pull(
    name: Set,
    variant: Annotated[
        str | None, typer.Option(help="Variant of the weights, for example fp16.", show_default=False)
    ] = None,
) -> None:
    """Fetch a model set or a scorer's weights from the Hugging Face hub into the local cache."""
    from ..media.model_catalogue import pull

    typer.echo(pull(name, variant))
