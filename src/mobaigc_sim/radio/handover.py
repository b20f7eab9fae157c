"""Handover decision: layer 3 filtered RSRP and event A3 with time-to-trigger, for all users at once.

Shapes: U users, C cells, N users named by index.

A sample of every cell is taken each `period` T. It is filtered in dB, F ← (1 − a)·F + a·M, where 1 − a is
(1 − 2^(−k/4))^(T / 200 ms): k assumes one sample in 200 ms, and so the time constant does not depend on T. The first
sample of a cell is taken as it is. A neighbour triggers when it fulfils Mn − Hys > Mp + Off in every sample of a
time-to-trigger; a sample that does not puts its clock back to zero. From then on it is a handover target, until it has
fulfilled Mn + Hys < Mp + Off for as long, or until `reset`. Frequency and cell individual offsets are zero. All users
sample at the same instants.

Source: TS 38.331 V17 clauses 5.5.3.2 (filter), 5.5.4.1 (time-to-trigger), 5.5.4.4 (event A3), 6.3.2 (value ranges);
TS 38.133 V17 clause 9.2.5.2 (measurement period of 200 ms without gaps and DRX).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..registry import FrozenConfig
from ..units import Db, Nanoseconds, PositiveNanoseconds

_FILTER_PERIOD_NS = 200_000_000
_NEVER_NS = np.iinfo(np.int64).max

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]
Indices = NDArray[np.int64]


class HandoverConfig(FrozenConfig):
    """Measurement, event A3 and execution of a handover."""

    period: PositiveNanoseconds = 40_000_000
    """Time between two samples of the received power (layer 1)."""
    filter_coefficient: int = Field(default=4, ge=0, le=19)
    """filterCoefficient k of the layer 3 filter; 0 does not filter, 4 halves the weight of the past in 200 ms."""
    offset: Db = Field(default=3.0, ge=-15.0, le=15.0)
    """a3-Offset: how much stronger than the serving cell a neighbour must be."""
    hysteresis: Db = Field(default=0.0, ge=0.0, le=15.0)
    """Added to the offset for entering the event, taken from it for leaving."""
    time_to_trigger: Nanoseconds = 160_000_000
    """Time for which a neighbour must fulfil the event before it counts."""
    interruption: Nanoseconds = 50_000_000
    """Time without user data when the cell changes.

    TR 36.881 adds up 49.5 ms for LTE. TS 38.133 clause A.6.3.1.1 tests a known intra-frequency NR cell at 62 ms: UE
    processing 20, timing from one SSB period 20, random access occasion 20, margin 2."""
    measurement_error: Db = Field(default=0.0, ge=0.0)
    """Standard deviation of a normal error in each sample of each cell; TR 36.777 has 1.22 dB."""


class A3Monitor:
    """Filtered power and event A3 of every user towards every cell."""

    def __init__(self, config: HandoverConfig, n_ue: int, n_cell: int, rng: np.random.Generator) -> None:
        self._config = config
        self._rng_U = rng.spawn(n_ue)
        past = 1.0 - 2.0 ** (-config.filter_coefficient / 4.0)
        self._past = past ** (config.period / _FILTER_PERIOD_NS)
        self._next_ns: int | None = None
        self._filtered_dbm_UC = np.full((n_ue, n_cell), np.nan)
        self._since_ns_UC = np.full((n_ue, n_cell), _NEVER_NS, dtype=np.int64)
        self._triggered_UC = np.zeros((n_ue, n_cell), dtype=np.bool_)

    @property
    def filtered_dbm_UC(self) -> Array:
        """Filtered power as of the latest sample, NaN before the first; not to be written to."""
        return self._filtered_dbm_UC

    def is_due(self, now_ns: int) -> bool:
        """Whether `measure` would take a sample; the first call of `measure` always does and sets the raster."""
        return self._next_ns is None or now_ns >= self._next_ns

    def measure(self, now_ns: int, rsrp_dbm_UC: Array, serving_U: Indices, eligible_U: Bools) -> Indices:
        """Sample finite powers and return the cell each user should move to, −1 where there is none.

        Samples missed since the last call are made up, all of the powers given. Users that are not eligible or have no
        serving cell (−1) are filtered, but their events start anew. Between samples nothing happens and all get −1.
        Of several triggered neighbours the strongest is the target.
        """
        target_U = np.full(len(serving_U), -1, dtype=np.int64)
        if not self.is_due(now_ns):
            return target_U
        due = range(now_ns if self._next_ns is None else self._next_ns, now_ns + 1, self._config.period)
        self._next_ns = due[-1] + self._config.period
        neighbour_UC = np.broadcast_to((eligible_U & (serving_U >= 0))[:, None], rsrp_dbm_UC.shape).copy()
        neighbour_UC[np.arange(len(serving_U)), serving_U] = False
        for sample_ns in due:
            self._filter(rsrp_dbm_UC)
            self._evaluate(sample_ns, serving_U, neighbour_UC)
        found_U = self._triggered_UC.any(axis=1)
        level_dbm_UC = np.where(self._triggered_UC, self._filtered_dbm_UC, -np.inf)
        target_U[found_U] = level_dbm_UC[found_U].argmax(axis=1)
        return target_U

    def reset(self, ue_N: Indices) -> None:
        """Start the events of users anew after a change of their serving cell; the filter keeps its past."""
        self._since_ns_UC[ue_N] = _NEVER_NS
        self._triggered_UC[ue_N] = False

    def forget(self, ue_N: Indices) -> None:
        """Start events and filter of users anew, for users that enter the scene."""
        self.reset(ue_N)
        self._filtered_dbm_UC[ue_N] = np.nan

    def _filter(self, rsrp_dbm_UC: Array) -> None:
        sample_dbm_UC = rsrp_dbm_UC
        if self._config.measurement_error:
            error_UC = np.array([rng.standard_normal(rsrp_dbm_UC.shape[1]) for rng in self._rng_U])
            sample_dbm_UC = rsrp_dbm_UC + self._config.measurement_error * error_UC
        past_dbm_UC = self._filtered_dbm_UC
        mixed_dbm_UC = self._past * past_dbm_UC + (1.0 - self._past) * sample_dbm_UC
        self._filtered_dbm_UC = np.where(np.isnan(past_dbm_UC), sample_dbm_UC, mixed_dbm_UC)

    def _evaluate(self, sample_ns: int, serving_U: Indices, neighbour_UC: Bools) -> None:
        """Run the clocks: of entering for a neighbour that has not triggered, of leaving for one that has."""
        config = self._config
        serving_dbm_U1 = np.take_along_axis(self._filtered_dbm_UC, serving_U[:, None], axis=1)
        above_db_UC = self._filtered_dbm_UC - serving_dbm_U1 - config.offset
        fulfilled_UC = np.where(self._triggered_UC, above_db_UC < -config.hysteresis, above_db_UC > config.hysteresis)
        fulfilled_UC &= neighbour_UC
        self._since_ns_UC[~fulfilled_UC] = _NEVER_NS
        np.minimum(self._since_ns_UC, sample_ns, out=self._since_ns_UC, where=fulfilled_UC)
        done_UC = fulfilled_UC & (self._since_ns_UC <= sample_ns - config.time_to_trigger)
        self._triggered_UC ^= done_UC
        self._triggered_UC &= neighbour_UC
        self._since_ns_UC[done_UC] = _NEVER_NS
