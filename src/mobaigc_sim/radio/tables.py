"""Modulation and coding tables: modulation order and code rate × 1024.

Source: TS 38.214 V17 Table 5.1.3.1-1 (MCS index table 1), Table 5.2.2.1-2 (CQI table 1).
"""

from __future__ import annotations

from typing import NamedTuple


class CodedModulation(NamedTuple):
    """One row of a table."""

    modulation_order: int
    rate_1024: int

    @property
    def rate(self) -> float:
        """Code rate."""
        return self.rate_1024 / 1024

    @property
    def efficiency(self) -> float:
        """Information bits per resource element."""
        return self.modulation_order * self.rate


def _rows(order: int, *rates_1024: int) -> tuple[CodedModulation, ...]:
    return tuple(CodedModulation(order, rate) for rate in rates_1024)


MCS_TABLE_1 = (
    *_rows(2, 120, 157, 193, 251, 308, 379, 449, 526, 602, 679),
    *_rows(4, 340, 378, 434, 490, 553, 616, 658),
    *_rows(6, 438, 466, 517, 567, 616, 666, 719, 772, 822, 873, 910, 948),
)
"""MCS 0 to 28."""

CQI_TABLE_1 = (
    *_rows(2, 78, 120, 193, 308, 449, 602),
    *_rows(4, 378, 490, 616),
    *_rows(6, 466, 567, 666, 772, 873, 948),
)
"""CQI 1 to 15; CQI 0 means out of range."""

MODULATION_ORDERS = (2, 4, 6)


def mother_code_rate(rate: float) -> float:
    """Lowest rate of the LDPC code that carries large blocks at a code rate: 1/3 of base graph 1, 1/5 of base graph 2.

    Source: TS 38.212 V17 clauses 5.3.2 and 7.2.2; base graph 2 here for rates up to 0.25, whatever the block.
    """
    return 1 / 5 if rate <= 0.25 else 1 / 3
