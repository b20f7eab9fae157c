"""Outer loop and soft combining of the downlink as a whole.

The outer loop chooses between MCS, so it can hold the error rate only where there is a lower and a higher one. A user
at the end of the table fails more or less often than the target, whatever the loop does. Hence all users here fade
around a mean SNR of 12 dB, in blocks of 10 ms.

Source: A. Sampath, P. S. Kumar, J. M. Holtzman, VTC 1997 (the outer loop rests where the share of failures is the
target); D. Chase, IEEE Trans. Commun. 33 (1985) (linear SINR of repetitions adds).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..kernel.streams import Streams
from ..radio.draws import Draws
from .drive import in_turn, link_of, play
from .rows import Curves, Row, close, exact, near

TARGETS = (0.1, 0.3)
USERS, SEED = 10, 1
WARM_UP, SLOTS = 1500, 3000


def rows(_: Curves) -> Iterator[Row]:
    """First-transmission error rate at two targets, the effective SINR of repetitions, one draw a transmission."""
    for target in TARGETS:
        share, count = first_failures(target)
        check = f"share of {count} first transmissions that fail, target {target:g}"
        yield close(check, target, share, 0.1, "Sampath 1997; loop target")
    worst_db, count = worst_combining_db()
    check = f"max |SINR − SINR of the first − 10 lg k| of {count} repetitions"
    yield near(check, 0.0, worst_db, 1e-9, "dB", "Chase 1985")
    wrong, count = outcomes_against_draws()
    yield exact(f"outcomes of {count} not decided by one draw of (slot, user)", 0, wrong, "one draw a block")


def first_failures(target: float) -> tuple[float, int]:
    """Share of first transmissions that fail after the warm-up, and their number."""
    fading = {"kind": "rayleigh", "mean_snr": "12 dB", "block": "10 ms"}
    link = link_of({"channel": fading, "link_adaptation": {"bler_target": target}}, USERS, SEED)
    failed = count = 0
    for n, slot in enumerate(play(link, WARM_UP + SLOTS, in_turn, np.zeros((USERS, 2)))):
        if n >= WARM_UP:
            first = [row["ack"] for row in slot.transmissions if row["transmission"] == 1]
            failed, count = failed + first.count(False), count + len(first)
    return failed / count, count


def worst_combining_db() -> tuple[float, int]:
    """Deviation of combined SINR from k times that of the first transmission when the channel stands still."""
    link = link_of({"channel": {"kind": "rayleigh", "mean_snr": "5 dB", "block": "100 s"}}, 20)
    first_db: dict[int, float] = {}
    worst_db, count = 0.0, 0
    for slot in play(link, 800, in_turn, np.zeros((20, 2))):
        for row in slot.transmissions:
            alone_db = first_db.setdefault(row["tb"], row["sinr_eff_db"])
            if row["transmission"] > 1:
                count += 1
                expected_db = alone_db + 10.0 * np.log10(row["transmission"])
                worst_db = max(worst_db, abs(row["sinr_eff_db"] - expected_db))
    return (worst_db if count else np.nan), count


def outcomes_against_draws() -> tuple[int, int]:
    """Outcomes that the draw of their slot and user, held against their error rate, does not give; and all outcomes."""
    poor = {"channel": {"kind": "rayleigh", "mean_snr": "4 dB", "block": "2 ms"}}
    link, draws = link_of(poor, USERS, SEED), Draws(USERS, Streams(SEED).rng("radio.harq"))
    told = [row for slot in play(link, 800, in_turn, np.zeros((USERS, 2))) for row in slot.transmissions]
    wrong = sum(row["ack"] != (draws.row(row["slot"])[row["ue"]] >= row["bler"]) for row in told)
    return int(wrong), len(told)
