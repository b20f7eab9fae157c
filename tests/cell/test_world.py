"""The compiled cell against the cell of SimPy: two programs, one result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobaigc_sim.cell.cell import Cell
from mobaigc_sim.cell.replay import replay
from mobaigc_sim.cell.rlc import SEGMENT_HEADER_BYTES
from mobaigc_sim.cell.trace import TraceError
from mobaigc_sim.cell.world import PoolError, TracePool, World
from mobaigc_sim.experiment.many import run_in_memory
from mobaigc_sim.kernel.probes import Probes, Record
from mobaigc_sim.scenario.load import load_scenario
from mobaigc_sim.scenario.schema import Scenario
from mobaigc_sim.scheduling import Allocation, ContentView, Scheduler, SlotState, fill, schedulers
from mobaigc_sim.scheduling.epoch import EpochDecision, EpochView

SCENARIOS = Path(__file__).parents[2] / "scenarios"
BUSY = (
    "media.mode=bank",
    f"media.bank={SCENARIOS / 'bank'}",
    "traffic.images_per_request=2",
    "traffic.arrivals.mean_interval=200 ms",
    "duration=800 ms",
    "traffic.deadline=600 ms",
    "service.gpu_workers=8",
    "scheduler.kind=priced_utility",
)


def scenario(*changes: str) -> Scenario:
    return load_scenario(SCENARIOS / "quickstart.yaml", (*BUSY, *changes))


def play(wanted: Scenario, rule: Scheduler) -> World:
    """A compiled cell, run to its end under a rule."""
    world = World(TracePool.of([wanted]))
    replay(world, rule, 0)
    return world


def run_with(wanted: Scenario, rule: Scheduler) -> list[Record]:
    """Requests of a run of SimPy under a rule that need not be the scenario's."""
    probes = Probes()
    rows: list[Record] = []
    probes.subscribe("requests", rows.append)
    cell = Cell(wanted, probes)
    cell.network._schedulers[0] = rule  # type: ignore[index]
    cell.network.epochs._schedulers[0] = rule  # type: ignore[index]
    cell.run()
    return sorted(rows, key=lambda row: int(row["request"]))


COLUMNS = ("ue", "keep", "arrival_ns", "finished_ns", "status", "cause", "offered_bytes", "delivered_bytes", "jpsq")


def assert_same(wanted: Scenario) -> World:
    """Both programs agree on every request of a scenario, and something went wrong in it."""
    table = run_in_memory(wanted, ["requests"]).requests.sort_values("request")
    world = play(wanted, schedulers.get(wanted.scheduler.kind)(wanted.scheduler))
    found = world.requests(0)
    assert len(set(found["status"])) > 1, "a run in which everything arrives says little"
    for column in COLUMNS:
        np.testing.assert_array_equal(table[column].to_numpy(), found[column], err_msg=column)
    return world


@pytest.mark.parametrize(
    "changes",
    [
        (),
        ("replication=1", "service.rlc.mode=um", "radio.harq.max_transmissions=2"),
        ("radio.numerology=1", "radio.slice.prb_ratio=0.1", "radio.harq.combining=chase", "radio.tx_power=15 dBm"),
        ("service.rlc.max_retx=0", "radio.tx_power=20 dBm", "radio.harq.max_transmissions=1"),
        ("media.semantic=off", "service.gpu_workers=4", "service.allocation_interval=7 ms"),
    ],
)
def test_every_request_ends_as_in_simpy(changes: tuple[str, ...]) -> None:
    assert_same(scenario(*changes))


@pytest.mark.parametrize(
    "rule",
    [
        ("kind=edf", "keep=0.4"),
        ("kind=proportional_fair",),
        ("kind=round_robin", "keep=1"),
        ("kind=drift_plus_penalty",),
        ("kind=with_ratio", "rule.kind=edf"),
        ("kind=with_ratio", "rule.kind=max_ci", "log_price=-4"),
        ("kind=rolling_horizon",),
    ],
    ids=" ".join,
)
def test_every_request_ends_as_in_simpy_under_any_scheduler(rule: tuple[str, ...]) -> None:
    assert_same(scenario(*(f"scheduler.{change}" for change in rule)))


