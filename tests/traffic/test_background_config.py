"""Background traffic: what a scenario may say, and the process it stands for."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats

from mobaigc_sim.traffic import BackgroundConfig

S = 10**9


def test_left_out_values_are_those_of_ftp_model_3() -> None:
    found = BackgroundConfig.model_validate({"users": 3})
    assert (found.kind, found.file_size, found.mean_interval) == ("ftp3", 500_000, 2 * S)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"users": 0},
        {"users": 2, "kind": "ftp2"},
        {"users": 2, "file_size": "0 B"},
        {"users": 2, "file_size": 1000},
        {"users": 2, "mean_interval": 0},
    ],
)
def test_what_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        BackgroundConfig.model_validate(given)


def test_files_arrive_as_a_poisson_process() -> None:
    config = BackgroundConfig.model_validate({"users": 1, "mean_interval": "50 ms"})
    times_ns = np.array(config.arrivals().times_ns(np.random.default_rng(5), 100 * S))
    gaps_s = np.diff(times_ns) / S
    assert abs(len(times_ns) - 2000) < 4 * np.sqrt(2000)
    assert stats.kstest(gaps_s, "expon", args=(0, 0.05)).pvalue > 1e-3
