"""Manhattan: streets, shares of turns, the steady state."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mobaigc_sim.mobility import Area, Kinematics, Manhattan, ManhattanConfig, MobilityError

S = 10**9


def crowd(area: Area, n_ue: int, **keys: object) -> Manhattan:
    return Manhattan(ManhattanConfig.model_validate(keys), n_ue, area, np.random.default_rng(8))


def heading_U2(kinematics: Kinematics) -> np.ndarray:
    return np.sign(kinematics.velocity_mps_U2)


@pytest.mark.parametrize(("turn", "shares"), [(0.5, (0.5, 0.25, 0.25)), (0.2, (0.8, 0.1, 0.1)), (1.0, (0, 0.5, 0.5))])
def test_shares_of_turns(turn: float, shares: tuple[float, float, float]) -> None:
    """At 10 m/s and with blocks of 100 m every user passes one crossing in 10 s."""
    model = crowd(Area(1e4), 2000, turn=turn, block="100 m", speed="10 m/s")
    heading_TU2 = np.array([heading_U2(model.advance(t * 10 * S)) for t in range(9)])
    (x0, y0), (x1, y1) = heading_TU2[:-1].transpose(2, 0, 1), heading_TU2[1:].transpose(2, 0, 1)
    straight, to_left = x0 * x1 + y0 * y1, x0 * y1 - y0 * x1
    assert (straight == -1).mean() < 0.01
    found = ((straight == 1).mean(), (to_left == 1).mean(), (to_left == -1).mean())
    assert found == pytest.approx(shares, abs=0.015)


@pytest.mark.parametrize("now_s", [0, 97])
@pytest.mark.parametrize("hole_m", [0.0, 80.0])
def test_users_are_uniform_over_the_length_of_all_streets(now_s: int, hole_m: float) -> None:
    area = Area(240.0, hole_m)
    model = crowd(area, 4000, block="100 m", speed={"min": "2 m/s", "max": "20 m/s"})
    kinematics = model.advance(now_s * S)
    along_x_U = kinematics.velocity_mps_U2[:, 0] != 0
    x_m_U, y_m_U = kinematics.position_m_U2.T
    along_m_U, across_m_U = np.where(along_x_U, x_m_U, y_m_U), np.where(along_x_U, y_m_U, x_m_U)
    assert set(across_m_U) == {-150.0, -50.0, 50.0, 150.0}
    length_m, beyond_m, counts = [], np.zeros(len(along_m_U)), []
    for street_m in (-150.0, -50.0, 50.0, 150.0):
        outer_m = np.sqrt(area.radius_m**2 - street_m**2)
        inner_m = np.sqrt(max(0.0, hole_m**2 - street_m**2))
        for is_x in (True, False):
            here_U = (across_m_U == street_m) & (along_x_U == is_x)
            length_m.append(2 * (outer_m - inner_m))
            counts.append(int(here_U.sum()))
            beyond_m[here_U] = (np.abs(along_m_U[here_U]) - inner_m) / (outer_m - inner_m)
    assert stats.chisquare(counts, np.array(length_m) / sum(length_m) * 4000).pvalue > 0.01
    assert stats.kstest(beyond_m, "uniform").pvalue > 0.01
    sides = [(heading_U2(kinematics).sum(axis=1) > 0).mean(), (along_m_U > 0).mean()]
    assert sides == pytest.approx([0.5, 0.5], abs=0.03)


def test_users_turn_round_at_the_ends_of_streets() -> None:
    """Without turns a user swings along one chord: here twice 2·sqrt(100² − 50²) m, in whole numbers of ms."""
    swing_s = 2 * 2 * np.sqrt(100.0**2 - 50.0**2) / 25.0
    model = crowd(Area(100.0), 50, turn=0.0, block="100 m", speed="25 m/s")
    early, half, late = (model.advance(round(t * S)) for t in (1.0, 1.0 + swing_s / 2, 1.0 + swing_s))
    np.testing.assert_allclose(late.position_m_U2, early.position_m_U2, atol=1e-5)
    np.testing.assert_array_equal(heading_U2(half), -heading_U2(early))
    np.testing.assert_allclose(late.travelled_m_U - early.travelled_m_U, 25 * swing_s, atol=1e-5)


def test_users_of_speed_zero_stand_on_streets() -> None:
    model = crowd(Area(150.0), 20, block="100 m", speed=0)
    np.testing.assert_array_equal(model.advance(0).position_m_U2, model.advance(90 * S).position_m_U2)


def test_blocks_too_large_for_the_area_are_refused() -> None:
    with pytest.raises(MobilityError, match=r"users\.mobility\.block: expected less than twice the 50 m .* got 120 m"):
        crowd(Area(50.0), 1, block="120 m")
