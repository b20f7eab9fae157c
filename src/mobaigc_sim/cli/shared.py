"""What several commands share: options and tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a key, for example --set users.count=20; may be repeated."),
]


def print_table(columns: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """A table on stdout: names to the left, figures to the right, wide headings broken."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    shown = Table(box=SIMPLE_HEAD, pad_edge=False)
    for i, column in enumerate(columns):
        shown.add_column(column, justify="right" if i else "left")
    for line in lines:
        shown.add_row(*line)
    Console(highlight=False).print(shown)
