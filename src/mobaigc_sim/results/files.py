"""Files and folders that are either there whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .tables import ResultsError


def replace_with(path: Path, write: Callable[[Path], object], owner: str = "") -> None:
    """Let `write` fill a temporary file beside `path`, make it durable, then give it its name.

    Processes that may write the same file at the same time each need an `owner` of their own.
    """
    temporary = path.with_name(f".{path.name}{owner}.tmp")
    write(temporary)
    with temporary.open("rb+") as handle:
        os.fsync(handle.fileno())
    os.replace(temporary, path)


def replace_folder(part: Path, folder: Path) -> None:
    """Give the complete folder `part` the name `folder`; what had it goes, but not before."""
    old = _old(folder)
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    part.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def recovered_folder(folder: Path) -> Path:
    """The folder, under its name again if `replace_folder` was stopped halfway."""
    if not folder.exists() and _old(folder).exists():
        _old(folder).rename(folder)
    return folder


def _old(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.old")


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write strict JSON atomically, keys in the order given."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    replace_with(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file; raises ResultsError for anything else."""
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as reason:
        raise ResultsError(f"{path}: expected JSON, but {reason}") from reason
    return content
