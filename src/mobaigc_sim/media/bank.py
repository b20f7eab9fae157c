"""A bank: pictures drawn once, with what a phone shows and how good it is for whatever part of their packets arrives.

A bank is a folder of Parquet parts and a manifest that is written last. One row of the table is one outcome: of a
picture (`prompt`, `seed`) and an offer (`semantic`, `keep`), the packets whose bits are set in `received` arrived. Bit
i is packet i of the offer, bit 0 the base. Up to `EXACT_PACKETS` enhancement packets, every subset is there; of longer
offers, every prefix, and any other subset counts as the longest prefix inside it, as if what came after a gap had not
arrived.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MobaigcError, nearest
from ..version import __version__
from .base import Scored
from .bitstream import VERSION
from .config import MediaConfig
from .model_files import GENERATOR, SCORER, model_hashes

MANIFEST = "manifest.json"
FORMAT = 1
COMPLETE, BUILDING = "complete", "building"
EXACT_PACKETS = 4
WHOLE = 0
"""Place of the whole picture among the offers of a picture; the keep ratios follow, rising."""
_STAND_IN_BYTES = 2
_OUTCOME = ("inpainted", "s", "q", "jpsq", "psnr_db", "ssim")
_NO_MATTER = re.compile(r"media\.scorer\.(.+\.)?(path|folder|batch)")
_SETTINGS = ("generation", "importance", "codec", "recovery", "scorer")


class BankError(MobaigcError):
    """A folder that is no whole bank, or a bank that does not fit what is asked of it."""


@dataclass(frozen=True)
class BankOffer:
    """What is sent of a picture at one keep ratio, and what each subset of it gives."""

    keep: float
    attention_mass: float
    packet_bytes: tuple[int, ...]
    outcomes: dict[int, Scored] = field(default_factory=dict)

    def outcome(self, received: int) -> Scored:
        """The outcome of a subset (bit i: packet i arrived, the base among them), by the rule of this module."""
        found = self.outcomes.get(received)
        return self.outcomes[_prefix_inside(received)] if found is None else found


@dataclass(frozen=True, eq=False)
class BankPicture:
    """One picture of a bank; `offers[WHOLE]` is the whole picture, then one offer for each keep ratio."""

    prompt: str
    seed: int
    offers: tuple[BankOffer, ...]


@dataclass(frozen=True, eq=False)
class Bank:
    """A whole bank in memory."""

    folder: Path
    manifest: dict[str, Any]
    keeps: NDArray[np.float64]
    pictures: dict[tuple[str, int], BankPicture]

    @staticmethod
    def open(folder: Path) -> Bank:
        """Read a bank; raises BankError unless it is whole and undamaged."""
        return _read(folder, folder.resolve(), json.dumps(read_manifest(folder)))

    @property
    def held(self) -> dict[str, tuple[int, ...]]:
        """The seeds of each prompt, rising."""
        seeds: dict[str, list[int]] = {}
        for prompt, seed in sorted(self.pictures):
            seeds.setdefault(prompt, []).append(seed)
        return {prompt: tuple(found) for prompt, found in seeds.items()}

    @property
    def models(self) -> dict[str, str]:
        """SHA-256 of each file of the models that measured the bank, and of the bank's own manifest."""
        own = hashlib.sha256((self.folder / MANIFEST).read_bytes()).hexdigest()
        return {**self.manifest["models"], f"bank/{MANIFEST}": own}

    def check(self, config: MediaConfig) -> None:
        """Raise BankError where the bank was measured with other settings or other models than `config` names.

        Models whose folder is not on this machine cannot be compared, and need not be there.
        """
        told, wanted = self.manifest["settings"], bank_settings(config)
        for key in [*wanted, *(k for k in told if k not in wanted)]:
            if told.get(key) != wanted.get(key):
                wants = "the scenario asks for" if key.startswith("media.") else "this installation has"
                raise BankError(
                    f"the bank {self.folder} was measured with {key} {told.get(key, 'unset')}, and {wants} "
                    f"{wanted.get(key, 'none')}: change the one or build the bank again"
                )
        here, there = model_hashes(config), self.manifest["models"]
        for group in (GENERATOR, SCORER):
            names = {n for n in here if n.startswith(group)}
            for name in sorted(names | {n for n in there if names and n.startswith(group)}):
                if here.get(name) != there.get(name):
                    raise BankError(
                        f"the bank {self.folder} was measured with another file {name} (SHA-256 "
                        f"{there.get(name, 'none')[:12]}, here {here.get(name, 'none')[:12]}): build the bank again"
                    )


def prompt_missing(prompt: str, held: Mapping[str, Any]) -> str:
    """The end of an error about a prompt that a bank does not hold."""
    best = nearest(prompt, held)
    return f"lacks the prompt '{prompt}'; " + (f"did you mean '{best}'?" if best else f"it holds {len(held)} others")


def bank_settings(config: MediaConfig) -> dict[str, Any]:
    """Everything but the models that a bank's outcomes depend on, by the key that a scenario has for it."""
    flat: dict[str, Any] = {"version of mobaigc_sim": __version__, "version of the packet format": VERSION}
    dumped = config.model_dump(mode="json")
    for name in _SETTINGS:
        flat |= dict(_flatten(f"media.{name}", dumped[name]))
    return {key: value for key, value in flat.items() if not _NO_MATTER.fullmatch(key)}


