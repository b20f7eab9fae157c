"""The step from a trace to the problem of the clairvoyant bounds: no scheduler of the cell earns more.

Shapes: T slots, U users, R requests, K points.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobaigc_sim.cell.bound_problem import bound_problem, worth_curve
from mobaigc_sim.cell.bound_rates import fading_power_TB, most_bits_TU
from mobaigc_sim.cell.compiled import slots
from mobaigc_sim.cell.replay import replay
from mobaigc_sim.cell.world import TracePool, World
from mobaigc_sim.errors import MobaigcError
from mobaigc_sim.radio.compiled import air
from mobaigc_sim.radio.link import mcs_formats
from mobaigc_sim.scenario.load import load_scenario
from mobaigc_sim.scenario.schema import Scenario
from mobaigc_sim.scheduling import schedulers
from mobaigc_sim.scheduling.bound_lp import clairvoyant_lp
from mobaigc_sim.scheduling.bound_milp import clairvoyant_milp
from mobaigc_sim.scheduling.bound_price import priced_bound, priced_schedule

SCENARIOS = Path(__file__).parents[2] / "scenarios"
RULES = (
    ("kind=priced_utility",),
    ("kind=with_ratio", "rule.kind=edf"),
    ("kind=with_ratio", "rule.kind=max_ci"),
    ("kind=max_ci", "keep=0.2"),
    ("kind=proportional_fair",),
    ("kind=drift_plus_penalty",),
    ("kind=rolling_horizon",),
)


def scenario(name: str, *changes: str) -> Scenario:
    return load_scenario(SCENARIOS / f"cell_{name}.yaml", ("duration=1 s", *changes))


def world_of(wanted: Scenario) -> World:
    return World(TracePool.of([wanted]))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("overload", ()),
        ("overload", ("replication=7", "traffic.images_per_request=1")),
        ("vehicular", ("reward.latency=1", "reward.band=0.5")),
        ("pedestrian", ("radio.slice.prb_ratio=0.1", "users.count=4", "traffic.arrivals.mean_interval=100 ms")),
        ("overload", ("radio.csi.period=1 ms", "radio.csi.delay=0 ms", "radio.harq.feedback_delay=1")),
        ("pedestrian", ("service.rlc.mode=um", "radio.harq.max_transmissions=1", "reward.failure=0")),
        ("vehicular", ("media.semantic=off", "radio.slice.prb_ratio=0.1")),
    ],
)
def test_no_rule_earns_more_than_the_bound(name: str, changes: tuple[str, ...]) -> None:
    world = world_of(scenario(name, *changes))
    problem, lost = bound_problem(world, 0)
    lp = clairvoyant_lp(problem)
    bound = min(lp.value, priced_bound(problem, lp.price_T, steps=0).value) + lost
    for rule in RULES:
        chosen = scenario(name, *changes, *(f"scheduler.{each}" for each in rule)).scheduler
        replay(world, schedulers.get(chosen.kind)(chosen), 0)
        assert world.members[0].cell.reward_4.sum() <= bound + 1e-9, rule


@pytest.mark.parametrize("prb_ratio", [0.02, 0.1])
def test_a_transport_block_carries_no_more_than_its_slots_count_for(prb_ratio: float) -> None:
    """Any MCS, on any blocks or the best, sent up to four times in any slots and decoded with the trace's draws."""
    world = world_of(scenario("vehicular", f"radio.slice.prb_ratio={prb_ratio}"))
    n_prb, trace, rng = world.carrier.n_prb, world.pool.traces[0], np.random.default_rng(0)
    forms, sizes, again = mcs_formats(n_prb), set[int](), 0
    rate_TU = most_bits_TU(world.shared.tables, trace, 4)
    sinr_db_TUB = 10 * np.log10(np.stack([fading_power_TB(trace, u) for u in range(rate_TU.shape[1])], axis=1))
    for _ in range(6000):
        ue, form, times = rng.integers(rate_TU.shape[1]), forms[rng.integers(4, len(forms))], rng.integers(1, 5)
        slot_N, n = rng.integers(0, len(rate_TU), times), int(rng.integers(1, n_prb, endpoint=True))
        total = 0.0
        for slot in slot_N:
            sinr_db_B = sinr_db_TUB[slot, ue]
            used_B = rng.permutation(n_prb)[:n] if rng.random() < 0.5 else np.argsort(-sinr_db_B)[:n]
            bits = form.curve.mutual_information(sinr_db_B[used_B]).mean()
            total += 10 ** (form.curve.effective_sinr_db_of(float(bits)) / 10)
        if trace.draw_TU[slot_N[-1], ue] >= form.bler(10 * math.log10(total), n):
            again += int(times > 1)
            sizes.add(n)
            assert form.tb_size_bits_N[n - 1] - 56 <= n * rate_TU[slot_N, ue].sum()
    assert again > 600 and sizes == set(range(1, n_prb + 1))


