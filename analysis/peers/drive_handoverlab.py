"""HandoverLab: its proportional-fair slot scheduler inside the whole engine, one cell, full buffer.

`python drive_handoverlab.py --side numba|numpy|slot --users 10 50 200`, with `handoverlab[fast]` installed.

Macro cell at 3.5 GHz, 20 MHz, 30 kHz (51 PRBs), pedestrians within 200 m. Counted is `run_world` (radio samples, link
monitoring, measurements, scheduler), not the building of the world. `numba` and `numpy` run at the default time step:
the SINR of a user stays for one measurement interval, and what depends on it is tabulated once an interval. `slot`
sets step and interval to one slot and turns the TDL-A fading on: only so does the channel change from slot to slot
(with numpy, which is then the faster backend).
"""

from __future__ import annotations

import handoverlab as hl  # type: ignore[import-not-found]
from peer_clock import Play, Side, drive

SLOT_S = 0.5e-3
STEP_S, INTERVAL_S = 0.01, 0.04
AREA_M = 400.0
PEDESTRIAN_MPS = 3 / 3.6
WARM_UP_S = 0.2
ALL = "HARQ with chase combining, no OLLA; the whole band goes to one user a slot"
HELD = f"SINR held for {INTERVAL_S * 1e3:g} ms ({INTERVAL_S / SLOT_S:.0f} slots), no fast fading; {ALL}"
PER_SLOT = f"TDL-A and all else every slot, by a time step and a measurement interval of one slot; {ALL}"


def prepare(users: int, slots: int, backend: str, per_slot: bool) -> Play:
    """A world for the run; a short one before it compiles and fills the caches."""
    short = world(users, WARM_UP_S, backend, per_slot)
    hl.run_world(short, [{"rule": "a3"}])
    long = world(users, slots * SLOT_S, backend, per_slot)
    return lambda: hl.run_world(long, [{"rule": "a3"}])


def world(users: int, duration_s: float, backend: str, per_slot: bool) -> hl.World:
    step_s, interval_s = (SLOT_S, SLOT_S) if per_slot else (STEP_S, INTERVAL_S)
    scenario = hl.Scenario(
        layout=hl.LayoutConfig(kind="open_area", sites=((AREA_M / 2, AREA_M / 2),), area_m=(AREA_M, AREA_M)),
        radio=hl.RadioConfig(
            carrier_ghz=3.5,
            bandwidth_mhz=20.0,
            scs_khz=30.0,
            pathloss="uma",
            bs_height_m=25.0,
            tx_power_dbm=46.0,
            bs_gain_db=0.0,
            fast_fading="tdl-a" if per_slot else None,
        ),
        protocol=hl.ProtocolConfig(step_s=step_s, l1_period_s=interval_s, scheduler="pf"),
        traffic=hl.TrafficConfig(
            model="full_buffer", hotspot_share=0.0, normal_load=(0.0, 0.0), hotspot_load=(0.0, 0.0)
        ),
        mobility=hl.MobilityConfig(users=users, groups=(hl.SpeedGroup(1.0, PEDESTRIAN_MPS, PEDESTRIAN_MPS),)),
        run=hl.RunConfig(duration_s=duration_s, warmup_s=0.0, backend=backend),
    )
    return hl.build_world(scenario, 1)


if __name__ == "__main__":
    drive(
        "handoverlab",
        {
            "numba": Side(lambda u, s: prepare(u, s, "numba", False), 120_000, 8_000_000, HELD),
            "numpy": Side(lambda u, s: prepare(u, s, "numpy", False), 8_000, 800_000, HELD),
            "slot": Side(lambda u, s: prepare(u, s, "numpy", True), 2_000, 200_000, PER_SLOT),
        },
    )
