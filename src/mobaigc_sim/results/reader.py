"""Reads a run folder: data frames, manifest, summary, scenario and sampled images, each when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from . import images as pictures
from .contenthash import content_hash
from .files import read_json
from .manifest import COMPLETE, MANIFEST
from .tables import TABLES, ResultsError


class Run:
    """One run; tables are read on first use and kept."""

    def __init__(
        self, manifest: Mapping[str, Any], frames: Mapping[str, pd.DataFrame] | None = None, folder: Path | None = None
    ) -> None:
        self.manifest = manifest
        self.folder = folder
        self._frames = dict(frames or {})

    @property
    def complete(self) -> bool:
        """Whether the run came to its end and was written whole."""
        return bool(self.manifest.get("status") == COMPLETE)

    @property
    def requests(self) -> pd.DataFrame:
        """One row a finished request."""
        return self.frame("requests")

    @property
    def slots(self) -> pd.DataFrame:
        """One row a slot."""
        return self.frame("slots")

    @property
    def transport_blocks(self) -> pd.DataFrame:
        """One row a transmission of a transport block."""
        return self.frame("transport_blocks")

    @property
    def users(self) -> pd.DataFrame:
        """One row a user and sampling time."""
        return self.frame("users")

    @property
    def files(self) -> pd.DataFrame:
        """One row a file of the background traffic."""
        return self.frame("files")

    @property
    def events(self) -> pd.DataFrame:
        """One row an event."""
        return self.frame("events")

    @property
    def summary(self) -> dict[str, Any]:
        """The metrics written at the end of the run; empty when there are none."""
        path = self.folder / "summary.json" if self.folder else None
        return read_json(path) if path and path.is_file() else {}

    @property
    def scenario(self) -> str:
        """Text of the resolved scenario."""
        return self._path("scenario.yaml").read_text(encoding="utf-8")

    @property
    def images(self) -> list[tuple[int, int]]:
        """Request and index of every sampled image."""
        return pictures.list_images(self.folder / pictures.FOLDER) if self.folder else []

    def image(self, request: int, index: int = 0) -> pictures.SampledImage:
        """One sampled image; raises ResultsError when it was not sampled."""
        return pictures.load_image(self._path(pictures.FOLDER), request, index)

    def frame(self, name: str) -> pd.DataFrame:
        """A table by name, as a data frame; a table that is not there has no rows."""
        if name not in self._frames:
            self._frames[name] = self.arrow(name).to_pandas()
        return self._frames[name]

    def arrow(self, name: str) -> pa.Table:
        """A table by name with units and descriptions.

        Raises ResultsError when the parts of a complete run are not those the manifest counts.
        """
        schema = TABLES[name].schema()
        parts = sorted(self.folder.glob(f"{name}-*.parquet")) if self.folder else []
        table = pa.concat_tables([pq.read_table(part, schema=schema) for part in parts] or [schema.empty_table()])
        if self.folder and self.complete:
            told = self.manifest["tables"][name]
            if (told["parts"], told["rows"]) != (len(parts), table.num_rows):
                raise ResultsError(
                    f"{self.folder}: expected {told['parts']} parts with {told['rows']} rows of {name}, "
                    f"found {len(parts)} with {table.num_rows}"
                )
        return table

    def verify(self) -> None:
        """Compare the content hash of each table with the manifest; raises ResultsError at the first that differs."""
        if not self.complete:
            raise ResultsError(f"{self.folder}: an incomplete run has no content hashes")
        for name in TABLES:
            if content_hash(self.arrow(name)) != self.manifest["tables"][name]["content_sha256"]:
                raise ResultsError(f"{self.folder}: the content of {name} is not what was written")

    def _path(self, name: str) -> Path:
        if self.folder is None:
            raise ResultsError(f"a run without a folder has no {name}")
        return self.folder / name


def load(run_dir: str | Path, *, allow_incomplete: bool = False) -> Run:
    """Open a run folder.

    With `allow_incomplete` a run that was cut short is opened too, with the parts that are there whole.
    Raises ResultsError for a folder that holds no run, or an incomplete one.
    """
    folder = Path(run_dir)
    path = folder / MANIFEST
    if not path.is_file():
        raise ResultsError(f"{folder}: no run here, expected a {MANIFEST}")
    manifest = read_json(path)
    if manifest.get("status") != COMPLETE and not allow_incomplete:
        raise ResultsError(
            f"{folder}: the run is incomplete (status '{manifest.get('status')}'); "
            "run it again, or read what is there with allow_incomplete=True"
        )
    return Run(manifest, folder=folder)
