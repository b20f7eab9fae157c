"""A binary range coder for side information: a few hundred decisions, a few dozen bytes, no byte wasted at the end.

Everything is described once, for both directions: `coder.chance(p1, bit)` codes the bit given and returns it when the
coder writes, and ignores its argument and returns the bit found when the coder reads. Integer arithmetic only, so that
both ends agree on every machine.

Source: G. N. N. Martin, Range encoding: an algorithm for removing redundancy from a digitised message (1979).
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from ..errors import MobaigcError

PROBABILITY_BITS = 16
_ONE = 1 << PROBABILITY_BITS
_TOP_BITS = 40
_REFILL = 1 << 32
_MAX_TOTAL = 1 << 16


class BitstreamError(MobaigcError):
    """Bytes that are not a packet of this format, or not a whole one."""


class Coder(ABC):
    """What a model needs from a coder, whichever direction it works in."""

    @abstractmethod
    def chance(self, p1: int, bit: int | None = None) -> int:
        """Code one bit whose probability of being one is p1 / 65536 (clamped to 1 … 65535)."""

    @abstractmethod
    def uniform(self, total: int, value: int | None = None) -> int:
        """Code one value of `total` equally likely ones (2 ≤ total ≤ 65536; total 1 costs nothing)."""


class Writer(Coder):
    """Coder that writes; the interval's lower end is one long integer, so carries need no care."""

    def __init__(self) -> None:
        self._low, self._range, self._shifted = 0, 1 << _TOP_BITS, 0

    def _narrow(self, start: int, width: int) -> None:
        self._low += start
        self._range = width
        while self._range < _REFILL:
            self._low <<= 8
            self._range <<= 8
            self._shifted += 8

    def chance(self, p1: int, bit: int | None = None) -> int:
        """See Coder."""
        bound = (self._range >> PROBABILITY_BITS) * min(max(p1, 1), _ONE - 1)
        if bit:
            self._narrow(0, bound)
        else:
            self._narrow(bound, self._range - bound)
        return int(bool(bit))

    def uniform(self, total: int, value: int | None = None) -> int:
        """See Coder."""
        chosen = _checked(total, value)
        if total > 1:
            step = self._range // total
            self._narrow(chosen * step, step)
        return chosen

    def finish(self) -> bytes:
        """The shortest bytes inside the final interval; a reader takes what lies beyond the end as zeros."""
        width = _TOP_BITS + self._shifted
        kept = self._shifted
        while True:
            unit = 1 << (width - kept)
            value = -(-self._low // unit)
            if value * unit < self._low + self._range:
                return value.to_bytes(kept // 8, "big")
            kept += 8


class Reader(Coder):
    """Coder that reads; raises BitstreamError once it has gone well past the end of the bytes."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, _TOP_BITS // 8
        self._code = int.from_bytes(data[: self._at].ljust(self._at, b"\0"), "big")
        self._range = 1 << _TOP_BITS

    def _narrow(self, start: int, width: int) -> None:
        self._code -= start
        self._range = width
        while self._range < _REFILL:
            if self._at > len(self._data) + _TOP_BITS // 8:
                raise BitstreamError("the packet ends before its content does")
            following = self._data[self._at] if self._at < len(self._data) else 0
            self._code = self._code << 8 | following
            self._range <<= 8
            self._at += 1

    def chance(self, p1: int, bit: int | None = None) -> int:
        """See Coder."""
        bound = (self._range >> PROBABILITY_BITS) * min(max(p1, 1), _ONE - 1)
        if self._code < bound:
            self._narrow(0, bound)
            return 1
        self._narrow(bound, self._range - bound)
        return 0

    def uniform(self, total: int, value: int | None = None) -> int:
        """See Coder."""
        _checked(total, 0)
        if total == 1:
            return 0
        step = self._range // total
        found = self._code // step
        if found >= total:
            raise BitstreamError("the packet holds a value that no writer makes: it is damaged")
        self._narrow(found * step, step)
        return found


def _checked(total: int, value: int | None) -> int:
    if value is None or not 0 <= value < total <= _MAX_TOTAL:
        raise ValueError(f"expected a value below a total of at most {_MAX_TOTAL}, got {value} of {total}")
    return value
