"""A cache folder for compiled functions that is named after the sources they are made of.

Numba takes a compiled function for current as long as the one file it stands in is unchanged. Where functions call each
other across files and use constants of others, their compiled code has to lie in a folder named after all of them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numba


def sources(package: str, modules: Iterable[Any] = ()) -> list[Path]:
    """The files that compiled code of a package is made of: those beside its `__init__` file, and some modules."""
    return [*Path(package).parent.glob("*.py"), *(Path(str(module.__file__)) for module in modules)]


@contextmanager
def compiled_cache(files: Iterable[Path]) -> Iterator[None]:
    """Functions of modules imported inside are cached in the user's cache, unless NUMBA_CACHE_DIR names a place."""
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(files))).hexdigest()[:16]
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    settings: Any = numba.config
    before = settings.CACHE_DIR
    if not before:
        settings.CACHE_DIR = str(Path(root) / "mobaigc_sim" / f"kernel-{digest}")
    try:
        yield
    finally:
        settings.CACHE_DIR = before
