"""Configuration text as a tree that remembers where every key and value was written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..errors import Problem

Scalar = str | int | float | bool | None


@dataclass(frozen=True)
class Place:
    """A line of a file; line 0 stands for a place without lines, such as `--set a.b`."""

    file: str
    line: int

    def problem(self, path: Iterable[str | int], message: str) -> Problem:
        """Something wrong at this place with the value at `path`."""
        return Problem(self.file, self.line, dotted(path), message)


@dataclass(frozen=True)
class Node:
    """A value and where it stands."""

    value: Scalar | dict[str, Node] | list[Node]
    place: Place
    """Where the value begins."""
    key: Place | None = None
    """Where the key that holds the value is written; None for the root and for items of lists."""

    @property
    def head(self) -> Place:
        """Where a reader looks for this node: the key of a mapping or list, the value itself of a scalar."""
        return self.key if self.key is not None and isinstance(self.value, dict | list) else self.place

    def child(self, part: str | int) -> Node | None:
        """The value under a key or at an index; None when there is none."""
        if isinstance(self.value, dict):
            return self.value.get(str(part))
        if isinstance(self.value, list) and isinstance(part, int) and 0 <= part < len(self.value):
            return self.value[part]
        return None

    def plain(self) -> Any:
        """The value as ordinary dictionaries, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


def dotted(path: Iterable[str | int]) -> str:
    """A path as it is typed after `--set`: `users.mobility.speed`, `traffic.rates.0`."""
    return ".".join(map(str, path))
