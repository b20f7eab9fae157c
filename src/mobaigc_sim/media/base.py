"""What a cell knows of the media room: pictures are asked for, offered as packets, and scored by what arrived.

Two things answer: `stack.MediaStack` runs the models for every request, `bank_stack.BankStack` looks up what a bank
measured. The cell cannot tell them apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from .config import MediaConfig
from .encode import SizesAtKeep


class AnyPicture(Protocol):
    """A picture on the server."""

    @property
    def prompt(self) -> str:
        """What was asked for."""

    @property
    def seed(self) -> int:
        """Seed of the picture."""

    @property
    def whole(self) -> bytes:
        """The picture in one packet, as it is sent with semantics off."""


P = TypeVar("P", bound=AnyPicture)


@dataclass(frozen=True)
class Delivery(Generic[P]):
    """The packets of a picture that reached the phone; the base is among them."""

    picture: P
    packets: list[bytes]


@dataclass(frozen=True)
class Scored:
    """How good what the phone shows is; PSNR in dB, the rest without unit."""

    inpainted: bool
    s: float
    q: float
    jpsq: float
    psnr_db: float
    ssim: float


@dataclass(frozen=True)
class Outcome(Scored):
    """What the phone shows as well: (H, W, 3) pictures and the pixels (H, W) that arrived."""

    received: NDArray[np.uint8]
    known: NDArray[np.bool_]
    recovered: NDArray[np.uint8]


class Media(Protocol):
    """The media room as the cell sees it; pictures pass through the cell unopened."""

    config: MediaConfig
    keep_grid: NDArray[np.float64]
    """Keep ratios at which `content_curve` tells bytes and attention mass, rising."""

    @property
    def held(self) -> Mapping[str, tuple[int, ...]] | None:
        """The seeds of each prompt that requests may ask for; None where anything may be asked for."""

    def check_prompts(self, prompts: Iterable[str]) -> None:
        """Raise MobaigcError for the first prompt that cannot be drawn."""

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> Sequence[Any]:
        """One picture for each (prompt, seed)."""

    def content_curve(self, picture: Any) -> SizesAtKeep:
        """Bytes and attention mass of the picture at every entry of `keep_grid`."""

    def offered_keep(self, keep: float) -> float:
        """The keep ratio that is really offered when `keep` is chosen."""

    def offer(self, picture: Any, keep: float) -> list[bytes]:
        """The packets to send, in order, the base first; one whole picture when semantics are off."""

    def finish(self, deliveries: Sequence[Delivery[Any]]) -> Sequence[Scored]:
        """Recover and score, in order; raises BaseLayerLost where the base is missing."""

    def model_hashes(self) -> dict[str, str]:
        """SHA-256 of every file that shapes the results, by name."""


def nearest_keep(keeps: NDArray[np.float64], keep: float) -> float:
    """The entry of a rising grid nearest to a keep ratio; the smaller of two that are equally near."""
    return float(keeps[np.argmin(np.abs(keeps - keep))])
