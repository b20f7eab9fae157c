"""Multi-user gain of the scheduler plug-ins on independent Rayleigh fading.

Shapes: K users, B resource blocks.

Each of 64 blocks fades on its own in every slot, so a slot is 64 draws of the channel; the rate of a block is
log2(1 + SNR) bits per symbol on 156 symbols. Averaged: what was granted to all users, over all slots after the warm-up.
The window of the average rates is 2000 slots, which 64 blocks a slot make smooth: its fluctuation costs proportional
fair less than a hundredth. Round robin plays on the same draws.

With equal means proportional fair picks the best of K, so that the gain over round robin has the closed form

    E[log2(1 + γ max g)] / E[log2(1 + γ g)],  P(max g < x) = (1 − e^{−x})^K.

Source: D. Tse, P. Viswanath, "Fundamentals of Wireless Communication", Cambridge 2005, section 6.7; R. Knopp,
P. A. Humblet, ICC 1995 (mean of the best gain, the harmonic number H_K).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.integrate import quad

from ..scheduling.base import Scheduler
from ..scheduling.classic.max_ci import MaxCi, MaxCiConfig
from ..scheduling.classic.proportional_fair import ProportionalFair, ProportionalFairConfig
from ..scheduling.classic.round_robin import RoundRobin, RoundRobinConfig
from .drive import slot_state
from .rows import Curves, Row, close, near

KNOPP, TSE = "Knopp 1995: H_K", "Tse 2005, section 6.7, by integration"
HARMONIC = {10: 2.9290, 50: 4.4992}
GAIN = {
    0: {2: 1.394, 4: 1.777, 8: 2.118, 10: 2.218, 50: 2.817},
    10: {2: 1.259, 4: 1.460, 8: 1.612, 10: 1.654, 50: 1.883},
    20: {2: 1.161, 4: 1.271, 8: 1.351, 10: 1.373, 50: 1.489},
}
"""Mean SNR in dB → number of users → rate gain of proportional fair over round robin."""
BLOCKS, WINDOW, WARM_UP, SLOTS = 64, 2000, 500, 1500
_SLOT_NS, _SYMBOLS = 500_000, 156


def rows(curves: Curves) -> Iterator[Row]:
    """The stored gains against the integral, and the plug-ins against both."""
    for users, expected in HARMONIC.items():
        got = mean_rate(MaxCi(MaxCiConfig()), users, None)
        yield close(f"mean best gain of {users} users, max C/I", expected, got, 0.01, KNOPP)
    drawn = []
    for snr_db, gains in GAIN.items():
        for users, stored in gains.items():
            closed = closed_gain(users, snr_db)
            at = f"{snr_db} dB, {users} users"
            yield near(f"PF/RR closed form at {at}", stored, closed, 1e-3, "", TSE)
            best = mean_rate(ProportionalFair(ProportionalFairConfig()), users, snr_db)
            got = best / mean_rate(RoundRobin(RoundRobinConfig()), users, snr_db)
            yield close(f"PF/RR rate at {at}", closed, got, 0.03, TSE)
            drawn.append((snr_db, users, got))
    curves["gain"] = pd.DataFrame(drawn, columns=["snr_db", "users", "found"])
    many = [
        (snr_db, users, closed_gain(users, snr_db)) for snr_db in GAIN for users in (1, 2, 3, 4, 6, 8, 10, 16, 25, 50)
    ]
    curves["gain_closed"] = pd.DataFrame(many, columns=["snr_db", "users", "closed"])


def closed_gain(users: int, snr_db: float) -> float:
    """Rate of the best of K users over the rate of one."""
    snr = 10.0 ** (snr_db / 10.0)

    def mean_bits(best_of: int) -> float:
        # E[f(X)] = ∫ f'(x) P(X > x) dx with f(0) = 0
        def slope(x: float) -> float:
            return float(snr / (1.0 + snr * x) * -np.expm1(best_of * np.log1p(-np.exp(-x))))

        return float(quad(slope, 0.0, 1.0, limit=200)[0] + quad(slope, 1.0, 60.0, limit=200)[0])

    return mean_bits(users) / mean_bits(1)


def mean_rate(scheduler: Scheduler, users: int, snr_db: float | None) -> float:
    """Mean rate granted on a block: bits per symbol, or the power gain itself without a SNR."""
    rng = np.random.default_rng(users)
    mean_rate_bps_K, ue_K, free_B = np.zeros(users), np.arange(users), np.ones(BLOCKS, np.bool_)
    total = 0.0
    for slot in range(WARM_UP + SLOTS):
        gain_KB = rng.exponential(size=(users, BLOCKS))
        value_KB = gain_KB if snr_db is None else np.log2(1.0 + 10.0 ** (snr_db / 10.0) * gain_KB)
        bits_KB = _SYMBOLS * value_KB
        owner_B = scheduler.allocate(slot_state(slot, _SLOT_NS, ue_K, bits_KB, mean_rate_bps_K, free_B)).owner_B
        granted_B = bits_KB[owner_B, np.arange(BLOCKS)]
        bits_K = np.bincount(owner_B, weights=granted_B, minlength=users)
        # the mean of all slots so far until the window is full, as no start value is known
        mean_rate_bps_K += (bits_K / (_SLOT_NS * 1e-9) - mean_rate_bps_K) / min(slot + 1, WINDOW)
        if slot >= WARM_UP:
            total += float(granted_B.sum())
    return total / (SLOTS * BLOCKS * _SYMBOLS)
