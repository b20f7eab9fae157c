"""How images are generated, encoded, recovered and scored: key `media` of a scenario."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from ..registry import FrozenConfig, PluginConfig, plugin_field
from ..units import Bytes
from .codecs import AvifConfig, codecs
from .importance import ImportanceConfig
from .recover import RecoveryConfig
from .score import EmbeddedScorer, scorers


def _switch(value: Any) -> Any:
    """YAML 1.2 reads `on` and `off` as text; here they mean what they say."""
    return {"on": True, "off": False}.get(value, value) if isinstance(value, str) else value


class GenerationConfig(FrozenConfig):
    """How the server draws a picture."""

    steps: int = Field(default=8, ge=1, le=200)
    """Denoising steps."""
    guidance: float = Field(default=2.5, ge=0)
    """Classifier-free guidance scale; 1 and below run without it (turbo models want 0)."""


class CacheConfig(FrozenConfig):
    """A disk cache of pictures, packets and scores; it makes a run faster and leaves its results alone, up to a grey
    level of rounding where fewer pictures share a batch."""

    folder: str
    """Where the cache lives; made if missing, safe to share between runs at the same time."""
    limit: Bytes = 1 << 30
    """Size above which the entries used longest ago are removed."""


class MediaConfig(FrozenConfig):
    """The media stack."""

    mode: Literal["live", "bank"] = "live"
    """`live` runs the models for every request; `bank` looks up what a bank measured, and needs no model."""
    bank: str | None = None
    """Folder that `mobaigc-sim bank build` made; a relative path counts from the scenario file. Requests ask for its
    pictures only, and keep ratios are rounded to those it holds, in both modes: so a live run on a bank serves the very
    requests of a run in mode `bank`."""
    models: str = "embedded"
    """Model set: `embedded`, the path of a diffusers folder, or `hub:owner/name` from the local Hugging Face cache
    (`mobaigc-sim models pull` fills it)."""
    semantic: Annotated[bool, BeforeValidator(_switch)] = True
    """Whether only what matters is sent (`on`), or whole images (`off`)."""
    keep: float = Field(default=0.5, gt=0, le=1)
    """Share of the patches that is offered to the radio, unless the scheduler decides."""
    generation: GenerationConfig = GenerationConfig()
    """Text to image."""
    importance: ImportanceConfig = ImportanceConfig()
    """Word maps to one map of what matters."""
    codec: Annotated[PluginConfig, plugin_field(codecs, default="avif")] = AvifConfig()
    """Image to packets."""
    recovery: RecoveryConfig = RecoveryConfig()
    """Packets to image."""
    scorer: Annotated[PluginConfig, plugin_field(scorers, default="embedded")] = EmbeddedScorer.Config()
    """What measures S and Q."""
    jpsq_weight: float = Field(default=0.5, ge=0, le=1)
    """w of JPSQ = w·S + (1 − w)·Q."""
    cache: CacheConfig | None = None
    """Disk cache; none by default."""

    @model_validator(mode="after")
    def _has_a_bank(self) -> Self:
        if self.mode == "bank" and self.bank is None:
            raise ValueError("mode 'bank' needs the folder of a bank in 'bank'; `mobaigc-sim bank build` makes one")
        return self