def test_the_power_is_that_of_the_cell() -> None:
    trace = world_of(scenario("vehicular", "radio.slice.prb_ratio=0.1")).pool.traces[0]
    power_B = np.zeros(trace.reel_a_R2B.shape[2], np.float32)
    for u, slot in ((0, 0), (3, 777), (9, 1500)):
        air.power_row(slots.air_of(trace, slot), u, 0, power_B)
        np.testing.assert_allclose(fading_power_TB(trace, u)[slot], power_B, rtol=1e-4)


def test_one_request_on_a_constant_channel_is_solved_by_hand() -> None:
    """20 dB and draws of one half: the best of all keep ratios, sent in so many slots, none wasted."""
    world = _constant(20.0)
    trace, content, rules = world.pool.traces[0], world.pool.content, world.rules
    size = max(int(form.tb_size_bits_N[0]) for form in mcs_formats(1) if form.bler(20.0, 1) <= 0.5)
    rewards = []
    for offer in range(1, content.packet_bytes_XOP.shape[1]):
        bits, worth = 0, 0.0
        for picture in trace.picture_RI[0]:
            sizes = content.packet_bytes_XOP[picture, offer]
            bits += 8 * int(sizes.sum())
            got = content.jpsq_XOM[picture, offer, (1 << np.count_nonzero(sizes)) - 1]
            worth += np.clip(1 - (content.jpsq_XOM[picture, 0, 1] - got) / rules.tolerance, 0, 1) / 2
        needed = bits / (size - 56)
        end_ns = trace.ready_ns_R[0] + (math.ceil(needed) + world.shared.limits.feedback_delay) * rules.slot_ns
        late = (end_ns - trace.arrival_ns_R[0]) / (trace.deadline_ns_R[0] - trace.arrival_ns_R[0])
        rewards.append(worth - rules.latency_weight * late - rules.band_weight * needed / rules.epoch_slots)
    problem, lost = bound_problem(world, 0)
    assert lost == 0
    lp = clairvoyant_lp(problem)
    for bound in (lp, priced_bound(problem, lp.price_T)):
        assert max(rewards) - 1e-6 <= bound.value <= max(rewards) * 1.03
    replay(world, schedulers.get("max_ci")(_rule("kind=max_ci", "keep=0.5")), 0)
    assert max(rewards) * 0.85 <= world.members[0].cell.reward_4.sum() <= lp.value


def test_a_request_that_is_not_ready_in_time_is_lost() -> None:
    world = _constant(20.0, late=True)
    problem, lost = bound_problem(world, 0)
    assert len(problem.ue_R) == 0
    assert lost == pytest.approx(-(world.rules.failure_weight + world.rules.latency_weight))
    lp = clairvoyant_lp(problem)
    for bound in (lp, clairvoyant_lp(problem, epochs_per_group=4), clairvoyant_milp(problem)):
        assert bound.value == 0 and len(bound.bits_R) == 0
        np.testing.assert_array_equal(bound.prbs_T, np.zeros(len(problem.capacity_T)))
    assert priced_bound(problem, lp.price_T).value == priced_schedule(problem, lp.price_T).reward == 0


