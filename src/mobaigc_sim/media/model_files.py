"""Which files a media configuration depends on, by content."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from .config import MediaConfig
from .model_set import ModelSetError, locate
from .score import ScorerError, make_scorer

GENERATOR, SCORER = "generator/", "scorer/"


def model_hashes(config: MediaConfig) -> dict[str, str]:
    """SHA-256 of every file of the model set (`generator/…`) and of the scorer (`scorer/…`), by its name there.

    What is not there has no files; loading says so.
    """
    return generator_hashes(config) | scorer_hashes(config)


def generator_hashes(config: MediaConfig) -> dict[str, str]:
    """SHA-256 of every file of the model set that loading may read: weights, settings, vocabularies."""
    try:
        folder = locate(config.models)
    except ModelSetError:
        return {}
    files = (f for f in folder.rglob("*") if f.suffix in (".safetensors", ".json", ".txt", ".model"))
    return _hashes(GENERATOR, {f.relative_to(folder).as_posix(): f for f in files})


def scorer_hashes(config: MediaConfig) -> dict[str, str]:
    """SHA-256 of every file that the scores depend on."""
    scorer = make_scorer(config.scorer)
    try:
        return _hashes(SCORER, scorer.files())
    except ScorerError:
        return {}


def _hashes(prefix: str, files: Mapping[str, Path]) -> dict[str, str]:
    stats = {name: (file, file.stat()) for name, file in sorted(files.items())}
    return {prefix + name: _hash(file, stat.st_size, stat.st_mtime_ns) for name, (file, stat) in stats.items()}


@lru_cache(maxsize=256)
def _hash(file: Path, size_bytes: int, changed_ns: int) -> str:
    """SHA-256 of a file; a file that changed has another size or another time, and is read again.

    Weights in the Hugging Face cache are links to files named by their SHA-256, which saves reading gigabytes.
    """
    stored = file.resolve()
    if stored.parent.name == "blobs" and re.fullmatch("[0-9a-f]{64}", stored.name):
        return stored.name
    with stored.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
