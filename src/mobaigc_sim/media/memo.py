"""What a step of the media stack computes once: it asks the disk cache first, where there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from .cache import Arrays, DiskCache
from .config import CacheConfig


class Memo:
    """Results by key; without a disk cache, equal keys are computed once within a call and then forgotten."""

    def __init__(self, config: CacheConfig | None, batch: int) -> None:
        """`batch`: how many results are computed together at most. Raises CacheError for an unusable folder."""
        self._disk = None if config is None else DiskCache(Path(config.folder).expanduser(), config.limit)
        self._batch = batch

    def once(self, key: str, check: Callable[[], None]) -> None:
        """Run a check unless the disk says that it passed."""
        if self._disk is None or self._disk.get(key) is None:
            check()
            self._put(key, {})

    def arrays(self, keys: Sequence[str], compute: Callable[[list[int]], Iterable[Arrays]]) -> list[Arrays]:
        """The arrays of each key, in order; `compute` gets the places of those nobody knows, each key once."""
        found: dict[str, Arrays] = {}
        todo: dict[str, int] = {}
        for i, key in enumerate(keys):
            if key in found or key in todo:
                continue
            known = None if self._disk is None else self._disk.get(key)
            if known is None:
                todo[key] = i
            else:
                found[key] = known
        unknown = list(todo)
        for start in range(0, len(unknown), self._batch):
            part = unknown[start : start + self._batch]
            for key, arrays in zip(part, compute([todo[k] for k in part]), strict=True):
                found[key] = arrays
                self._put(key, arrays)
        return [found[key] for key in keys]

    def _put(self, key: str, arrays: Arrays) -> None:
        if self._disk is not None:
            self._disk.put(key, arrays)
