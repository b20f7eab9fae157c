"""The slot kernel, compiled: what `plain_downlink` does with arrays of numpy, done by loops that numba compiles.

The functions change a `state.State` in place.
"""

from __future__ import annotations

from ...kernel import lean
from ...kernel.compiled_cache import compiled_cache, sources
from .. import adaptation, capacity, csi, decibels, olla, tables

SOURCES = sources(__file__, (lean, adaptation, capacity, csi, decibels, olla, tables))
"""Files that the compiled code is made of."""

with compiled_cache(SOURCES):
    # every function fixes the folder of its cache while its module loads
    from . import air, blocks, loop, reports

__all__ = ["SOURCES", "air", "blocks", "loop", "reports"]
