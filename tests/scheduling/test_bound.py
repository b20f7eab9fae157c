"""Clairvoyant bounds: instances solved by hand, and no schedule above them.

Shapes: T epochs, U users, R requests, K points.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import milp

from mobaigc_sim.scheduling import bound_milp
from mobaigc_sim.scheduling.bound import BoundProblem, BoundResult
from mobaigc_sim.scheduling.bound_lp import clairvoyant_lp
from mobaigc_sim.scheduling.bound_milp import clairvoyant_milp
from mobaigc_sim.scheduling.bound_price import priced_bound, priced_schedule
from mobaigc_sim.scheduling.bound_reply import envelope


def problem(
    capacity: list[float],
    rates: list[list[float]],
    points: list[list[tuple[float, float]]],
    *,
    ue: list[int] | None = None,
    window: list[tuple[int, int]] | None = None,
    failure: float = 0.0,
    latency: float = 0.0,
    band: float = 0.0,
    part: float = 1.0,
) -> BoundProblem:
    """One request per user that may use all epochs, unless said otherwise; latency counts from the window's start."""
    n = len(points)
    window_R2 = np.array(window or [(0, len(capacity))] * n)
    curve_RK2 = np.array(points, float)
    return BoundProblem(
        capacity_T=np.array(capacity, float),
        bits_per_prb_TU=np.array(rates, float),
        ue_R=np.array(ue or range(n)),
        arrival_R=window_R2[:, 0].astype(float),
        ready_R=window_R2[:, 0],
        deadline_R=window_R2[:, 1],
        deadline_length_R=np.maximum(window_R2[:, 1] - window_R2[:, 0], 1).astype(float),
        bits_RK=curve_RK2[:, :, 0],
        worth_RK=curve_RK2[:, :, 1],
        failure_penalty=failure,
        latency_weight=latency,
        band_weight=band,
        epoch_part=part,
    )


def random_problem(seed: int, *, n_epochs: int = 14, n_requests: int = 6, n_points: int = 3) -> BoundProblem:
    """Fading channels, an outage, uneven capacity with an empty epoch, curves that need not be concave."""
    rng = np.random.default_rng(seed)
    rate_TU = rng.lognormal(4, 1, (n_epochs, 3)) * (rng.random((n_epochs, 3)) < 0.9)
    arrival_R = rng.uniform(0, n_epochs - 3, n_requests)
    length_R = rng.uniform(3, 9, n_requests)
    return BoundProblem(
        capacity_T=rng.integers(0, 12, n_epochs).astype(float),
        bits_per_prb_TU=rate_TU,
        ue_R=rng.integers(0, 3, n_requests),
        arrival_R=arrival_R,
        ready_R=np.ceil(arrival_R).astype(np.int64),
        deadline_R=np.minimum(np.ceil(arrival_R + length_R), n_epochs).astype(np.int64),
        deadline_length_R=length_R,
        bits_RK=rng.uniform(100, 1500, (n_requests, n_points)),
        worth_RK=rng.uniform(0, 1, (n_requests, n_points)),
        failure_penalty=float(rng.uniform(0, 1)),
        latency_weight=float(rng.uniform(0, 0.6)),
        band_weight=float(rng.uniform(0, 0.3)),
        epoch_part=float(rng.uniform(0, 1)),
    )


def exact_reward(p: BoundProblem, prbs_RT: NDArray[np.float64], choices: list[int]) -> float:
    """Reward of a schedule by the words of the module, epoch by epoch; choice −1: whatever prefix is there."""
    assert (prbs_RT >= 0).all() and (prbs_RT.sum(axis=0) <= p.capacity_T * (1 + 1e-9)).all()
    reward = 0.0
    for r, k in enumerate(choices):
        sent, ratio, worth, best = 0.0, 1.0, 0.0, False
        for t in range(len(p.capacity_T)):
            assert p.ready_R[r] <= t < p.deadline_R[r] or prbs_RT[r, t] == 0
            sent += prbs_RT[r, t] * p.bits_per_prb_TU[t, p.ue_R[r]]
            if k >= 0 and not best and sent >= p.bits_RK[r, k] * (1 - 1e-8):
                latency = t + p.epoch_part - p.arrival_R[r]
                ratio, worth, best = min(max(latency / p.deadline_length_R[r], 0.0), 1.0), p.worth_RK[r, k], True
        if not best and sent >= p.bits_RK[r].min():
            sent = min(sent, p.bits_RK[r].max())
            # Upper envelope as the best mixture of a point below and one above.
            below_K, above_K = p.bits_RK[r] <= sent, p.bits_RK[r] >= sent
            worth, best = -np.inf, True
            for b0, w0 in zip(p.bits_RK[r, below_K], p.worth_RK[r, below_K], strict=True):
                for b1, w1 in zip(p.bits_RK[r, above_K], p.worth_RK[r, above_K], strict=True):
                    worth = max(worth, w0 if b1 == b0 else w0 + (w1 - w0) * (sent - b0) / (b1 - b0))
        reward += worth - p.latency_weight * ratio - (0.0 if best else p.failure_penalty)
    used = np.divide(prbs_RT.sum(axis=0), p.capacity_T, out=np.zeros(len(p.capacity_T)), where=p.capacity_T > 0)
    return reward - p.band_weight * float(used.sum())


