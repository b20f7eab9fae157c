"""Transport block size and its segmentation into code blocks, exact.

Source: TS 38.214 V17 clause 5.1.3.2 (steps 1 to 4, Table 5.1.3.2-1), TS 38.212 V17 clauses 5.2.2 (segmentation),
7.2.1 (CRC of the block), 7.2.2 (LDPC base graph).
"""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple

from .tables import CodedModulation

DATA_SYMBOLS = 12
DMRS_RE_PER_PRB = 12
RE_PER_PRB = min(156, 12 * DATA_SYMBOLS - DMRS_RE_PER_PRB)
"""Resource elements of one block that carry data: two of 14 symbols are control, one symbol is reference signal."""

_TABLE: tuple[int, ...] = (
    *range(24, 193, 8),
    *range(208, 385, 16),
    *range(408, 577, 24),
    *range(608, 769, 32),
    *(808, 848, 888, 928, 984, 1032, 1064, 1128, 1160, 1192, 1224, 1256, 1288, 1320, 1352),
    *range(1416, 1929, 64),
    *(2024, 2088, 2152, 2216, 2280, 2408, 2472, 2536, 2600, 2664, 2728, 2792, 2856, 2976),
    *(3104, 3240, 3368, 3496, 3624, 3752, 3824),
)


def transport_block_size_bits(n_re: int, scheme: CodedModulation) -> int:
    """Size of a one-layer transport block on `n_re` resource elements."""
    info_1024 = n_re * scheme.rate_1024 * scheme.modulation_order
    info = info_1024 // 1024
    if info_1024 <= 3824 * 1024:
        step = 1 << max(3, info.bit_length() - 1 - 6)
        return _TABLE[bisect_left(_TABLE, max(24, info // step * step))]
    step = 1 << ((info - 24).bit_length() - 1 - 5)
    # round half up of (N_info − 24) / 2^n, in integers
    steps = (2 * (info_1024 - 24 * 1024) + step * 1024) // (2 * step * 1024)
    quantised = max(3840, step * steps)
    if scheme.rate_1024 * 4 <= 1024:
        blocks = -(-(quantised + 24) // 3816)
    elif quantised > 8424:
        blocks = -(-(quantised + 24) // 8424)
    else:
        blocks = 1
    return 8 * blocks * -(-(quantised + 24) // (8 * blocks)) - 24


class Segmentation(NamedTuple):
    """How a transport block is cut: number of code blocks and information bits of each, CRCs included."""

    base_graph: int
    code_blocks: int
    code_block_bits: float


def segment(tb_size_bits: int, rate: float) -> Segmentation:
    """Code blocks of a transport block of that size, sent at that code rate."""
    small = tb_size_bits <= 292 or (tb_size_bits <= 3824 and rate <= 0.67) or rate <= 0.25
    largest = 3840 if small else 8448
    bits = tb_size_bits + (24 if tb_size_bits > 3824 else 16)
    blocks = 1 if bits <= largest else -(-bits // (largest - 24))
    if blocks > 1:
        bits += 24 * blocks
    return Segmentation(2 if small else 1, blocks, bits / blocks)
