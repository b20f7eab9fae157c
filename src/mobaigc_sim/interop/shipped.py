"""Where the shipped scenarios lie, in a checkout or in an installed package."""

from __future__ import annotations

from pathlib import Path

from ..errors import MobaigcError

_PACKAGE = Path(__file__).parents[1]


def shipped_scenario(name: str) -> Path:
    """A scenario file by name; raises MobaigcError if it is not there."""
    for folder in (_PACKAGE / "scenarios", _PACKAGE.parents[1] / "scenarios"):
        if (folder / name).is_file():
            return folder / name
    raise MobaigcError(f"the scenario {name} is not part of this installation: give `scenario` a file")
