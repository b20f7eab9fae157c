"""Tables of SUMO's floating car data: CSV and Parquet.

Source: SUMO documentation, page TabularOutputs (SUMO 1.24): one row for each vehicle and time step, columns named by
element and attribute (`timestep_time;vehicle_id;vehicle_x;…`) or by attribute alone (`time;id;x;…`), separated by
semicolons unless told otherwise. The tool xml2csv gives persons columns of their own, empty in the rows of vehicles.
"""

from __future__ import annotations

from collections.abc import Sequence

from .csv_trace import csv_rows
from .trace import Samples, TraceError, number, opened, text_lines

SEPARATORS = ";,\t"
AXES = ("the time", "x", "y")
ELEMENTS = ("vehicle", "person", "container")


def read_csv(file: str, elements: tuple[str, ...]) -> dict[str, Samples]:
    """Samples by name of the elements wanted, in order of first appearance."""
    first = next((text for _, text in text_lines(file) if text.strip()), "")
    rows = csv_rows(file, max(SEPARATORS, key=first.count))
    line, header = next(rows, (1, []))
    table = _Table(file, line, header, elements)
    at = [header.index(column) for column in table.columns]
    for line, row in rows:
        if len(row) != len(header):
            raise TraceError(file, line, f"expected {len(header)} values, got {len(row)}")
        table.add(line, [row[i] for i in at])
    return table.found


def read_parquet(file: str, elements: tuple[str, ...]) -> dict[str, Samples]:
    """Samples by name of the elements wanted, in order of first appearance; errors count rows, not lines."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with opened(file) as stream:
            source = pq.ParquetFile(pa.PythonFile(stream, mode="r"))
            table = _Table(file, 0, source.schema_arrow.names, elements)
            row = 0
            for batch in source.iter_batches(columns=table.columns):
                for values in zip(*(batch.column(name).to_pylist() for name in table.columns), strict=True):
                    row += 1
                    table.add(row, values)
    except pa.ArrowException as error:
        raise TraceError(file, 0, f"expected a Parquet file: {str(error).splitlines()[0]}") from error
    return table.found


class _Table:
    """Gathers samples from rows; `columns` are the ones it wants, in the order in which it wants their values."""

    def __init__(self, file: str, line: int, header: Sequence[str], elements: tuple[str, ...]) -> None:
        self.found: dict[str, Samples] = {}
        self._file = file
        time = [name for name in ("timestep_time", "time") if name in header]
        named = [(element, [f"{element}_{axis}" for axis in ("id", "x", "y")]) for element in elements]
        groups = [(element, names) for element, names in named if set(names) <= set(header)]
        if not groups and {"id", "x", "y"} <= set(header):
            groups = [("vehicle", ["id", "x", "y"])]
        if not time or not groups:
            wanted = " or ".join(", ".join(names) for _, names in named)
            got = ", ".join(header) or "nothing"
            raise TraceError(file, line, f"expected columns timestep_time and {wanted}; got {got}")
        self._elements = [element for element, _ in groups]
        others = [f"{element}_id" for element in ELEMENTS if element not in elements]
        self.columns = [time[0], *(name for _, names in groups for name in names), *(c for c in others if c in header)]

    def add(self, line: int, values: Sequence[object]) -> None:
        """One row; it holds one vehicle, one person or one container."""
        for i, element in enumerate(self._elements):
            name, x, y = values[1 + 3 * i : 4 + 3 * i]
            if name is None or name == "":
                continue
            numbers = [
                number(self._file, line, what, value) for what, value in zip(AXES, (values[0], x, y), strict=True)
            ]
            key = str(name) if element == "vehicle" else f"{element} {name}"
            self.found.setdefault(key, Samples()).add(self._file, line, key, *numbers)
            return
        if not any(values[1 + 3 * len(self._elements) :]):
            raise TraceError(self._file, line, f"expected a name of a {' or '.join(self._elements)}, got nothing")
