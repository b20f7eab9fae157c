"""Handovers that cannot succeed, and time out of service, on timelines of power and SINR made by hand."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mobaigc_sim.cell.connection import Connections
from mobaigc_sim.cell.journey import Journey
from mobaigc_sim.cell.request import Request
from mobaigc_sim.kernel.clock import Clock
from mobaigc_sim.media.config import MediaConfig
from mobaigc_sim.radio.config import RadioConfig

from .conftest import CheapMedia

MS = 10**6
STEP_MS = 10
SWIFT = {"out_window": "10 ms", "in_window": "10 ms", "t310": "400 ms", "reestablishment": "200 ms"}
"""Radio links whose T310 starts and stops with the first sample."""
Timeline = Callable[[int], float]
"""Time in ms → dB."""


class Line:
    """Two cells and one user: cell 0 is 0 dB, the other `better_db` above it, and each has an SINR."""

    n_cell = 2

    def __init__(self, better_db: Timeline, sinr_db: tuple[Timeline, Timeline]) -> None:
        self._better_db, self._sinr_db = better_db, sinr_db
        self.serving_U = np.array([-1])
        self.now_ms = 0

    @property
    def gain_db_UC(self) -> Any:
        return np.array([[0.0, self._better_db(self.now_ms)]])

    rsrp_dbm_UC = gain_db_UC

    def effective_sinr_db(self, ue_N: Any) -> Any:
        return np.array([self._sinr_db[self.serving_U[ue]](self.now_ms) for ue in ue_N])

    def attach(self, ue: int, cell: int) -> list[int]:
        self.serving_U[ue] = cell
        return []


class Timed:
    """Connections over such a line, and what happened when."""

    def __init__(self, link: Line, radio_link: dict[str, str] | None, interruption: str = "50 ms") -> None:
        handover: dict[str, Any] = {
            "period": "10 ms",
            "time_to_trigger": "100 ms",
            "filter_coefficient": 0,
            "offset": "3 dB",
        }
        handover["interruption"] = interruption
        data = {"layout": {"grid": "line", "sites": 2}, "handover": handover, "radio_link": radio_link}
        self.link = link
        radio, rng = RadioConfig.model_validate(data), np.random.default_rng(1)
        self.connections = Connections(radio, link, 1, rng)  # type: ignore[arg-type]
        self.told: list[tuple[int, str, int, int]] = []

    def step(self, now_ms: int) -> None:
        self.link.now_ms = now_ms
        for change in self.connections.step(now_ms * MS, np.ones(1, bool)):
            self.told.append((now_ms, *(change.kind, change.from_cell, change.to_cell)))

    def until(self, end_ms: int) -> list[tuple[int, str, int, int]]:
        for now_ms in range(0, end_ms, STEP_MS):
            self.step(now_ms)
        return self.told

    def outage_ms(self, now_ms: int) -> tuple[int, int]:
        handover_ns, rlf_ns = self.connections.outage_ns(0, now_ms * MS)
        return handover_ns // MS, rlf_ns // MS


def good(_: int) -> float:
    return 10.0


def bad(_: int) -> float:
    return -20.0


def bad_in(*spans_ms: tuple[int, int]) -> Timeline:
    return lambda t: -20.0 if any(a <= t < b for a, b in spans_ms) else 10.0


def better_from(start_ms: int) -> Timeline:
    return lambda t: 6.0 if t >= start_ms else -6.0


def test_a_handover_to_a_cell_in_sync_is_done() -> None:
    timed = Timed(Line(better_from(200), (good, good)), SWIFT)
    assert timed.until(1000) == [(0, "entered", -1, 0), (300, "handover", 0, 1), (350, "handover_done", -1, 1)]
    assert timed.outage_ms(1000) == (50, 0)


@pytest.mark.parametrize("interruption_ms", [20, 50, 240])
def test_a_handover_takes_the_interruption(interruption_ms: int) -> None:
    timed = Timed(Line(better_from(200), (good, good)), SWIFT, f"{interruption_ms} ms")
    assert timed.until(1000)[-1] == (300 + interruption_ms, "handover_done", -1, 1)
    assert timed.outage_ms(1000) == (interruption_ms, 0)


@pytest.mark.parametrize("way_back_ms", [100, 200, 330])
def test_a_failure_takes_the_time_of_the_reestablishment(way_back_ms: int) -> None:
    timed = Timed(Line(better_from(100), (bad_in((150, 5000)), good)), SWIFT | {"reestablishment": f"{way_back_ms} ms"})
    assert timed.until(1500)[-1] == (550 + way_back_ms, "reestablished", -1, 1)
    assert timed.outage_ms(1500) == (0, 400 + way_back_ms)


@pytest.mark.parametrize(("lost_ms", "handover_ms"), [((150, 500), 500), ((150, 200), 200), ((150, 190), 200)])
def test_the_command_reaches_the_user_when_the_link_is_back(lost_ms: tuple[int, int], handover_ms: int) -> None:
    # the neighbour has been better for long enough at 200 ms
    timed = Timed(Line(better_from(100), (bad_in(lost_ms), good)), SWIFT)
    told = [(handover_ms, "handover", 0, 1), (handover_ms + 50, "handover_done", -1, 1)]
    assert timed.until(1000)[1:] == told
    assert timed.outage_ms(1000) == (50, 0)


@pytest.mark.parametrize(("sinr_db", "arrives"), [(-8.1, False), (-7.9, True)])
def test_the_command_needs_a_link_above_q_out(sinr_db: float, arrives: bool) -> None:
    timed = Timed(Line(better_from(100), (lambda _: sinr_db, good)), SWIFT)
    assert ((200, "handover", 0, 1) in timed.until(300)) == arrives


def test_the_failure_comes_where_the_command_did_not_reach_the_user() -> None:
    timed = Timed(Line(better_from(100), (bad_in((150, 5000)), good)), SWIFT)
    assert timed.until(1500)[1:] == [(550, "rlf", 0, -1), (750, "reestablished", -1, 1)]
    assert timed.outage_ms(1500) == (0, 400 + 200)


def test_a_handover_to_a_cell_out_of_sync_fails_and_the_strongest_cell_takes_over() -> None:
    timed = Timed(Line(better_from(200), (good, bad_in((300, 400)))), SWIFT)
    told = timed.until(1000)
    assert told[1:] == [(300, "handover", 0, 1), (350, "handover_failed", 1, -1), (550, "reestablished", -1, 1)]
    assert timed.outage_ms(1000) == (50, 200)


def test_the_way_back_may_lead_to_the_cell_left() -> None:
    timed = Timed(Line(lambda t: 6.0 if 200 <= t < 400 else -6.0, (good, bad)), SWIFT)
    assert timed.until(1000)[2:] == [(350, "handover_failed", 1, -1), (550, "reestablished", -1, 0)]


def test_between_handover_and_its_failure_time_is_counted_as_it_passes() -> None:
    timed = Timed(Line(better_from(200), (good, bad)), SWIFT)
    timed.until(460)
    assert timed.outage_ms(460) == (50, 110)


@pytest.mark.parametrize(("sinr_db", "kind"), [(-8.1, "handover_failed"), (-7.9, "handover_done")])
def test_a_handover_fails_below_q_out(sinr_db: float, kind: str) -> None:
    timed = Timed(Line(better_from(200), (good, lambda _: sinr_db)), SWIFT)
    assert timed.until(360)[-1][:2] == (350, kind)


def test_where_links_cannot_fail_no_handover_does() -> None:
    timed = Timed(Line(better_from(200), (bad, bad)), None)
    assert [kind for _, kind, *_ in timed.until(1000)] == ["entered", "handover", "handover_done"]
    assert timed.connections.t310_ns(0, 1000 * MS) == 0


class Served:
    """What a request sees of the network: connections that are stepped in time, and a queue that never moves."""

    def __init__(self, clock: Clock, timed: Timed) -> None:
        self._clock, self._timed = clock, timed
        self.on_change = self.on_leave = lambda _: None
        self.epochs = SimpleNamespace(coming=set(), forget=lambda _: None)
        self.scheduler_of = lambda _: None
        clock.process(self._steps())

    def _steps(self) -> Any:
        while True:
            self._timed.step(self._clock.now_ns // MS)
            yield self._clock.timeout(STEP_MS * MS)

    def outage_ns(self, ue: int) -> tuple[int, int]:
        return self._timed.connections.outage_ns(ue, self._clock.now_ns)

    def t310_ns(self, ue: int) -> int:
        return self._timed.connections.t310_ns(ue, self._clock.now_ns)

    def offer(self, request: Request) -> list[Any]:
        return []

    def withdraw(self, request: Request) -> None:
        pass


LOST_TWICE = bad_in((100, 300), (600, 1200), (1400, 5000))
"""T310 runs from 100 ms to 300 ms and stops, runs again from 600 ms and expires at 1000 ms. All is well from 1200 ms to
1400 ms."""


@pytest.mark.parametrize(
    ("generated_ms", "end_ms", "rlf_ms"),
    [
        (50, 500, 0),  # T310 ran and stopped
        (200, 500, 0),  # it ran when the request began, and stopped
        (200, 295, 95),  # it runs at the end, for longer than the request
        (50, 295, 195),  # it runs at the end
        (200, 805, 205),  # it ran, stopped, and runs again
        (200, 1395, 600),  # it ran, stopped, ran again and expired
        (50, 1105, 505),  # in the failure
        (700, 1395, 600),  # the failure is that of a T310 which ran when the request began
        (905, 1105, 200),  # no longer than the request
        (1350, 1505, 105),  # the next T310 runs
    ],
)
def test_a_request_counts_t310_where_it_runs_or_ended_in_a_failure(generated_ms: int, end_ms: int, rlf_ms: int) -> None:
    clock, handed_in = Clock(), []
    timed = Timed(Line(lambda _: -20.0, (LOST_TWICE, good)), SWIFT)
    network = Served(clock, timed)

    def submit(request: Request) -> Any:
        return clock.timeout(0, value=[SimpleNamespace(whole=bytes(100))])

    media = CheapMedia(MediaConfig.model_validate({"semantic": "off"}))
    desk = SimpleNamespace(hand_in=lambda request, _: handed_in.append(request))
    journey = Journey(clock, SimpleNamespace(submit=submit), network, media, desk)  # type: ignore[arg-type]

    def arrive() -> Any:
        yield clock.timeout(generated_ms * MS)
        yield from journey.travel(Request(0, 0, "a fox", (1,), generated_ms * MS, end_ms * MS))

    clock.process(arrive())
    clock.run(until=2000 * MS)
    (request,) = handed_in
    assert (request.generated_ns, request.finished_ns) == (generated_ms * MS, end_ms * MS)
    assert request.outage_ns == (0, rlf_ms * MS)