@pytest.mark.parametrize("rule", ["kind=proportional_fair", "kind=with_ratio"])
def test_whole_pictures_are_served_as_in_simpy(rule: str) -> None:
    inner = ("scheduler.rule.kind=proportional_fair",) if "with" in rule else ()
    world = assert_same(scenario("media.semantic=off", f"scheduler.{rule}", *inner, "radio.slice.prb_ratio=0.1"))
    found = world.requests(0)
    assert set(found["keep"][found["offered_bytes"] > 0]) == {1.0}


@pytest.mark.parametrize("rule", ["priced_utility", "max_ci"])
def test_fading_that_is_drawn_anew_in_every_block_is_as_in_simpy(rule: str) -> None:
    assert_same(load_scenario(SCENARIOS / "cell_twins.yaml", ("duration=3 s", f"scheduler.kind={rule}")))


class Curious(Scheduler):
    """Serves the user told of least, and asks for less the more there is to do; everything it is told goes in."""

    reads_content = True

    def __init__(self) -> None:
        self.told: list[tuple[int, int, int]] = []
        self.shown: list[tuple[Any, ...]] = []

    def allocate(self, state: SlotState) -> Allocation:
        served_U = np.bincount([ue for ue, _, _ in self.told], minlength=99)[state.ue_U]
        metric_U1 = -(served_U * 1000.0 + state.ue_U).astype(np.float64)[:, None]
        self.shown.append(tuple(v.tolist() if isinstance(v, np.ndarray) else v for v in vars(state).values()))
        return Allocation(fill(metric_U1, state.bits_per_prb_UB, state.backlog_bits_U, state.prb_free_B))

    def keep_ratio(self, content: ContentView | None) -> float:
        assert content is not None
        self.shown.append(tuple(v.tolist() if isinstance(v, np.ndarray) else v for v in vars(content).values()))
        return 1.0 / (1 + content.active_requests)

    def observe_served(self, ue: int, bits: int, now_ns: int) -> None:
        self.told.append((ue, bits, now_ns))


def test_a_rule_is_told_the_same_as_in_simpy() -> None:
    wanted, theirs, ours = scenario("scheduler.kind=edf"), Curious(), Curious()
    rows, found = run_with(wanted, theirs), play(wanted, ours).requests(0)
    assert len(set(found["keep"])) > 2
    for column in COLUMNS:
        np.testing.assert_array_equal([row[column] for row in rows], found[column], err_msg=column)
    # SimPy stops when the last request is over
    assert len(theirs.told) > 100 and theirs.told == ours.told[: len(theirs.told)]
    assert len(theirs.shown) > 100 and theirs.shown == ours.shown[: len(theirs.shown)]


def watching(wanted: Scenario, seen: list[EpochView]) -> Scheduler:
    """The scenario's rule, which notes what it is shown."""

    class Watching(schedulers.get("priced_utility")):  # type: ignore[misc]
        def decide(self, view: EpochView) -> EpochDecision:
            seen.append(EpochView._make(field.copy() for field in view))
            decision: EpochDecision = super().decide(view)
            return decision

    return Watching(wanted.scheduler)


@pytest.mark.parametrize(
    "changes",
    [
        (),
        ("traffic.arrivals={kind: trace, times: [0 s, 0.05 s, 0.1 s]}", "duration=1.2 s"),
        ("media.semantic=off",),
    ],
)
def test_what_is_shown_is_as_in_simpy(changes: tuple[str, ...]) -> None:
    wanted = scenario(*changes)
    theirs_seen: list[EpochView] = []
    run_with(wanted, watching(wanted, theirs_seen))
    seen: list[EpochView] = []
    play(wanted, watching(wanted, seen))
    assert len(theirs_seen) > 100
    for theirs, ours in zip(theirs_seen, seen, strict=False):
        active_U = ours.active_U
        np.testing.assert_array_equal(theirs.active_U, active_U)
        for name, a, b in zip(EpochView._fields, theirs, ours, strict=True):
            if name.endswith(("_U", "_UK")):
                np.testing.assert_array_equal(a[active_U], b[active_U], err_msg=name)
            else:
                np.testing.assert_array_equal(a, b, err_msg=name)


def test_whole_pictures_are_told_with_the_bits_that_are_sent() -> None:
    wanted, seen = scenario("media.semantic=off"), list[EpochView]()
    found = play(wanted, watching(wanted, seen)).requests(0)
    sent = {8 * (size + 2 * SEGMENT_HEADER_BYTES) for size in found["offered_bytes"].tolist() if size}
    told = set()
    for view in seen:
        has_U = view.requests_U > 0
        np.testing.assert_array_equal(view.base_bits_UK, view.bits_UK)
        np.testing.assert_array_equal(view.mass_UK[has_U], np.ones_like(view.mass_UK[has_U]))
        told |= set(view.bits_UK[has_U].ravel().tolist())
    assert len(told) > 20 and told == sent


