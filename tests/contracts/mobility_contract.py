"""What every mobility model must do; inherit `MobilityContract` and say how to make the model."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mobaigc_sim.mobility import Area, Kinematics, MobilityModel

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000

inherited = settings(deadline=None, max_examples=5, suppress_health_check=[HealthCheck.differing_executors])
areas = st.builds(
    lambda radius_m, hole: Area(radius_m, hole * radius_m), st.floats(20.0, 500.0), st.sampled_from([0.0, 0.05, 0.6])
)
seeds = st.integers(0, 2**32 - 1)


class MobilityContract(ABC):
    """Properties of a mobility model, checked on small and large areas, with and without an inner disc."""

    @abstractmethod
    def make(self, n_ue: int, area: Area, rng: np.random.Generator) -> MobilityModel:
        """A fast-moving instance, so that short runs meet borders and waypoints."""

    def area_for(self, area: Area) -> Area:
        """The area to try instead of a drawn one, when a model needs more room."""
        return area

    def allowed_U(self, area: Area, kinematics: Kinematics) -> NDArray[np.bool_]:
        """Whether each user is where the model may put it.

        That is the area, unless the model says otherwise: roads may lead out of it, and traces know nothing of it.
        """
        return area.contains(kinematics.position_m_U2)

    def walk(self, n_ue: int, area: Area, seed: int, times_ns: list[int]) -> list[Kinematics]:
        """Kinematics at each of the times."""
        model = self.make(n_ue, self.area_for(area), np.random.default_rng(seed))
        return [model.advance(t) for t in times_ns]

    @inherited
    @given(area=areas, seed=seeds, gaps_ms=st.lists(st.integers(0, 20_000), max_size=30))
    def test_stays_where_it_may_be(self, area: Area, seed: int, gaps_ms: list[int]) -> None:
        times_ns = [0, *(int(t) * NS_PER_MS for t in np.cumsum(gaps_ms))]
        for kinematics in self.walk(7, area, seed, times_ns):
            assert kinematics.position_m_U2.shape == kinematics.velocity_mps_U2.shape == (7, 2)
            assert self.allowed_U(self.area_for(area), kinematics).all()

    @inherited
    @given(area=areas, seed=seeds)
    def test_path_does_not_depend_on_how_often_it_is_asked(self, area: Area, seed: int) -> None:
        fine = self.walk(4, area, seed, [t * NS_PER_MS for t in range(3001)])[::100]
        coarse = self.walk(4, area, seed, [t * 100 * NS_PER_MS for t in range(31)])
        late = self.walk(4, area, seed, [3000 * NS_PER_MS])[-1]
        for a, b in zip([*fine, fine[-1]], [*coarse, late], strict=True):
            assert np.array_equal(a.position_m_U2, b.position_m_U2)
            assert np.array_equal(a.velocity_mps_U2, b.velocity_mps_U2)
            assert np.array_equal(a.travelled_m_U, b.travelled_m_U)
            assert np.array_equal(a.present_U, b.present_U)

    @inherited
    @given(area=areas, seed=seeds)
    def test_another_users_presence_changes_nothing(self, area: Area, seed: int) -> None:
        times_ns = [t * 700 * NS_PER_MS for t in range(40)]
        few, many = self.walk(3, area, seed, times_ns), self.walk(8, area, seed, times_ns)
        for a, b in zip(few, many, strict=True):
            np.testing.assert_array_equal(a.position_m_U2, b.position_m_U2[:3])
            np.testing.assert_array_equal(a.travelled_m_U, b.travelled_m_U[:3])
            np.testing.assert_array_equal(a.present_U, b.present_U[:3])

    @inherited
    @given(area=areas, seed=seeds)
    def test_presence_is_known_beforehand(self, area: Area, seed: int) -> None:
        model = self.make(4, self.area_for(area), np.random.default_rng(seed))
        intervals_U = [model.presence_ns(u) for u in range(4)]
        for intervals in intervals_U:
            bounds = [bound for interval in intervals for bound in interval]
            assert bounds == sorted(set(bounds)) and bounds[0] >= 0
        for now_ns in range(0, 60 * NS_PER_S, 1130 * NS_PER_MS):
            now = model.advance(now_ns)
            there = [any(start <= now_ns < end for start, end in intervals) for intervals in intervals_U]
            assert now.present_U.tolist() == there
            assert not now.velocity_mps_U2[~now.present_U].any()
        with pytest.raises(IndexError, match="from 0 to 3, got 4"):
            model.presence_ns(4)

    @inherited
    @given(seed=seeds)
    def test_travelled_distance_is_the_integral_of_speed(self, seed: int) -> None:
        step_s = 0.001
        walk = self.walk(4, Area(60.0, 6.0), seed, [t * NS_PER_MS for t in range(5001)])
        assert (walk[0].travelled_m_U == 0).all()
        speed_mps_TU = np.linalg.norm(np.array([k.velocity_mps_U2 for k in walk]), axis=2)
        travelled_m_TU = np.array([k.travelled_m_U for k in walk])
        # The speed jumps at events only: each costs at most one step at the fastest speed.
        slack_m = step_s * speed_mps_TU.max() * 20
        integral_m_TU = np.concatenate([np.zeros((1, 4)), np.cumsum(speed_mps_TU[:-1] * step_s, axis=0)])
        np.testing.assert_allclose(travelled_m_TU, integral_m_TU, atol=slack_m + 1e-9)
        assert (np.diff(travelled_m_TU, axis=0) >= -1e-9).all()

    @inherited
    @given(seed=seeds)
    def test_velocity_is_the_derivative_of_position(self, seed: int) -> None:
        walk = self.walk(4, Area(60.0, 6.0), seed, [t * NS_PER_MS for t in range(4001)])
        position_m_TU2 = np.array([k.position_m_U2 for k in walk])
        velocity_mps_TU2 = np.array([k.velocity_mps_U2 for k in walk])
        error_m_TU = np.abs(np.diff(position_m_TU2, axis=0) - velocity_mps_TU2[:-1] * 0.001).max(axis=2)
        steady_TU = np.all(velocity_mps_TU2[1:] == velocity_mps_TU2[:-1], axis=2)
        assert steady_TU.mean() > 0.95
        # A step with equal velocities at both ends can still hold two reflections or a jump, but hardly ever does.
        assert (error_m_TU[steady_TU] < 1e-9).mean() > 0.999

    def test_a_step_back_in_time_is_refused(self) -> None:
        model = self.make(1, Area(100.0), np.random.default_rng(1))
        model.advance(5)
        with pytest.raises(ValueError, match="at least 5 ns, got 4 ns"):
            model.advance(4)

    def test_no_users(self) -> None:
        kinematics = self.walk(0, Area(100.0, 5.0), 1, [0, 10**11])[-1]
        assert kinematics.position_m_U2.shape == (0, 2)
        assert kinematics.travelled_m_U.shape == kinematics.present_U.shape == (0,)