def _rule(*changes: str) -> Any:
    return scenario("pedestrian", *(f"scheduler.{change}" for change in changes)).scheduler


def _constant(snr_db: float, late: bool = False) -> World:
    """One user, its first request alone, no fading."""
    pool = TracePool.of([scenario("pedestrian", "users.count=1", "traffic.arrivals.mean_interval=100 ms")])
    trace = pool.traces[0]
    one = np.zeros(1, np.int64)
    reel_R2B = np.zeros_like(trace.reel_a_R2B)
    reel_R2B[:, 0] = 1.0
    steady = trace._replace(
        reel_a_R2B=reel_R2B,
        reel_b_R2B=np.zeros_like(reel_R2B),
        snr_TU=np.full_like(trace.snr_TU, 10 ** (snr_db / 10)),
        draw_TU=np.full_like(trace.draw_TU, 0.5),
        ue_R=one,
        arrival_ns_R=trace.arrival_ns_R[:1],
        ready_ns_R=trace.deadline_ns_R[:1] + 1 if late else trace.ready_ns_R[:1],
        deadline_ns_R=trace.deadline_ns_R[:1],
        by_ready_R=one,
        picture_RI=trace.picture_RI[:1],
    )
    return World(TracePool(pool.scenario, pool.content, pool.keep_grid, (steady,)))


def test_whole_points_earn_no_more_than_mixtures() -> None:
    world = world_of(scenario("overload", "duration=500 ms", "traffic.arrivals.mean_interval=150 ms"))
    problem, _ = bound_problem(world, 0, "path", points=5)
    lp = clairvoyant_lp(problem)
    exact = clairvoyant_milp(problem, time_limit_s=10)
    assert priced_schedule(problem, lp.price_T).reward <= exact.value + 1e-6
    assert exact.value - exact.gap <= priced_bound(problem, lp.price_T).value + 1e-6 <= lp.value + 2e-6


def test_nothing_that_may_arrive_lies_above_the_curve() -> None:
    world = world_of(scenario("overload"))
    content, rules, rng = world.pool.content, world.rules, np.random.default_rng(1)
    for points in (4, 12):
        for _ in range(20):
            pictures_I = rng.integers(0, len(content.packet_bytes_XOP), 2)
            bits_K, worth_K = worth_curve(content, rules, pictures_I, points)
            assert len(bits_K) == points
            for _ in range(50):
                offer, bits, worth = rng.integers(1, 11), 0, 0.0
                for picture in pictures_I:
                    sizes = content.packet_bytes_XOP[picture, offer]
                    got = int(rng.integers(0, 1 << np.count_nonzero(sizes)))
                    if got & 1:
                        bits += 8 * sum(int(size) for p, size in enumerate(sizes) if got >> p & 1)
                        loss = content.jpsq_XOM[picture, 0, 1] - content.jpsq_XOM[picture, offer, got]
                        worth += np.clip(1 - loss / rules.tolerance, 0, 1) / 2
                if bits:
                    assert worth <= worth_K[bits_K <= bits].max() + 1e-12


def test_path_knowledge_has_the_same_requests_in_epochs() -> None:
    world = world_of(scenario("vehicular"))
    fine, _ = bound_problem(world, 0)
    epochs, _ = bound_problem(world, 0, "path")
    group = world.rules.epoch_slots
    np.testing.assert_array_equal(epochs.ready_R, fine.ready_R // group)
    np.testing.assert_array_equal(epochs.bits_RK, fine.bits_RK)
    assert epochs.capacity_T.sum() == fine.capacity_T.sum()
    assert epochs.bits_per_prb_TU.mean() < fine.bits_per_prb_TU.mean()


def test_soft_combining_of_another_kind_is_refused() -> None:
    world = world_of(scenario("pedestrian", "radio.harq.combining=ir"))
    with pytest.raises(MobaigcError, match=r"radio\.harq\.combining: chase"):
        bound_problem(world, 0)
