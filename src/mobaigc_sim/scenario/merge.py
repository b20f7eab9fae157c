"""Files that extend files, and `--set key=value`: several trees become one, every place kept.

Mappings are merged key by key, the later one wins; everything else is replaced. A mapping that names another `kind`
than the one below it replaces it whole: the settings of one plug-in mean nothing to another.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ..errors import Problem, ScenarioError
from .locate import Node, Place
from .yaml12 import parse_yaml


def merge(base: Node, over: Node) -> Node:
    """`over` laid upon `base`."""
    if not isinstance(base.value, dict) or not isinstance(over.value, dict):
        return over
    kinds = base.child("kind"), over.child("kind")
    if kinds[1] is not None and kinds[0] is not None and kinds[0].value != kinds[1].value:
        return over
    merged = dict(base.value)
    for key, node in over.value.items():
        merged[key] = merge(merged[key], node) if key in merged else node
    return Node(merged, over.place, over.key)


def read_tree(file: str) -> tuple[Node, list[Problem]]:
    """The tree of a file with everything it extends, and the problems found in its keys.

    Raises ScenarioError when a file is missing, is not YAML, or extends itself.
    """
    return _read(file, None, ())


def _read(file: str, wanted_by: Place | None, chain: tuple[str, ...]) -> tuple[Node, list[Problem]]:
    text = _text(file, wanted_by)
    root, problems = parse_yaml(text, file)
    if root is None:
        raise ScenarioError([Place(file, 1).problem((), "the file is empty; a scenario is expected")])
    if not isinstance(root.value, dict):
        raise ScenarioError([root.place.problem((), f"expected a mapping of keys to values, got {_name(root)}")])
    extends = root.value.pop("extends", None)
    if extends is None:
        return root, problems
    if not isinstance(extends.value, str):
        message = f"expected the path of a scenario file, got {_name(extends)}"
        raise ScenarioError([*problems, extends.place.problem(("extends",), message)])
    base_file = os.path.normpath(os.path.join(os.path.dirname(file), extends.value))
    chain = (*chain, os.path.realpath(file))
    if os.path.realpath(base_file) in chain:
        message = f"{extends.value} leads back to itself: a file cannot extend what extends it"
        raise ScenarioError([*problems, extends.place.problem(("extends",), message)])
    base, base_problems = _read(base_file, extends.place, chain)
    return merge(base, root), [*problems, *base_problems]


def _text(file: str, wanted_by: Place | None) -> str:
    try:
        return Path(file).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ScenarioError([Place(file, line).problem((), "not UTF-8 text")]) from None
    except OSError as error:
        reason = {FileNotFoundError: "no such file", IsADirectoryError: "is a directory, not a file"}.get(type(error))
        message = f"{reason or error.strerror}: {file}"
        if wanted_by is not None:
            raise ScenarioError([wanted_by.problem(("extends",), message)]) from None
        raise ScenarioError([Place(file, 0).problem((), reason or str(error.strerror))]) from None


def apply_overrides(root: Node, overrides: Iterable[str]) -> tuple[Node, list[Problem]]:
    """The tree with each `key=value` laid upon it, in order, and the problems found in them."""
    problems: list[Problem] = []
    for override in overrides:
        key, equals, text = override.partition("=")
        place = Place(f"--set {key.strip()}", 0)
        path = tuple(key.strip().split("."))
        try:
            if not equals or not all(path):
                raise ScenarioError([place.problem((), "expected key=value, for example --set users.count=20")])
            if path[0] == "extends":
                raise ScenarioError([place.problem((), "only a file can extend another")])
            value, found = parse_yaml(text, place.file, only_line=0)
            problems += [Problem(p.file, 0, ".".join(filter(None, [key.strip(), p.path])), p.message) for p in found]
            root = _lay(root, path, 0, Node(value.value if value else None, place, place))
        except ScenarioError as error:
            problems += error.problems
    return root, problems


def _lay(node: Node, path: tuple[str, ...], depth: int, value: Node) -> Node:
    place = value.place
    if depth == len(path):
        return merge(node, Node(value.value, place, place))
    part = path[depth]
    if isinstance(node.value, list):
        index = int(part) if part.isdecimal() else -1
        if node.child(index) is None:
            message = f"{'.'.join(path[:depth])} is a list of {len(node.value)}; '{part}' is none of its indices"
            raise ScenarioError([place.problem((), message)])
        items = list(node.value)
        items[index] = _lay(items[index], path, depth + 1, value)
        return Node(items, node.place, node.key)
    if node.value is not None and not isinstance(node.value, dict):
        message = f"{'.'.join(path[:depth])} is {_name(node)}, so it has no key '{part}'"
        raise ScenarioError([place.problem((), message)])
    children = dict(node.value or {})
    old = children.get(part)
    below = old if old is not None else Node({} if depth + 1 < len(path) else None, place, place)
    new = _lay(below, path, depth + 1, value)
    switches = part == "kind" and depth + 1 == len(path) and old is not None and old.value != new.value
    return Node({part: new} if switches else {**children, part: new}, node.place, node.key)


def _name(node: Node) -> str:
    if isinstance(node.value, dict):
        return "a mapping"
    if isinstance(node.value, list):
        return "a list"
    return "nothing" if node.value is None else repr(node.value)
