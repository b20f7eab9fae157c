"""How many users times slots the cell simulates in a second of one core, full buffers, proportional fair.

The sides take turns within each round; figures are medians over rounds. In all of them every user moves, every block
fades in every slot, HARQ retransmits and the outer loop adapts. Path loss and shadowing follow the users every 100
slots, in `PYTHON` in every slot. What differs:

    COMPILED   the kernel alone, proportional fair inside it, a hundred slots a call; no run uses it so. Every user
               reports every block in every slot
    SPARSE     the same with a report every 5 ms, as scenarios have by default
    PYTHON     what `run` does: SimPy, the scheduler plug-in, buffers and records, reports every 5 ms
    TWIN       plain numpy alone, scheduler included: the downlink's twin, and proportional fair by one argmax over the
               users on each free block, as full buffers need no more. Reports in every slot
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from ..cell.background import ENDLESS_BITS, EndlessBuffer
from ..cell.connection import Connections
from ..cell.network import Network
from ..errors import MobaigcError
from ..kernel.clock import Clock
from ..kernel.probes import Probes
from ..kernel.streams import Streams
from ..mobility import Area, GaussMarkov, GaussMarkovConfig
from ..radio.config import RadioConfig
from ..radio.downlink import Downlink
from ..radio.fading import ROWS_PER_WAVELENGTH, wavelength_m
from ..radio.plain_downlink import PlainDownlink
from ..scenario.service import ResultsConfig, ServiceConfig
from ..scheduling.classic.proportional_fair import ProportionalFair, ProportionalFairConfig

COMPILED, SPARSE, PYTHON, TWIN = "compiled", "sparse reports", "simpy", "numpy"
SIDES = (COMPILED, SPARSE, PYTHON, TWIN)
COLUMNS = ("UE-slots/s at users", *SIDES, "compiled / numpy")
_LEAST_BPS = 1.0
_SLOTS = {COMPILED: 4000, SPARSE: 4000, PYTHON: 1000, TWIN: 200}
_CHUNK = 100
_WINDOW = 200
"""Slots of the scheduler's average."""
_AREA = Area(200.0, 10.0)


@dataclass(frozen=True)
class SlotsBench:
    """UE-slots per CPU second by (side, users), one figure a round."""

    users: tuple[int, ...]
    rounds: dict[tuple[str, int], list[float]]
    slots: dict[str, int]
    """Slots that a side played in a round."""

    def speed(self, side: str, users: int) -> float:
        """Median over the rounds."""
        return median(self.rounds[side, users])

    def ratio(self, side: str, other: str, users: int) -> float:
        """Median over the rounds of how many times as fast a side is."""
        pairs = zip(self.rounds[side, users], self.rounds[other, users], strict=True)
        return median(a / b for a, b in pairs)


def bench_slots(
    users: Sequence[int] = (10, 50, 200),
    rounds: int = 5,
    on_progress: Callable[[int, int], None] | None = None,
    slots: dict[str, int] | None = None,
) -> SlotsBench:
    """Measure every side for every number of users; compilation is not counted.

    `slots` overrides how many slots a side simulates in a round, rounded up to whole calls of the kernel. Raises
    MobaigcError for a number below one.
    """
    counts = {side: played(side, count) for side, count in (_SLOTS | (slots or {})).items()}
    if rounds < 1 or not users or min(users) < 1:
        raise MobaigcError("expected at least one round, and at least one user in every entry of --users")
    for side in SIDES:
        _measure(side, users[0], 2 * _CHUNK)
    found: dict[tuple[str, int], list[float]] = {(side, n): [] for side in SIDES for n in users}
    steps, done = rounds * len(found), 0
    for number in range(rounds):
        for n in users:
            for turn in range(len(SIDES)):
                side = SIDES[(number + turn) % len(SIDES)]
                found[side, n].append(_measure(side, n, counts[side]))
                done += 1
                if on_progress is not None:
                    on_progress(done, steps)
    return SlotsBench(tuple(users), found, counts)


