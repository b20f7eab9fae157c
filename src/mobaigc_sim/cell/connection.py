"""Which cell serves whom: entering and leaving the scene, handover, radio link failure and the way back.

Shapes: U users, C cells, 2 the reasons for being out of service: handover, radio link failure.

A user who enters is served by the strongest cell. Event A3 sends it to another cell after an interruption; a radio link
failure takes it out of service until it is re-established at the cell that is strongest then. What HARQ had in flight
is given up by the old cell and sent again by the new one. Where links can fail, handovers can: the command does not
reach a user whose SINR is below Qout then, and is repeated with the next measurement; a handover to a cell that is out
of sync ends in re-establishment. There is no preparation delay.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..radio.config import RadioConfig
from ..radio.handover import A3Monitor
from ..radio.link_layer import LinkLayer
from ..radio.link_monitor import RadioLinkMonitor

HANDOVER, RLF = 0, 1
_NEVER_NS = np.iinfo(np.int64).max

Mask = NDArray[np.bool_]
Indices = NDArray[np.int64]


class Change(NamedTuple):
    """Something that happened to a user's connection; cells are −1 where there is none."""

    kind: str
    """`entered`, `left`, `handover` (from one cell to another), `handover_done`, `handover_failed`, `rlf`,
    `reestablished`."""
    ue: int
    from_cell: int
    to_cell: int
    given_up: list[int]
    """Transport blocks that are off the air."""


