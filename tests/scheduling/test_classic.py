"""Classic schedulers: multi-user diversity in closed form, fairness, and traps of practice.

Shapes: U users, B resource blocks.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError
from scipy import integrate, optimize

from mobaigc_sim.scheduling import MaxCi, ProportionalFair, RoundRobin, Scheduler, schedulers

from ..contracts.scheduler_contract import SLOT_NS, granted_bits_U, slot_state

WINDOW = 500


def mean_bits(
    scheduler: Scheduler, rate: Callable[[NDArray[np.float64]], NDArray[np.float64]], n_ue: int, seed: int = 1
) -> float:
    """Mean bits per block under full buffers, independent Rayleigh fading, and the cell's average of grants."""
    rng, n_prb, slots = np.random.default_rng(seed), 25, 3000
    mean_rate_bps_U, total = np.zeros(n_ue), 0.0
    for slot in range(slots + WINDOW):
        state = slot_state(rate(rng.exponential(size=(n_ue, n_prb))), mean_rate_bps_U=mean_rate_bps_U, slot=slot)
        bits_U = granted_bits_U(state, scheduler.allocate(state).owner_B)
        mean_rate_bps_U = mean_rate_bps_U + (bits_U / (SLOT_NS * 1e-9) - mean_rate_bps_U) / WINDOW
        total += bits_U.sum() if slot >= WINDOW else 0.0
    return total / slots / n_prb


@pytest.mark.parametrize(
    ("snr_db", "n_ue", "gain"),
    [
        (0, 2, 1.394), (0, 4, 1.777), (0, 8, 2.118), (0, 10, 2.218), (0, 50, 2.817), (10, 10, 1.654), (20, 10, 1.373),
    ],
)  # fmt: skip
def test_gain_of_proportional_fair_over_round_robin(snr_db: float, n_ue: int, gain: float) -> None:
    """With equal means PF picks the best of K fades: E[log2(1 + γ max)] / E[log2(1 + γ g)], by quadrature as well."""
    snr = 10 ** (snr_db / 10)

    def density_of_the_best(x: float) -> float:
        return float(n_ue * np.exp(-x) * (1 - np.exp(-x)) ** (n_ue - 1))

    best = integrate.quad(lambda x: np.log2(1 + snr * x) * density_of_the_best(x), 0, 60)[0]
    one = integrate.quad(lambda x: np.log2(1 + snr * x) * np.exp(-x), 0, 60)[0]
    assert best / one == pytest.approx(gain, abs=6e-4)

    def shannon(fade_UB: NDArray[np.float64]) -> NDArray[np.float64]:
        return 1e4 * np.log2(1 + snr * fade_UB)

    pf = mean_bits(ProportionalFair(ProportionalFair.Config()), shannon, n_ue)
    rr = mean_bits(RoundRobin(RoundRobin.Config()), shannon, n_ue)
    assert rr / 1e4 == pytest.approx(one, rel=0.015)
    assert pf / rr == pytest.approx(gain, rel=0.03)


@pytest.mark.parametrize("n_ue", [1, 2, 10, 50])
def test_gain_of_max_ci_is_the_harmonic_number(n_ue: int) -> None:
    harmonic = sum(1 / k for k in range(1, n_ue + 1))
    assert mean_bits(MaxCi(MaxCi.Config()), lambda fade: fade, n_ue) == pytest.approx(harmonic, rel=0.01)


def stale_report_shares(reported_bits: float, count_acknowledged_only: bool = False) -> NDArray[np.float64]:
    """Share of the blocks of each of four PF users; the report of user 0 stands still and all its blocks fail."""
    rng, scheduler = np.random.default_rng(9), ProportionalFair(ProportionalFair.Config())
    mean_rate_bps_U, blocks_U = np.zeros(4), np.zeros(4)
    for slot in range(4000):
        bits_UB = 1e4 * np.log2(1 + 10 * rng.exponential(size=(4, 10)))
        bits_UB[0] = reported_bits
        state = slot_state(bits_UB, mean_rate_bps_U=mean_rate_bps_U, slot=slot)
        owner_B = scheduler.allocate(state).owner_B
        bits_U = granted_bits_U(state, owner_B)
        if count_acknowledged_only:
            bits_U[0] = 0
        mean_rate_bps_U = mean_rate_bps_U + (bits_U / (SLOT_NS * 1e-9) - mean_rate_bps_U) / WINDOW
        blocks_U += np.bincount(owner_B, minlength=4) if slot >= 2 * WINDOW else 0
    return np.asarray(blocks_U / blocks_U.sum())


