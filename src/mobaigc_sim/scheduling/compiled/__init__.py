"""Loops of the schedulers that numba compiles: weights to blocks, the priced rule, the observation of learned ones."""

from __future__ import annotations

from ...kernel import lean
from ...kernel.compiled_cache import compiled_cache, sources
from .. import tokens

SOURCES = sources(__file__, (lean, tokens))
"""Files that the compiled code is made of."""

with compiled_cache(SOURCES):
    from . import blocks, features, price, weigh

__all__ = ["SOURCES", "blocks", "features", "price", "weigh"]
