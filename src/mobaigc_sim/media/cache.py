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
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MobaigcError


class CacheError(MobaigcError):
    """A cache folder that cannot be used."""


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
        self._written_bytes = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
        except OSError as reason:
            raise CacheError(f"the cache folder {folder} cannot be written: {reason.strerror}") from reason
        self.shrink()

    def get(self, key: str) -> Arrays | None:
        """The arrays of the key, or None."""
        path = self._path(key)
        try:
            with np.load(path, allow_pickle=False) as stored:
                found = {name: stored[name] for name in stored.files}
            with suppress(OSError):
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
            self._written_bytes += part.tell()
        os.replace(part.name, path)
        if self._written_bytes > self.limit_bytes // 16:
            self._written_bytes = 0
            self.shrink()

    def shrink(self) -> None:
        """Remove the files used longest ago, those of dead writers included, until the rest fits the limit."""
        entries = []
        for path in self.folder.glob("*/*"):
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
