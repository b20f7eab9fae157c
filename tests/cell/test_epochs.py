"""What a cell's scheduler is told at the start of an epoch, where there are several cells.

Shapes: U users.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from mobaigc_sim.cell.epochs import Epochs
from mobaigc_sim.cell.request import Request
from mobaigc_sim.scheduling import MaxCi, WithRatio
from mobaigc_sim.scheduling.epoch import EpochDecision, EpochView, empty_view


class Watching(WithRatio):
    def __init__(self) -> None:
        super().__init__(WithRatio.Config(rule=MaxCi.Config()))
        self.seen: list[EpochView] = []

    def decide(self, view: EpochView) -> EpochDecision:
        self.seen.append(view)
        return super().decide(view)


def test_requests_to_come_are_those_of_the_cells_own_users_made_before_now() -> None:
    cells, blank = [Watching(), Watching()], empty_view(4, 3)
    blank.prb_per_s_1[0], blank.keep_K[:] = 1000.0, (0.2, 0.6, 1.0)
    epochs = Epochs(cells, 10, blank)
    made_ns = {0: (5, 6), 1: (7,), 2: (20,), 3: ()}
    for ue, times_ns in made_ns.items():
        for time_ns in times_ns:
            epochs.coming.add(Request(0, ue, "a cat", (1,), time_ns, time_ns + 1000))
    motion: Any = SimpleNamespace(velocity_mps_U2=np.zeros((4, 2)))
    zeros_U = np.zeros(4, np.int64)
    for slot in (0, 5, 10):
        epochs.step(slot, 20 + slot, motion, lambda: np.ones(4), np.array([0, 1, 1, 0]), zeros_U, np.zeros(4))
    assert [[int(view.coming_1[0]) for view in cell.seen] for cell in cells] == [[2, 2], [1, 2]]
