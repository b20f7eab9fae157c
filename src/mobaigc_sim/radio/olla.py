"""Outer-loop link adaptation: an offset per user that drives the first-transmission error rate to a target.

Shapes: U users.

Each acknowledgement raises the offset by step·t/(1−t), each failure lowers it by step, so that it rests where a share t
fails. Source: K. I. Pedersen et al., "Frequency domain scheduling for OFDMA with limited and noisy channel feedback",
VTC Fall 2007; A. Sampath, P. S. Kumar, J. M. Holtzman, "On setting reverse link target SIR in a CDMA system",
VTC 1997, for the ratio of the steps.
"""

from __future__ import annotations

import numpy as np

LIMIT_DB = 15.0


class OuterLoop:
    """Offsets in dB that are added to the reported effective SINR."""

    def __init__(self, n_ue: int, bler_target: float, step_db: float, initial_offset_db: float) -> None:
        self.offset_db_U = np.full(n_ue, initial_offset_db, dtype=np.float64)
        self._down_db = step_db
        self._up_db = step_db * bler_target / (1.0 - bler_target)

    def observe(self, ue: int, ack: bool, lowest: bool, highest: bool) -> None:
        """Take in the outcome of a first transmission; `lowest` and `highest` tell whether its MCS was at an end.

        At an end the offset does not move further outwards: it could not change the MCS, and would have to come back.
        """
        if ack and not highest:
            self.offset_db_U[ue] = min(self.offset_db_U[ue] + self._up_db, LIMIT_DB)
        elif not ack and not lowest:
            self.offset_db_U[ue] = max(self.offset_db_U[ue] - self._down_db, -LIMIT_DB)
