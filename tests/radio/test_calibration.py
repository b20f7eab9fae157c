"""The calibration drop against the companies' results, and against what must hold whatever the numbers are."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from mobaigc_sim.errors import UnknownNameError
from mobaigc_sim.radio.calibration import CASES, PERCENTILES, REFERENCES, USERS_PER_DROP, calibrate, cell_gains_db
from mobaigc_sim.radio.layout import Layout

Array = NDArray[np.float64]


def gains_db(case: str, n: int = 4000) -> Array:
    return cell_gains_db(case, n, np.random.default_rng(5))


@pytest.mark.parametrize("case", CASES)
def test_percentiles_lie_among_those_of_the_companies(case: str) -> None:
    for values_db_N, references in zip(calibrate(case, seed=1, drops=40), REFERENCES[case].values(), strict=True):
        for percentile, ours_db in zip(PERCENTILES, np.percentile(values_db_N, PERCENTILES), strict=True):
            reference = references[percentile]
            assert reference.low_db <= ours_db <= reference.high_db, (case, percentile)


def test_results_are_the_best_gain_and_its_ratio_to_all_the_others() -> None:
    (rng,) = np.random.default_rng(3).spawn(1)
    gain_db_NC = cell_gains_db("umi", USERS_PER_DROP, rng)
    coupling_db_N, sir_db_N = calibrate("umi", seed=3, drops=1)
    sorted_db_NC = np.sort(gain_db_NC, axis=1)
    np.testing.assert_allclose(coupling_db_N, sorted_db_NC[:, -1])
    others_N = (10.0 ** (sorted_db_NC[:, :-1] / 10.0)).sum(axis=1)
    np.testing.assert_allclose(sir_db_N, sorted_db_NC[:, -1] - 10.0 * np.log10(others_N), atol=1e-9)


def test_a_seed_gives_its_drops_one_after_the_other() -> None:
    once_db, _ = calibrate("inh_open", seed=1, drops=1)
    thrice_db, _ = calibrate("inh_open", seed=1, drops=3)
    other_db, _ = calibrate("inh_open", seed=2, drops=1)
    assert len(thrice_db) == 3 * USERS_PER_DROP
    assert np.array_equal(thrice_db[:USERS_PER_DROP], once_db)
    assert not np.any(np.isin(thrice_db[USERS_PER_DROP:], once_db))
    assert not np.any(np.isin(other_db, once_db))


@pytest.mark.parametrize("case", CASES)
def test_sectors_of_a_site_differ_by_their_antennas_alone(case: str) -> None:
    gain_db_NSK = gains_db(case).reshape(4000, -1, 3)
    spread_db = np.ptp(gain_db_NSK, axis=2).max()
    assert 25.0 < spread_db <= 30.0 + 1e-9


def test_every_wrapped_cell_serves_the_same_share() -> None:
    served_C = np.bincount(gains_db("uma", 20000).argmax(axis=1), minlength=57)
    expected = 20000 / 57
    assert np.abs(served_C - expected).max() < 5.0 * np.sqrt(expected)


def test_mirrored_cells_of_the_office_serve_the_same_share() -> None:
    layout = Layout.of(CASES["inh_open"].layout)
    served_SK = np.bincount(gains_db("inh_open", 20000).argmax(axis=1), minlength=36).reshape(12, 3)
    mirror_S = [int(np.flatnonzero((layout.site_m_S2 == [-x_m, y_m]).all(axis=1))[0]) for x_m, y_m in layout.site_m_S2]
    mirrored_SK = served_SK[mirror_S][:, [1, 0, 2]]
    assert np.all(np.abs(served_SK - mirrored_SK) < 5.0 * np.sqrt(served_SK + mirrored_SK))


def test_loss_into_a_building_is_common_to_all_links_of_a_user() -> None:
    gain_db_NS = gains_db("umi").reshape(4000, -1, 3).max(axis=2)
    correlation_SS = np.corrcoef(gain_db_NS.T)
    assert np.median(correlation_SS[np.triu_indices(19, 1)]) > 0.3


def test_unknown_cases_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'uma'"):
        calibrate("umma", seed=1, drops=1)
