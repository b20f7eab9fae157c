"""The slot benchmark: what a side is credited with, and the rule that its numpy side schedules by."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobaigc_sim.errors import MobaigcError
from mobaigc_sim.experiment import bench_slots as bench
from mobaigc_sim.experiment.bench_slots import COMPILED, PYTHON, SIDES, SPARSE, TWIN, SlotsBench
from mobaigc_sim.scheduling.classic.proportional_fair import ProportionalFair, ProportionalFairConfig
from mobaigc_sim.verify.drive import slot_state


def test_slots_are_those_really_played(monkeypatch) -> None:
    asked: dict[str, set[int]] = {side: set() for side in SIDES}

    def measured(side: str, n_ue: int, slots: int) -> float:
        asked[side].add(slots)
        return float(slots)

    monkeypatch.setattr(bench, "_measure", measured)
    found = bench.bench_slots((3,), 2, slots={COMPILED: 250, SPARSE: 1, TWIN: 7})
    assert found.slots == {COMPILED: 300, SPARSE: 100, PYTHON: 1000, TWIN: 7}
    told = bench.as_json(found)["rows"]
    assert {row["side"]: row["slots"] for row in told} == found.slots
    assert all(row["ue_slots_per_s"] == found.slots[row["side"]] for row in told)
    assert all(found.slots[side] in asked[side] for side in SIDES)


@pytest.mark.parametrize("side", [COMPILED, TWIN])
def test_every_slot_that_is_credited_is_played(monkeypatch, side) -> None:
    """The downlink is asked for the warm-up of a hundred slots and for the slots of the measurement."""
    slots = bench.played(side, 130)
    begun: list[int] = []
    kind = bench.Downlink if side == COMPILED else bench.PlainDownlink
    end_slot = kind.end_slot

    def counted(self):
        begun.append(1)
        return end_slot(self)

    monkeypatch.setattr(kind, "end_slot", counted)
    if side == COMPILED:
        full_buffer = kind.full_buffer

        def many(self, count, *rest):
            begun.extend([1] * count)
            return full_buffer(self, count, *rest)

        monkeypatch.setattr(kind, "full_buffer", many)
    bench._measure(side, 2, slots)
    assert len(begun) == 100 + slots


@pytest.mark.parametrize("slots", [0, -1])
def test_no_slot_is_bad_input(slots) -> None:
    with pytest.raises(MobaigcError, match="expected at least one slot for 'numpy'"):
        bench.bench_slots((1,), 1, slots={TWIN: slots})


def test_figures_are_medians_and_ratios_are_taken_round_by_round() -> None:
    """The machine is ten times slower in the second round: no ratio may see that."""
    of_side = {COMPILED: [8e6, 8e5, 4e6], SPARSE: [9e6, 9e5, 5e6], PYTHON: [1e5, 1e4, 1e5], TWIN: [4e4, 4e3, 1e4]}
    found = SlotsBench((5,), {(side, 5): rates for side, rates in of_side.items()}, dict.fromkeys(SIDES, 100))
    assert found.speed(COMPILED, 5) == 4e6
    assert found.ratio(COMPILED, TWIN, 5) == 200
    assert bench.rows(found) == [("5", "4.00e+06", "5.00e+06", "1.00e+05", "1.00e+04", "200")]
    assert "no run" in " ".join(bench.facts(found)) and "3 rounds" in bench.facts(found)[0]


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 6), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_numpy_side_picks_whom_the_plug_in_picks(users, blocks, seed) -> None:
    rng = np.random.default_rng(seed)
    bits_NB = rng.integers(0, 4, (users, blocks)) * 100.0
    mean_rate_bps_N = rng.choice([0.0, 0.5, 1e5, 2e6], users)
    free_B = rng.random(blocks) < 0.7
    ue_N = np.sort(rng.choice(50, users, replace=False))
    state = slot_state(0, 500_000, np.arange(users), bits_NB, mean_rate_bps_N, free_B)
    owner_B = ProportionalFair(ProportionalFairConfig()).allocate(state).owner_B
    expected_B = np.where(owner_B >= 0, ue_N[owner_B], -1)
    assert np.array_equal(bench.best_users(ue_N, bits_NB, mean_rate_bps_N, free_B), expected_B)
