"""What pydantic found wrong → problems with a place, one line each, in words that say what to write."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ..errors import Problem, UnknownNameError, did_you_mean, nearest
from ..registry import PluginField, Registry
from .locate import Node

_WANTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "model_type": "a mapping of keys to values",
    "dict_type": "a mapping of keys to values",
    "list_type": "a list",
    "tuple_type": "a list",
    "finite_number": "a finite number",
    "none_required": "null",
}


def explain(error: ValidationError, root: Node, model: type[BaseModel]) -> list[Problem]:
    """One problem for each place that is wrong, ordered by file and line."""
    by_place: dict[tuple[str, int, str], list[str]] = {}
    for details in error.errors(include_url=False):
        problem = _problem(details, root, model)
        said = by_place.setdefault((problem.file, problem.line, problem.path), [])
        if problem.message not in said:
            said.append(problem.message)
    return [Problem(*place, _join(messages)) for place, messages in sorted(by_place.items())]


def _join(messages: list[str]) -> str:
    """Branches of a union fail one by one; being null is never the advice when another branch has one."""
    useful = [m for m in messages if not m.startswith("expected null")] or messages
    return "; or: ".join(useful)


def _problem(details: ErrorDetails, root: Node, model: type[BaseModel]) -> Problem:
    node, path, kind = root, list[str | int](), details["type"]
    trail = [root]
    rest = list(details["loc"])
    while rest and (child := node.child(rest[0])) is not None:
        node = child
        trail.append(node)
        path.append(rest.pop(0))
        while rest and node.child(rest[0]) is None and not _names_key(kind, rest):
            rest.pop(0)
    if kind == "missing":
        return node.head.problem([*path, details["loc"][-1]], "this key is required and missing")
    if kind == "extra_forbidden":
        return (node.key or node.place).problem(path, f"unknown key; {_advice(str(path[-1]), trail, path, model)}")
    cause = (details.get("ctx") or {}).get("error")
    named = node.child("kind")
    if named is not None and (isinstance(cause, UnknownNameError) or kind == "union_tag_invalid"):
        return named.place.problem([*path, "kind"], _message(details))
    message = _message(details)
    if kind == "value_error" and (below := _path_spoken_of(message, node)):
        for part in below:
            node = node.child(part) or node
        return node.head.problem([*path, *below], message)
    key = _key_spoken_of(message, node) if kind == "value_error" else None
    child = node.child(key) if key else None
    return child.head.problem([*path, str(key)], message) if child else node.head.problem(path, message)


def _path_spoken_of(message: str, node: Node) -> list[str]:
    """The path that a message begins with, as `service.pf_window`, if that is written; else nothing."""
    parts = message.partition(" ")[0].split(".")
    found: Node | None = node
    for part in parts:
        found = found.child(part) if found is not None else None
    return parts if found is not None and len(parts) > 1 else []


def _key_spoken_of(message: str, node: Node) -> str | None:
    """Which key a message about a whole mapping is about: a word of it, written last (by `--set`, by the top file)."""
    if not isinstance(node.value, dict):
        return None
    spoken = [word for word in re.findall(r"\w+", message) if word in node.value]

    def age(key: str) -> int:
        child = node.child(key)
        place = child.head if child else node.place
        return 0 if place.line == 0 else 1 if place.file == node.place.file else 2

    return min(spoken, key=age, default=None)


def _names_key(kind: str, rest: Sequence[str | int]) -> bool:
    return kind == "missing" and len(rest) == 1


def _message(details: ErrorDetails) -> str:
    kind, context, got = details["type"], details.get("ctx") or {}, _show(details["input"])
    if kind == "value_error":
        return " ".join(str(context["error"]).split())
    if kind in _WANTED:
        return f"expected {_WANTED[kind]}, got {got}"
    if kind == "literal_error":
        return _expected(str(context["expected"]), str(details["input"]), got)
    if kind == "union_tag_invalid":
        tags = " or ".join(str(context["expected_tags"]).rsplit(", ", 1))
        return _expected(tags, str(context["tag"]), repr(context["tag"]))
    if kind == "union_tag_not_found":
        return "'kind' is missing"
    text = details["msg"].removeprefix("Input ").removeprefix("should ")
    text = text if text.startswith("be ") else text[0].lower() + text[1:]
    return f"must {text}, got {got}" if text.startswith("be ") else f"{text}, got {got}"


def _expected(known: str, given: str, shown: str) -> str:
    """`known` lists names as pydantic does: `'a', 'b' or 'c'`."""
    close = nearest(given, re.findall(r"'([^']*)'", known))
    return f"expected {known}, got {shown}" + (f"; did you mean '{close}'?" if close else "")


def _show(value: object) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if value is None:
        return "nothing"
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _advice(key: str, trail: list[Node], path: list[str | int], model: type[BaseModel]) -> str:
    known = known_keys(model, trail[:-1], path[:-1])
    return did_you_mean(key, known) if known else "nothing is known by this name"


def known_keys(model: type[BaseModel], trail: Sequence[Node], path: Sequence[str | int]) -> list[str]:
    """The keys that the configuration at `path` has; `trail` holds the nodes from the root down to it."""
    candidates: list[type[BaseModel]] = [model]
    for depth, part in enumerate(path, start=1):
        if isinstance(part, int):
            continue
        node = trail[depth]
        for index in takewhile(lambda later: isinstance(later, int), path[depth:]):
            node = node.child(index) or node
        fields = [c.model_fields[part] for c in candidates if part in c.model_fields]
        candidates = []
        for field in fields:
            for registry, default in _registries(field):
                named = node.child("kind")
                name = str(named.value) if named is not None else default
                candidates += [registry.get(name).Config] if name in registry.names() else []
            candidates += [found for found in _models(field.annotation) if _has_kind(found, node)]
    return sorted({name for c in candidates for name in c.model_fields})


def _registries(field: Any) -> list[tuple[Registry, str | None]]:
    """The registries a field takes its plug-ins from, whether marked on the field or inside `| None` or a list."""
    marks = [*field.metadata]
    stack = [field.annotation]
    while stack:
        annotation = stack.pop()
        marks += getattr(annotation, "__metadata__", ())
        stack += get_args(annotation)
    return [(mark.registry, mark.default) for mark in marks if isinstance(mark, PluginField)]


def _has_kind(model: type[BaseModel], node: Node) -> bool:
    named, field = node.child("kind"), model.model_fields.get("kind")
    return named is None or field is None or named.value in get_args(field.annotation)


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation] if annotation.model_fields else []
    return [found for part in get_args(annotation) for found in _models(part)]
