"""A hash of what a table says, whatever way its rows were cut into files.

Each column is hashed on its own over its values in row order, in one canonical form (little endian integers and IEEE
754 doubles with one NaN, one byte a truth value, length and UTF-8 bytes of text); the hash of the table is
SHA-256 over its row count and, in order, each column's name, type and hash. Parquet encodings and metadata have no part
in it.
"""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pyarrow as pa

from .tables import ResultsError


class ContentHasher:
    """Running content hash of one table; feed it the parts in order."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._hashers = [hashlib.sha256() for _ in schema]
        self.rows = 0

    def update(self, part: pa.Table) -> None:
        """Take in further rows.

        Raises ResultsError when columns or types differ from the schema, or when a value is missing.
        """
        if part.schema.names != self._schema.names or part.schema.types != self._schema.types:
            raise ResultsError(f"expected the columns {self._schema.names}, got {part.schema.names} or other types")
        self.rows += part.num_rows
        for hasher, column in zip(self._hashers, part.columns, strict=True):
            if column.null_count:
                raise ResultsError("a value is missing, and tables have none")
            for chunk in column.chunks:
                hasher.update(_canonical(chunk))

    def hexdigest(self) -> str:
        """The content hash of all rows so far."""
        columns = [
            [field.name, str(field.type), hasher.hexdigest()]
            for field, hasher in zip(self._schema, self._hashers, strict=True)
        ]
        return hashlib.sha256(json.dumps([self.rows, columns], separators=(",", ":")).encode()).hexdigest()


def content_hash(table: pa.Table) -> str:
    """The content hash of a whole table."""
    hasher = ContentHasher(table.schema)
    hasher.update(table)
    return hasher.hexdigest()


def _canonical(chunk: pa.Array) -> bytes:
    if pa.types.is_string(chunk.type):
        texts = [text.encode() for text in chunk.to_pylist()]
        return b"".join(len(text).to_bytes(8, "little") + text for text in texts)
    values = chunk.to_numpy(zero_copy_only=False)
    if pa.types.is_boolean(chunk.type):
        return bytes(values.astype(np.uint8).tobytes())
    if pa.types.is_floating(chunk.type):
        values = np.where(np.isnan(values), np.nan, values)
    return bytes(values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes())
