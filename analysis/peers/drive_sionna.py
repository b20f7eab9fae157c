"""Sionna SYS: PF scheduler, outer-loop link adaptation, EESM and PHY abstraction in a loop over slots, on the CPU.

`python drive_sionna.py --side eager|compiled --users 10 50 200`, with `sionna-no-rt` installed; `compiled` puts the
slot through `torch.compile` and needs a C++ compiler.

Rayleigh SINRs of 51 PRBs, drawn before the clock starts: no channel model of Sionna's runs, which only flatters it.
One resource stands for the 132 data symbols of a PRB in time and frequency.
"""

from __future__ import annotations

from typing import Any

import torch
from peer_clock import Play, Side, drive
from sionna.phy import config  # type: ignore[import-not-found]
from sionna.sys import EESM, OuterLoopLinkAdaptation, PFSchedulerSUMIMO, PHYAbstraction  # type: ignore[import-not-found]

PRBS, RE_PER_PRB = 51, 12 * 12 - 12
POOL_SLOTS, WARM_UP_SLOTS = 500, 50
MEAN_SNR_DB = (0.0, 25.0)
NR = {"mcs_table_index": 1, "mcs_category": 1}
"""MCS table 1 of the PDSCH."""
NOTE = "a SINR per PRB and slot, drawn beforehand; no HARQ processes, retransmissions or combining, no CSI delay"


class Loop:
    """The state of one cell between slots."""

    def __init__(self, users: int) -> None:
        torch.manual_seed(1)
        mean_db = torch.empty(users).uniform_(*MEAN_SNR_DB)
        self.sinr_SFU = torch.empty(POOL_SLOTS, PRBS, users).exponential_() * 10 ** (mean_db / 10)
        self.schedule = PFSchedulerSUMIMO(users, PRBS, 1)
        self.phy = PHYAbstraction()
        self.adapt = OuterLoopLinkAdaptation(self.phy, users)
        self.effective = EESM()
        self.bits = torch.zeros(users)
        self.harq = torch.full((users,), -1, dtype=torch.int32)
        self.reported = torch.zeros(users)

    def slot(self, sinr_FU: torch.Tensor, bits: torch.Tensor, harq: torch.Tensor, reported: torch.Tensor) -> Any:
        """The bits that arrive, the HARQ feedback and the effective SINRs of one slot."""
        chosen = self.schedule(bits, torch.log2(1 + sinr_FU)[None])
        elements = chosen.sum(dim=(0, 1, 3)) * RE_PER_PRB
        mcs = self.adapt(elements, harq, reported, **NR)
        sinr = torch.where(chosen, sinr_FU[None, :, :, None], 0.0)
        effective = self.effective(sinr, mcs_index=mcs, per_stream=False, **NR)
        told = self.phy(mcs, sinr_eff=effective, num_allocated_re=elements, check_mcs_index_validity=False, **NR)
        return told[0].to(torch.float32), told[1], told[2]


def prepare(users: int, slots: int, compiled: bool) -> Play:
    torch.compiler.reset()
    loop = Loop(users)
    slot = torch.compile(loop.slot, dynamic=False) if compiled else loop.slot

    def play(count: int) -> None:
        with torch.no_grad():
            for k in range(count):
                sinr_FU = loop.sinr_SFU[k % POOL_SLOTS]
                loop.bits, loop.harq, loop.reported = slot(sinr_FU, loop.bits, loop.harq, loop.reported)

    play(WARM_UP_SLOTS)
    return lambda: play(slots)


if __name__ == "__main__":
    torch.set_num_threads(1)
    config.device = "cpu"
    drive(
        "sionna-no-rt",
        {
            "eager": Side(lambda u, s: prepare(u, s, False), 400, 400_000, NOTE),
            "compiled": Side(lambda u, s: prepare(u, s, True), 2_000, 400_000, NOTE),
        },
    )
