"""Writes one run to one folder while it runs.

Records of the topics `requests`, `slots`, `transport_blocks`, `users`, `events` and `files` fill columns; every so many
rows these become a Parquet part. A part, an image and the manifest take their name only when they are whole, and the
manifest says `complete` only after everything else is written: whatever kills the run, a reader can tell.
"""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import nearest
from ..kernel.probes import Probes, Record
from . import images
from .contenthash import ContentHasher
from .files import read_json, replace_with, write_json
from .manifest import COMPLETE, INTERRUPTED, MANIFEST, RunInfo, start_manifest
from .tables import TABLES, ResultsError, Table

PART_ROWS: Mapping[str, int] = {
    "requests": 500, "slots": 50_000, "transport_blocks": 200_000, "users": 50_000, "events": 2_000, "files": 10_000,
}  # fmt: skip


class RunWriter:
    """Subscribes to the probes and keeps what they say; use it as a context manager, or call `close`.

    `part_rows`: rows a part, one number for all tables or one a table. `image_every`: images of the requests whose
    number is a multiple of it are kept; 0 keeps none (and then nobody listens to the topic `images`).
    Raises ResultsError when the folder holds anything but an incomplete run of the same scenario, seed and replication;
    such a run is discarded.
    """

    def __init__(
        self,
        folder: str | Path,
        probes: Probes,
        info: RunInfo,
        *,
        part_rows: int | Mapping[str, int] = PART_ROWS,
        image_every: int = 1,
    ) -> None:
        self.folder = Path(folder)
        self.info = info
        _prepare(self.folder, info)
        self._started = time.monotonic()
        self._manifest = start_manifest(info)
        write_json(self.folder / MANIFEST, self._manifest)
        (self.folder / "scenario.yaml").write_text(info.scenario_text, encoding="utf-8")
        self._images = self.folder / images.FOLDER
        self._images.mkdir()
        self._image_every = image_every
        self._log = (self.folder / "log.jsonl").open("a", encoding="utf-8", buffering=1)
        self._closed = False
        rows = {**PART_ROWS, **part_rows} if isinstance(part_rows, Mapping) else dict.fromkeys(TABLES, part_rows)
        self._tables = {name: _TableWriter(self.folder, table, rows[name]) for name, table in TABLES.items()}
        for name, table_writer in self._tables.items():
            probes.subscribe(name, table_writer.append)
        if image_every:
            probes.subscribe("images", self._on_image)
        self.log("started", **info.identity())

    def log(self, message: str, **facts: Any) -> None:
        """Add a line to `log.jsonl`, with the wall time since the start."""
        line = {"wall_s": round(time.monotonic() - self._started, 3), "message": message, **facts}
        self._log.write(json.dumps(line, ensure_ascii=False) + "\n")

    def flush(self) -> None:
        """Write the rows that are still in memory, as a part for each table that has any."""
        for table_writer in self._tables.values():
            table_writer.flush()

    def close(self, summary: Mapping[str, Any] | None = None) -> None:
        """Write what is left, the summary if there is one, and, last of all, the manifest of a complete run."""
        if self._closed:
            return
        self.flush()
        if summary is not None:
            write_json(self.folder / "summary.json", _without_nan(summary))
        self._end(COMPLETE)

    def _end(self, status: str) -> None:
        self._closed = True
        for table_writer in self._tables.values():
            table_writer.closed = True
        self.log(status)
        self._log.close()
        facts = {
            "status": status,
            "wall_s": round(time.monotonic() - self._started, 3),
            "tables": {name: table_writer.facts() for name, table_writer in self._tables.items()},
        }
        write_json(self.folder / MANIFEST, {**self._manifest, **facts})

    def _on_image(self, record: Record) -> None:
        if int(record["request"]) % self._image_every == 0:
            images.save_image(self._images, images.from_record(record))

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if error is None:
            self.close()
        elif not self._closed:
            for table_writer in self._tables.values():
                with suppress(ResultsError):
                    table_writer.flush()
            self.log("error", kind=type(error).__name__, text=str(error))
            self._end(INTERRUPTED)


