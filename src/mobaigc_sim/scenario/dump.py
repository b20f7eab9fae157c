"""A scenario as text that says everything, and its hash."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pydantic import BaseModel

from .yaml12 import write_yaml


def resolved(config: BaseModel) -> dict[str, Any]:
    """Every key of a configuration, defaults included, quantities as text with a unit."""
    return config.model_dump(mode="json")


def dump_scenario(config: BaseModel) -> str:
    """YAML that needs no other file; loading it again gives an equal configuration."""
    return write_yaml(resolved(config))


def scenario_hash(config: BaseModel) -> str:
    """SHA-256 over every key and value, whatever their order and however the file wrote them."""
    text = json.dumps(resolved(config), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
