"""The table of raw scores and the curves of training, written and read again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import MobaigcError
from ..results.files import replace_with

CURVES = "curves.csv"
_NOTES = b"mobaigc.notes"


def write_scores(scores: pd.DataFrame, notes: Sequence[str], path: Path) -> None:
    """Write scores as Parquet, what was left out beside them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pandas(scores, preserve_index=False)
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), _NOTES: json.dumps(list(notes))})
    replace_with(path, lambda temporary: pq.write_table(table, temporary))


def read_scores(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """Scores and notes; MobaigcError for a file that has none."""
    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        raise MobaigcError(f"{path}: no such file; evaluate without --from-scores first") from None
    except pa.ArrowInvalid as error:
        raise MobaigcError(f"{path}: not a Parquet file: {error}") from None
    metadata = table.schema.metadata or {}
    if _NOTES not in metadata:
        raise MobaigcError(f"{path}: not a table of scores")
    return table.to_pandas(), json.loads(metadata[_NOTES])


def write_curves(curves: pd.DataFrame, path: Path) -> None:
    """Write curves of training as CSV, if there are any."""
    if len(curves):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_with(path, lambda temporary: curves.to_csv(temporary, index=False, float_format="%.6g"))


def read_curves(path: Path) -> pd.DataFrame:
    """What `write_curves` wrote; nothing where there is no such file."""
    return pd.read_csv(path) if path.is_file() else pd.DataFrame()
