"""Resource grid: TS 38.101 tables, slot lengths, slices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobaigc_sim.radio.numerology import Carrier, resource_blocks


@pytest.mark.parametrize(
    ("carrier_hz", "numerology", "mhz", "n_rb"),
    [
        (3.5e9, 0, 5, 25),
        (3.5e9, 0, 10, 52),
        (3.5e9, 0, 20, 106),
        (3.5e9, 1, 10, 24),
        (3.5e9, 1, 20, 51),
        (3.5e9, 1, 100, 273),
        (3.5e9, 2, 100, 135),
        (28e9, 2, 200, 264),
        (28e9, 3, 100, 66),
        (28e9, 3, 400, 264),
    ],
)
def test_resource_blocks(carrier_hz, numerology, mhz, n_rb):
    assert resource_blocks(carrier_hz, numerology, mhz * 1e6) == n_rb


def test_every_carrier_fits_its_bandwidth_and_leaves_a_guard():
    for carrier_hz, numerology in ((3.5e9, 0), (3.5e9, 1), (3.5e9, 2), (28e9, 2), (28e9, 3)):
        for mhz in range(1, 401):
            try:
                n_rb = resource_blocks(carrier_hz, numerology, mhz * 1e6)
            except ValueError:
                continue
            used = n_rb * 12 * 15e3 * 2**numerology / (mhz * 1e6)
            assert 0.78 < used < 0.99


def test_errors_list_what_exists():
    with pytest.raises(ValueError, match="expected one of: 50 MHz, 100 MHz, 200 MHz, 400 MHz"):
        resource_blocks(28e9, 3, 20e6)
    with pytest.raises(ValueError, match="numerology 3 is not defined in FR1; expected one of: 0, 1, 2"):
        resource_blocks(3.5e9, 3, 20e6)
    with pytest.raises(ValueError, match=r"12 GHz lies in no NR range"):
        resource_blocks(12e9, 1, 20e6)
    with pytest.raises(ValueError, match=r"20\.5 MHz does not exist"):
        resource_blocks(3.5e9, 1, 20.5e6)


def test_slot_lengths_are_whole_nanoseconds():
    carriers = [Carrier.of(3.5e9, 0, 20e6), Carrier.of(3.5e9, 1, 20e6), Carrier.of(3.5e9, 2, 20e6)]
    assert [carrier.slot_ns for carrier in (*carriers, Carrier.of(28e9, 3, 100e6))] == [
        10**6,
        500_000,
        250_000,
        125_000,
    ]
    assert carriers[1].slots(5_000_000) == 10
    assert carriers[1].slots(5_000_001) == 11
    assert carriers[1].slots(0) == 0


@given(ratio=st.floats(0.001, 1.0))
def test_a_slice_is_spread_evenly_over_the_carrier(ratio):
    carrier = Carrier.of(3.5e9, 1, 20e6, ratio)
    index_B = carrier.prb_index_B
    assert carrier.n_prb == max(1, int(ratio * 51 + 1e-9))
    assert index_B.min() >= 0 and index_B.max() < 51
    gaps = np.diff(np.concatenate([index_B, index_B[:1] + 51]))
    assert gaps.min() >= 1 and gaps.max() - gaps.min() <= 1


def test_the_whole_carrier_is_centred():
    carrier = Carrier.of(3.5e9, 1, 20e6)
    assert abs(carrier.prb_offset_hz_B.sum()) < 1e-3
    assert np.allclose(np.diff(carrier.prb_offset_hz_B), 360e3)