def played(side: str, slots: int) -> int:
    """Slots that a side plays when asked for so many: the kernel's sides play hundreds. Raises MobaigcError below 1."""
    if slots < 1:
        raise MobaigcError(f"expected at least one slot for '{side}', got {slots}")
    return -(-slots // _CHUNK) * _CHUNK if side in (COMPILED, SPARSE) else slots


def rows(bench: SlotsBench) -> list[tuple[str, ...]]:
    """Speeds as text under COLUMNS, and what the kernel gains over its twin."""
    return [
        (
            str(n),
            *(f"{bench.speed(side, n):.2e}" for side in SIDES),
            f"{bench.ratio(COMPILED, TWIN, n):.0f}",
        )
        for n in bench.users
    ]


def facts(bench: SlotsBench) -> list[str]:
    """What was measured."""
    rounds = len(next(iter(bench.rounds.values())))
    return [
        f"one cell, 20 MHz, 51 blocks, slots of 0.5 ms, full buffers, PF, OLLA, HARQ; medians of {rounds} rounds",
        "compiled and sparse reports: the kernel alone, a hundred slots a call, which no run does",
        "simpy: what `mobaigc-sim run` does for every slot, without images",
        "numpy: the work of the kernel in plain numpy, scheduler included; neither compiled code nor SimPy",
        "compiled and numpy: every user reports every block in every slot; sparse reports and simpy: every 5 ms",
        "speed is users times slots, over the CPU seconds of one thread",
    ]


def as_json(bench: SlotsBench) -> dict[str, object]:
    """The medians, ready for JSON."""
    return {
        "rows": [
            {"users": n, "side": side, "ue_slots_per_s": bench.speed(side, n), "slots": bench.slots[side]}
            for n in bench.users
            for side in SIDES
        ]
    }


def _measure(side: str, n_ue: int, slots: int) -> float:
    """Users times slots over CPU seconds, once all is built; `slots` is a number that `played` gives."""
    period = {"csi": {"period": "0.5 ms"}} if side in (COMPILED, TWIN) else {}
    config, streams = RadioConfig.model_validate(period), Streams(1)
    motion = GaussMarkov(GaussMarkovConfig(), n_ue, _AREA, streams.rng("mobility"))
    play = {COMPILED: _play_kernel, SPARSE: _play_kernel, PYTHON: _play_network, TWIN: _play_twin}[side]
    run = play(config, n_ue, streams, motion)
    run(_CHUNK)
    started = time.process_time()
    run(slots)
    return n_ue * slots / (time.process_time() - started)


def _play_kernel(config: RadioConfig, n_ue: int, streams: Streams, motion: GaussMarkov) -> Callable[[int], None]:
    link = Downlink(config, n_ue, streams)
    rng, mean_rate_bps_U = streams.rng("bench"), np.zeros(n_ue)
    slot_ns = link.carrier.slot_ns
    rows_per_m = ROWS_PER_WAVELENGTH / wavelength_m(link.carrier.frequency_hz)
    at = 0

    def run(slots: int) -> None:
        nonlocal at
        for _ in range(slots // _CHUNK):
            now = motion.advance(at * slot_ns)
            link.begin_slot(at, now.position_m_U2, now.travelled_m_U)
            link.end_slot()
            speed_mps_U = np.hypot(now.velocity_mps_U2[:, 0], now.velocity_mps_U2[:, 1])
            step_U = speed_mps_U * slot_ns * 1e-9 * rows_per_m
            link.full_buffer(_CHUNK - 1, step_U, 1.0 / _WINDOW, mean_rate_bps_U, rng)
            at += _CHUNK

    return run


def _play_twin(config: RadioConfig, n_ue: int, streams: Streams, motion: GaussMarkov) -> Callable[[int], None]:
    link = PlainDownlink(config, n_ue, streams)
    mean_rate_bps_U, backlog_bits_U = np.zeros(n_ue), np.full(n_ue, ENDLESS_BITS)
    slot_ns = link.carrier.slot_ns
    at = 0

    def run(slots: int) -> None:
        nonlocal at
        for _ in range(slots):
            now = motion.advance(at // _CHUNK * _CHUNK * slot_ns)
            speed_mps_U = np.hypot(now.velocity_mps_U2[:, 0], now.velocity_mps_U2[:, 1])
            travelled_m_U = now.travelled_m_U + speed_mps_U * (at % _CHUNK) * slot_ns * 1e-9
            link.begin_slot(at, now.position_m_U2, travelled_m_U)
            granted_bits_U = np.zeros(n_ue)
            ue_N = np.flatnonzero(link.can_send_U)
            if ue_N.size:
                wish_B = best_users(ue_N, link.expected_bits(ue_N), mean_rate_bps_U[ue_N], link.prb_free_CB[0])
                for block in link.send_all(wish_B[None, :], backlog_bits_U, 1):
                    granted_bits_U[block.ue] = block.tb_size_bits
            link.end_slot()
            mean_rate_bps_U[:] += (granted_bits_U / (slot_ns * 1e-9) - mean_rate_bps_U) / _WINDOW
            at += 1

    return run


def best_users(
    ue_N: NDArray[np.int64],
    bits_NB: NDArray[np.float64],
    mean_rate_bps_N: NDArray[np.float64],
    free_B: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Proportional fair for full buffers: the user on each free block with the best bits over its average rate.

    −1 where a block is taken or carries nothing for anybody. It is the rule of `ProportionalFair`, without its care for
    backlogs.
    """
    best_B = np.argmax(bits_NB / np.maximum(mean_rate_bps_N, _LEAST_BPS)[:, None], axis=0)
    return np.where(free_B & (bits_NB.max(axis=0) > 0.0), ue_N[best_B], -1)


def _play_network(config: RadioConfig, n_ue: int, streams: Streams, motion: GaussMarkov) -> Callable[[int], None]:
    clock, link = Clock(), Downlink(config, n_ue, streams)
    network = Network(
        clock,
        link,
        Connections(config, link, n_ue, streams.rng("radio.handover")),
        motion,
        [ProportionalFair(ProportionalFairConfig())],
        ServiceConfig(),
        ResultsConfig(),
        Probes(),
        n_ue,
    )
    for ue in range(n_ue):
        network.set_buffer(ue, EndlessBuffer())

    def run(slots: int) -> None:
        clock.run(until=clock.now_ns + slots * link.carrier.slot_ns)

    return run
