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
from .plan import Plan
from .runs import CURVE, run_folder

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


def read_curves(plan: Plan, out: Path) -> pd.DataFrame:
    """The curves of all runs of a plan, one below the other, with the columns agent and seed before."""
    found = []
    for entry in plan.config.agents:
        for seed in range(entry.seeds):
            path = run_folder(out, entry.name, seed) / CURVE
            if path.is_file():
                curve = pd.read_csv(path)
                curve.insert(0, "agent", entry.name)
                curve.insert(1, "seed", seed)
                found.append(curve)
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()
