"""Tabulated traces on disk, so that they are computed once for all training runs; arrays only, no pickle.

A file holds the content of the bank, the grid of keep ratios and every trace; its name has a hash of the scenarios, of
the bank and of this package's version.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cell.compiled.state import Content, Trace
from ..cell.world import TracePool
from ..results.files import replace_with
from ..scenario.dump import scenario_hash
from ..scenario.schema import Scenario
from ..version import __version__


@dataclass(frozen=True)
class PoolFile:
    """A pool on disk; `scenario` is that of its first trace."""

    path: Path
    scenario: Scenario = field(compare=False)

    def load(self) -> TracePool:
        """The pool; the one loaded last is kept."""
        return _load(self)

    @property
    def digest(self) -> str:
        """What the scenarios, the bank and the version amount to."""
        return self.path.stem.rpartition("-")[2]


def cached_pool(scenarios: Sequence[Scenario], folder: Path, name: str) -> PoolFile:
    """The pool of scenarios in `folder`, computed unless it is there.

    Raises MobaigcError for scenarios that make no pool.
    """
    found = PoolFile(folder / f"{name}-{pool_digest(scenarios)}.npz", scenarios[0])
    if not found.path.is_file():
        pool = TracePool.of(scenarios)
        folder.mkdir(parents=True, exist_ok=True)
        replace_with(found.path, lambda path: _write(path, pool), f".{os.getpid()}")
    return found


def pool_digest(scenarios: Sequence[Scenario]) -> str:
    """What scenarios, their bank and the version of this package amount to."""
    told = {"version": __version__, "scenarios": [scenario_hash(_wherever(scenario)) for scenario in scenarios]}
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def _wherever(scenario: Scenario) -> Scenario:
    """The scenario with what its bank holds in place of where that lies, as far as there is a bank."""
    manifest = Path(scenario.media.bank or "", "manifest.json")
    if not manifest.is_file():
        return scenario
    content = hashlib.sha256(manifest.read_bytes()).hexdigest()
    return scenario.model_copy(update={"media": scenario.media.model_copy(update={"bank": content})})


def _write(path: Path, pool: TracePool) -> None:
    arrays: dict[str, NDArray[Any]] = {f"content.{name}": array for name, array in pool.content._asdict().items()}
    arrays["keep_grid"] = pool.keep_grid
    for k, trace in enumerate(pool.traces):
        arrays |= {f"{k}.{name}": array for name, array in trace._asdict().items()}
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


@lru_cache(maxsize=2)
def _load(pool: PoolFile) -> TracePool:
    with np.load(pool.path, allow_pickle=False) as file:
        arrays = dict(file)
    count = sum(name.endswith(f".{Trace._fields[0]}") for name in arrays)
    return TracePool(
        pool.scenario,
        Content(*(arrays[f"content.{name}"] for name in Content._fields)),
        arrays["keep_grid"],
        tuple(Trace(*(arrays[f"{k}.{name}"] for name in Trace._fields)) for k in range(count)),
    )