def all_bounds(p: BoundProblem) -> dict[str, BoundResult]:
    lp = clairvoyant_lp(p)
    return {
        "grouped": clairvoyant_lp(p, epochs_per_group=3),
        "lp": lp,
        "relaxed": clairvoyant_milp(p, whole=False),
        "priced": priced_bound(p, lp.price_T),
        "exact": clairvoyant_milp(p),
    }


def test_one_request_that_fits_gets_its_best_point() -> None:
    """2 epochs × 5 blocks × 10 bits = 100 bits: the point of 80 fits, and costs 8 of the 5-block epochs' blocks."""
    p = problem([5, 5], [[10], [10]], [[(40, 0.6), (80, 1.0)]], failure=0.5, band=0.1)
    for result in all_bounds(p).values():
        assert result.value == pytest.approx(1.0 - 0.1 * 8 / 5)
        assert result.bits_R == pytest.approx([80], rel=1e-6)
        assert result.prbs_T.sum() == pytest.approx(8, rel=1e-6)


def test_two_users_and_one_block() -> None:
    """The block goes to the user worth more; the LP's price of it is what the user loses who is left out."""
    p = problem([1], [[10, 10]], [[(10, 1.0)], [(10, 0.7)]])
    lp = clairvoyant_lp(p)
    assert lp.value == pytest.approx(1.0) and lp.bits_R == pytest.approx([10, 0])
    assert 0.7 - 1e-9 <= lp.price_T[0] <= 1.0 + 1e-9
    assert clairvoyant_milp(p).value == pytest.approx(1.0)
    served = priced_schedule(p, lp.price_T)
    assert served.reward == pytest.approx(1.0)


def test_half_an_image_counts_in_the_lp_only() -> None:
    """15 bits for two images of 10: the LP splits the second (1 + 0.5 worth, half a failure), whole points do not."""
    p = problem([15], [[1, 1]], [[(10, 1.0)], [(10, 1.0)]], failure=0.4)
    assert clairvoyant_lp(p).value == pytest.approx(1.5 - 0.2)
    assert clairvoyant_milp(p).value == pytest.approx(1.0 - 0.4)


def test_a_prefix_is_read_from_the_envelope_at_full_latency() -> None:
    """15 bits of a curve (10, 0.5), (20, 1): completing 10 in time earns 0.5 − 0.1, the prefix of 15 0.75 − 0.2."""
    p = problem([7.5, 7.5], [[1], [1]], [[(10, 0.5), (20, 1.0)]], latency=0.2)
    p = replace(p, deadline_length_R=np.array([4.0]))
    assert clairvoyant_milp(p).value == pytest.approx(0.75 - 0.2)
    assert priced_bound(p, np.zeros(2), steps=0).value == pytest.approx(0.75 - 0.2)
    assert priced_schedule(p, np.zeros(2)).reward == pytest.approx(0.75 - 0.2)
    assert clairvoyant_lp(p).value >= 0.75 - 0.2


@pytest.mark.parametrize(("band", "sends"), [(1.19, True), (1.21, False)])
def test_the_price_of_the_band_stops_sending(band: float, sends: bool) -> None:
    """The image fills the epoch: sent while λ_b < worth + λ_f = 1.2."""
    p = problem([4], [[5]], [[(20, 1.0)]], failure=0.2, band=band)
    for result in all_bounds(p).values():
        assert result.value == pytest.approx(1.0 - band if sends else -0.2)
        assert result.bits_R[0] == pytest.approx(20 if sends else 0, rel=1e-6)


def test_nothing_is_sent_outside_the_window() -> None:
    """The rich epochs lie before and after the window; inside it 10 bits pass, the smaller point."""
    p = problem([100, 5, 5, 100], [[1]] * 4, [[(10, 0.4), (20, 1.0)]], window=[(1, 3)], failure=1.0)
    exact = clairvoyant_milp(p)
    assert exact.value == pytest.approx(0.4)
    assert exact.prbs_T == pytest.approx([0, 5, 5, 0])
    assert clairvoyant_lp(p).prbs_T[[0, 3]] == pytest.approx([0, 0])


