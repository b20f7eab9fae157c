"""Doors to other ecosystems: Gymnasium environments of the scheduling problem."""

from __future__ import annotations


def register_envs() -> None:
    """Make the environments known to Gymnasium, as `mobaigc_sim:SlotScheduling-v0`; done on import where it is there."""
    import gymnasium

    gymnasium.register(
        id="SlotScheduling-v0",
        entry_point="mobaigc_sim.interop.slot_scheduling:SlotScheduling",
        vector_entry_point="mobaigc_sim.interop.many_cells:ManyCells",
    )
