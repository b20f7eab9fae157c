"""Proportional fair against round robin when reports are out of date.

At 120 km/h the channel is all but uncorrelated after 20 ms, so no block is known to be better than another. Without an
outer loop proportional fair then loses: it picks the blocks whose reports flatter most, and their MCS fail (with the
loop held still the ratio here is about 0.8, whether averages count granted or acknowledged bits). The outer loop has to
take that back. It comes down by more than under round robin, and may rest lower by a part of its own step of 0.5 dB. A
quarter of that step is 3 % of the power and, where rate goes with power at the most, 3 % of the rate: hence the ratio
must reach 0.97. It may well exceed 1, as proportional fair sends on more blocks at a time, over more of the band.

Large-scale gains of the users differ, as at 40 m to 200 m from the base station. Nobody may get less than half of what
round robin delivers to the same user.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..scheduling.base import Scheduler
from ..scheduling.classic.proportional_fair import ProportionalFair, ProportionalFairConfig
from ..scheduling.classic.round_robin import RoundRobin, RoundRobinConfig
from .drive import Scheduled, link_of, play, ring_m
from .rows import Curves, Row, at_least

USERS, SPEED_MPS = 10, 120.0 / 3.6
WARM_UP, SLOTS, WINDOW = 1000, 4000, 1000
LEAST_RATIO, LEAST_SHARE = 0.97, 0.5


def rows(_: Curves) -> Iterator[Row]:
    """Throughput of the cell, and of the user who fares worst."""
    fair_bits_U = delivered_bits(ProportionalFair(ProportionalFairConfig()))
    turn_bits_U = delivered_bits(RoundRobin(RoundRobinConfig()))
    told = f"{USERS} users, 120 km/h, reports 20 ms old"
    ratio = fair_bits_U.sum() / turn_bits_U.sum()
    yield at_least(f"PF/RR throughput, {told}", LEAST_RATIO, ratio, "no lock-in; outer-loop back-off")
    least = float((fair_bits_U / turn_bits_U).min())
    yield at_least(f"least PF/RR throughput of one user, {told}", LEAST_SHARE, least, "nobody is starved")


def delivered_bits(scheduler: Scheduler) -> NDArray[np.float64]:
    """Bits delivered to each user after the warm-up, on the same channel whatever the scheduler."""
    link = link_of({"csi": {"delay": "20 ms"}, "tx_power": "30 dBm"}, USERS)
    choose = Scheduled(scheduler, USERS, WINDOW)
    bits_U = np.zeros(USERS)
    for n, slot in enumerate(play(link, WARM_UP + SLOTS, choose, ring_m(np.linspace(40.0, 200.0, USERS)), SPEED_MPS)):
        choose.granted(slot.sent, link.carrier.slot_ns)
        if n >= WARM_UP:
            for block in slot.feedback:
                bits_U[block.ue] += block.tb_size_bits * block.delivered
    return bits_U
