"""Courses: the ways of users as straight pieces, known beforehand, and where everyone is at one instant.

Shapes: U users, 2 coordinates, N pieces of one course, P pieces of all courses in a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..units import NS_PER_S
from .base import FOREVER_NS, Kinematics

BEGINNING_NS = -(2**62)


@dataclass(frozen=True)
class Course:
    """The way of one user in pieces of constant velocity; each holds until the next begins, the last for ever."""

    start_ns_N: NDArray[np.int64]
    """Beginning of each piece, ascending, the first at `BEGINNING_NS`; of pieces with one beginning the last holds."""
    position_m_N2: NDArray[np.float64]
    """Where each piece begins."""
    velocity_mps_N2: NDArray[np.float64]
    """Velocity on each piece."""
    present_N: NDArray[np.bool_]
    """Whether the user is in the scene."""

    @classmethod
    def through(cls, time_ns_N: NDArray[np.int64], position_m_N2: NDArray[np.float64], max_gap_ns: int) -> Course:
        """Straight lines at constant speed through samples in ascending order.

        The user is in the scene from the first sample to the last, both included, except in gaps longer than
        `max_gap_ns` (at least 1).
        """
        gap_ns = np.diff(time_ns_N)
        joined = gap_ns <= max_gap_ns
        velocity_mps = np.diff(position_m_N2, axis=0) / (gap_ns / NS_PER_S)[:, None]
        moves = cls(time_ns_N[:-1][joined], position_m_N2[:-1][joined], velocity_mps[joined], joined[joined])
        ends = np.append(~joined, True)
        last = cls(time_ns_N[ends], position_m_N2[ends], np.zeros((ends.sum(), 2)), ends[ends])
        gone = cls(last.start_ns_N + 1, last.position_m_N2, last.velocity_mps_N2, ~last.present_N)
        before = cls(np.array([BEGINNING_NS]), position_m_N2[:1], np.zeros((1, 2)), np.zeros(1, np.bool_))
        parts = (before, moves, last, gone)
        start_ns = np.concatenate([part.start_ns_N for part in parts])
        order = np.argsort(start_ns, kind="stable")
        return cls(
            start_ns[order],
            np.concatenate([part.position_m_N2 for part in parts])[order],
            np.concatenate([part.velocity_mps_N2 for part in parts])[order],
            np.concatenate([part.present_N for part in parts])[order],
        )

    def presence_ns(self) -> tuple[tuple[int, int], ...]:
        """Intervals [start, end) from time zero on in which the user is in the scene."""
        edge = np.diff(np.concatenate([[0], self.present_N.astype(np.int8), [0]]))
        start_ns = self.start_ns_N[edge[:-1] == 1]
        end_ns = np.append(self.start_ns_N[1:], FOREVER_NS)[edge[1:] == -1]
        return tuple(
            (max(0, int(start)), int(end)) for start, end in zip(start_ns, end_ns, strict=True) if end > max(0, start)
        )


class Courses:
    """Where the users of several courses are, at times that never decrease."""

    def __init__(self, courses: Sequence[Course]) -> None:
        n_ue = len(courses)
        lengths_U = np.array([len(course.start_ns_N) for course in courses], np.int64)
        first_U = np.concatenate([[0], np.cumsum(lengths_U)])[:n_ue].astype(np.int64)
        self._start_ns_P = np.concatenate([np.zeros(0, np.int64), *(c.start_ns_N for c in courses)])
        self._position_m_P2 = np.concatenate([np.zeros((0, 2)), *(c.position_m_N2 for c in courses)])
        self._velocity_mps_P2 = np.concatenate([np.zeros((0, 2)), *(c.velocity_mps_N2 for c in courses)])
        self._present_P = np.concatenate([np.zeros(0, np.bool_), *(c.present_N for c in courses)])
        self._speed_mps_P = np.hypot(self._velocity_mps_P2[:, 0], self._velocity_mps_P2[:, 1])
        self._end_ns_P = np.append(self._start_ns_P[1:], 0)[: len(self._start_ns_P)]
        self._end_ns_P[first_U + lengths_U - 1] = FOREVER_NS
        self._travelled_m_P = np.concatenate([np.zeros(0), *(_travelled_m(course) for course in courses)])
        self._piece_U = first_U
        self._stand()

    def _stand(self) -> None:
        """Gather what holds on the pieces under way."""
        piece_U = self._piece_U
        self._since_ns_U, self._until_ns_U = self._start_ns_P[piece_U], self._end_ns_P[piece_U]
        self._position_m_U2, self._velocity_mps_U2 = self._position_m_P2[piece_U], self._velocity_mps_P2[piece_U]
        self._travelled_m_U, self._speed_mps_U = self._travelled_m_P[piece_U], self._speed_mps_P[piece_U]
        self._present_U = self._present_P[piece_U]

    def at(self, now_ns: int) -> Kinematics:
        """Everyone at a time that never decreases."""
        due_U = self._until_ns_U <= now_ns
        if due_U.any():
            while due_U.any():
                self._piece_U[due_U] += 1
                due_U = self._end_ns_P[self._piece_U] <= now_ns
            self._stand()
        ahead_s_U = (now_ns - self._since_ns_U) / NS_PER_S
        return Kinematics(
            self._position_m_U2 + self._velocity_mps_U2 * ahead_s_U[:, None],
            self._velocity_mps_U2.copy(),
            self._travelled_m_U + self._speed_mps_U * ahead_s_U,
            self._present_U.copy(),
        )


def _travelled_m(course: Course) -> NDArray[np.float64]:
    """Length of the way from time zero to the beginning of each piece; negative before."""
    speed_mps_N = np.hypot(course.velocity_mps_N2[:, 0], course.velocity_mps_N2[:, 1])
    pieces_m = speed_mps_N[:-1] * (np.diff(course.start_ns_N) / NS_PER_S)
    way_m_N: NDArray[np.float64] = np.concatenate([[0.0], np.cumsum(pieces_m)])
    zero = int(np.searchsorted(course.start_ns_N, 0, side="right")) - 1
    way_m_N -= way_m_N[zero] - speed_mps_N[zero] * (course.start_ns_N[zero] / NS_PER_S)
    return way_m_N