def received_sets(packets: int) -> list[int]:
    """The subsets that a bank holds of an offer of so many packets; the base is in each."""
    if packets - 1 <= EXACT_PACKETS:
        return [1 | later << 1 for later in range(1 << (packets - 1))]
    return [(1 << n) - 1 for n in range(1, packets + 1)]


def schema() -> Any:
    """The arrow schema of a part, units and meaning with each column."""
    import pyarrow as pa

    columns = (
        ("prompt", pa.string(), "", "what the picture shows"),
        ("seed", pa.int64(), "", "seed of the picture"),
        ("semantic", pa.bool_(), "", "false: the whole picture in one packet"),
        ("keep", pa.float64(), "1", "share of the patches offered"),
        ("attention_mass", pa.float64(), "1", "share of the attention inside the patches offered"),
        ("packet_bytes", pa.list_(pa.int32()), "byte", "size of each packet of the offer, in order of sending"),
        ("received", pa.int64(), "", "bit i is set: packet i of the offer arrived"),
        ("inpainted", pa.bool_(), "", "the phone had to fill something in"),
        ("s", pa.float64(), "1", "semantic similarity"),
        ("q", pa.float64(), "1", "quality"),
        ("jpsq", pa.float64(), "1", "w·S + (1 − w)·Q with the w of the manifest"),
        ("psnr_db", pa.float64(), "dB", "peak signal-to-noise ratio against the original"),
        ("ssim", pa.float64(), "1", "structural similarity with the original"),
    )
    return pa.schema([pa.field(n, t, False, {"unit": u, "description": d}) for n, t, u, d in columns])


def part_name(number: int) -> str:
    """File name of a part."""
    return f"outcomes-{number:05d}.parquet"


def read_manifest(folder: Path, *, whole: bool = True) -> dict[str, Any]:
    """The manifest of a bank; raises BankError for none, another format, or (if `whole`) a build that did not end."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        status, number = manifest["status"], manifest["format"]
        keys = ("settings", "models", "keeps", "jpsq_weight", "pictures", *(("parts",) if status == COMPLETE else ()))
        lacking = [key for key in keys if key not in manifest]
    except FileNotFoundError:
        raise BankError(f"{folder} is no bank: expected the file {MANIFEST} in it") from None
    except OSError as reason:
        raise BankError(f"the bank {folder} cannot be read: {reason.strerror}") from reason
    except (ValueError, KeyError, TypeError) as reason:
        raise BankError(f"the bank {folder} is damaged: {MANIFEST} cannot be read ({reason})") from reason
    if number != FORMAT:
        raise BankError(f"the bank {folder} has format {number}; this version reads {FORMAT}")
    if lacking:
        raise BankError(f"the bank {folder} is damaged: {MANIFEST} lacks '{lacking[0]}'")
    if whole and status != COMPLETE:
        raise BankError(f"the bank {folder} is not finished: give the command that builds it again, and it goes on")
    return dict(manifest)


def read_part(path: Path) -> list[dict[str, Any]]:
    """The rows of a part; raises BankError for anything but a whole part of the right columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        raise BankError(f"the bank {path.parent} is damaged: {path.name} is missing") from None
    except (OSError, pa.ArrowException) as reason:
        raise BankError(f"the bank {path.parent} is damaged: {path.name} cannot be read") from reason
    if not table.schema.equals(schema()):
        raise BankError(f"the bank {path.parent} is damaged: {path.name} has other columns than a bank")
    return list(table.to_pylist())


@lru_cache(maxsize=2)
def _read(folder: Path, resolved: Path, manifest_text: str) -> Bank:
    """Read a bank of which nothing changed only once a process."""
    manifest = json.loads(manifest_text)
    pictures: dict[tuple[str, int], list[BankOffer]] = {}
    for name, expected in manifest["parts"].items():
        path = resolved / name
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() != expected:
            raise BankError(f"the bank {folder} is damaged: {name} is not what {MANIFEST} says it is")
        for row in read_part(path):
            _add(pictures.setdefault((row["prompt"], row["seed"]), []), row)
    keeps = np.asarray(manifest["keeps"], np.float64)
    found = {key: BankPicture(*key, tuple(offers)) for key, offers in pictures.items()}
    if len(found) != manifest["pictures"] or any(not _whole(p, keeps) for p in found.values()):
        raise BankError(f"the bank {folder} is damaged: outcomes are missing")
    return Bank(folder, manifest, keeps, found)


def _add(offers: list[BankOffer], row: Mapping[str, Any]) -> None:
    """Rows of an offer follow each other; the whole picture comes first, then the keep ratios, rising."""
    keep = row["keep"] if row["semantic"] else 1.0
    if not offers or row["received"] in offers[-1].outcomes:
        offers.append(BankOffer(keep, row["attention_mass"], tuple(row["packet_bytes"])))
    offers[-1].outcomes[row["received"]] = Scored(**{name: row[name] for name in _OUTCOME})


def _whole(picture: BankPicture, keeps: NDArray[np.float64]) -> bool:
    return [offer.keep for offer in picture.offers] == [1.0, *keeps] and all(
        min(offer.packet_bytes) >= _STAND_IN_BYTES
        and sorted(offer.outcomes) == sorted(received_sets(len(offer.packet_bytes)))
        for offer in picture.offers
    )


def _prefix_inside(received: int) -> int:
    """The longest prefix of packets inside a subset."""
    return received & ~(received + 1)


def _flatten(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flatten(f"{path}.{key}", inner)
    else:
        yield path, value
