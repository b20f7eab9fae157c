"""A content-addressed disk cache of arrays: what was computed once from equal inputs is read back.

Entries are written under a temporary name and renamed, so concurrent writers of one key are harmless; a broken
entry counts as missing.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]


def digest(*parts: Any) -> str:
    """SHA-256 over JSON-able values and bytes, in order."""
    found = hashlib.sha256()
    for part in parts:
        raw = part if isinstance(part, bytes) else json.dumps(part, sort_keys=True).encode()
        found.update(len(raw).to_bytes(8, "little"))
        found.update(raw)
    return found.hexdigest()


class DiskCache:
    """Arrays by key, at most `limit_bytes` on disk; the entries read or written longest ago go first."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self.folder = folder
        self.limit_bytes = limit_bytes
        folder.mkdir(parents=True, exist_ok=True)
        self._written_bytes = 0

    def get(self, key: str) -> Arrays | None:
        """The arrays of the key, or None."""
        path = self._path(key)
        try:
            with np.load(path, allow_pickle=False) as stored:
                found = {name: stored[name] for name in stored.files}
            os.utime(path)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            return None
        return found

    def put(self, key: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Store arrays under the key."""
        path = self._path(key)
        path.parent.mkdir(exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as part:
            np.savez(part, allow_pickle=False, **arrays)
        os.replace(part.name, path)
        self._written_bytes += path.stat().st_size
        if self._written_bytes > self.limit_bytes // 16:
            self._written_bytes = 0
            self.shrink()

    def shrink(self) -> None:
        """Remove the entries used longest ago until the rest fits the limit."""
        entries = []
        for path in self.folder.glob("*/*.npz"):
            try:
                stat = path.stat()
            except FileNotFoundError:
                continue
            entries.append((stat.st_mtime_ns, stat.st_size, path))
        total = sum(size for _, size, _ in entries)
        for _, size, path in sorted(entries):
            if total <= self.limit_bytes:
                break
            path.unlink(missing_ok=True)
            total -= size

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.npz"
