"""What `mobaigc-sim bank build` reads and what `mobaigc-sim bank show` tells."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import MobaigcError
from ..media.bank import WHOLE, Bank, BankOffer
from ..media.config import MediaConfig
from ..registry import FrozenConfig
from ..scenario.load import load_as, load_scenario
from ..traffic.prompts import EmbeddedPromptsConfig, PromptSource

COLUMNS = ("keep", "packets", "bytes", "mass", "S", "Q", "JPSQ", "of base", "PSNR dB")


class MediaOnly(FrozenConfig):
    """A scenario of which only the media settings count."""

    media: MediaConfig = MediaConfig()
    """How images are generated, encoded, recovered and scored."""


def media_settings(scenario: str | None, overrides: Sequence[str]) -> MediaConfig:
    """The media settings of a scenario file (the defaults where there is none), with `media.key=value` laid upon them.

    Raises ScenarioError with every problem.
    """
    if scenario is not None:
        return load_scenario(scenario, overrides).media
    return load_as(MediaOnly, None, overrides).media


def read_prompts(text: str) -> list[str]:
    """The prompts of a file, one a line, or (for a number) so many of the shipped list, spread evenly over it."""
    if text.isdecimal():
        shipped = PromptSource(EmbeddedPromptsConfig()).prompts
        if not 1 <= int(text) <= len(shipped):
            raise MobaigcError(f"--prompts {text}: the shipped list has {len(shipped)} prompts; expected 1 or more")
        return [shipped[i] for i in np.linspace(0, len(shipped) - 1, int(text)).round().astype(int)]
    try:
        lines = Path(text).read_text(encoding="utf-8").splitlines()
    except OSError as reason:
        raise MobaigcError(f"--prompts {text}: expected a number or a file of prompts ({reason.strerror})") from None
    except UnicodeDecodeError:
        raise MobaigcError(f"--prompts {text}: not UTF-8 text") from None
    prompts = [line.strip() for line in lines if line.strip()]
    if not prompts:
        raise MobaigcError(f"--prompts {text}: the file holds no prompt")
    return prompts


def read_seeds(text: str) -> list[int]:
    """Seeds written as numbers and ranges: `0-3,10` is 0, 1, 2, 3, 10."""
    seeds: list[int] = []
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d{1,10})\s*(?:-\s*(\d{1,10})\s*)?", part)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if not first <= last < 2**32 or last - first > 100_000:
            raise MobaigcError(f"--seeds {text}: expected numbers below 2^32 and ranges, for example 0-3,10")
        seeds += range(first, last + 1)
    return seeds


def read_keeps(text: str) -> list[float]:
    """Keep ratios written as numbers, for example `0.2,0.4,1`."""
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise MobaigcError(f"--keeps {text}: expected numbers, for example 0.2,0.4,1") from None


def facts(bank: Bank) -> list[str]:
    """What a bank is, in a few lines."""
    size_kb = sum((bank.folder / name).stat().st_size for name in bank.manifest["parts"]) / 1e3
    outcomes = sum(len(offer.outcomes) for picture in bank.pictures.values() for offer in picture.offers)
    told = [f"{k} {v}" for k, v in bank.manifest["settings"].items() if k.startswith(("media.codec.kind", "media.gen"))]
    return [
        f"{len(bank.pictures)} pictures of {len(bank.held)} prompts, {outcomes} outcomes, {size_kb:.0f} kB",
        ", ".join([*told, f"w of JPSQ {bank.manifest['jpsq_weight']}"]),
    ]


def table(bank: Bank) -> list[tuple[str, ...]]:
    """The means over all pictures for each offer with all packets received, as text under `COLUMNS`.

    `mass`: share of the attention inside the patches offered; `of base`: JPSQ where only the base arrives.
    """
    rows = []
    for place in range(len(bank.keeps) + 1):
        offers = [picture.offers[place] for picture in bank.pictures.values()]
        name = "whole" if place == WHOLE else f"{offers[0].keep:g}"
        rows.append((name, *_means(offers)))
    return rows


def _means(offers: list[BankOffer]) -> tuple[str, ...]:
    full = [offer.outcome((1 << len(offer.packet_bytes)) - 1) for offer in offers]
    base = [offer.outcome(1) for offer in offers]
    return (
        f"{np.mean([len(o.packet_bytes) for o in offers]):.1f}",
        f"{np.mean([sum(o.packet_bytes) for o in offers]):.0f}",
        f"{np.mean([o.attention_mass for o in offers]):.3f}",
        f"{np.mean([o.s for o in full]):.3f}",
        f"{np.mean([o.q for o in full]):.3f}",
        f"{np.mean([o.jpsq for o in full]):.3f}",
        "" if all(len(o.packet_bytes) == 1 for o in offers) else f"{np.mean([o.jpsq for o in base]):.3f}",
        f"{np.mean([o.psnr_db for o in full]):.1f}",
    )
