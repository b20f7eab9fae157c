"""Tables of NR typed in a second time, transport block sizes, grid, noise, and the ends of the CQI table.

The noise of 51 blocks at 30 kHz is kT · 18.36 MHz and 9 dB on top: −173.975 + 72.639 + 9 dBm.

Source: TS 38.214 Tables 5.1.3.1-1 and 5.2.2.1-2 and clause 5.1.3.2, TS 38.101-1 Table 5.3.2-1.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..radio.channel import noise_power_dbm
from ..radio.csi import wideband_cqi
from ..radio.link import cqi_threshold_db
from ..radio.numerology import resource_blocks
from ..radio.tables import CQI_TABLE_1, MCS_TABLE_1, MODULATION_ORDERS
from ..radio.tbs import RE_PER_PRB, transport_block_size_bits
from .rows import Curves, Row, exact, near

MCS_RATES_1024 = {
    2: (120, 157, 193, 251, 308, 379, 449, 526, 602, 679),
    4: (340, 378, 434, 490, 553, 616, 658),
    6: (438, 466, 517, 567, 616, 666, 719, 772, 822, 873, 910, 948),
}
CQI_RATES_1024 = {2: (78, 120, 193, 308, 449, 602), 4: (378, 490, 616), 6: (466, 567, 666, 772, 873, 948)}
TBS_BITS = {
    (1, 0): 24,
    (6, 4): 480,
    (51, 10): 8968,
    (51, 20): 22536,
    (51, 28): 36896,
    (106, 28): 77896,
    (273, 28): 200808,
}
"""(resource blocks, MCS) → transport block size with 12 symbols of data and 12 elements of DMRS a block."""
N_RB = {(0, 5): 25, (0, 10): 52, (0, 20): 106, (1, 10): 24, (1, 20): 51, (1, 100): 273}
"""(numerology, MHz) → blocks of a carrier in FR1."""
N_PRB = 51


def rows(_: Curves) -> Iterator[Row]:
    """Everything here is exact but the noise."""
    for name, rates, table, source in (
        ("MCS table 1", MCS_RATES_1024, MCS_TABLE_1, "TS 38.214 Table 5.1.3.1-1"),
        ("CQI table 1", CQI_RATES_1024, CQI_TABLE_1, "TS 38.214 Table 5.2.2.1-2"),
    ):
        typed = [(order, rate) for order, some in rates.items() for rate in some]
        equal = sum(tuple(row) == mine for row, mine in zip(table, typed, strict=False))
        yield exact(f"{name}, number of rows", len(typed), len(table), source)
        yield exact(f"{name}, rows equal", len(typed), equal, source)
    for (n_prb, mcs), bits in TBS_BITS.items():
        got_bits = transport_block_size_bits(RE_PER_PRB * n_prb, MCS_TABLE_1[mcs])
        yield exact(f"TBS, {n_prb} PRB, MCS {mcs}", bits, got_bits, "TS 38.214 clause 5.1.3.2")
    for (numerology, mhz), blocks in N_RB.items():
        got_blocks = resource_blocks(3.5e9, numerology, mhz * 1e6)
        yield exact(f"N_RB, {15 << numerology} kHz, {mhz} MHz", blocks, got_blocks, "TS 38.101-1 Table 5.3.2-1")
    yield near("noise in 1 Hz", -173.975, noise_power_dbm(1.0, 0.0), 1e-3, "dBm", "kT at 290 K")
    got_dbm = noise_power_dbm(N_PRB * 360e3, 9.0)
    yield near("noise in 51 PRB at 30 kHz, NF 9 dB", -92.336, got_dbm, 1e-3, "dBm", "kT at 290 K")
    threshold_db_C = cqi_threshold_db(N_PRB)
    for told, sinr_db, cqi in (
        ("exactly at the lowest threshold", threshold_db_C[0], 1),
        ("just below the lowest threshold", np.nextafter(threshold_db_C[0], -np.inf), 0),
        ("exactly at the highest threshold", threshold_db_C[-1], 15),
    ):
        got = wideband_cqi(np.full((1, len(MODULATION_ORDERS)), sinr_db), N_PRB)[0]
        yield exact(f"CQI {told}", cqi, got, "TS 38.214 clause 5.2.2.1")
