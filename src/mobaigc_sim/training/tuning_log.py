"""The trials of tuning that are finished, one a line in a CSV file that only grows."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from ..errors import MobaigcError
from ..results.files import replace_with
from .tunable import Value

TUNING = "tuning.csv"


@dataclass(frozen=True)
class Row:
    """What a trial has earned."""

    rule: str
    trial: int
    values: dict[str, Value]
    reward: float
    """Mean over the traces."""
    standard_error: float
    """Of that mean; NaN of a single trace."""
    seconds: float
    """Time it took."""
    digest: str
    """Hash of the scheduler's whole setting, the traces and the version."""


Rows = dict[tuple[str, str], Row]
"""By rule and digest."""


COLUMNS = tuple(field.name for field in fields(Row))


def open_log(path: Path) -> Rows:
    """The rows of a log; a file that is not there is begun, a last line cut short by a break is dropped.

    Raises MobaigcError for a file that is no such log.
    """
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_line(COLUMNS), encoding="utf-8")
        return {}
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        replace_with(path, lambda temporary: temporary.write_text(whole, encoding="utf-8"))
    lines = list(csv.reader(io.StringIO(whole)))
    if not lines or tuple(lines[0]) != COLUMNS:
        raise MobaigcError(f"{path}: expected a table of trials with the columns {', '.join(COLUMNS)}; remove it")
    rows = [_row(path, number, cells) for number, cells in enumerate(lines[1:], start=2)]
    return {(row.rule, row.digest): row for row in rows}


def append_row(path: Path, row: Row) -> None:
    """Append a row to a log that is open, in one write, so that several processes may do so."""
    rule, trial, values, *rest = astuple(row)
    with path.open("a", encoding="utf-8", newline="") as file:
        file.write(_line((rule, trial, json.dumps(values), *rest)))


def _row(path: Path, number: int, cells: list[str]) -> Row:
    try:
        rule, trial, values, reward, error, seconds, digest = cells
        return Row(rule, int(trial), json.loads(values), float(reward), float(error), float(seconds), digest)
    except ValueError:
        raise MobaigcError(f"{path}:{number}: expected a trial, got {','.join(cells)!r}; remove the line") from None


def _line(cells: tuple[object, ...]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()