def test_latency_of_one_request() -> None:
    """30 bits at 10 an epoch take 3 of 4 epochs: ratio 3/4 exactly, from the LP as well (earliest completion)."""
    p = problem([10] * 4, [[1]] * 4, [[(30, 1.0)]], latency=0.4)
    for name, result in all_bounds(p).items():
        if name == "grouped":
            assert result.value >= 1 - 0.4 * 0.75 - 1e-9
        else:
            assert result.value == pytest.approx(1 - 0.4 * 0.75), name
    assert clairvoyant_milp(replace(p, epoch_part=0.0)).value == pytest.approx(1 - 0.4 * 0.5)
    assert clairvoyant_milp(replace(p, arrival_R=np.array([-1.0]))).value == pytest.approx(1 - 0.4)


def test_latency_of_two_that_queue() -> None:
    """Equal images of one epoch each: one ends after 1/2, the other after 2/2; the mean time of sending says so too."""
    p = problem([10] * 2, [[1, 1]] * 2, [[(10, 1.0)], [(10, 1.0)]], latency=1.0)
    assert clairvoyant_milp(p).value == pytest.approx(2 - 0.5 - 1.0)
    assert clairvoyant_lp(p).value == pytest.approx(2 - 0.5 - 1.0)


def test_a_fast_channel_is_waited_for_unless_latency_costs_more() -> None:
    """A block carries 1 bit now and 10 later: waiting saves 9/10 of λ_b and costs half of λ_t."""
    p = problem([10, 10], [[1], [10]], [[(10, 1.0)]], band=0.2)
    assert clairvoyant_milp(p).prbs_T == pytest.approx([0, 1])
    assert clairvoyant_milp(replace(p, latency_weight=0.3)).prbs_T == pytest.approx([0, 1])
    assert clairvoyant_milp(replace(p, latency_weight=0.4)).prbs_T == pytest.approx([10, 0])


def test_a_point_off_the_envelope_is_completed_but_not_passed_over() -> None:
    """The envelope of (10, 0), (20, 0.1), (30, 1) is a line: 0.5 at 20 bits, for a prefix and in the LP."""
    at = np.array([10.0, 20.0, 25.0, 30.0])
    assert envelope(np.array([30.0, 10, 20, 10]), np.array([1.0, 0, 0.1, -1]), at) == pytest.approx([0, 0.5, 0.75, 1])
    assert envelope(np.array([10.0, 20, 30]), np.array([0, 0.8, 1.0]), at) == pytest.approx([0, 0.8, 0.9, 1])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_no_schedule_beats_a_bound(seed: int) -> None:
    """Random schedules, and those by price, against the bounds, which lie above one another as they should."""
    p = random_problem(seed)
    bounds = {name: result.value for name, result in all_bounds(p).items()}
    assert bounds["grouped"] >= bounds["lp"] - 1e-6
    assert bounds["lp"] >= bounds["relaxed"] - 1e-6
    assert bounds["relaxed"] >= bounds["exact"] - 1e-6
    assert bounds["lp"] >= bounds["priced"] - 1e-6
    assert bounds["priced"] >= bounds["exact"] - 1e-6

    rng = np.random.default_rng(seed + 1)
    n_requests, n_points = p.bits_RK.shape
    epochs_T = np.arange(len(p.capacity_T))
    window_RT = (epochs_T >= p.ready_R[:, None]) & (epochs_T < p.deadline_R[:, None])
    for _ in range(20):
        wanted_R1 = rng.random((n_requests, 1)) < 0.8
        want_RT = wanted_R1 * window_RT * rng.exponential(size=window_RT.shape) ** float(rng.uniform(0.2, 4))
        total_T: NDArray[np.float64] = want_RT.sum(axis=0)
        prbs_RT = want_RT / np.where(total_T > 0, total_T, 1) * p.capacity_T * rng.uniform(0.3, 1)
        choices = [int(rng.integers(-1, n_points)) for _ in range(n_requests)]
        for r, k in enumerate(choices):  # no block after completion, or the band is paid for nothing
            bits_T = np.cumsum(prbs_RT[r] * p.bits_per_prb_TU[:, p.ue_R[r]])
            enough_T: NDArray[np.bool_] = bits_T >= p.bits_RK[r, k]
            if k >= 0 and enough_T.any():
                prbs_RT[r, int(np.argmax(enough_T)) + 1 :] = 0
        assert exact_reward(p, prbs_RT, choices) <= bounds["exact"] + 1e-6

    served = priced_schedule(p, clairvoyant_lp(p).price_T)
    hit_RK = np.isclose(p.bits_RK, served.bits_R[:, None], rtol=1e-7, atol=0)
    choices = [int(k) for k in np.where(hit_RK.any(axis=1), hit_RK.argmax(axis=1), -1)]
    assert served.reward == pytest.approx(exact_reward(p, served.prbs_RT, choices), abs=1e-6)
    assert served.reward <= bounds["exact"] + 1e-6


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 13), st.floats(0.1, 20))
def test_the_lp_grows_with_capacity_as_its_prices_say(seed: int, epoch: int, more: float) -> None:
    """Without λ_t and λ_b capacity enters as a limit only: its price bounds the rise, and is 0 with blocks left."""
    p = random_problem(seed)
    raised_T = p.capacity_T + more * (np.arange(len(p.capacity_T)) == epoch)
    assert clairvoyant_lp(replace(p, capacity_T=raised_T)).value >= clairvoyant_lp(p).value - 1e-7
    bare = replace(p, latency_weight=0.0, band_weight=0.0, capacity_T=np.maximum(p.capacity_T, 1.0))
    before = clairvoyant_lp(bare)
    raised_T = bare.capacity_T + more * (np.arange(len(p.capacity_T)) == epoch)
    rise = clairvoyant_lp(replace(bare, capacity_T=raised_T)).value - before.value
    assert -1e-7 <= rise <= more * before.price_T[epoch] + 1e-6
    left_T = before.prbs_T < bare.capacity_T - 1e-6
    assert before.price_T[left_T] == pytest.approx(0, abs=1e-7)


