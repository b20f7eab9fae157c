"""What users ask for: prompts from a list in the scenario, or from the list shipped with the package.

`prompts.txt` beside this module is written in the closed vocabulary and the sentences of the embedded model set. Most
of its prompts combine an object, a place and a time of day that the models never saw together in training.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, Field

from ..registry import FrozenConfig

EMBEDDED = Path(__file__).with_name("prompts.txt")


def _not_blank(prompts: tuple[str, ...]) -> tuple[str, ...]:
    for i, prompt in enumerate(prompts, start=1):
        if not prompt.strip():
            raise ValueError(f"expected words, but prompt number {i} is blank")
    return prompts


class ListPromptsConfig(FrozenConfig):
    """Prompts drawn uniformly from a list of your own."""

    kind: Literal["list"] = "list"
    """Name of the source."""
    prompts: Annotated[tuple[str, ...], Field(strict=False, min_length=1), AfterValidator(_not_blank)]
    """The prompts; one that is listed twice comes twice as often."""


class EmbeddedPromptsConfig(FrozenConfig):
    """Prompts drawn uniformly from the list shipped for the embedded model set."""

    kind: Literal["embedded"] = "embedded"
    """Name of the source."""


class BankPromptsConfig(FrozenConfig):
    """Prompts drawn uniformly from those that `media.bank` holds."""

    kind: Literal["bank"] = "bank"
    """Name of the source."""


PromptsConfig = Annotated[ListPromptsConfig | EmbeddedPromptsConfig | BankPromptsConfig, Field(discriminator="kind")]


class PromptSource:
    """Draws prompts, uniformly and with replacement, from the list that a configuration names."""

    def __init__(self, config: ListPromptsConfig | EmbeddedPromptsConfig | BankPromptsConfig) -> None:
        self.prompts: tuple[str, ...] = ()
        """Empty for those of a bank, which this room does not know."""
        if isinstance(config, ListPromptsConfig):
            self.prompts = config.prompts
        elif isinstance(config, EmbeddedPromptsConfig):
            self.prompts = tuple(EMBEDDED.read_text(encoding="utf-8").splitlines())

    def draw(self, rng: np.random.Generator) -> str:
        """One prompt (one draw)."""
        return self.prompts[int(rng.integers(len(self.prompts)))]
