"""Errors that a user can act on: one line each, shown without a traceback, exit code 2."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


class MobaigcError(Exception):
    """Base of every error that is the input's fault; its text is one line that says what to change."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong in one place of a file; `line` counts from 1, and 0 is a place without lines (`--set a.b`)."""

    file: str
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: " if self.line else f"{self.file}: "
        said = not self.line and self.file.endswith(f" {self.path}")
        return where + (f"{self.path}: {self.message}" if self.path and not said else self.message)


class ScenarioError(MobaigcError):
    """A scenario file that cannot be run; carries every problem found, one line each."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class UnknownNameError(MobaigcError, ValueError):
    """A name that no plug-in carries; names what exists and the nearest one."""

    def __init__(self, what: str, name: str, known: Iterable[str]) -> None:
        self.known = tuple(sorted(known))
        super().__init__(f"unknown {what} '{name}'; {did_you_mean(name, self.known)}")


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name`, or None when nothing is close."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The second half of an error: the nearest name, or all of them."""
    known = sorted(known)
    best = nearest(name, known)
    return f"did you mean '{best}'?" if best else f"expected one of: {', '.join(known)}"
