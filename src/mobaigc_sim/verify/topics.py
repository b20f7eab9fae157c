"""The topics by name, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from ..errors import UnknownNameError
from .calibration import rows as calibration
from .channel import rows as channel
from .conservation import rows as conservation
from .fading import rows as fading
from .harq import rows as harq
from .link import rows as link
from .lock_in import rows as lock_in
from .pathloss import rows as pathloss
from .penetration import rows as penetration
from .queues import rows as queues
from .rows import Curves, Row
from .schedulers import rows as schedulers
from .shadowing import rows as shadowing
from .tables import rows as tables


class Topic(NamedTuple):
    """A group of checks that belong together."""

    title: str
    rows: Callable[[Curves], Iterator[Row]]
    """Runs the checks one after another, and adds curves to draw."""


TOPICS: dict[str, Topic] = {
    "pathloss": Topic("Path loss and line of sight", pathloss),
    "shadowing": Topic("Shadow fading", shadowing),
    "penetration": Topic("Loss into buildings and cars", penetration),
    "channel": Topic("The channel that runs", channel),
    "tables": Topic("NR tables, grid and noise", tables),
    "fading": Topic("Fast fading", fading),
    "link": Topic("Block error rate", link),
    "harq": Topic("Outer loop and HARQ", harq),
    "schedulers": Topic("Multi-user gain", schedulers),
    "lock_in": Topic("Proportional fair with outdated reports", lock_in),
    "queues": Topic("Queues", queues),
    "conservation": Topic("Conservation of bits", conservation),
    "calibration": Topic("Calibration drop", calibration),
}


def run(
    only: Sequence[str] = (), curves: Curves | None = None, on_topic: Callable[[str], None] = lambda _: None
) -> list[Row]:
    """Rows of the topics named, of all without a name; adds what there is to draw to `curves`.

    `on_topic` is told the title of each topic before it starts.
    """
    for name in only:
        if name not in TOPICS:
            raise UnknownNameError("topic", name, TOPICS)
    found: list[Row] = []
    drawn: Curves = {} if curves is None else curves
    for name, topic in TOPICS.items():
        if only and name not in only:
            continue
        on_topic(topic.title)
        found += [row._replace(topic=name) for row in topic.rows(drawn)]
    return found
