"""Publish and subscribe: the cell says what happened, whoever cares listens."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

Record = Mapping[str, Any]
Listener = Callable[[Record], None]


class Probes:
    """Topics of flat records; publishing to a topic without listeners costs a dictionary look-up."""

    def __init__(self) -> None:
        self._listeners: dict[str, list[Listener]] = defaultdict(list)

    def subscribe(self, topic: str, listener: Listener) -> None:
        """Call `listener` with every later record of the topic."""
        self._listeners[topic].append(listener)

    def wants(self, topic: str) -> bool:
        """Whether anybody listens, for callers whose records are costly to build."""
        return bool(self._listeners.get(topic))

    def publish(self, topic: str, record: Record) -> None:
        """Hand the record to every listener of the topic, in order of subscription."""
        for listener in self._listeners.get(topic, ()):
            listener(record)
