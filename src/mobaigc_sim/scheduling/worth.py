"""What a request earns on average at a keep ratio, as the scenario's `reward` counts it.

Means over the 640 pictures of `bank` and `bank_training` in `scenarios/`, with the default `reward.tolerance` and
everything delivered.
"""

from __future__ import annotations

import itertools
from typing import Annotated

from pydantic import AfterValidator, Field

Point = Annotated[tuple[Annotated[float, Field(gt=0, le=1)], Annotated[float, Field(ge=0, le=1)]], Field(strict=False)]


def _rising(points: tuple[Point, ...]) -> tuple[Point, ...]:
    for (keep, worth), (next_keep, next_worth) in itertools.pairwise(points):
        if next_keep <= keep or next_worth < worth:
            raise ValueError(
                f"expected rising keep ratios whose worth does not fall, got {keep:g}: {worth:g} before "
                f"{next_keep:g}: {next_worth:g}"
            )
    return points


KeepCurve = Annotated[tuple[Point, ...], Field(strict=False, min_length=1), AfterValidator(_rising)]
"""(keep ratio, worth), rising."""

WORTH_AT_KEEP: tuple[Point, ...] = (
    (0.1, 0.75), (0.2, 0.80), (0.3, 0.835), (0.4, 0.87), (0.5, 0.89), (0.6, 0.903), (1.0, 0.937),
)  # fmt: skip
WORTH_OF_BASE = 0.677
