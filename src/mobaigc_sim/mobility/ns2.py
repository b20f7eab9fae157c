"""Movement files of ns-2, as written by setdest and by many generators of mobility.

Source: The ns Manual (the VINT project), chapter "Mobile Networking in ns", and the class Ns2MobilityHelper of ns-3,
which reads the same files. Statements:

    $node_(0) set X_ 150.0                                  place at the start; Y_ alike, Z_ is not used
    $ns_ at 2.0 "$node_(0) setdest 250.0 300.0 10.0"        go straight to (250, 300) at 10 m/s
    $ns_ at 5.0 "$node_(0) set X_ 90.0"                     be somewhere else, and stand

A node starts at (0, 0) when nothing is set, stands when it has arrived, leaves for a new destination from where it is,
and stops when it is sent at speed zero. Statements may come in any order; those of one time are carried out in the
order of the file. Statements about $god_ (distances in hops) are skipped. Nodes are there all the time.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np

from ..units import NS_PER_S
from .base import mobility
from .courses import BEGINNING_NS, Course
from .trace import LATEST_NS, TraceConfig, TraceError, TraceModel, number, text_lines

NODE = r"\$node_?\((\d+)\)"
SET = re.compile(rf"{NODE}\s+set\s+([XYZ])_\s+(\S+)")
SETDEST = re.compile(rf"{NODE}\s+setdest\s+(\S+)\s+(\S+)\s+(\S+)")
AT = re.compile(r"\$ns_?\s+at\s+(\S+)\s+\"\s*(.*?)\s*\"")
GOD = re.compile(r"\$god_\s.*")
EXPECTED = (
    "expected '$node_(0) set X_ 1.0', '$ns_ at 1.0 \"$node_(0) set X_ 1.0\"' "
    "or '$ns_ at 1.0 \"$node_(0) setdest 1.0 1.0 1.0\"'"
)


class Ns2Config(TraceConfig):
    """Users that follow a movement file of ns-2 (set and setdest)."""

    kind: Literal["ns2"] = "ns2"
    """Name of the model."""


class _Order(NamedTuple):
    """What a node is told at a time: be at x or y, or go to (x, y) at a speed."""

    time_ns: int
    x_m: float | None
    y_m: float | None
    speed_mps: float | None = None


@mobility.register("ns2")
class Ns2(TraceModel):
    """Users that follow a movement file of ns-2 (set and setdest)."""

    Config = Ns2Config

    def _read(self, config: TraceConfig) -> Mapping[str, Course]:
        orders: dict[str, list[_Order]] = {}
        for line, text in text_lines(config.file):
            statement = text.partition("#")[0].strip()
            if statement:
                _read_statement(config.file, line, statement, orders)
        return {node: _course(config, own) for node, own in orders.items()}


def _read_statement(file: str, line: int, statement: str, orders: dict[str, list[_Order]]) -> None:
    time_ns = BEGINNING_NS
    inner = statement
    if scheduled := AT.fullmatch(statement):
        time_s = number(file, line, "the time", scheduled[1])
        if time_s < 0:
            raise TraceError(file, line, f"expected a time of at least 0 s, got {time_s:g} s")
        time_ns, inner = round(time_s * NS_PER_S), scheduled[2]
    if GOD.fullmatch(inner):
        return
    if place := SET.fullmatch(inner):
        node, axis, text = place.groups()
        value = number(file, line, f"{axis}_", text)
        own = orders.setdefault(node, [])
        if axis != "Z":
            own.append(_Order(time_ns, value if axis == "X" else None, value if axis == "Y" else None))
        return
    if (way := SETDEST.fullmatch(inner)) and scheduled:
        node = way[1]
        x_m, y_m, speed_mps = (number(file, line, what, way[i]) for i, what in ((2, "x"), (3, "y"), (4, "the speed")))
        if speed_mps < 0:
            raise TraceError(file, line, f"expected a speed of at least 0 m/s, got {speed_mps:g} m/s")
        orders.setdefault(node, []).append(_Order(time_ns, x_m, y_m, speed_mps))
        return
    raise TraceError(file, line, f"{EXPECTED}, got {statement!r}")


def _course(config: TraceConfig, orders: list[_Order]) -> Course:
    """The pieces of one node: each order ends the piece under way, a journey adds the rest at its destination."""
    start_ns, place_m, velocity_mps = [BEGINNING_NS], [(0.0, 0.0)], [(0.0, 0.0)]

    def begin(time_ns: int, here_m: tuple[float, float], to_mps: tuple[float, float]) -> None:
        start_ns.append(time_ns)
        place_m.append(here_m)
        velocity_mps.append(to_mps)

    for time_ns, x_m, y_m, speed_mps in sorted(orders, key=lambda order: order.time_ns):
        while start_ns[-1] > time_ns:
            start_ns.pop(), place_m.pop(), velocity_mps.pop()
        ahead_s = (time_ns - start_ns[-1]) / NS_PER_S
        here_m = (place_m[-1][0] + velocity_mps[-1][0] * ahead_s, place_m[-1][1] + velocity_mps[-1][1] * ahead_s)
        if speed_mps is None:
            begin(time_ns, (here_m[0] if x_m is None else x_m, here_m[1] if y_m is None else y_m), (0.0, 0.0))
            continue
        assert x_m is not None and y_m is not None
        way_m = math.dist(here_m, (x_m, y_m))
        if speed_mps == 0 or way_m == 0:
            begin(time_ns, here_m, (0.0, 0.0))
            continue
        begin(time_ns, here_m, ((x_m - here_m[0]) * speed_mps / way_m, (y_m - here_m[1]) * speed_mps / way_m))
        begin(time_ns + min(round(way_m / speed_mps * NS_PER_S), LATEST_NS), (x_m, y_m), (0.0, 0.0))
    origin_m_2 = np.array([config.origin_m.x, config.origin_m.y])
    times_ns = np.array(start_ns, np.int64)
    times_ns[times_ns > BEGINNING_NS] -= config.start
    return Course(times_ns, np.array(place_m) - origin_m_2, np.array(velocity_mps), np.ones(len(start_ns), np.bool_))