class _TableWriter:
    """Columns of one table until they are a part."""

    def __init__(self, folder: Path, table: Table, part_rows: int) -> None:
        self._folder, self._table, self._part_rows = folder, table, part_rows
        self._schema = table.schema()
        self._names = frozenset(self._schema.names)
        self._columns: dict[str, list[Any]] = {name: [] for name in self._schema.names}
        self._appends = [(name, column.append) for name, column in self._columns.items()]
        self._first = self._columns[self._schema.names[0]]
        self._hasher = ContentHasher(self._schema)
        self._parts = 0
        self.closed = False

    def append(self, record: Record) -> None:
        """Take a record with exactly the columns of the table."""
        if record.keys() != self._names:
            raise ResultsError(self._misfit(record))
        if self.closed:
            raise ResultsError(f"{self._table.name}: a record came after the run was closed")
        for name, append in self._appends:
            append(record[name])
        if len(self._first) >= self._part_rows:
            self.flush()

    def flush(self) -> None:
        """Write the rows in memory as the next part."""
        if not self._first:
            return
        part = pa.Table.from_arrays([self._array(i) for i in range(len(self._schema))], schema=self._schema)
        path = self._folder / f"{self._table.name}-{self._parts:05d}.parquet"
        replace_with(path, lambda temporary: pq.write_table(part, temporary, compression="zstd"))
        self._hasher.update(part)
        self._parts += 1
        for column in self._columns.values():
            column.clear()

    def facts(self) -> dict[str, Any]:
        """Rows, parts and content hash of what was written."""
        return {"rows": self._hasher.rows, "parts": self._parts, "content_sha256": self._hasher.hexdigest()}

    def _array(self, i: int) -> pa.Array:
        column = self._table.columns[i]
        values = self._columns[column.name]
        where = f"{self._table.name}.{column.name}"
        if any(value is None for value in values):
            raise ResultsError(f"{where}: a value is missing")
        if not _fits(values, column.type):
            raise ResultsError(f"{where}: expected values of type {column.type}, got for example {values[-1]!r}")
        if column.allowed and (strange := set(values) - set(column.allowed)):
            raise ResultsError(f"{where}: expected one of {column.allowed}, got {sorted(strange)}")
        return pa.array(values, column.type)

    def _misfit(self, record: Record) -> str:
        parts = []
        if missing := sorted(self._names - record.keys()):
            parts.append(f"lacks {', '.join(missing)}")
        for name in sorted(record.keys() - self._names):
            best = nearest(name, self._names)
            parts.append(f"has the unknown column '{name}'" + (f" (did you mean '{best}'?)" if best else ""))
        return f"{self._table.name}: a record " + " and ".join(parts)


def _fits(values: list[Any], kind: pa.DataType) -> bool:
    """Whether the values have the column's type; arrow alone would cut 1.5 to 1."""
    if pa.types.is_string(kind):
        return all(isinstance(value, str) for value in values)
    allowed = "b" if pa.types.is_boolean(kind) else "iu" if pa.types.is_integer(kind) else "iuf"
    return np.asarray(values).dtype.kind in allowed


def _prepare(folder: Path, info: RunInfo) -> None:
    """Make the folder ready for a new run, or refuse."""
    folder.mkdir(parents=True, exist_ok=True)
    manifest = folder / MANIFEST
    present = {path.name for path in folder.iterdir()} - {f".{MANIFEST}.tmp"}
    if not present:
        return
    if not manifest.is_file():
        raise ResultsError(f"{folder}: is not empty and holds no run; choose a new folder")
    found = read_json(manifest)
    if found.get("status") == COMPLETE:
        raise ResultsError(f"{folder}: holds a complete run; choose a new folder, or remove this one")
    if {key: found.get(key) for key in info.identity()} != info.identity():
        raise ResultsError(f"{folder}: holds an incomplete run of another scenario, seed or replication")
    for name in TABLES:
        for path in (*folder.glob(f"{name}-*.parquet"), *folder.glob(f".{name}-*.parquet.tmp")):
            path.unlink()
    for name in (images.FOLDER, "figures"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in ("log.jsonl", "summary.json", "scenario.yaml"):
        (folder / name).unlink(missing_ok=True)


def _without_nan(value: Any) -> Any:
    """The same content with `null` for NaN and infinity, which JSON does not know."""
    if isinstance(value, Mapping):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
