"""What the drivers of all peers share: the options, the clock and the lines they print. Needs Python alone.

A driver runs in its peer's own environment and prints one JSON object a line, for each user count: `users`, `slots`,
`ue_slots_per_s` (users × slots ÷ processor seconds of the process), `version`, `note`.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version

Play = Callable[[], object]


@dataclass(frozen=True)
class Side:
    """One way to run a peer.

    `prepare(users, slots)` warms everything up and gives the call whose processor time counts. A run has
    `most_slots` slots, or fewer with many users: `most_ue_slots` ÷ users.
    """

    prepare: Callable[[int, int], Play]
    most_slots: int
    most_ue_slots: int
    note: str

    def slots(self, users: int) -> int:
        return max(1, min(self.most_slots, self.most_ue_slots // users))


def drive(package: str, sides: Mapping[str, Side]) -> None:
    """Measure the side and the user counts that the command line names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--side", choices=list(sides), default=next(iter(sides)))
    parser.add_argument("--users", type=int, nargs="+", default=[10, 50, 200])
    chosen = parser.parse_args()
    side = sides[chosen.side]
    for users in chosen.users:
        slots = side.slots(users)
        play = side.prepare(users, slots)
        before_s = time.process_time()
        play()
        cpu_s = time.process_time() - before_s
        row = {"users": users, "slots": slots, "ue_slots_per_s": users * slots / cpu_s}
        print(json.dumps(row | {"version": version(package), "note": side.note}), flush=True)
