"""Configuration of the simulated server, of the phone and of the link layer between them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..registry import FrozenConfig
from ..units import Bytes, Nanoseconds, PositiveNanoseconds


class GenerationTimeConfig(FrozenConfig):
    """Time a worker spends on one batch: `base` + `per_image` × images; a device model, not the speed of the host."""

    base: Nanoseconds = 300_000_000
    """Time of a batch whatever its size."""
    per_image: Nanoseconds = 50_000_000
    """Further time for each image of the batch."""


class RlcConfig(FrozenConfig):
    """Radio link control: what happens to a packet whose transport block is lost (TS 38.322)."""

    mode: Literal["am", "um"] = "am"
    """`am` sends lost segments again, `um` gives them up."""
    max_retx: Annotated[int, Field(ge=0, le=32)] = 4
    """Lost transport blocks after which a packet is given up, in mode `am` (like maxRetxThreshold of TS 38.331, which
    would declare a radio link failure)."""
    buffer: Annotated[Bytes, Field(ge=1)] | None = None
    """Bytes that may wait for one user; a packet that does not fit is given up. Left out, there is no limit."""


class ServiceConfig(FrozenConfig):
    """The server that generates, the buffer that waits for the radio, the phone that recovers."""

    gpu_workers: Annotated[int, Field(ge=1)] = 1
    """Batches generated at the same time."""
    batch: Annotated[int, Field(ge=1)] = 4
    """Requests that may share one generation batch."""
    generation_time: GenerationTimeConfig = GenerationTimeConfig()
    """Simulated time of a generation batch."""
    recovery_time: Nanoseconds = 20_000_000
    """Simulated time the phone spends to recover one image."""
    rlc: RlcConfig = RlcConfig()
    """Retransmission above HARQ."""
    allocation_interval: PositiveNanoseconds = 10_000_000
    """Time between two decisions of schedulers that decide for all users together; whole slots."""
    pf_window: PositiveNanoseconds = 100_000_000
    """Time constant of the exponential average of the rate granted, which schedulers see."""


class RewardConfig(FrozenConfig):
    """What a run is worth to a scheduler that learns, and how schedulers are compared.

    Σ over requests of [worth − latency · (time taken / deadline) − failure · failed] − band · (share of the resource
    blocks used), the last a decision interval. A failed request counts as one that took until its deadline.
    """

    tolerance: Annotated[float, Field(gt=0)] = 0.03
    """JPSQ below that of the whole picture at which an image is worth nothing; at none below, it is worth 1."""
    latency: Annotated[float, Field(ge=0)] = 0.3
    """Cost of a request that takes until its deadline."""
    failure: Annotated[float, Field(ge=0)] = 1.0
    """Cost of a request of which nothing can be shown."""
    band: Annotated[float, Field(ge=0)] = 0.02
    """Cost of an interval in which every block is used."""


class ResultsConfig(FrozenConfig):
    """What is kept of a run besides its tables of requests and transport blocks."""

    images: Annotated[int, Field(ge=0)] = 24
    """Requests, spread over the run, whose pictures are kept."""
    users_period: PositiveNanoseconds = 100_000_000
    """Time between two rows of the table of users' positions and channels."""