class Connections:
    """Attaches users to cells, and keeps the time each was out of service."""

    def __init__(self, config: RadioConfig, link: LinkLayer, n_ue: int, rng: np.random.Generator) -> None:
        self._config = config
        self._link = link
        self._a3 = A3Monitor(config.handover, n_ue, link.n_cell, rng) if link.n_cell > 1 else None
        self._monitor = RadioLinkMonitor(config.radio_link, n_ue) if config.radio_link is not None else None
        self._known_U = np.zeros(n_ue, dtype=np.bool_)
        self._back_ns_U = np.full(n_ue, _NEVER_NS)
        self._target_U = np.full(n_ue, -1, dtype=np.int64)
        self._out_since_ns_U = np.zeros(n_ue, dtype=np.int64)
        self._reason_U = np.full(n_ue, -1, dtype=np.int64)
        self._outage_ns_U2 = np.zeros((n_ue, 2), dtype=np.int64)
        self._changes: list[Change] = []

    def outage_ns(self, ue: int, now_ns: int) -> tuple[int, int]:
        """Time a user has been out of service so far, for handovers and for radio link failures.

        A failure counts from the start of its T310, when the link was already of no use, once it is declared.
        """
        total = self._outage_ns_U2[ue].copy()
        if self._reason_U[ue] >= 0:
            total[self._reason_U[ue]] += now_ns - self._out_since_ns_U[ue]
        return int(total[HANDOVER]), int(total[RLF])

    def t310_ns(self, ue: int, now_ns: int) -> int:
        """Time for which the T310 of a user has run by now, 0 where it does not run."""
        return 0 if self._monitor is None else self._monitor.t310_ns(ue, now_ns)

    def step(self, now_ns: int, present_U: Mask) -> list[Change]:
        """Everything that changes at a time, in slots that have begun; `present_U` tells who is in the scene."""
        self._changes = []
        if now_ns == 0 or not np.array_equal(present_U, self._known_U):
            self._come_and_go(now_ns, present_U)
        if self._a3 is None and self._monitor is None:
            return self._changes
        for ue in np.flatnonzero(self._back_ns_U <= now_ns):
            self._resume(int(ue), now_ns)
        if self._monitor is not None:
            self._watch(now_ns)
        if self._a3 is not None and self._a3.is_due(now_ns):
            self._measure(now_ns)
        return self._changes

    def _come_and_go(self, now_ns: int, present_U: Mask) -> None:
        for ue in np.flatnonzero(self._known_U & ~present_U):
            cell = int(self._link.serving_U[ue])
            self._end_outage(int(ue), now_ns)
            self._move(int(ue), "left", cell, -1)
        entered = np.flatnonzero(present_U & ~self._known_U)
        if self._a3 is not None:
            self._a3.forget(entered)
        for ue in entered:
            self._move(int(ue), "entered", -1, self._strongest(int(ue)))
        self._known_U = present_U.copy()
        if self._a3 is None and now_ns == 0:
            # nobody was away in a cell without neighbours
            absent = np.flatnonzero(~present_U)
            for ue in absent:
                self._link.attach(int(ue), -1)

    def _watch(self, now_ns: int) -> None:
        assert self._monitor is not None and self._config.radio_link is not None
        served_U = self._link.serving_U >= 0
        sinr_db_U = np.zeros(len(served_U))
        if self._monitor.is_due(now_ns):
            served = np.flatnonzero(served_U)
            sinr_db_U[served] = self._link.effective_sinr_db(served)
        for ue in np.flatnonzero(self._monitor.observe(now_ns, sinr_db_U, served_U)):
            self._take_out(int(ue), now_ns, RLF, now_ns + self._config.radio_link.reestablishment, -1)
            self._outage_ns_U2[ue, RLF] += self._config.radio_link.t310

    def _measure(self, now_ns: int) -> None:
        assert self._a3 is not None
        serving_U = self._link.serving_U.copy()
        target_U = self._a3.measure(now_ns, self._link.rsrp_dbm_UC, serving_U, serving_U >= 0)
        if self._config.radio_link is not None and (target_U >= 0).any():
            told = np.flatnonzero(target_U >= 0)
            target_U[told[self._link.effective_sinr_db(told) < self._config.radio_link.q_out]] = -1
        for ue in np.flatnonzero(target_U >= 0):
            back_ns = now_ns + self._config.handover.interruption
            self._take_out(int(ue), now_ns, HANDOVER, back_ns, int(target_U[ue]))

    def _take_out(self, ue: int, now_ns: int, reason: int, back_ns: int, target: int, kind: str = "") -> None:
        cell = int(self._link.serving_U[ue])
        self._move(ue, kind or ("rlf" if reason == RLF else "handover"), cell, target, attach_to=-1)
        self._reason_U[ue], self._out_since_ns_U[ue] = reason, now_ns
        self._back_ns_U[ue], self._target_U[ue] = back_ns, target
        if self._monitor is not None:
            self._monitor.reset(np.array([ue]))

    def _resume(self, ue: int, now_ns: int) -> None:
        failed = self._reason_U[ue] == RLF
        target = self._strongest(ue) if failed else int(self._target_U[ue])
        self._end_outage(ue, now_ns)
        self._move(ue, "reestablished" if failed else "handover_done", -1, target)
        config = self._config.radio_link
        if not failed and config is not None and self._link.effective_sinr_db(np.array([ue]))[0] < config.q_out:
            self._changes.pop()
            self._take_out(ue, now_ns, RLF, now_ns + config.reestablishment, -1, "handover_failed")

    def _end_outage(self, ue: int, now_ns: int) -> None:
        if self._reason_U[ue] >= 0:
            self._outage_ns_U2[ue, self._reason_U[ue]] += now_ns - self._out_since_ns_U[ue]
        self._reason_U[ue], self._back_ns_U[ue] = -1, _NEVER_NS

    def _move(self, ue: int, kind: str, from_cell: int, to_cell: int, attach_to: int | None = None) -> None:
        attach_to = to_cell if attach_to is None else attach_to
        given_up = [] if self._link.serving_U[ue] == attach_to else self._link.attach(ue, attach_to)
        if self._a3 is not None:
            self._a3.reset(np.array([ue]))
        self._changes.append(Change(kind, ue, from_cell, to_cell, given_up))

    def _strongest(self, ue: int) -> int:
        return int(self._link.gain_db_UC[ue].argmax())
