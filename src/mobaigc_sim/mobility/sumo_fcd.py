"""Floating car data of SUMO (Eclipse SUMO, Simulation of Urban MObility): `sumo --fcd-output FILE`.

Source: SUMO documentation, pages Simulation/Output/FCDOutput and TabularOutputs (SUMO 1.24). Read are, from XML

    <fcd-export><timestep time="0.00"><vehicle id="a" x="5.10" y="498.35" …/><person id="p" …/></timestep>…

time in seconds, x and y in metres, and from CSV and Parquet the same under names such as timestep_time, vehicle_id,
vehicle_x and vehicle_y. Coordinates must be those of the network, not longitude and latitude (--fcd-output.geo).
Entities and document types are refused, so a small file cannot grow in memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal
from xml.parsers import expat

from .base import mobility
from .courses import Course
from .fcd_table import read_csv, read_parquet
from .trace import SampledTraceConfig, Samples, TraceConfig, TraceError, TraceModel, number, opened, sampled_courses

WHO = {"vehicles": ("vehicle",), "persons": ("person",), "all": ("vehicle", "person")}


class SumoFcdConfig(SampledTraceConfig):
    """Users that follow floating car data of SUMO: XML, CSV (.csv) or Parquet (.parquet)."""

    kind: Literal["sumo_fcd"] = "sumo_fcd"
    """Name of the model."""
    who: Literal["vehicles", "persons", "all"] = "all"
    """Whom to follow."""


@mobility.register("sumo_fcd")
class SumoFcd(TraceModel):
    """Users that follow floating car data of SUMO: XML, CSV (.csv) or Parquet (.parquet)."""

    Config = SumoFcdConfig

    def _read(self, config: TraceConfig) -> Mapping[str, Course]:
        assert isinstance(config, SumoFcdConfig)
        name = config.file.removesuffix(".gz")
        read = read_parquet if name.endswith(".parquet") else read_csv if name.endswith(".csv") else read_xml
        return sampled_courses(config, read(config.file, WHO[config.who]))


def read_xml(file: str, elements: tuple[str, ...]) -> dict[str, Samples]:
    """Samples by name of the elements wanted, in order of first appearance; the file is never held as a whole."""
    reader = _Reader(file, elements)
    try:
        with opened(file) as stream:
            reader.parser.ParseFile(stream)
    except expat.ExpatError as error:
        raise TraceError(file, error.lineno, f"expected well-formed XML: {expat.ErrorString(error.code)}") from error
    return reader.found


class _Reader:
    """Handlers of the parser."""

    def __init__(self, file: str, elements: tuple[str, ...]) -> None:
        self.found: dict[str, Samples] = {}
        self._file, self._elements = file, elements
        self._time_s: float | None = None
        self._depth = 0
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._open
        self.parser.EndElementHandler = self._close
        self.parser.StartDoctypeDeclHandler = self._refuse

    def _fail(self, message: str) -> TraceError:
        return TraceError(self._file, self.parser.CurrentLineNumber, message)

    def _refuse(self, *_: Any) -> None:
        raise self._fail("expected XML without a document type or entities")

    def _number(self, tag: str, attributes: dict[str, str], name: str) -> float:
        line = self.parser.CurrentLineNumber
        return number(self._file, line, f"the attribute {name} of <{tag}>", attributes.get(name))

    def _open(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth == 1 and tag != "fcd-export":
            raise self._fail(f"expected the element <fcd-export> of SUMO's floating car data, got <{tag}>")
        if self._depth == 2 and tag == "timestep":
            time_s = self._number(tag, attributes, "time")
            if self._time_s is not None and time_s <= self._time_s:
                raise self._fail(f"expected a timestep after {self._time_s:g} s, got {time_s:g} s")
            self._time_s = time_s
        elif self._depth == 3 and tag in self._elements and self._time_s is not None:
            if not (name := attributes.get("id")):
                raise self._fail(f"expected an attribute id of <{tag}>, got nothing")
            place_m = [self._number(tag, attributes, axis) for axis in ("x", "y")]
            key = name if tag == "vehicle" else f"{tag} {name}"
            samples = self.found.setdefault(key, Samples())
            samples.add(self._file, self.parser.CurrentLineNumber, key, self._time_s, *place_m)

    def _close(self, _: str) -> None:
        self._depth -= 1
