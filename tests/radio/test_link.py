"""Capacity, dispersion and block error rate."""

from __future__ import annotations

import csv
from collections import defaultdict
from importlib.resources import files

import numpy as np
import pytest
from scipy.stats import norm

from mobaigc_sim.radio.capacity import curve
from mobaigc_sim.radio.csi import wideband_cqi
from mobaigc_sim.radio.link import block_error_rate, cqi_threshold_db, mcs_formats
from mobaigc_sim.radio.tables import CQI_TABLE_1, MCS_TABLE_1


def monte_carlo() -> dict[int, list[tuple[float, float]]]:
    points = defaultdict(list)
    with (files("mobaigc_sim.verify") / "data" / "bler_points.csv").open() as file:
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            points[int(row["mcs_index"])].append((float(row["snr_db"]), float(row["bler"])))
    return points


@pytest.mark.parametrize("mcs_index", [3, 4, 9, 14, 20])
def test_ten_percent_point_meets_the_monte_carlo_of_the_code(mcs_index):
    snr_db_P, bler_P = map(np.array, zip(*monte_carlo()[mcs_index], strict=True))
    scheme = MCS_TABLE_1[mcs_index]
    symbols = 2000 / scheme.efficiency
    # points between their neighbours on a probability scale; no failure seen counts as one in 2000
    quantile_P = norm.isf(np.maximum(bler_P, 5e-4))
    last = min(int(np.searchsorted(quantile_P, norm.isf(0.1))), len(quantile_P) - 1)
    slope = (snr_db_P[last] - snr_db_P[last - 1]) / (quantile_P[last] - quantile_P[last - 1])
    measured_db = snr_db_P[last] + (norm.isf(0.1) - quantile_P[last]) * slope
    grid_db = np.arange(-10, 20, 0.005)
    model_db = grid_db[np.argmax(block_error_rate(grid_db, scheme, 2000, symbols) <= 0.1)]
    assert model_db == pytest.approx(measured_db, abs=0.1)
    assert np.abs(block_error_rate(snr_db_P, scheme, 2000, symbols) - bler_P).max() < 0.15


def test_qpsk_capacity_at_half_rate_is_shannons_constant():
    # rate 1/2 with binary input needs Eb/N0 = 0.187 dB
    assert curve(2).mutual_information(np.array([0.187]))[0] == pytest.approx(1.0, abs=5e-4)


@pytest.mark.parametrize(("order", "sinr_db"), [(2, -3.0), (4, 6.0), (6, 4.0), (6, 14.0)])
def test_capacity_and_dispersion_meet_a_simulated_channel(order, sinr_db):
    rng = np.random.default_rng(8)
    bits, n = order // 2, 400_000
    level = np.arange(-(2**bits) + 1, 2**bits, 2) / np.sqrt(2 * np.mean(np.arange(-(2**bits) + 1, 2**bits, 2) ** 2.0))
    gray = [i ^ (i >> 1) for i in range(2**bits)]
    density = np.zeros(n)
    for _ in range(2):
        sent = rng.integers(2**bits, size=n)
        sigma = np.sqrt(0.5 * 10 ** (-sinr_db / 10))
        received = level[sent] + sigma * rng.standard_normal(n)
        likelihood = np.exp(-((received[:, None] - level) ** 2) / (2 * sigma**2))
        for k in range(bits):
            bit = np.array([(label >> k) & 1 for label in gray])
            same = bit[sent][:, None] == bit
            density += 1 + np.log2((likelihood * same).sum(axis=1) / likelihood.sum(axis=1))
    capacity, dispersion = curve(order).moments_of(sinr_db)
    assert capacity == pytest.approx(density.mean(), abs=5 * density.std() / np.sqrt(n))
    assert dispersion == pytest.approx(density.var(), rel=0.02)


@pytest.mark.parametrize("order", [2, 4, 6])
def test_effective_sinr_inverts_mutual_information(order):
    shape = curve(order)
    sinr_db_N = np.arange(-25.0, {2: 10.0, 4: 17.0, 6: 23.0}[order], 0.37)
    back_db_N = shape.effective_sinr_db(shape.mutual_information(sinr_db_N))
    assert np.abs(back_db_N - sinr_db_N).max() < 1e-6
    one_by_one = [shape.effective_sinr_db_of(float(bits)) for bits in shape.mutual_information(sinr_db_N)]
    assert np.abs(one_by_one - sinr_db_N).max() < 1e-6
    assert shape.effective_sinr_db_of(order) == pytest.approx(float(shape.effective_sinr_db(np.array(order))), abs=1e-9)
    assert shape.effective_sinr_db_of(0.0) == -30.0


def test_error_rate_falls_with_sinr_and_the_scalar_twin_agrees():
    sinr_db_N = np.arange(-12.0, 26.0, 0.25)
    for form in mcs_formats(51):
        bler_N = np.array([form.bler(float(sinr_db), 51) for sinr_db in sinr_db_N])
        assert (np.diff(bler_N) <= 1e-12).all()
        assert bler_N[0] > 0.99 and bler_N[-1] < 1e-6
        whole_N = [form.bler_N(np.full(51, sinr_db))[-1] for sinr_db in sinr_db_N]
        assert np.abs(bler_N - whole_N).max() < 1e-9


def test_longer_code_blocks_fall_more_steeply_and_many_blocks_fail_more_often():
    scheme = MCS_TABLE_1[14]
    short, long = (
        block_error_rate(np.array([6.5, 7.5]), scheme, bits, bits / scheme.efficiency) for bits in (500, 8000)
    )
    assert long[0] > short[0] and long[1] < short[1]
    one, five = (block_error_rate(7.1, scheme, 2000, 2000 / scheme.efficiency, blocks) for blocks in (1, 5))
    assert five == pytest.approx(1 - (1 - one) ** 5)


@pytest.mark.parametrize("target", [0.01, 0.1, 0.5])
def test_thresholds_meet_the_target_exactly(target):
    for form in mcs_formats(20)[::4]:
        assert form.bler_N(form.threshold_db_N(target)) == pytest.approx(target, rel=1e-3)


def test_sinr_exactly_at_a_threshold_reaches_that_cqi_and_not_another():
    threshold_db_C = cqi_threshold_db(51)
    assert (np.diff(threshold_db_C) > 0.5).all()
    for shift_db, expected in ((0.0, np.arange(1, 16)), (-1e-9, np.arange(15)), (1e-9, np.arange(1, 16))):
        at_UQ = np.repeat(threshold_db_C[:, None] + shift_db, 3, axis=1)
        assert wideband_cqi(at_UQ, 51).tolist() == expected.tolist()
    assert wideband_cqi(np.array([[-50.0] * 3, [50.0] * 3]), 51).tolist() == [0, len(CQI_TABLE_1)]
