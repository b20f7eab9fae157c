"""Radio link monitoring and radio link failure, for all users at once.

Shapes: U users, N users named by index, W samples of the longer window.

Every `period` the SINR is averaged, in linear scale, over an out-of-sync window and over an in-sync window. An average
below Qout gives an out-of-sync indication, one above Qin an in-sync indication; where both hold, the shorter and more
recent in-sync window counts, and in between there is none. N310 out-of-sync indications with no in-sync among them
start T310, N311 in-sync indications with no out-of-sync among them stop it, and its expiry is the failure. A window
that is not yet full indicates nothing.

Source: TS 38.331 V17 clause 5.3.10; TS 38.133 V17 clause 8.1 (Qout and Qin where a hypothetical PDCCH fails in 10 % and
2 %, evaluation periods of 200 ms and 100 ms, indications 10 ms apart); TR 36.839 V11.1 clause 5 (SINR thresholds).
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from ..registry import FrozenConfig
from ..units import Db, PositiveNanoseconds, db_to_linear

_NEVER_NS = np.iinfo(np.int64).max

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]
Indices = NDArray[np.int64]


class RadioLinkConfig(FrozenConfig):
    """Detection of radio link failure and the way back."""

    q_out: Db = Field(default=-8.0, ge=-30.0, le=30.0)
    """SINR below which the link is out of sync."""
    q_in: Db = Field(default=-6.0, ge=-30.0, le=30.0)
    """SINR above which the link is in sync; not below `q_out`."""
    n310: int = Field(default=1, ge=1, le=20)
    """Consecutive out-of-sync indications that start T310."""
    n311: int = Field(default=1, ge=1, le=10)
    """Consecutive in-sync indications that stop T310."""
    t310: PositiveNanoseconds = 1_000_000_000
    """Time from the start of T310 to the failure."""
    period: PositiveNanoseconds = 10_000_000
    """Time between two samples of the SINR, and between two indications."""
    out_window: PositiveNanoseconds = 200_000_000
    """Time averaged for out-of-sync, a multiple of `period`."""
    in_window: PositiveNanoseconds = 100_000_000
    """Time averaged for in-sync, a multiple of `period`."""
    reestablishment: PositiveNanoseconds = 200_000_000
    """Time from the failure until the strongest cell serves the user.

    It comprises the search for a cell and its system information (under T311), then random access, the re-establishment
    and the reconfiguration that resumes the data (under T301). The default is that of a quick device: TS 38.133 clause
    6.2.1 allows 50 ms, 200 ms to find a known cell, up to 1.28 s for system information and 15 ms for random access."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.q_in < self.q_out:
            raise ValueError(f"q_in ({self.q_in:g} dB) is below q_out ({self.q_out:g} dB)")
        for name in ("out_window", "in_window"):
            if getattr(self, name) % self.period:
                raise ValueError(f"{name} is not a multiple of period")
        return self


class RadioLinkMonitor:
    """Windows, counters and T310 of every user."""

    def __init__(self, config: RadioLinkConfig, n_ue: int) -> None:
        self._config = config
        self._out_samples = config.out_window // config.period
        self._in_samples = config.in_window // config.period
        self._next_ns: int | None = None
        self._sinr_UW = np.zeros((n_ue, max(self._out_samples, self._in_samples)))
        self._position = 0
        self._samples_U = np.zeros(n_ue, dtype=np.int64)
        self._out_of_sync_U = np.zeros(n_ue, dtype=np.int64)
        self._in_sync_U = np.zeros(n_ue, dtype=np.int64)
        self._expiry_ns_U = np.full(n_ue, _NEVER_NS, dtype=np.int64)

    def t310_ns(self, ue: int, now_ns: int) -> int:
        """Time for which the T310 of a user has run by now, 0 where it does not run."""
        expiry_ns = int(self._expiry_ns_U[ue])
        return 0 if expiry_ns == _NEVER_NS else now_ns - (expiry_ns - self._config.t310)

    @property
    def t310_running_U(self) -> Bools:
        """Users whose T310 runs."""
        running_U: Bools = self._expiry_ns_U != _NEVER_NS
        return running_U

    def is_due(self, now_ns: int) -> bool:
        """Whether `observe` would take a sample; the first call of `observe` always does and sets the raster."""
        return self._next_ns is None or now_ns >= self._next_ns

    def observe(self, now_ns: int, sinr_db_U: Array, monitored_U: Bools) -> Bools:
        """Take the SINR of the serving cell and return the users whose link has failed by now, each failure once.

        Samples missed since the last call are made up, all of the SINR given; between samples only T310 may expire.
        Users that are not monitored (no serving cell, or in a handover) are reset, their SINR is not looked at.
        """
        self.reset(np.flatnonzero(~monitored_U))
        failed_U = np.zeros(len(monitored_U), dtype=np.bool_)
        if self.is_due(now_ns):
            sinr_U = db_to_linear(sinr_db_U)
            due = range(now_ns if self._next_ns is None else self._next_ns, now_ns + 1, self._config.period)
            self._next_ns = due[-1] + self._config.period
            for sample_ns in due:
                failed_U |= self._expire(sample_ns)
                self._sample(sample_ns, sinr_U, monitored_U)
        return failed_U | self._expire(now_ns)

    def reset(self, ue_N: Indices) -> None:
        """Empty the windows of users, zero their counters and stop T310, as a new serving cell does."""
        self._samples_U[ue_N] = 0
        self._out_of_sync_U[ue_N] = 0
        self._in_sync_U[ue_N] = 0
        self._expiry_ns_U[ue_N] = _NEVER_NS

    def _expire(self, now_ns: int) -> Bools:
        expired_U: Bools = self._expiry_ns_U <= now_ns
        self.reset(np.flatnonzero(expired_U))
        return expired_U

    def _sample(self, sample_ns: int, sinr_U: Array, monitored_U: Bools) -> None:
        config = self._config
        self._sinr_UW[:, self._position] = sinr_U
        self._samples_U += monitored_U
        bad_U = self._mean_U(self._out_samples) < db_to_linear(config.q_out)
        good_U = self._mean_U(self._in_samples) > db_to_linear(config.q_in)
        good_U &= self._samples_U >= self._in_samples
        bad_U &= (self._samples_U >= self._out_samples) & ~good_U
        self._position = (self._position + 1) % self._sinr_UW.shape[1]

        self._out_of_sync_U = np.where(good_U, 0, self._out_of_sync_U + bad_U)
        self._in_sync_U = np.where(bad_U, 0, self._in_sync_U + good_U)
        start_U = bad_U & (self._out_of_sync_U >= config.n310) & ~self.t310_running_U
        self._expiry_ns_U[start_U] = sample_ns + config.t310
        self._expiry_ns_U[self._in_sync_U >= config.n311] = _NEVER_NS

    def _mean_U(self, samples: int) -> Array:
        """Mean of the latest samples, the current one included."""
        latest = (self._position - np.arange(samples)) % self._sinr_UW.shape[1]
        mean_U: Array = self._sinr_UW[:, latest].mean(axis=1)
        return mean_U
