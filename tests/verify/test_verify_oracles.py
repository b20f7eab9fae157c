"""The oracles that `verify` measures by, against other ways to know; and broken models, which it must find out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import j0

from mobaigc_sim.radio import draws as radio_draws
from mobaigc_sim.scheduling.base import Allocation
from mobaigc_sim.scheduling.classic.max_ci import MaxCi, MaxCiConfig
from mobaigc_sim.verify import conservation, fading, harq, lock_in, queues, schedulers
from mobaigc_sim.verify.drive import link_of, play


@pytest.mark.parametrize("users", [1, 3, 10])
def test_closed_gain_is_that_of_drawn_channels(users):
    gain_NK = np.random.default_rng(1).exponential(size=(400_000, users))
    rate_NK = np.log2(1.0 + 10.0 * gain_NK)
    drawn = rate_NK.max(axis=1).mean() / rate_NK.mean()
    assert schedulers.closed_gain(users, 10.0) == pytest.approx(drawn, rel=0.005)


def test_at_low_snr_the_gain_is_the_harmonic_number():
    assert schedulers.closed_gain(10, -40.0) == pytest.approx(schedulers.HARMONIC[10], rel=1e-3)


def test_the_plug_in_is_what_is_measured(monkeypatch):
    monkeypatch.setattr(schedulers, "SLOTS", 300)

    class First(MaxCi):
        def allocate(self, state):
            return Allocation(np.zeros(len(state.prb_free_B), np.int64))

    assert schedulers.mean_rate(First(MaxCiConfig()), 10, None) == pytest.approx(1.0, abs=0.03)
    assert schedulers.mean_rate(MaxCi(MaxCiConfig()), 10, None) == pytest.approx(2.929, abs=0.05)


@pytest.mark.parametrize("law", ["md1", "mm1"])
def test_recursion_is_a_queue_played_slot_by_slot(law):
    packets = queues.draw(law, 0.7, 4 if law == "mm1" else 1, 300, np.random.default_rng(3))
    left, served, ends = packets.blocks_K.copy(), 0, np.zeros(300, int)
    for slot in range(6000):
        if served < 300 and packets.arrival_K[served] < slot:
            left[served] -= 1
            if left[served] == 0:
                ends[served] = slot + 1
                served += 1
    assert served == 300
    assert np.array_equal(queues.departures(packets), ends)


def test_a_downlink_that_skips_a_slot_is_found_out(monkeypatch):
    carried = queues.carried
    monkeypatch.setattr(queues, "SLOTS", 200)
    assert queues.departures_that_differ("md1", 0.5)[0] == 0
    monkeypatch.setattr(queues, "carried", lambda arrived_TU: [slots + (slots > 100) for slots in carried(arrived_TU)])
    wrong, count = queues.departures_that_differ("md1", 0.5)
    assert 0.3 * count < wrong < 0.7 * count


def test_a_bit_that_vanishes_is_found_out(monkeypatch):
    monkeypatch.setattr(conservation, "SLOTS", 400)

    class Leaky(conservation.Books):
        def play(self, slot, load):
            if slot == 200:
                self.delivered_bits_U[3] -= 1
            return super().play(slot, load)

    monkeypatch.setattr(conservation, "Books", Leaky)
    balance = next(iter(conservation.rows({})))
    assert (balance.got, balance.passed) == (1.0, False)


def test_a_fit_finds_the_doppler_shift_of_a_bessel_function():
    delay_s_L = 1e-3 * np.arange(21)
    found_L = j0(2 * np.pi * 103.0 * delay_s_L)
    assert fading.fitted_doppler_hz(delay_s_L, found_L, 97.2) == pytest.approx(103.0, rel=1e-4)


@pytest.mark.parametrize("kind", ["first order", "independent"])
def test_fading_without_clarkes_memory_fails(monkeypatch, kind):
    def wrong(speed_kmh):
        after_one = j0(2 * np.pi * 1e-3 * fading.STEP_MS[speed_kmh] * fading.DOPPLER_HZ[speed_kmh])
        lag_L = np.arange(fading.LAGS + 1)
        return 1.0, (after_one**lag_L if kind == "first order" else 1.0 * (lag_L == 0)) + 0j

    monkeypatch.setattr(fading, "autocorrelation", wrong)
    bessel = [row for row in fading.rows({}) if "J0" in row.check]
    assert len(bessel) == 2 and not any(row.passed for row in bessel)


def test_two_draws_for_one_block_are_found_out(monkeypatch):
    class Twice(radio_draws.Draws):
        def row(self, index):
            row_U = super().row(index)
            return np.maximum(row_U, row_U[::-1])

    assert harq.outcomes_against_draws()[0] == 0
    monkeypatch.setattr("mobaigc_sim.radio.link_layer.Draws", Twice)
    wrong, count = harq.outcomes_against_draws()
    assert 0 < wrong < count


def test_users_share_the_band_in_turn():
    link = link_of({"channel": {"kind": "rayleigh", "mean_snr": "30 dB", "block": "1 s"}}, 5)
    blocks_U = np.zeros(5)
    for slot in play(link, 60, harq.in_turn, np.zeros((5, 2))):
        for sent in slot.sent:
            blocks_U[sent.ue] += sent.n_prb
    assert blocks_U.min() > 0.8 * blocks_U.max() > 0


@pytest.mark.parametrize("step", ["0.5 dB", "0.000001 dB"])
def test_without_an_outer_loop_proportional_fair_fails_the_check(monkeypatch, step):
    monkeypatch.setattr(lock_in, "SLOTS", 1500)
    monkeypatch.setattr(
        lock_in, "link_of", lambda config, n_ue: link_of({**config, "link_adaptation": {"step": step}}, n_ue)
    )
    ratio, _ = lock_in.rows({})
    assert ratio.passed == (step == "0.5 dB")


def test_a_rule_that_starves_users_fails_the_check(monkeypatch):
    monkeypatch.setattr(lock_in, "SLOTS", 500)
    monkeypatch.setattr(lock_in, "WARM_UP", 500)
    monkeypatch.setattr(lock_in, "ProportionalFair", lambda _: MaxCi(MaxCiConfig()))
    _, least = lock_in.rows({})
    assert not least.passed
