"""The cell without SimPy, compiled: the same slots, buffers and requests in loops that numba compiles.

It takes scenarios of one cell whose outcomes come from a bank, and gives the same results as `cell.Cell`, bit for bit.
"""

from __future__ import annotations

from ...kernel.compiled_cache import compiled_cache, sources
from ...radio import compiled as radio_kernel
from ...scheduling import compiled as scheduling_kernel
from .. import epochs, rlc

with compiled_cache([*sources(__file__, (epochs, rlc)), *radio_kernel.SOURCES, *scheduling_kernel.SOURCES]):
    from . import look, many, queues, slots, state

__all__ = ["look", "many", "queues", "slots", "state"]
