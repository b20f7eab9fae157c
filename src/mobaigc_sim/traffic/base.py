"""The contract of every arrival process.

Shapes: N requests of one user.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from ..registry import Registry

traffic = Registry("traffic")


class ArrivalProcess(ABC):
    """When one user asks; constructed as `Process(config)`, shared by all users, without a state of its own."""

    @abstractmethod
    def __init__(self, config: BaseModel) -> None: ...

    @abstractmethod
    def times_ns(self, rng: np.random.Generator, duration_ns: int) -> NDArray[np.int64]:
        """Times (N,) of the requests of one user, ascending, in [0, duration_ns).

        `rng` is the user's own generator, at its start. A longer duration only adds times at the end.
        """
