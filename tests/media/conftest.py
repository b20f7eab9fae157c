"""Model sets on disk, built once a session."""

from __future__ import annotations

from pathlib import Path

import pytest

from .tiny_sets import WRITERS


@pytest.fixture(scope="session")
def tiny_sets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of random-weight model sets of the real classes, by kind: sd, turbo and sdxl."""
    parent = tmp_path_factory.mktemp("sets")
    return {kind: write(parent / kind) for kind, write in WRITERS.items()}
