"""YAML text → located tree, under the core schema of YAML 1.2.

PyYAML scans and parses; which plain words are numbers, truth values or null follows YAML 1.2.2, section 10.3.2, and not
YAML 1.1: `1e-4` is a number, `no`, `on`, `12:30` and `2024-01-01` are text, `017` is seventeen. Equal keys in one
mapping, keys that are not text, unknown tags and anchors that contain themselves are problems and never silent.
"""

from __future__ import annotations

import re
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.emitter import Emitter
from yaml.error import MarkedYAMLError
from yaml.nodes import MappingNode, ScalarNode, SequenceNode
from yaml.nodes import Node as YamlNode
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.representer import SafeRepresenter
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner
from yaml.serializer import Serializer

from ..errors import Problem, ScenarioError
from .locate import Node, Place, Scalar

_TAG = "tag:yaml.org,2002:"
_MAX_NODES = 100_000
_CORE = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
)


class CoreResolver(BaseResolver):
    """Implicit types of plain scalars by the YAML 1.2 core schema."""


for _name, _pattern, _first in _CORE:
    CoreResolver.add_implicit_resolver(_TAG + _name, re.compile(rf"(?:{_pattern})\Z"), _first)


class _Composer(Reader, Scanner, Parser, Composer, CoreResolver):
    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        CoreResolver.__init__(self)


class _Dumper(Emitter, Serializer, SafeRepresenter, CoreResolver):
    def __init__(self, stream: Any, **options: Any) -> None:
        Emitter.__init__(self, stream, width=options["width"], allow_unicode=options["allow_unicode"])
        Serializer.__init__(self)
        SafeRepresenter.__init__(self, default_flow_style=False, sort_keys=False)
        CoreResolver.__init__(self)

    def ignore_aliases(self, data: object) -> bool:
        return True


def _represent_text(dumper: _Dumper, text: str) -> ScalarNode:
    """Text with line breaks or unprintable characters in double quotes, where they are escaped."""
    style = None if text.isprintable() else '"'
    return dumper.represent_scalar(_TAG + "str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def write_yaml(data: Any) -> str:
    """YAML 1.2 text of dictionaries, lists and scalars, keys in the order given; `parse_yaml` reads it back equal."""
    return yaml.dump(data, Dumper=_Dumper, width=120, allow_unicode=True)


def parse_yaml(text: str, file: str, only_line: int | None = None) -> tuple[Node | None, list[Problem]]:
    """The tree of a document, None when it is empty, and the problems found in its keys.

    `only_line` is the line that every place gets (0 for a value that stands in no file).
    Raises ScenarioError when the text is not YAML at all.
    """

    def at(line: int) -> Place:
        return Place(file, line if only_line is None else only_line)

    try:
        composer = _Composer(text)
        root = composer.get_single_node()
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ScenarioError([at(mark.line + 1 if mark else 1).problem((), _explain(error))]) from None
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        message = f"the character {chr(int(error.character))!r} is not allowed in YAML"
        raise ScenarioError([at(line).problem((), message)]) from None
    except RecursionError:
        raise ScenarioError([at(1).problem((), "nested too deeply")]) from None
    if root is None or (isinstance(root, ScalarNode) and root.tag == _TAG + "null" and not root.value):
        return None, []
    builder = _Builder(at)
    return builder.build(root, ()), builder.problems


class _Builder:
    def __init__(self, at: Any) -> None:
        self.problems: list[Problem] = []
        self._at = at
        self._open: set[int] = set()
        self._count = 0

    def build(self, node: YamlNode, path: tuple[str | int, ...], key: Place | None = None) -> Node:
        place: Place = self._at(node.start_mark.line + 1)
        self._count += 1
        if id(node) in self._open:
            raise ScenarioError([place.problem(path, "this anchor contains itself")])
        if self._count > _MAX_NODES:
            raise ScenarioError([place.problem(path, f"more than {_MAX_NODES} values")])
        self._open.add(id(node))
        value: Scalar | dict[str, Node] | list[Node]
        if isinstance(node, MappingNode) and node.tag == _TAG + "map":
            value = self._mapping(node, path)
        elif isinstance(node, SequenceNode) and node.tag == _TAG + "seq":
            value = [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
        elif isinstance(node, ScalarNode):
            value = self._scalar(node, place, path)
        else:
            self.problems.append(place.problem(path, f"unknown tag '{_short(node.tag)}'"))
            value = None
        self._open.remove(id(node))
        return Node(value, place, key)

    def _mapping(self, node: MappingNode, path: tuple[str | int, ...]) -> dict[str, Node]:
        found: dict[str, Node] = {}
        for key_node, value_node in node.value:
            place: Place = self._at(key_node.start_mark.line + 1)
            if not isinstance(key_node, ScalarNode) or key_node.tag != _TAG + "str":
                shown = key_node.value if isinstance(key_node, ScalarNode) else "a list or mapping"
                self.problems.append(place.problem(path, f"a key must be text, got {shown}"))
                continue
            key = str(key_node.value)
            if key in found:
                first = found[key].key
                where = f" (first on line {first.line})" if first and first.line else ""
                self.problems.append(place.problem((*path, key), f"this key is given twice{where}"))
                continue
            found[key] = self.build(value_node, (*path, key), place)
        return found

    def _scalar(self, node: ScalarNode, place: Place, path: tuple[str | int, ...]) -> Scalar:
        text, tag = str(node.value), _short(node.tag)
        try:
            return _read_scalar(text, tag)
        except ValueError:
            known = tag in (name for name, _, _ in _CORE)
            message = f"{text!r} cannot be read as '{tag}'" if known else f"unknown tag '{tag}'"
            self.problems.append(place.problem(path, message))
            return None


def _read_scalar(text: str, tag: str) -> Scalar:
    if tag == "str":
        return text
    pattern = next((pattern for name, pattern, _ in _CORE if name == tag), None)
    if pattern is None or not re.fullmatch(pattern, text):
        raise ValueError(tag)
    if tag == "null":
        return None
    if tag == "bool":
        return text.lower() == "true"
    if tag == "float":
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))


def _short(tag: str | None) -> str:
    return str(tag).removeprefix(_TAG)


def _explain(error: MarkedYAMLError) -> str:
    problem = error.problem or "not YAML"
    if "'\\t'" in problem:
        return "a tab character; YAML wants spaces for indentation and between key and value"
    if "found undefined alias" in problem:
        return f"no anchor of this name: {problem.split(chr(39))[1]}" if chr(39) in problem else problem
    if problem == "mapping values are not allowed here":
        return "a ':' is not allowed here; is the line indented wrongly, or does a value with ': ' lack quotes?"
    if problem == "but found another document":
        return "only one document is allowed in a file"
    context = f" {error.context}" if error.context else ""
    return f"not valid YAML:{context}{',' if context else ''} {problem}"
