"""A scenario file, what it extends and what `--set` changes → a validated, frozen configuration."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from ..errors import ScenarioError
from .locate import Node, Place
from .merge import apply_overrides, read_tree
from .problems import explain
from .schema import Scenario

M = TypeVar("M", bound=BaseModel)

_FILES = {("users", "mobility", "file"): "", ("media", "bank"): "", ("scheduler", "policy"): ".safetensors"}
"""Keys whose relative paths count from the scenario file that says them, and how a text ends that is a path."""


def load_scenario(file: str | os.PathLike[str], overrides: Iterable[str] = ()) -> Scenario:
    """The scenario of a file; `overrides` are `key=value` texts whose values are read as YAML.

    Raises ScenarioError with every problem found, each with its file and line.
    """
    return load_as(Scenario, file, overrides)


def _anchored(node: Node, path: tuple[str, ...], ending: str) -> Node:
    """The tree with the relative path of a file at `path` made absolute, from the scenario file that says it."""
    if not path:
        text, place = node.value, node.place
        if not isinstance(text, str) or not text.endswith(ending) or not place.line or os.path.isabs(text):
            return node
        return Node(os.path.abspath(os.path.join(os.path.dirname(place.file), text)), place, node.key)
    child = node.child(path[0])
    if child is None or not isinstance(node.value, dict):
        return node
    return Node({**node.value, path[0]: _anchored(child, path[1:], ending)}, node.place, node.key)


def load_as(model: type[M], file: str | os.PathLike[str] | None, overrides: Iterable[str] = ()) -> M:
    """Like `load_scenario`, for any configuration model; without a file, from its defaults."""
    root, problems = (Node({}, Place("--set", 0)), []) if file is None else read_tree(os.fspath(file))
    root, more = apply_overrides(root, overrides)
    problems += more
    for path, ending in _FILES.items():
        root = _anchored(root, path, ending)
    try:
        loaded = model.model_validate(root.plain())
    except ValidationError as error:
        problems += explain(error, root, model)
    if problems:
        raise ScenarioError(sorted(set(problems), key=lambda p: (p.file, p.line, p.path)))
    return loaded
