"""Plain CSV traces: a header, then one line for each sample of a user.

    time_s,ue,x_m,y_m
    0.0,car,12.5,-3.0

The columns may stand in any order, others are not read; empty lines and lines that begin with # are skipped. Times of
one user ascend.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from typing import Literal

from .base import mobility
from .courses import Course
from .trace import SampledTraceConfig, Samples, TraceConfig, TraceError, TraceModel, number, sampled_courses, text_lines

COLUMNS = ("time_s", "ue", "x_m", "y_m")


class CsvTraceConfig(SampledTraceConfig):
    """Users that follow a CSV file with the columns time_s, ue, x_m and y_m."""

    kind: Literal["csv_trace"] = "csv_trace"
    """Name of the model."""


@mobility.register("csv_trace")
class CsvTrace(TraceModel):
    """Users that follow a CSV file with the columns time_s, ue, x_m and y_m."""

    Config = CsvTraceConfig

    def _read(self, config: TraceConfig) -> Mapping[str, Course]:
        assert isinstance(config, CsvTraceConfig)
        rows = csv_rows(config.file, ",")
        line, header = next(rows, (1, []))
        for column in COLUMNS:
            if header.count(column) != 1:
                raise TraceError(config.file, line, f"expected a header {','.join(COLUMNS)}, but '{column}' is missing")
        at = [header.index(column) for column in COLUMNS]
        found: dict[str, Samples] = {}
        for line, row in rows:
            if len(row) != len(header):
                raise TraceError(config.file, line, f"expected {len(header)} values, got {len(row)}")
            time, name, x, y = (row[i] for i in at)
            if not name:
                raise TraceError(config.file, line, "expected a name for ue, got nothing")
            time_s = number(config.file, line, "time_s", time)
            x_m, y_m = number(config.file, line, "x_m", x), number(config.file, line, "y_m", y)
            found.setdefault(name, Samples()).add(config.file, line, name, time_s, x_m, y_m)
        return sampled_courses(config, found)


def csv_rows(file: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Rows of a CSV file with their lines, values stripped; without empty lines and comments."""
    for line, text in text_lines(file):
        if text.strip() and not text.startswith("#"):
            try:
                yield line, [value.strip() for value in next(csv.reader([text], delimiter=separator))]
            except csv.Error as error:
                raise TraceError(file, line, f"expected values separated by '{separator}': {error}") from error
