"""Tables of TS 38.214 and transport block sizes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobaigc_sim.radio.tables import CQI_TABLE_1, MCS_TABLE_1
from mobaigc_sim.radio.tbs import RE_PER_PRB, segment, transport_block_size_bits


@pytest.mark.parametrize(
    ("n_prb", "mcs_index", "bits"),
    [
        (1, 0, 24),
        (6, 4, 480),
        (51, 10, 8968),
        (51, 20, 22536),
        (51, 28, 36896),
        (106, 28, 77896),
        (273, 28, 200808),
    ],
)
def test_transport_block_size(n_prb, mcs_index, bits):
    assert transport_block_size_bits(RE_PER_PRB * n_prb, MCS_TABLE_1[mcs_index]) == bits


def test_tables():
    assert len(MCS_TABLE_1) == 29 and len(CQI_TABLE_1) == 15
    # spectral efficiencies as printed in the specification
    for table, printed in (
        (MCS_TABLE_1, {0: 0.2344, 9: 1.3262, 10: 1.3281, 16: 2.5703, 17: 2.5664, 28: 5.5547}),
        (CQI_TABLE_1, {0: 0.1523, 5: 1.1758, 6: 1.4766, 8: 2.4063, 9: 2.7305, 14: 5.5547}),
    ):
        assert {i: table[i].efficiency for i in printed} == pytest.approx(printed, abs=6e-5)
    efficiency = [row.efficiency for row in MCS_TABLE_1]
    assert [i for i in range(28) if efficiency[i + 1] <= efficiency[i]] == [16]
    assert set(CQI_TABLE_1[1:]) <= set(MCS_TABLE_1)


@given(n_prb=st.integers(1, 272), mcs_index=st.integers(0, 28))
def test_sizes_are_whole_bytes_near_the_nominal_rate_and_grow(n_prb, mcs_index):
    scheme = MCS_TABLE_1[mcs_index]
    bits = transport_block_size_bits(RE_PER_PRB * n_prb, scheme)
    assert bits % 8 == 0
    assert bits <= transport_block_size_bits(RE_PER_PRB * (n_prb + 1), scheme)
    assert bits == pytest.approx(RE_PER_PRB * n_prb * scheme.efficiency, rel=0.05, abs=32)


@given(tb_size_bits=st.integers(24, 250_000), rate_1024=st.integers(100, 950))
def test_code_blocks_hold_the_block_and_its_checksums(tb_size_bits, rate_1024):
    graph, blocks, bits = segment(tb_size_bits, rate_1024 / 1024)
    assert bits <= {1: 8448, 2: 3840}[graph]
    checksum = (24 if tb_size_bits > 3824 else 16) + (24 * blocks if blocks > 1 else 0)
    assert blocks * bits == pytest.approx(tb_size_bits + checksum)


def test_base_graph_choice_at_its_borders():
    assert [segment(size, rate).base_graph for size, rate in ((292, 0.9), (293, 0.9), (3824, 0.67), (3825, 0.67))] == [
        2,
        1,
        2,
        1,
    ]
    assert segment(50_000, 0.25).base_graph == 2
