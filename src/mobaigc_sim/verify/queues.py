"""Time in the queue of the downlink against M/D/1 and M/M/1.

Shapes: U users, K packets of a user, T slots, N transport blocks.

Every user owns one resource block of a channel that stands still far above the highest MCS, so that each slot carries
one transport block of one size for it, and no block fails. Packets arrive as a Poisson process and wait first in, first
out; a packet is one transport block (M/D/1) or a geometric number of them (M/M/1 in the limit of many). Sojourn is the
time from arrival to the end of the slot that carries its last block; feedback comes later and is not counted.

A packet that arrives within a slot starts with the next one at the earliest, half a slot later on the average:

    M/D/1: 1 + ρ / (2 (1 − ρ)) + 1/2,   M/M/1: 1 / (1 − ρ) + 1 / (2 m), in services of m slots on the average.

The downlink plays some thousand packets, whose departures must be those of the Lindley recursion, slot for slot; the
mean is then taken over many more packets of that recursion.

Source: L. Kleinrock, "Queueing Systems" I, Wiley 1975, sections 3.2 and 5.6; D. V. Lindley, Math. Proc. Camb. Phil.
Soc. 48 (1952).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .drive import Indices, link_of, play
from .rows import Curves, Row, close, exact

Array = NDArray[np.float64]

LABELS = {"md1": "M/D/1", "mm1": "M/M/1"}
LOADS = (0.5, 0.8)
DRAWN_LOADS = np.arange(0.1, 0.91, 0.1)
MEAN_BLOCKS = {"md1": 1, "mm1": 200}
PLAYED_BLOCKS = {"md1": 1, "mm1": 10}
"""Blocks of a packet on the average, in the long run and in the downlink."""
USERS, SLOTS, FIRST_SLOT, LAST_FEEDBACK = 20, 1500, 40, 10
PACKETS = 2_000_000


class Packets(NamedTuple):
    """Packets of one user in order of arrival."""

    arrival_K: Array
    """In slots."""
    blocks_K: Indices


def rows(curves: Curves) -> Iterator[Row]:
    """The downlink against the recursion, the recursion against the closed forms."""
    for law, label in LABELS.items():
        for load in LOADS:
            wrong, count = departures_that_differ(law, load)
            check = f"{label}, load {load:g}: of {count} departures of the downlink, off the recursion"
            yield exact(check, 0, wrong, "Lindley 1952")
            check = f"{label}, load {load:g}: sojourn / service"
            yield close(check, closed(law, load), mean_sojourn(law, load), 0.03, "Kleinrock 1975, plus half a slot")
    points = [(law, load, mean_sojourn(law, load, PACKETS // 4)) for law in LABELS for load in DRAWN_LOADS]
    curves["queues"] = pd.DataFrame(points, columns=["law", "load", "found"])
    line = [(law, load, closed(law, load)) for law in LABELS for load in np.linspace(0.0, DRAWN_LOADS[-1], 100)]
    curves["queues_closed"] = pd.DataFrame(line, columns=["law", "load", "closed"])


def closed(law: str, load: float) -> float:
    """Mean sojourn in services, alignment to slots included."""
    wait = load / (2.0 * (1.0 - load)) if law == "md1" else load / (1.0 - load)
    return 1.0 + wait + 0.5 / MEAN_BLOCKS[law]


def draw(law: str, load: float, mean_blocks: int, packets: int, rng: np.random.Generator) -> Packets:
    """Poisson arrivals of a load; sizes of a law."""
    arrival_K = np.cumsum(rng.exponential(mean_blocks / load, packets))
    one_K = np.ones(packets, np.int64)
    return Packets(arrival_K, one_K if law == "md1" else rng.geometric(1.0 / mean_blocks, packets))


def departures(packets: Packets) -> Indices:
    """End of the last slot of each packet: max(end of the packet before, first slot after arrival) + its blocks."""
    total_K = np.cumsum(packets.blocks_K)
    ready_K = np.floor(packets.arrival_K).astype(np.int64) + 1
    departure_K: Indices = total_K + np.maximum.accumulate(ready_K - (total_K - packets.blocks_K))
    return departure_K


def mean_sojourn(law: str, load: float, packets: int = PACKETS) -> float:
    """Mean sojourn in services over a long run of the recursion."""
    drawn = draw(law, load, MEAN_BLOCKS[law], packets, np.random.default_rng(1))
    return float((departures(drawn) - drawn.arrival_K).mean() / MEAN_BLOCKS[law])


def departures_that_differ(law: str, load: float) -> tuple[int, int]:
    """Departures in the downlink that are not those of the recursion, and how many the recursion has."""
    rng = np.random.default_rng(2)
    mean_blocks = PLAYED_BLOCKS[law]
    drawn_U = [draw(law, load, mean_blocks, 4 * SLOTS // mean_blocks, rng) for _ in range(USERS)]
    sent_slot_U = carried(np.stack([_arrived_T(packets) for packets in drawn_U], axis=1))
    wrong = count = 0
    for packets, slot_N in zip(drawn_U, sent_slot_U, strict=True):
        expected_K = departures(packets)
        expected_K = expected_K[expected_K <= SLOTS]
        last_K = np.cumsum(packets.blocks_K)[: len(expected_K)] - 1
        found_K = np.full(len(expected_K), -1)
        found_K[last_K < len(slot_N)] = slot_N[last_K[last_K < len(slot_N)]] + 1
        wrong, count = wrong + int((found_K != expected_K).sum()), count + len(expected_K)
    return wrong, count


def _arrived_T(packets: Packets) -> Indices:
    """Transport blocks that have become ready at the beginning of each slot."""
    slot_K = np.floor(packets.arrival_K).astype(np.int64) + 1
    within_K = slot_K < SLOTS
    return np.bincount(slot_K[within_K], packets.blocks_K[within_K], SLOTS).astype(np.int64)


def carried(arrived_TU: Indices) -> list[Indices]:
    """Slots in which the downlink delivered the blocks of each user, in order, counted from the first arrivals."""
    still = {"kind": "rayleigh", "mean_snr": "80 dB", "block": "1000 s"}
    link = link_of({"channel": still, "csi": {"delay": 0, "period": "10 s"}}, USERS)
    waiting_U = np.zeros(USERS, np.int64)

    def choose(_: object, slot: int) -> Indices:
        wish_B = np.full(link.carrier.n_prb, -1)
        if FIRST_SLOT <= slot < FIRST_SLOT + SLOTS:
            waiting_U[:] += arrived_TU[slot - FIRST_SLOT]
            wish_B[:USERS] = np.where(waiting_U > 0, np.arange(USERS), -1)
        return wish_B

    slots_U: list[list[int]] = [[] for _ in range(USERS)]
    for slot in play(link, FIRST_SLOT + SLOTS + LAST_FEEDBACK, choose, np.zeros((USERS, 2))):
        for block in slot.sent:
            waiting_U[block.ue] -= 1
        for done in slot.feedback:
            if done.delivered:
                slots_U[done.ue].append(done.slot - FIRST_SLOT)
    return [np.array(slots, np.int64) for slots in slots_U]
