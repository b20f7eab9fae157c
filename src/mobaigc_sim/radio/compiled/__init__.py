"""The slot kernel, compiled: what `plain_downlink` does with arrays of numpy, done by loops that numba compiles.

The functions change a `state.State` in place. Numba takes a compiled function for current as long as the one file it
stands in is unchanged; these functions call each other across files and use constants of others. Their compiled code
therefore lies in a folder named after the content of all of them, in the user's cache unless NUMBA_CACHE_DIR is set.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numba

from .. import adaptation, capacity, csi, decibels, olla, tables


def _cache_folder() -> str:
    sources = [*Path(__file__).parent.glob("*.py"), *(Path(str(m.__file__)) for m in _CONSTANTS_FROM)]
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sorted(sources))).hexdigest()[:16]
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return str(Path(root) / "mobaigc_sim" / f"kernel-{digest}")


_CONSTANTS_FROM = (adaptation, capacity, csi, decibels, olla, tables)
_settings: Any = numba.config
_before = _settings.CACHE_DIR
if not _before:
    _settings.CACHE_DIR = _cache_folder()
try:
    # every function fixes the folder of its cache while its module loads
    from . import air, blocks, loop, reports
finally:
    _settings.CACHE_DIR = _before

__all__ = ["air", "blocks", "loop", "reports"]
