"""The manifest of a run: what was run, with what, whether it came to its end, and what its tables contain."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

from ..version import __version__
from .tables import ResultsError

MANIFEST = "manifest.json"
FORMAT = 1
RUNNING, COMPLETE, INTERRUPTED = "running", "complete", "interrupted"

_PACKAGES = (
    "numpy", "scipy", "simpy", "pyarrow", "pydantic", "pillow",
    "torch", "diffusers", "transformers", "safetensors", "open-clip-torch", "pyiqa",
)  # fmt: skip


@dataclass(frozen=True)
class RunInfo:
    """What identifies a run before it starts."""

    scenario_text: str
    """The resolved scenario, kept as `scenario.yaml`."""
    scenario_hash: str
    seed: int
    replication: int
    duration_ns: int
    """Simulated time at which the run ends, warm-up included."""
    warmup_ns: int = 0
    """Simulated time before which nothing is measured."""
    models: Mapping[str, str] = field(default_factory=dict)
    """Name of each model file and its SHA-256."""

    def __post_init__(self) -> None:
        if not 0 <= self.warmup_ns < self.duration_ns:
            raise ResultsError(
                f"expected 0 <= warmup < duration, got warmup {self.warmup_ns} ns and duration {self.duration_ns} ns"
            )

    def identity(self) -> dict[str, Any]:
        """What two folders must share to hold the same run."""
        return {"scenario_hash": self.scenario_hash, "seed": self.seed, "replication": self.replication}


def start_manifest(info: RunInfo) -> dict[str, Any]:
    """The manifest as it stands while the run is on."""
    return {
        "format": FORMAT,
        "status": RUNNING,
        **info.identity(),
        "warmup_ns": info.warmup_ns,
        "duration_ns": info.duration_ns,
        "packages": package_versions(),
        "models": dict(sorted(info.models.items())),
    }


def package_versions() -> dict[str, str]:
    """Versions of this package, of Python and of the installed packages that shape the results."""
    versions = {"mobaigc_sim": __version__, "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions
