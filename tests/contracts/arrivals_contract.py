"""What every arrival process must do; inherit `ArrivalsContract` and say how to make the process."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mobaigc_sim.traffic import ArrivalProcess

NS_PER_S = 1_000_000_000

inherited = settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.differing_executors])
seeds = st.integers(0, 2**32 - 1)
durations = st.integers(0, 200 * NS_PER_S)


class ArrivalsContract(ABC):
    """Properties of an arrival process."""

    @abstractmethod
    def make(self) -> ArrivalProcess:
        """An instance with a few requests a minute."""

    @inherited
    @given(seed=seeds, duration_ns=durations)
    def test_ascending_integers_inside_the_run(self, seed: int, duration_ns: int) -> None:
        times_ns = self.make().times_ns(np.random.default_rng(seed), duration_ns)
        assert times_ns.dtype == np.int64 and times_ns.ndim == 1
        assert (np.diff(times_ns) >= 0).all()
        assert ((times_ns >= 0) & (times_ns < duration_ns)).all()

    @inherited
    @given(seed=seeds, duration_ns=durations, cut=st.floats(0, 1))
    def test_a_longer_run_only_adds_requests_at_its_end(self, seed: int, duration_ns: int, cut: float) -> None:
        short_ns = int(cut * duration_ns)
        whole = self.make().times_ns(np.random.default_rng(seed), duration_ns)
        part = self.make().times_ns(np.random.default_rng(seed), short_ns)
        np.testing.assert_array_equal(part, whole[whole < short_ns])

    @inherited
    @given(seed=seeds)
    def test_one_process_serves_many_users_without_memory(self, seed: int) -> None:
        shared = self.make()
        first = shared.times_ns(np.random.default_rng(seed), 100 * NS_PER_S)
        shared.times_ns(np.random.default_rng(seed + 1), 70 * NS_PER_S)
        np.testing.assert_array_equal(first, shared.times_ns(np.random.default_rng(seed), 100 * NS_PER_S))

    def test_there_are_requests(self) -> None:
        assert len(self.make().times_ns(np.random.default_rng(7), 1000 * NS_PER_S)) > 0
