"""Loops of the schedulers that numba compiles: shares to blocks, the priced rule, the observation of learned ones."""

from __future__ import annotations

from ...kernel.compiled_cache import compiled_cache, sources
from .. import tokens

SOURCES = sources(__file__, (tokens,))
"""Files that the compiled code is made of."""

with compiled_cache(SOURCES):
    from . import features, price, share

__all__ = ["SOURCES", "features", "price", "share"]
