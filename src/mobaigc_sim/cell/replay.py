"""A whole trace in the compiled cell under any scheduler, with the results of `Cell`, bit for bit.

Schedulers that decide in every slot are asked in Python, slot by slot; the rest of the slot is compiled.

Shapes: U users, W users who may send, B resource blocks, K keep ratios.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..media.base import nearest_keep
from ..scheduling.base import ContentView, Scheduler, SlotState
from ..scheduling.epoch import EpochScheduler, WeightScheduler
from .compiled.many import SlotView, begin_epoch, describe, offer_next, open_next_slot, serve_open_slot
from .compiled.state import OVER
from .world import World


def replay(world: World, scheduler: Scheduler, trace: int, n: int = 0) -> None:
    """Run cell `n` on a trace of its pool to the end.

    `World.requests` then has the outcomes, `members[n].cell.reward_4` the sums of the parts of the reward; where a
    scheduler decides once an epoch they are summed epoch by epoch, to the last bit what an agent would be given.
    """
    if isinstance(scheduler, WeightScheduler):
        world.start(n, trace)
        reward_4 = world.members[n].cell.reward_4
        total_4 = np.zeros_like(reward_4)
        while not world.is_over(n):
            decision = scheduler.begin_epoch(world.members[n].seen)
            reward_4[:] = 0.0
            world.advance(n, decision.log_weight_U, decision.level_U)
            total_4 += reward_4
        reward_4[:] = total_4
    else:
        _Replay(world, scheduler, trace, n).run()


class _Replay:
    """One run, slot by slot."""

    def __init__(self, world: World, scheduler: Scheduler, trace: int, n: int) -> None:
        world.start(n, trace)
        n_ue, n_prb = world.pool.scenario.n_ue, world.carrier.n_prb
        self._world, self._scheduler, self._n = world, scheduler, n
        self._member = world.members[n]
        self._trace = world.pool.traces[trace]
        self._ready_ns = [*self._trace.ready_ns_R[self._trace.by_ready_R].tolist(), np.iinfo(np.int64).max]
        self._by_epoch = isinstance(scheduler, EpochScheduler)
        self._is_told = type(scheduler).observe_served is not Scheduler.observe_served
        self._slot_view = SlotView(
            np.zeros(n_ue, np.int64), np.zeros((n_ue, n_prb)), np.zeros(n_ue, np.int64), np.zeros(n_ue, np.int64)
        )

    def run(self) -> None:
        world, n, scheduler, slot_view = self._world, self._n, self._scheduler, self._slot_view
        shelf = world.shelf
        slot_ns, epoch_slots = world.rules.slot_ns, world.rules.epoch_slots
        place = 0
        self._member.wish_CB[:] = -1
        count = describe(world.shared, self._trace, self._member, slot_view)
        for slot in range(world.epochs * epoch_slots):
            if isinstance(scheduler, EpochScheduler) and slot % epoch_slots == 0:
                decision = scheduler.begin_epoch(self._member.seen)
                count = begin_epoch(*shelf, n, decision.level_U, slot_view)
            if count:
                self._divide(slot * slot_ns, count)
            serve_open_slot(*shelf, n)
            while not self._by_epoch and self._ready_ns[place] < (slot + 1) * slot_ns:
                offer_next(*shelf, n, self._level(self._trace.by_ready_R[place]))
                place += 1
            count = open_next_slot(*shelf, n, self._by_epoch, slot_view)
            if self._is_told:
                self._tell((slot + 1) * slot_ns)

    def _divide(self, now_ns: int, count: int) -> None:
        """Have the scheduler divide the free blocks of the open slot."""
        member, slot_view = self._member, self._slot_view
        ue_W = slot_view.ue_U[:count].copy()
        state = SlotState(
            now_ns=now_ns,
            slot_ns=self._world.rules.slot_ns,
            ue_U=ue_W,
            bits_per_prb_UB=slot_view.bits_UB[:count].copy(),
            backlog_bits_U=member.cell.backlog_bits_U[ue_W],
            mean_rate_bps_U=member.cell.mean_rate_bps_U[ue_W],
            deadline_slack_ns_U=slot_view.slack_ns_U[:count].copy(),
            head_wait_ns_U=slot_view.wait_ns_U[:count].copy(),
            prb_free_B=member.state.owner_CB[0] < 0,
        )
        owner_B = self._scheduler.allocate(state).owner_B
        member.wish_CB[0] = np.where(owner_B >= 0, ue_W[owner_B], -1)

    def _tell(self, now_ns: int) -> None:
        """Tell the scheduler of the blocks acknowledged in the slot that is open."""
        for tb_id, ue, bits, delivered, _, _ in self._member.finished_F6.tolist():
            if tb_id < 0:
                break
            if delivered:
                self._scheduler.observe_served(ue, bits, now_ns)

    def _level(self, r: int) -> int:
        """Place in the keep grid of a request that is generated, as `Journey` chooses it."""
        if not self._world.rules.semantic:
            return 0
        keep = self._scheduler.keep_ratio(self._content(r) if self._scheduler.reads_content else None)
        grid_K = self._world.pool.keep_grid
        wanted = self._world.pool.scenario.media.keep if keep is None else keep
        return int(np.argmin(np.abs(grid_K - nearest_keep(grid_K, wanted))))

    def _content(self, r: int) -> ContentView:
        trace, content, cell = self._trace, self._world.pool.content, self._member.cell
        now_ns, ue = int(trace.ready_ns_R[r]), int(trace.ue_R[r])
        n_requests = len(trace.ue_R)
        is_over_R = (cell.stage_R[:n_requests] == OVER) | (trace.deadline_ns_R <= now_ns)
        pictures: NDArray[np.int64] = trace.picture_RI[r]
        return ContentView(
            now_ns=now_ns,
            ue=ue,
            deadline_slack_ns=int(trace.deadline_ns_R[r]) - now_ns,
            keep_grid=self._world.pool.keep_grid,
            bytes_at_keep=content.total_bytes_XK[pictures].sum(axis=0).astype(np.float64),
            importance_at_keep=np.mean(content.mass_XK[pictures], axis=0),
            mean_rate_bps=float(cell.mean_rate_bps_U[ue]),
            active_requests=int(np.count_nonzero((trace.arrival_ns_R <= now_ns) & ~is_over_R)),
        )
