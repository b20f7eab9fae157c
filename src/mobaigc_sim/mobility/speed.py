"""Speeds in scenarios: one value (`30 km/h`) or a range (`{min: 3 km/h, max: 60 km/h}`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

import numpy as np
from pydantic import BeforeValidator, TypeAdapter, WithJsonSchema, model_validator

from ..registry import FrozenConfig
from ..units import MetresPerSecond

_one_speed: TypeAdapter[float] = TypeAdapter(MetresPerSecond)


class SpeedRange(FrozenConfig):
    """Speeds drawn uniformly between two bounds; each model says how often it draws."""

    min: MetresPerSecond
    """Least speed."""
    max: MetresPerSecond
    """Greatest speed."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min > self.max:
            raise ValueError(f"min must not exceed max, got {self.min:g} m/s and {self.max:g} m/s")
        return self

    @classmethod
    def exactly(cls, speed_mps: float) -> SpeedRange:
        """The range that holds one speed."""
        return cls.model_construct(min=speed_mps, max=speed_mps)

    def draw_mps(self, rng: np.random.Generator) -> float:
        """One speed, uniform between the bounds (one draw)."""
        return self.min + (self.max - self.min) * rng.random()


def _to_range(value: object) -> object:
    if isinstance(value, Mapping | SpeedRange):
        return value
    return SpeedRange.exactly(_one_speed.validate_python(value))


_SCHEMA = {"anyOf": [_one_speed.json_schema(), SpeedRange.model_json_schema()]}

Speed = Annotated[SpeedRange, BeforeValidator(_to_range), WithJsonSchema(_SCHEMA)]
