"""Named random streams: one generator a purpose, so that adding a draw in one place moves no other."""

from __future__ import annotations

import zlib

import numpy as np


class Streams:
    """Generators that depend on (seed, replication, name) only.

    Under common random numbers replication k sees the same mobility, fading and traffic whatever the scheduler.
    """

    def __init__(self, seed: int, replication: int = 0) -> None:
        self.seed = seed
        self.replication = replication

    def rng(self, name: str) -> np.random.Generator:
        """A fresh generator at the start of the named stream."""
        key = (self.replication, zlib.crc32(name.encode()))
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))