def test_groups_of_epochs_only_raise_the_bound() -> None:
    p = random_problem(5, n_epochs=60, n_requests=25)
    values = [clairvoyant_lp(p, epochs_per_group=m).value for m in (1, 2, 4, 8)]
    assert values == sorted(values) and values[-1] > values[0] + 0.01


def test_steps_on_prices_close_part_of_the_gap() -> None:
    """From the prices of the LP, not above it; then lower, and any prices will do."""
    p = random_problem(5, n_epochs=60, n_requests=25)
    lp = clairvoyant_lp(p)
    first, last = priced_bound(p, lp.price_T, steps=0), priced_bound(p, lp.price_T)
    assert priced_schedule(p, last.price_T).reward <= last.value < first.value <= lp.value
    assert priced_bound(p, np.zeros(60), steps=0).value >= last.value - 1e-9


def test_a_milp_cut_short_is_still_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given up at the root of the search, where bound and best schedule are still apart."""
    p = random_problem(3, n_epochs=40, n_requests=30, n_points=8)
    exact = clairvoyant_milp(p)

    def at_the_root(*program: Any, options: dict[str, Any], **more: Any) -> Any:
        return milp(*program, options=options | {"node_limit": 1}, **more)

    monkeypatch.setattr(bound_milp, "milp", at_the_root)
    cut = clairvoyant_milp(p)
    assert cut.gap > 1e-3 and exact.gap == pytest.approx(0, abs=1e-6)
    assert cut.value - cut.gap <= exact.value + 1e-6 < cut.value


def test_nobody_can_be_served() -> None:
    p = problem([3, 0], [[0], [5]], [[(10, 1.0)]], failure=0.3, latency=0.2)
    for result in all_bounds(p).values():
        assert result.value == pytest.approx(-0.5) and result.prbs_T == pytest.approx([0, 0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"capacity_T": np.ones(3)}, "epochs"),
        ({"capacity_T": np.array([1.0, -1.0])}, "≥ 0"),
        ({"worth_RK": np.ones((1, 2))}, "worth_RK"),
        ({"worth_RK": np.array([[np.nan]])}, "finite"),
        ({"bits_RK": np.zeros((1, 1))}, "> 0"),
        ({"ue_R": np.array([1])}, "ue_R"),
        ({"ue_R": np.array([0.0])}, "integers"),
        ({"deadline_R": np.array([3])}, "deadline_R"),
        ({"arrival_R": np.zeros(2)}, "arrival_R"),
        ({"latency_weight": -1.0}, "latency_weight"),
        ({"epoch_part": 1.5}, "epoch_part"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(problem([5, 5], [[1], [1]], [[(5, 1.0)]]), **change)
    with pytest.raises(ValueError, match="epochs_per_group"):
        clairvoyant_lp(problem([5], [[1]], [[(5, 1.0)]]), epochs_per_group=0)
