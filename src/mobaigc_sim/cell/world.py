"""The compiled cell for Python: several cells side by side, each on a trace of a pool, an epoch at a time.

Shapes: N cells, U users, A tokens, K keep ratios, R requests, J packets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MobaigcError
from ..media.bank_stack import BankStack
from ..radio.state import make_limits, make_state, make_tables
from ..scenario.schema import Scenario
from ..scheduling.compiled.price import empty_plan
from .compiled.many import Member, Shared, advance, shelved, start
from .compiled.state import (
    ARRIVED,
    DELIVERED,
    DROPPED,
    FAILED,
    NEVER_NS,
    Cell,
    Content,
    Indices,
    Rules,
    Trace,
    make_cell,
)
from .epochs import blank_view
from .trace import check_covered, slots_of, tabulate, tabulate_content

STATUS = ("delivered", "partial", "failed")


class PoolError(MobaigcError):
    """Scenarios whose traces cannot be played in one compiled cell."""


@dataclass(frozen=True)
class TracePool:
    """Traces of scenarios that differ in arrivals, movement, channel or replication, and what they have in common."""

    scenario: Scenario
    content: Content
    keep_grid: NDArray[np.float64]
    traces: tuple[Trace, ...]

    @classmethod
    def of(cls, scenarios: Sequence[Scenario]) -> TracePool:
        """Tabulate scenarios, one trace each; raises MobaigcError for one that the compiled cell does not cover."""
        first = scenarios[0]
        media = BankStack(first.media)
        content, places = tabulate_content(media)
        for scenario in scenarios:
            check_covered(scenario)
            for key, told in _common(first).items():
                if _common(scenario)[key] != told:
                    raise PoolError(f"expected scenarios of the same {key}; {scenario.name} differs from {first.name}")
        return cls(first, content, media.keep_grid, tuple(tabulate(each, media, places) for each in scenarios))


def _common(scenario: Scenario) -> dict[str, Any]:
    """What all scenarios of a pool must share."""
    radio, traffic = scenario.radio.model_dump(), scenario.traffic
    for free in ("channel", "tx_power", "bs_height", "ue_height", "noise_figure"):
        radio.pop(free, None)
    return {
        "users.count": scenario.users.count,
        "traffic.images_per_request": traffic.images_per_request,
        "traffic.deadline": traffic.deadline,
        "duration": scenario.duration,
        "radio": radio,
        "media": scenario.media,
        "reward": scenario.reward,
        "service.allocation_interval": scenario.service.allocation_interval,
        "service.pf_window": scenario.service.pf_window,
        "service.rlc": scenario.service.rlc,
    }


class World:
    """Cells that start on a trace of the pool and go on by decisions."""

    def __init__(self, pool: TracePool, cells: int = 1, tokens: int = 1) -> None:
        self.pool = pool
        scenario = pool.scenario
        self.carrier = carrier = scenario.radio.setup(scenario.n_ue).carrier
        reward = scenario.reward
        self.rules = Rules(
            slot_ns=carrier.slot_ns,
            slot_s=carrier.slot_ns * 1e-9,
            epoch_slots=carrier.slots(scenario.service.allocation_interval),
            forget=carrier.slot_ns / scenario.service.pf_window,
            acknowledged=scenario.service.rlc.mode == "am",
            max_retx=scenario.service.rlc.max_retx,
            semantic=scenario.media.semantic,
            tolerance=reward.tolerance,
            latency_weight=reward.latency,
            failure_weight=reward.failure,
            band_weight=reward.band,
        )
        self.epochs = slots_of(scenario) // self.rules.epoch_slots
        self.shared = Shared(
            make_tables(carrier, scenario.radio.link_adaptation.bler_target),
            make_limits(scenario.radio, carrier),
            self.rules,
            pool.content,
        )
        self._queue = max(_most_waiting(trace) for trace in pool.traces) * pool.content.packet_bytes_XOP.shape[2] + 1
        self._longest = max(pool.traces, key=lambda trace: len(trace.ue_R))
        self.members = [self._member(tokens) for _ in range(cells)]
        self.shelf = shelved(self.shared, pool.traces, self.members)
        """The three lists that compiled functions begin with."""

    def _new(self) -> tuple[Any, Cell]:
        state = make_state(self.pool.scenario.radio, self.carrier, self.pool.scenario.n_ue, 1)
        state.serving_U[:] = 0
        return state, make_cell(
            self.pool.content, self._longest, state.free_UH.shape[1], self._queue, self.carrier.n_prb
        )

    def _member(self, tokens: int) -> Member:
        n_ue, n_prb = self.pool.scenario.n_ue, self.carrier.n_prb
        state, cell = self._new()
        return Member(
            state,
            cell,
            blank_view(self.pool.scenario, self.carrier, self.pool.keep_grid),
            empty_plan(n_ue),
            np.zeros((state.free_UH.size, 6), np.int64),
            np.full((1, n_prb), -1),
            np.full(tokens, -1),
            np.zeros(n_ue),
            np.zeros(n_ue),
            np.zeros(3, np.int64),
        )

    def start(self, n: int, trace: int) -> None:
        """Begin anew on a trace of the pool."""
        member = self.members[n]
        for old, new in zip((member.state, member.cell), self._new(), strict=True):
            for field, fresh in zip(old, new, strict=True):
                field[...] = fresh
        member.clock_3[:] = 0, trace, 0
        start(self.shared, self.pool.traces[trace], member)

    def advance(self, n: int, log_weight_U: NDArray[np.float64], level_U: NDArray[np.int64]) -> None:
        """Go on for an epoch under a decision; ValueError for one that is not of all users."""
        if not len(log_weight_U) == len(level_U) == self.pool.scenario.n_ue:
            raise ValueError(f"expected a decision for {self.pool.scenario.n_ue} users")
        advance(*self.shelf, n, log_weight_U, level_U)

    def is_over(self, n: int) -> bool:
        """Whether every request that can come has ended."""
        return bool(self.members[n].clock_3[0] >= self.epochs * self.rules.epoch_slots)

    def requests(self, n: int) -> dict[str, NDArray[Any]]:
        """The requests of a cell that is over, as columns of the table of a run."""
        member = self.members[n]
        trace, cell = self.pool.traces[member.clock_3[1]], member.cell
        count = len(trace.ue_R)
        grid = self.pool.keep_grid if self.rules.semantic else np.ones_like(self.pool.keep_grid)
        keep_R = np.append(grid, np.nan)[cell.level_R[:count]]
        acked = np.where(cell.fate_RJ[:count] == ARRIVED, cell.size_RJ[:count], 0).sum(axis=1)
        return {
            "ue": trace.ue_R,
            "keep": keep_R,
            "arrival_ns": trace.arrival_ns_R,
            "finished_ns": cell.finished_ns_R[:count],
            "status": np.array([*STATUS, ""])[cell.status_R[:count]],
            "cause": causes(
                cell.status_R[:count], trace.ready_ns_R < NEVER_NS, cell.fate_RJ[:count], cell.level_RJ[:count]
            ),
            "offered_bytes": cell.size_RJ[:count].sum(axis=1),
            "delivered_bytes": acked,
            "jpsq": cell.jpsq_R[:count],
            "worth": cell.worth_R[:count],
        }


def causes(
    status_R: Indices, is_generated_R: NDArray[np.bool_], fate_RJ: Indices, level_RJ: Indices
) -> NDArray[np.str_]:
    """Why requests are not delivered, as `Request.verdict` tells it; empty for those that are."""
    counts_RJ = (level_RJ == 0) | (status_R != FAILED)[:, None]
    lost_R = ((fate_RJ == DROPPED) & counts_RJ).any(axis=1)
    return np.select([status_R == DELIVERED, ~is_generated_R, lost_R], ["", "generation", "harq"], "deadline")


def _most_waiting(trace: Trace) -> int:
    """Packets' worth of images that one user can have open at a time, at most."""
    most = 1
    for ue in np.unique(trace.ue_R):
        mine = trace.ue_R == ue
        arrival_ns, deadline_ns = trace.arrival_ns_R[mine], trace.deadline_ns_R[mine]
        open_now = np.arange(1, len(arrival_ns) + 1) - np.searchsorted(deadline_ns, arrival_ns)
        most = max(most, int(open_now.max()))
    return int(most * trace.picture_RI.shape[1])
