"""mobile-env: one base station, every user connected, steps in which no user connects or leaves.

`python drive_mobile_env.py --users 10 50 200`, with `mobile-env` installed. It knows no slots: a step of the
environment, after which every user has a new place and rate, is counted as one.
"""

from __future__ import annotations

import os

import numpy as np
from peer_clock import Play, Side, drive

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

from mobile_env.core.base import MComCore  # type: ignore[import-not-found]
from mobile_env.core.entities import BaseStation, UserEquipment  # type: ignore[import-not-found]

BANDWIDTH_HZ = 20e6
POWER_DBM = 60
"""Enough to reach every corner of the default area in the default noise."""
ENDLESS = 10**9
CONNECT, STAY = 1, 0
NOTE = "no slots (a step counts as one), no PRBs, no MCS, no HARQ, no fading: Shannon rate ÷ users of the cell"


def prepare(users: int, steps: int) -> Play:
    config = MComCore.default_config()
    config["EP_MAX_TIME"] = config["arrival_params"]["ep_time"] = ENDLESS
    station = BaseStation(
        0, (config["width"] / 2, config["height"] / 2), **config["bs"] | {"bw": BANDWIDTH_HZ, "tx": POWER_DBM}
    )
    env = MComCore([station], [UserEquipment(user, **config["ue"]) for user in range(users)], config)
    env.reset(seed=1)
    for action in (CONNECT, STAY, STAY):
        env.step(np.full(users, action))
    assert len(env.connections[station]) == users, "a user is out of reach"

    def play() -> None:
        for _ in range(steps):
            env.step(np.full(users, STAY))

    return play


if __name__ == "__main__":
    drive("mobile-env", {"steps": Side(prepare, 1_000, 8_000, NOTE)})
