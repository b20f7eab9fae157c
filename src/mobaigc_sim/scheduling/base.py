"""The contract of every scheduler: arrays in, arrays out, no handle on the simulator.

Shapes: U users with data waiting, B resource blocks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..registry import Registry

schedulers = Registry("schedulers")

NO_DEADLINE_NS = np.iinfo(np.int64).max
"""Slack of a user whose data may come at any time."""


@dataclass(frozen=True)
class SlotState:
    """What a scheduler may know when it divides the band of one slot.

    The users listed are those with data for new transmission and a free HARQ process; `prb_free_B` excludes
    blocks already taken by retransmissions.
    """

    now_ns: int
    slot_ns: int
    ue_U: NDArray[np.int64]
    """Identity of each user, ascending as the cell lists them; a scheduler follows the identity, not the place."""
    bits_per_prb_UB: NDArray[np.float64]
    """Bits that one block is expected to carry in this slot, from the latest channel report."""
    backlog_bits_U: NDArray[np.int64]
    """Bits waiting, transport overhead included."""
    mean_rate_bps_U: NDArray[np.float64]
    """Exponential average of the rate granted so far: new-data bits scheduled, acknowledged later or not.

    It counts every slot, also those in which the user got nothing; the window is the cell's.
    """
    deadline_slack_ns_U: NDArray[np.int64]
    """Time left to the deadline of the request in service; NO_DEADLINE_NS where there is none."""
    head_wait_ns_U: NDArray[np.int64]
    """Time since the images of the request in service were generated, 0 where there is none."""
    prb_free_B: NDArray[np.bool_]


@dataclass(frozen=True)
class Allocation:
    """Who owns each resource block: `owner_B` indexes the users of the SlotState, −1 is nobody."""

    owner_B: NDArray[np.int64]


@dataclass(frozen=True)
class ContentView:
    """What a scheduler may know when it decides how much of a request's images to send."""

    now_ns: int
    ue: int
    deadline_slack_ns: int
    bytes_at_keep: NDArray[np.float64]
    """Bytes of the request at each entry of `keep_grid`."""
    keep_grid: NDArray[np.float64]
    importance_at_keep: NDArray[np.float64]
    """Share of the attention mass inside the patches kept, at each entry of `keep_grid`."""
    mean_rate_bps: float
    active_requests: int


class Scheduler(ABC):
    """Divides the band per slot and chooses the keep ratio of each request."""

    reads_content: ClassVar[bool] = False
    """Whether `keep_ratio` looks at the content; measuring it costs several encodings of every image."""

    @abstractmethod
    def allocate(self, state: SlotState) -> Allocation:
        """Owner of each free block.

        Must be work-conserving (no free block idle while a user with data left could use it) and capped by need (no
        block of a user superfluous for its backlog); `fill` and `deal` are both. That holds for the bits expected: they
        are interpolated between the MCS, so a transport block on several resource blocks may carry some per cent less,
        and the remainder waits for the next slot.
        """

    def keep_ratio(self, content: ContentView | None) -> float | None:
        """Share of the patches to offer, in (0, 1]; None leaves the scenario's `media.keep`.

        `content` is None unless the class sets `reads_content`.
        """
        return None

    def model_hashes(self) -> dict[str, str]:
        """SHA-256 of every file of weights that decisions come from, by its name."""
        return {}

    def observe_served(self, ue: int, bits: int, now_ns: int) -> None:  # noqa: B027 (most rules have no use for it)
        """Told of every acknowledged transport block."""
