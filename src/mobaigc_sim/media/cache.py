"""A content-addressed disk cache of arrays: what was computed once from equal inputs is read back.

An entry is a BLAKE2b sum over key and content, then the arrays as safetensors. It is written under a temporary name
and renamed, so a reader sees a whole entry or none; one that the disk damaged all the same counts as missing. The total
stands in the lock file and changes only under the lock, so the limit holds however many processes write at once. It is
raised before an entry appears: a writer that is killed in between leaves it too high, which the next count mends.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from ..errors import MobaigcError

_SUM_BYTES = 16
_ROOM_AFTER_SHRINK = 1 / 8
_DEAD_WRITER_S = 3600.0


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
    """Arrays by key, at most `limit_bytes` of entries on disk; those read or written longest ago go first."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self.folder = folder
        self.limit_bytes = limit_bytes
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
            entry = path.read_bytes()
        except OSError:
            return None
        content = entry[_SUM_BYTES:]
        if entry[:_SUM_BYTES] != _checksum(key, content):
            return None
        try:
            found: Arrays = load(content)
        except (SafetensorError, ValueError, KeyError):
            return None
        with suppress(OSError):
            os.utime(path)
        return found

    def put(self, key: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Store arrays under the key; an entry larger than the limit is not stored.

        Raises CacheError when the disk refuses.
        """
        content = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
        size = len(content) + _SUM_BYTES
        if size > self.limit_bytes:
            return
        path = self._path(key)
        part = None
        try:
            path.parent.mkdir(exist_ok=True)
            handle, part = tempfile.mkstemp(dir=path.parent, suffix=".part")
            with open(handle, "wb") as file:
                file.write(_checksum(key, content) + content)
            with self._locked() as total:
                replaced = path.stat().st_size if path.exists() else 0
                total.bytes += size - replaced
                if total.bytes > self.limit_bytes:
                    total.bytes = size + self._remove_oldest(int(self.limit_bytes * (1 - _ROOM_AFTER_SHRINK)) - size)
                total.write()
                os.replace(part, path)
        except OSError as reason:
            if part is not None:
                with suppress(OSError):
                    os.unlink(part)
            raise CacheError(f"the cache folder {self.folder} cannot be written: {reason.strerror}") from reason

    def shrink(self) -> None:
        """Count the entries again, and remove those used longest ago until the rest fits the limit.

        Raises CacheError when the disk refuses.
        """
        try:
            with self._locked() as total:
                total.bytes = self._remove_oldest(self.limit_bytes)
                total.write()
        except OSError as reason:
            raise CacheError(f"the cache folder {self.folder} cannot be written: {reason.strerror}") from reason

    def _remove_oldest(self, limit_bytes: int) -> int:
        """Bytes of the entries that stay; what dead writers left behind goes too."""
        entries = []
        for path in self.folder.glob("*/*"):
            try:
                stat = path.stat()
            except FileNotFoundError:
                continue
            if path.suffix != ".part":
                entries.append((stat.st_mtime_ns, stat.st_size, path))
            elif stat.st_mtime < time.time() - _DEAD_WRITER_S:
                path.unlink(missing_ok=True)
        total = sum(size for _, size, _ in entries)
        for _, size, path in sorted(entries):
            if total <= limit_bytes:
                break
            path.unlink(missing_ok=True)
            total -= size
        return total

    @contextmanager
    def _locked(self) -> Iterator[_Total]:
        handle = os.open(self.folder / "total_bytes.lock", os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield _Total(handle)
        finally:
            os.close(handle)

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / key


class _Total:
    """Bytes of all entries, as the lock file has them; whoever holds the lock may change them."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self.bytes = int.from_bytes(os.pread(handle, 8, 0), "little")

    def write(self) -> None:
        os.pwrite(self._handle, max(0, self.bytes).to_bytes(8, "little"), 0)


def _checksum(key: str, content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_SUM_BYTES, key=key.encode()[:64]).digest()
