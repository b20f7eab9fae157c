"""What the network tells its probes: records of slots, transport blocks, users and events.

Shapes: U users, N users in the scene.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..kernel.clock import Clock
from ..kernel.probes import Probes
from ..mobility.base import Kinematics
from ..radio.link_layer import LinkLayer


class Telling:
    """Makes records and publishes them."""

    def __init__(self, clock: Clock, link: LinkLayer, probes: Probes, users_period_ns: int) -> None:
        self._clock = clock
        self._link = link
        self._probes = probes
        self._users_period_ns = users_period_ns

    def event(self, kind: str, ue: int, request: int, detail: str) -> None:
        """Tell of something that happened now; −1 for no user and no request."""
        self._probes.publish(
            "events",
            {"time_ns": self._clock.now_ns, "kind": kind, "ue": ue, "request": request, "detail": detail},
        )

    def slot(self, slot: int, rows: list[dict[str, Any]], acked_bits: int, active_ues: int, queued_bytes: int) -> None:
        """Tell of a slot and its transport blocks."""
        for row in rows:
            self._probes.publish("transport_blocks", row)
        used = int(np.count_nonzero(self._link.prb_owner_CB >= 0))
        self._probes.publish(
            "slots",
            {
                "slot": slot,
                "time_ns": self._clock.now_ns,
                "active_ues": active_ues,
                "prb_free": self._link.prb_owner_CB.size - used,
                "prb_used": used,
                "bits_sent": sum(row["tb_size_bits"] for row in rows),
                "bits_acked": acked_bits,
                "queued_bytes": queued_bytes,
            },
        )

    def users(self, motion: Kinematics, cell_U: NDArray[np.int64]) -> None:
        """Tell where users are and what they receive, once a period; `cell_U`: the cell that serves or served each."""
        link, now_ns = self._link, self._clock.now_ns
        if now_ns % self._users_period_ns >= link.carrier.slot_ns:
            return
        ue_N = np.flatnonzero(motion.present_U)
        cell_N = link.serving_U[ue_N]
        # a user between two cells is described by the cell it comes from or goes to
        about_N = np.where(cell_N >= 0, cell_N, cell_U[ue_N])
        sinr_db_N = np.full(len(ue_N), np.nan)
        if (cell_N >= 0).any():
            sinr_db_N[cell_N >= 0] = link.wideband_sinr_db(ue_N[cell_N >= 0])
        columns = {
            "ue": ue_N,
            "x_m": motion.position_m_U2[ue_N, 0],
            "y_m": motion.position_m_U2[ue_N, 1],
            "speed_mps": np.hypot(motion.velocity_mps_U2[ue_N, 0], motion.velocity_mps_U2[ue_N, 1]),
            "cell": cell_N,
            "los": link.channel.los_UC[ue_N, about_N],
            "gain_db": link.gain_db_UC[ue_N, about_N],
            "sinr_db": sinr_db_N,
        }
        for row in zip(*(column.tolist() for column in columns.values()), strict=True):
            self._probes.publish("users", {"time_ns": now_ns, **dict(zip(columns, row, strict=True))})
