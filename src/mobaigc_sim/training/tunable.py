"""What may be tuned of a scheduler: keys that are numbers, with ranges, and a scheduler with other numbers.

A key is that of the scheduler's configuration, or `rule.miss` for the key `miss` of a plug-in at `rule` inside it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_core import InitErrorDetails

from ..errors import did_you_mean
from ..registry import PluginConfig

STEPS_LOG10 = 4
"""A range has at most ten thousand different values, so that those found are short."""


def _pair(ends: object) -> object:
    if not isinstance(ends, list | tuple) or len(ends) != 2:
        raise ValueError(f"expected a range [least, largest], got {ends!r}")
    return ends


def _rising(ends: tuple[float, float]) -> tuple[float, float]:
    low, high = ends
    if low >= high:
        raise ValueError(f"expected a range [least, largest] that rises, got [{low:g}, {high:g}]")
    return ends


Finite = Annotated[float, Field(allow_inf_nan=False)]
Range = Annotated[tuple[Finite, Finite], Field(strict=False), BeforeValidator(_pair), AfterValidator(_rising)]
"""Least and largest value."""
Value = float | None
"""A number of a scheduler, None where it has none by default."""


def numeric_keys(config: PluginConfig) -> dict[str, type]:
    """The keys of a scheduler that are numbers without a unit, each with `float` or `int`."""
    found: dict[str, type] = {}
    for name, field in type(config).model_fields.items():
        value = getattr(config, name)
        if isinstance(value, PluginConfig):
            found |= {f"{name}.{key}": number for key, number in numeric_keys(value).items()}
        elif (number := _number(field.annotation, field.metadata)) is not None:
            found[name] = number
    return found


def _number(annotation: Any, metadata: Any) -> type | None:
    if any(isinstance(mark, BeforeValidator) for mark in metadata):
        return None
    if annotation in (float, int):
        return annotation  # type: ignore[no-any-return]
    if get_origin(annotation) is Annotated:
        return _number(annotation.__origin__, annotation.__metadata__)
    if get_origin(annotation) in (Union, UnionType):
        return next(filter(None, (_number(branch, ()) for branch in get_args(annotation))), None)
    return None


def value_of(config: PluginConfig, key: str) -> Value:
    """The present value of a numeric key."""
    value: Any = config
    for name in key.split("."):
        value = getattr(value, name)
    return value  # type: ignore[no-any-return]


def with_values(config: PluginConfig, values: Mapping[str, Value]) -> PluginConfig:
    """The scheduler with other numbers; raises ValidationError for numbers that it refuses."""
    data = config.model_dump(mode="json")
    for key, value in values.items():
        *outer, last = key.split(".")
        place = data
        for name in outer:
            place = place[name]
        place[last] = value
    return type(config).model_validate(data)


def value_at(number: type, ends: tuple[float, float], fraction: float) -> float:
    """The value at a fraction in [0, 1) of a range, rounded; of whole numbers each is equally likely."""
    low, high = ends
    if number is int:
        return int(low) + math.floor(fraction * (high - low + 1))
    digits = STEPS_LOG10 - math.ceil(math.log10(high - low))
    return min(max(round(low + fraction * (high - low), digits), low), high)


def wrong_ranges(config: PluginConfig, ranges: Mapping[str, tuple[float, float]]) -> Iterator[tuple[str, str]]:
    """The keys that cannot be tuned in these ranges, and why not."""
    known = numeric_keys(config)
    for key, ends in ranges.items():
        if key not in known:
            yield key, f"no numeric key of {config.kind}; {did_you_mean(key, known)}"
            continue
        if known[key] is int and not all(end.is_integer() for end in ends):
            yield key, f"expected whole numbers, got [{ends[0]:g}, {ends[1]:g}]"
            continue
        for end in ends:
            try:
                with_values(config, {key: known[key](end)})
            except ValidationError as error:
                said = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
                yield key, f"{end:g} is no value for {config.kind}: {said[0].lower()}{said[1:]}"
                break


def checked_ranges(config: PluginConfig, ranges: dict[str, Range]) -> dict[str, Range]:
    """The ranges; raises ValidationError with an error for each key that cannot be tuned so."""
    wrong = [
        InitErrorDetails(type="value_error", loc=(key,), input=ranges[key], ctx={"error": ValueError(said)})
        for key, said in wrong_ranges(config, ranges)
    ]
    if wrong:
        raise ValidationError.from_exception_data("tune", wrong)
    return ranges
