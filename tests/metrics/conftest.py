"""Small tables, filled up with defaults."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from mobaigc_sim.results import TABLES, Run

MakeRun = Callable[..., Run]
DEFAULTS = {"int64": 0, "int32": 0, "double": 0.0, "string": "", "bool": False}


@pytest.fixture(scope="session")
def make_run() -> MakeRun:
    """A run of 10 s with 2 s of warm-up from lists of partly filled rows."""

    def make(**rows: list[dict[str, Any]]) -> Run:
        frames = {}
        for name, table in TABLES.items():
            default = {c.name: DEFAULTS[str(c.type)] for c in table.columns}
            filled = [{**default, **row} for row in rows.get(name, [])]
            empty = table.schema().empty_table().to_pandas()
            frames[name] = pd.DataFrame(filled).astype(empty.dtypes) if filled else empty
        return Run({"warmup_ns": 2 * 10**9, "duration_ns": 10 * 10**9}, frames)

    return make
