"""Quantities with units: text such as `3.5 GHz` in scenarios, SI numbers inside.

Each `Annotated` alias below is a pydantic field type that accepts text with a unit of the right dimension and yields:
`Hertz`, `Metres`, `MetresPerSecond`, `Dbm`, `Db`, `Bytes`, `BitsPerSecond` floats or ints in that unit,
`Nanoseconds` an integer. A bare number is refused, zero needs no unit (ratios are plain floats and not of these types).
Dumped in JSON mode, a field gives text with a unit again, and reading that text yields the same number.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from .errors import did_you_mean

NS_PER_S = 1_000_000_000
SPEED_OF_LIGHT_MPS = 299_792_458.0

_FREQUENCY = {"Hz": "1", "kHz": "1e3", "MHz": "1e6", "GHz": "1e9"}
_TIME = {"ns": "1", "us": "1e3", "µs": "1e3", "ms": "1e6", "s": "1e9", "min": "60e9", "h": "3600e9"}
_LENGTH = {"mm": "1e-3", "cm": "1e-2", "m": "1", "km": "1e3"}
_SPEED = {"m/s": "1", "km/h": str(Decimal(1000) / Decimal(3600))}
_BYTES = {"B": "1", "kB": "1e3", "MB": "1e6", "KiB": "1024", "MiB": "1048576", "GiB": "1073741824"}
_BITRATE = {"bit/s": "1", "kbit/s": "1e3", "Mbit/s": "1e6", "Gbit/s": "1e9"}

_MAX_EXPONENT = 60
_QUANTITY = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([^\d\s].*?)?\s*")


def parse_quantity(value: object, units: dict[str, str], example: str) -> Decimal:
    """Number in the base unit of `units` from text such as `20 MHz`.

    Raises ValueError that names the units expected.
    """
    text = str(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else ""
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError(f"expected a quantity such as '{example}', got {value!r}")
    number, unit = Decimal(match[1]), match[2]
    if number.adjusted() > _MAX_EXPONENT:
        raise ValueError(f"out of range: {value!r}")
    if unit is None:
        if number == 0:
            return number
        raise ValueError(f"a unit is missing: expected a quantity such as '{example}', got {value!r}")
    if unit not in units:
        raise ValueError(f"unknown unit '{unit}'; {did_you_mean(unit, units)} (for example '{example}')")
    return number * Decimal(units[unit])


def format_quantity(value: float, units: dict[str, str], cast: Callable[[Decimal], Any]) -> str:
    """The shortest text with a unit that `cast` turns into exactly `value` again, such as `3.5 GHz` for 3.5e9."""
    exact = Decimal(repr(value))
    if exact == 0:
        return f"0 {next(unit for unit, factor in units.items() if factor == '1')}"
    best, shortest = "", (0, False)
    for unit, factor in sorted(units.items(), key=lambda item: -Decimal(item[1])):
        number = exact if factor == "1" else Decimal(f"{exact / Decimal(factor):.12g}")
        text = format(number.normalize() + 0, "f")
        length = (len(text), text.lstrip("-").startswith("0."))
        if cast(Decimal(text) * Decimal(factor)) == value and (not best or length < shortest):
            best, shortest = f"{text} {unit}", length
    return best


def _field(units: dict[str, str], example: str, cast: Callable[[Decimal], Any], sign: int) -> tuple[Any, ...]:
    def convert(value: object) -> Any:
        number = parse_quantity(value, units, example)
        if number < 0 and sign >= 0:
            raise ValueError(f"must not be negative, got {value!r}")
        converted = cast(number)
        if converted == 0 and sign > 0:
            raise ValueError(f"must be greater than zero, got {value!r}")
        if isinstance(converted, int) and converted >= 2**63:
            raise ValueError(f"out of range: {value!r}")
        return converted

    names = "|".join(re.escape(u) for u in units)
    plus = "[-+]?" if sign < 0 else r"\+?"
    pattern = rf"^\s*{plus}(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*({names})\s*$"
    text = {"type": "string", "pattern": pattern}
    schema = (text if sign > 0 else {"anyOf": [text, {"const": 0}]}) | {"examples": [example]}

    def show(value: float) -> str:
        return format_quantity(value, units, cast)

    return BeforeValidator(convert), PlainSerializer(show, return_type=str, when_used="json"), WithJsonSchema(schema)


def _ns(number: Decimal) -> int:
    return int(number.to_integral_value())


Hertz = Annotated[float, *_field(_FREQUENCY, "3.5 GHz", float, 1)]
Nanoseconds = Annotated[int, *_field(_TIME, "0.5 ms", _ns, 0)]
PositiveNanoseconds = Annotated[int, *_field(_TIME, "0.5 ms", _ns, 1)]
Metres = Annotated[float, *_field(_LENGTH, "25 m", float, 0)]
MetresPerSecond = Annotated[float, *_field(_SPEED, "30 km/h", float, 0)]
Bytes = Annotated[int, *_field(_BYTES, "64 KiB", int, 0)]
BitsPerSecond = Annotated[float, *_field(_BITRATE, "2 Mbit/s", float, 0)]
Dbm = Annotated[float, *_field({"dBm": "1"}, "26 dBm", float, -1)]
Db = Annotated[float, *_field({"dB": "1"}, "9 dB", float, -1)]


def db_to_linear(db: Any) -> Any:
    """10^(dB/10), element by element."""
    return 10.0 ** (db / 10.0)
