"""Doors to other ecosystems: Gymnasium environments of the scheduling problem, which it knows by this import."""

from __future__ import annotations

import gymnasium

gymnasium.register(
    id="SlotScheduling-v0",
    entry_point="mobaigc_sim.interop.slot_scheduling:SlotScheduling",
    vector_entry_point="mobaigc_sim.interop.many_cells:ManyCells",
)