@pytest.mark.parametrize("reported_bits", [1e4, 4e4, 4e6])
def test_a_user_whose_blocks_all_fail_does_not_lock_in_however_good_its_report(reported_bits: float) -> None:
    """Fixed point of PF with one constant rate against three fading ones, M the best of the three.

    The constant user wins while M < c: its share is s = P(M < c), and c = T / s with T = E[M; M > c] / 3 the average
    of a fading user; the constant rate itself cancels.
    """

    def below(x: float) -> float:
        return float(-np.expm1(-(2**x - 1) / 10)) ** 3

    def average(c: float) -> float:
        return (c * (1 - below(c)) + integrate.quad(lambda x: 1 - below(x), c, 12)[0]) / 3

    share = below(optimize.brentq(lambda c: c * below(c) - average(c), 0.1, 8))
    shares_U = stale_report_shares(reported_bits)
    assert shares_U[0] == pytest.approx(share, abs=0.01)
    np.testing.assert_allclose(shares_U[1:], (1 - share) / 3, atol=0.01)


def test_counting_acknowledged_bits_only_would_lock_in() -> None:
    """The reason for the definition of `mean_rate_bps_U`; shows that the test above can fail."""
    assert stale_report_shares(4e4, count_acknowledged_only=True)[0] > 0.99


def test_proportional_fair_gives_equal_air_time_to_unequal_users() -> None:
    """Users 20 dB apart whose fades have one law: rates scale out of R/T, so blocks are shared equally."""
    rng, scheduler = np.random.default_rng(3), ProportionalFair(ProportionalFair.Config())
    mean_rate_bps_U, blocks_U = np.zeros(3), np.zeros(3)
    for slot in range(3000):
        state = slot_state(
            np.array([[1e2], [1e3], [1e4]]) * rng.exponential(size=(3, 10)), mean_rate_bps_U=mean_rate_bps_U, slot=slot
        )
        owner_B = scheduler.allocate(state).owner_B
        bits_U = granted_bits_U(state, owner_B)
        mean_rate_bps_U = mean_rate_bps_U + (bits_U / (SLOT_NS * 1e-9) - mean_rate_bps_U) / WINDOW
        blocks_U += np.bincount(owner_B, minlength=3) if slot >= 2 * WINDOW else 0
    np.testing.assert_allclose(blocks_U / blocks_U.sum(), 1 / 3, atol=0.02)


def test_max_ci_gives_equal_rates_to_the_user_who_had_least() -> None:
    state = slot_state([[5, 5], [5, 5], [4, 9]], mean_rate_bps_U=[100, 50, 1])
    assert MaxCi(MaxCi.Config()).allocate(state).owner_B.tolist() == [1, 2]


@pytest.mark.parametrize(("n_ue", "n_prb"), [(3, 8), (5, 5), (4, 12), (7, 3)])
def test_round_robin_gives_every_user_every_block_once_in_a_cycle(n_ue: int, n_prb: int) -> None:
    scheduler = RoundRobin(RoundRobin.Config())
    turns_UB = np.zeros((n_ue, n_prb), int)
    for slot in range(2 * n_ue):
        owner_B = scheduler.allocate(slot_state(np.full((n_ue, n_prb), 100), slot=slot)).owner_B
        assert np.ptp(np.bincount(owner_B, minlength=n_ue)) <= 1
        turns_UB[owner_B, np.arange(n_prb)] += 1
    assert (turns_UB == 2).all()


@pytest.mark.parametrize(
    ("n_prb", "small_bits", "blocks"), [(9, 100, [1, 4, 4]), (8, 200, [2, 3, 3]), (10, 200, [2, 4, 4])]
)
def test_round_robin_shares_what_a_small_user_leaves(n_prb: int, small_bits: int, blocks: list[int]) -> None:
    state = slot_state(np.full((3, n_prb), 100), backlog_bits_U=[small_bits, 10**6, 10**6])
    owner_B = RoundRobin(RoundRobin.Config()).allocate(state).owner_B
    assert np.bincount(owner_B).tolist() == blocks


def test_round_robin_goes_on_by_identity_when_users_come_and_go() -> None:
    scheduler = RoundRobin(RoundRobin.Config())
    first = []
    for ue_U in ([2, 5, 9], [2, 5, 9], [2, 7, 9], [2, 7], [2, 7, 8]):
        state = slot_state(np.full((len(ue_U), 1), 100), ue_U=ue_U)
        first.append(ue_U[scheduler.allocate(state).owner_B[0]])
    assert first == [2, 5, 7, 2, 7]


@pytest.mark.parametrize("kind", ["round_robin", "proportional_fair", "max_ci"])
def test_configuration(kind: str) -> None:
    cls = schedulers.get(kind)
    config = cls.Config.model_validate({"kind": kind})
    assert config.keep is None and cls.Config.model_validate({"kind": kind, "keep": 1}).keep == 1
    assert cls(cls.Config.model_validate({"kind": kind, "keep": 0.4})).keep_ratio(None) == 0.4
    for bad in (0, 1.1, -0.5):
        with pytest.raises(ValidationError, match="keep"):
            cls.Config.model_validate({"kind": kind, "keep": bad})
    with pytest.raises(ValidationError, match="kind"):
        cls.Config.model_validate({"kind": "other"})
