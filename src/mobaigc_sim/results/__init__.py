"""What a run leaves behind: Parquet tables, sampled images, a summary and a manifest, and how they are read again."""

from .manifest import RunInfo
from .reader import Run, load
from .tables import TABLES, ResultsError
from .writer import RunWriter

__all__ = ["TABLES", "ResultsError", "Run", "RunInfo", "RunWriter", "load"]