def test_reward_is_what_the_requests_and_the_band_say() -> None:
    wanted = scenario("reward.latency=0.7", "reward.failure=2", "reward.band=0.5", "reward.tolerance=0.02")
    world = World(TracePool.of([wanted]))
    rule = schedulers.get("priced_utility")(wanted.scheduler)
    world.start(0, 0)
    total_4, blocks = world.members[0].cell.reward_4, []
    while not world.is_over(0):
        decision = rule.decide(world.members[0].seen)
        world.advance(0, decision.log_weight_U, decision.level_U)
        blocks.append(int(world.members[0].cell.band_1[0]))
    found, trace = world.requests(0), world.pool.traces[0]
    failed = found["status"] == "failed"
    share = (found["finished_ns"] - found["arrival_ns"]) / (trace.deadline_ns_R - trace.arrival_ns_R)
    assert total_4[0] == pytest.approx(found["worth"].sum())
    assert total_4[1] == pytest.approx(-0.7 * np.where(failed, 1.0, share).sum())
    assert total_4[2] == pytest.approx(-2.0 * failed.sum())
    epoch_slots = world.rules.epoch_slots
    assert total_4[3] == pytest.approx(-0.5 * blocks[-1] / (world.carrier.n_prb * epoch_slots))
    used = run_in_memory(wanted, ["slots"]).slots.prb_used.to_numpy()
    epochs = len(used) // epoch_slots
    assert epochs > 100
    assert blocks[:epochs] == np.cumsum(used)[epoch_slots - 1 :: epoch_slots][:epochs].tolist()


def test_worth_counts_what_is_lost_against_the_whole_picture() -> None:
    wanted = scenario("reward.tolerance=0.03")
    world = play(wanted, schedulers.get("priced_utility")(wanted.scheduler))
    found, trace, content = world.requests(0), world.pool.traces[0], world.pool.content
    delivered = np.flatnonzero(found["status"] == "delivered")
    for r in delivered.tolist():
        offer = world.members[0].cell.level_R[r] + 1
        worth = []
        for picture in trace.picture_RI[r].tolist():
            sizes = content.packet_bytes_XOP[picture, offer]
            got = content.jpsq_XOM[picture, offer, (1 << np.count_nonzero(sizes)) - 1]
            worth.append(np.clip(1 - (content.jpsq_XOM[picture, 0, 1] - got) / 0.03, 0, 1))
        assert found["worth"][r] == pytest.approx(np.mean(worth))


def test_a_cell_starts_anew() -> None:
    wanted = scenario()
    world = World(TracePool.of([wanted, scenario("replication=1")]), cells=2)
    rule = schedulers.get("priced_utility")(wanted.scheduler)

    def end(n: int, trace: int) -> list[int]:
        world.start(n, trace)
        while not world.is_over(n):
            decision = rule.decide(world.members[n].seen)
            world.advance(n, decision.log_weight_U, decision.level_U)
        ends: list[int] = world.requests(n)["finished_ns"].tolist()
        return ends

    first = end(0, 0)
    assert end(1, 1) != first
    assert end(0, 1) == end(1, 1)
    assert end(0, 0) == first


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("radio.layout.sites=7", "radio.layout"),
        ("service.rlc.buffer=10 kB", "service.rlc.buffer"),
        ("media.mode=live", "media.mode: bank"),
        ("radio.radio_link.t310=1 s", "radio.radio_link"),
    ],
)
def test_what_is_not_covered_is_refused(change: str, told: str) -> None:
    with pytest.raises(TraceError, match=told):
        TracePool.of([scenario(change)])


def test_a_pool_holds_traces_of_one_kind_of_cell() -> None:
    with pytest.raises(PoolError, match=r"users\.count"):
        TracePool.of([scenario(), scenario("users.count=3")])
    pool = TracePool.of([scenario(), scenario("traffic.arrivals.mean_interval=1 s", "users.mobility.speed=3 km/h")])
    assert len(pool.traces[1].ue_R) < len(pool.traces[0].ue_R)
