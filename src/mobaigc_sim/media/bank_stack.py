"""The media room on a bank: nothing is drawn, encoded or recovered, no model is loaded; outcomes are looked up.

Packets are stand-ins of the true length: the number of the offer, the number of the packet, then zeros.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .bank import WHOLE, Bank, BankError, BankPicture, prompt_missing
from .base import Delivery, Media, Scored, nearest_keep
from .bitstream import BaseLayerLost
from .config import MediaConfig
from .encode import SizesAtKeep


@dataclass(frozen=True, eq=False)
class Stored:
    """A picture of the bank with stand-ins for its packets."""

    found: BankPicture
    keeps: NDArray[np.float64]

    @property
    def prompt(self) -> str:
        """What was asked for."""
        return self.found.prompt

    @property
    def seed(self) -> int:
        """Seed of the picture."""
        return self.found.seed

    @property
    def whole(self) -> bytes:
        """The stand-in of the whole picture in one packet."""
        return self.packets(WHOLE)[0]

    def packets(self, offer: int) -> list[bytes]:
        """Stand-ins of the packets of an offer."""
        sizes = self.found.offers[offer].packet_bytes
        return [bytes((offer, i)).ljust(size, b"\0") for i, size in enumerate(sizes)]

    @cached_property
    def curve(self) -> SizesAtKeep:
        """Bytes and attention mass at each keep ratio of the bank."""
        offers = self.found.offers[WHOLE + 1 :]
        return SizesAtKeep(
            self.keeps,
            np.array([o.packet_bytes[0] for o in offers], np.int64),
            np.array([sum(o.packet_bytes) for o in offers], np.int64),
            np.array([o.attention_mass for o in offers]),
        )


class BankStack:
    """Answers like `MediaStack` from what a bank measured; raises BankError where the two would not agree."""

    def __init__(self, config: MediaConfig) -> None:
        assert config.bank is not None, "the configuration has a bank in mode 'bank'"
        self.config = config
        self.bank = Bank.open(Path(config.bank).expanduser())
        self.bank.check(config)
        self.keep_grid = self.bank.keeps
        self.held = self.bank.held
        self._stored = {key: Stored(picture, self.keep_grid) for key, picture in self.bank.pictures.items()}

    def model_hashes(self) -> dict[str, str]:
        """SHA-256 of the files that measured the bank, and of its manifest."""
        return self.bank.models

    def check_prompts(self, prompts: Iterable[str]) -> None:
        """Raise BankError for the first prompt that the bank does not hold."""
        for prompt in sorted(prompts):
            if prompt not in self.held:
                raise BankError(f"the bank {self.bank.folder} {prompt_missing(prompt, self.held)}")

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> list[Stored]:
        """The pictures of each (prompt, seed); raises BankError for one that the bank does not hold."""
        self.check_prompts(prompts)
        for prompt, seed in zip(prompts, seeds, strict=True):
            if (prompt, seed) not in self._stored:
                known = ", ".join(map(str, self.held[prompt]))
                raise BankError(f"the bank {self.bank.folder} lacks seed {seed} of '{prompt}'; it has {known}")
        return [self._stored[key] for key in zip(prompts, seeds, strict=True)]

    def content_curve(self, picture: Stored) -> SizesAtKeep:
        """Bytes and attention mass of the picture at every entry of `keep_grid`."""
        return picture.curve

    def offered_keep(self, keep: float) -> float:
        """The ratio nearest to `keep` that the bank holds."""
        return nearest_keep(self.keep_grid, keep)

    def offer(self, picture: Stored, keep: float) -> list[bytes]:
        """Stand-ins of the packets at the nearest keep ratio, or of the whole picture when semantics are off."""
        if not self.config.semantic:
            return [picture.whole]
        return picture.packets(WHOLE + 1 + int(np.argmin(np.abs(self.keep_grid - keep))))

    def finish(self, deliveries: Sequence[Delivery[Stored]]) -> list[Scored]:
        """What the bank measured for the packets that arrived, in order."""
        return [self._outcome(d.picture, d.packets) for d in deliveries]

    def _outcome(self, picture: Stored, packets: list[bytes]) -> Scored:
        received = 0
        for packet in packets:
            received |= 1 << packet[1]
        if not received & 1:
            raise BaseLayerLost("the base layer is lost: nothing can be shown without it")
        found = picture.found.offers[packets[0][0]].outcome(received)
        w = self.config.jpsq_weight
        return replace(found, jpsq=w * found.s + (1 - w) * found.q)


def make_media(config: MediaConfig) -> Media:
    """The media room of a configuration: the models in mode `live`, a bank in mode `bank`."""
    if config.mode == "bank":
        return BankStack(config)
    from .stack import MediaStack

    return MediaStack(config)
