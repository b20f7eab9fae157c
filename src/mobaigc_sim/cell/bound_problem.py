"""From a trace of the compiled cell to the problem behind the clairvoyant bounds.

With `knows="fading"` an epoch of the problem is a slot, and no scheduler of the cell, whatever it knows, earns more
than the bounds of the problem: it may know every arrival, content, fading and draw in advance. Relaxed are, beside what
`bound_rates` says of the radio:

- blocks are divisible, and packets carry no header of their own;
- any subset of the packets of any keep ratio may be all that is sent and still count as completed early, whereas the
  cell ends a request early only when nothing waits;
- points whose bits and worth are close are merged, to the fewest bits and the most worth of each.

Exact are: the slot after generation as the first, feedback after its delay as the end of a request, the last slot whose
feedback comes by the deadline, the weights, the worth of what arrived.

With `knows="path"` an epoch is one of the scheduler's, and rates are means over the fading (`mean_bits_TU`). It is a
reference, not a bound: a scheduler that sees the fading can beat it.

Shapes: T epochs, U users, R requests, I images of a request, K points, M subsets of packets, S choices of one image.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import MobaigcError
from ..scheduling.bound import BoundProblem
from .bound_rates import mean_bits_TU, most_bits_TU
from .compiled.state import Content, Rules
from .world import World

Array = NDArray[np.float64]
Knows = Literal["fading", "path"]

MOST_POINTS = 12


def bound_problem(
    world: World, trace: int, knows: Knows = "fading", points: int = MOST_POINTS
) -> tuple[BoundProblem, float]:
    """The problem of a trace of the world's pool, and the reward of the requests that fail whatever is done.

    The bound of the trace is that of the problem plus that reward. MobaigcError for soft combining other than chase.
    """
    tables, limits, rules, content = world.shared.tables, world.shared.limits, world.rules, world.pool.content
    if limits.redundancy:
        raise MobaigcError(f"scenario {world.pool.scenario.name}: expected radio.harq.combining: chase for a bound")
    found = world.pool.traces[trace]
    slots = world.epochs * rules.epoch_slots
    group = rules.epoch_slots if knows == "path" else 1
    transmissions = limits.max_transmissions
    rate_TU = mean_bits_TU(tables, found) if knows == "path" else most_bits_TU(tables, found, transmissions)
    rate_TU = rate_TU[:slots].reshape(slots // group, group, -1).mean(axis=1)

    first_R, last_R = (
        found.ready_ns_R // rules.slot_ns + 1,
        found.deadline_ns_R // rules.slot_ns - limits.feedback_delay,
    )
    can_R = (found.ready_ns_R < found.deadline_ns_R) & (first_R <= last_R)
    slot = rules.slot_ns * group
    curves = [worth_curve(content, rules, pictures_I, points) for pictures_I in found.picture_RI[can_R]]
    # A bit sent in slot τ arrives with its feedback at τ + delay; `late` counts τ + 1 − arrival.
    problem = BoundProblem(
        capacity_T=np.full(len(rate_TU), float(group * world.carrier.n_prb)),
        bits_per_prb_TU=rate_TU,
        ue_R=found.ue_R[can_R],
        arrival_R=found.arrival_ns_R[can_R] / slot - (limits.feedback_delay - 1) / group,
        ready_R=first_R[can_R] // group,
        deadline_R=last_R[can_R] // group + 1,
        deadline_length_R=(found.deadline_ns_R - found.arrival_ns_R)[can_R] / slot,
        bits_RK=np.array([bits_K for bits_K, _ in curves]).reshape(len(curves), points),
        worth_RK=np.array([worth_K for _, worth_K in curves]).reshape(len(curves), points),
        failure_penalty=rules.failure_weight,
        latency_weight=rules.latency_weight,
        band_weight=rules.band_weight * group / rules.epoch_slots,
        epoch_part=1.0 if group == 1 else 0.5,
    )
    return problem, -float(np.count_nonzero(~can_R)) * (rules.failure_weight + rules.latency_weight)


def worth_curve(content: Content, rules: Rules, pictures_I: NDArray[np.int64], points: int) -> tuple[Array, Array]:
    """Bits (K) and worth (K) of what may arrive of a request, rising, the last one repeated.

    No subset of the packets of one keep ratio with the base of an image at least lies above all of them.
    """
    offers = range(1, content.packet_bytes_XOP.shape[1]) if rules.semantic else range(1)
    bits: list[Array] = []
    worth: list[Array] = []
    for offer in offers:
        total_S, value_S = np.zeros(0), np.zeros(0)
        for picture in pictures_I:
            bits_S, worth_S = _choices(content, rules, int(picture), offer)
            worth_S = worth_S / len(pictures_I)
            both_S = (total_S[:, None] + bits_S).ravel(), (value_S[:, None] + worth_S).ravel()
            total_S = np.concatenate([total_S, bits_S, both_S[0]])
            value_S = np.concatenate([value_S, worth_S, both_S[1]])
            total_S, value_S = _best(total_S, value_S)
        bits.append(total_S)
        worth.append(value_S)
    return _merge(*_best(np.concatenate(bits), np.concatenate(worth)), points)


def _choices(content: Content, rules: Rules, picture: int, offer: int) -> tuple[Array, Array]:
    """Bits (S) and worth (S) of the subsets of packets of an image that have its base, the best of them."""
    bytes_P = content.packet_bytes_XOP[picture, offer]
    bytes_P = bytes_P[: np.count_nonzero(bytes_P)]
    subset_S = np.arange(1, 1 << len(bytes_P), 2)
    bits_S = 8.0 * ((subset_S[:, None] >> np.arange(len(bytes_P))) & 1) @ bytes_P
    loss_S = content.jpsq_XOM[picture, 0, 1] - content.jpsq_XOM[picture, offer, subset_S]
    return _best(bits_S, np.clip(1.0 - loss_S / rules.tolerance, 0.0, 1.0))


def _best(bits_S: Array, worth_S: Array) -> tuple[Array, Array]:
    """Without what is worth no more than something of as few bits; both rise."""
    order_S = np.lexsort((-worth_S, bits_S))
    bits_S, worth_S = bits_S[order_S], worth_S[order_S]
    above_S = worth_S > np.concatenate([[-np.inf], np.maximum.accumulate(worth_S)[:-1]])
    return bits_S[above_S], worth_S[above_S]


def _merge(bits_S: Array, worth_S: Array, points: int) -> tuple[Array, Array]:
    """As many points; while there are more, the two neighbours that are closest become one."""
    low_S, high_S = bits_S.tolist(), worth_S.tolist()
    first_S, last_S = worth_S.tolist(), bits_S.tolist()
    while len(low_S) > points:
        # bits and worth that a merged point would gain at most
        cost = [(last_S[s + 1] - low_S[s]) / low_S[-1] * (high_S[s + 1] - first_S[s]) for s in range(len(low_S) - 1)]
        s = int(np.argmin(cost))
        for values, drop in ((low_S, s + 1), (high_S, s), (first_S, s + 1), (last_S, s)):
            del values[drop]
    more = points - len(low_S)
    return np.array(low_S + low_S[-1:] * more), np.array(high_S + high_S[-1:] * more)
