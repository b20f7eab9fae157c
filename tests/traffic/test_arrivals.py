"""Arrival processes: contract, closed forms, and errors."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats

from mobaigc_sim.traffic import ArrivalProcess, PoissonConfig, TraceConfig, traffic

from ..contracts.arrivals_contract import NS_PER_S, ArrivalsContract


def make(kind: str, **keys: object) -> ArrivalProcess:
    cls = traffic.get(kind)
    process: ArrivalProcess = cls(cls.Config.model_validate({"kind": kind, **keys}))
    return process


class TestPoisson(ArrivalsContract):
    def make(self) -> ArrivalProcess:
        return make("poisson", mean_interval="300 ms")


class TestOnOff(ArrivalsContract):
    def make(self) -> ArrivalProcess:
        return make("on_off", mean_on="3 s", mean_off="8 s", mean_interval="200 ms")


class TestTrace(ArrivalsContract):
    def make(self) -> ArrivalProcess:
        return make("trace", times=[0, "0.5 s", "0.5 s", "42 s", "1 min"])


def test_every_registered_process_is_tested_here() -> None:
    built_in = {n for n in traffic.names() if traffic.get(n).__module__.startswith("mobaigc_sim.")}
    assert built_in == {"poisson", "on_off", "trace"}


def test_poisson_gaps_are_exponential() -> None:
    times_ns = make("poisson", mean_interval="4 s").times_ns(np.random.default_rng(1), 20_000 * NS_PER_S)
    gaps_s = np.diff(times_ns, prepend=0) / NS_PER_S
    assert stats.kstest(gaps_s, "expon", args=(0, 4)).pvalue > 0.01
    assert abs(np.corrcoef(gaps_s[1:], gaps_s[:-1])[0, 1]) < 0.04


def test_poisson_counts_have_equal_mean_and_variance() -> None:
    process = make("poisson", mean_interval="2 s")
    counts = np.array([len(process.times_ns(np.random.default_rng(u), 100 * NS_PER_S)) for u in range(3000)])
    assert counts.mean() == pytest.approx(50, rel=0.01)
    assert counts.var() / counts.mean() == pytest.approx(1, abs=0.08)


def test_on_off_rate_and_burstiness() -> None:
    """Long-run variance over mean of an interrupted Poisson process: 1 + 2 λ r_on / (r_on + r_off)²."""
    on_s, off_s, interval_s = 5.0, 15.0, 0.5
    process = make("on_off", mean_on="5 s", mean_off="15 s", mean_interval="0.5 s")
    counts = np.array([len(process.times_ns(np.random.default_rng(u), 2000 * NS_PER_S)) for u in range(1500)])
    assert counts.mean() == pytest.approx(2000 * on_s / (on_s + off_s) / interval_s, rel=0.01)
    dispersion = 1 + 2 / interval_s / on_s / (1 / on_s + 1 / off_s) ** 2
    assert dispersion == pytest.approx(12.25)
    assert counts.var() / counts.mean() == pytest.approx(dispersion, rel=0.1)


def test_on_off_is_in_steady_state_from_the_start() -> None:
    process = make("on_off", mean_on="5 s", mean_off="15 s", mean_interval="0.5 s")
    times_ns = np.concatenate([process.times_ns(np.random.default_rng(u), 40 * NS_PER_S) for u in range(6000)])
    per_quarter = np.histogram(times_ns / NS_PER_S, bins=4, range=(0, 40))[0] / 6000
    np.testing.assert_allclose(per_quarter, 5.0, rtol=0.04)


def test_trace_keeps_its_times_and_drops_those_after_the_end() -> None:
    process = make("trace", times=["10 ms", "1 s", "2 s"])
    assert process.times_ns(np.random.default_rng(0), 2 * NS_PER_S).tolist() == [10_000_000, NS_PER_S]
    rng = np.random.default_rng(0)
    process.times_ns(rng, NS_PER_S)
    assert rng.random() == np.random.default_rng(0).random()


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (["1 s", "3 s", "2 s"], r"expected ascending times, but number 3 \(2 s\) comes before number 2 \(3 s\)"),
        ([], "at least 1 item"),
        (["1 s", "2"], "a unit is missing: expected a quantity such as '0.5 ms'"),
        (["1 s", "-2 s"], "must not be negative"),
    ],
)
def test_trace_errors_say_what_was_expected(times: list[str], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TraceConfig.model_validate({"kind": "trace", "times": times})


def test_a_mean_interval_of_zero_is_refused() -> None:
    with pytest.raises(ValidationError, match="greater than zero"):
        PoissonConfig.model_validate({"mean_interval": 0})
