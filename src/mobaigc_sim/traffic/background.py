"""Users who load the cells beside those who ask for images: endless data, or files that come at random.

Source: TR 36.814 V9 clause A.2.1.3.1, FTP model 3 as of TR 36.872 clause A.2.1.2: files of a fixed size arrive at each
user as a Poisson process.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..registry import FrozenConfig
from ..units import NS_PER_S, Bytes, PositiveNanoseconds
from .poisson import Poisson, PoissonConfig


class BackgroundConfig(FrozenConfig):
    """Further users, who move like the others and ask for no images."""

    kind: Literal["ftp3", "full_buffer"] = "ftp3"
    """Files that arrive at random, or data without end."""
    users: Annotated[int, Field(ge=1)]
    """Number of these users."""
    file_size: Annotated[Bytes, Field(ge=1)] = 500_000
    """Size of a file of `ftp3`."""
    mean_interval: PositiveNanoseconds = 2 * NS_PER_S
    """Mean time between two files of a user of `ftp3`."""

    def arrivals(self) -> Poisson:
        """The process by which files arrive at a user."""
        return Poisson(PoissonConfig.model_construct(kind="poisson", mean_interval=self.mean_interval))
