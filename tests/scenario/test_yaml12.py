"""Which plain words are numbers, truth values, null or text; and what is not accepted."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobaigc_sim.errors import ScenarioError
from mobaigc_sim.scenario.yaml12 import parse_yaml, write_yaml


def plain(text: str) -> Any:
    root, problems = parse_yaml(text, "f.yaml")
    assert problems == []
    return root.plain() if root else None


def told(text: str) -> list[str]:
    try:
        return [str(problem) for problem in parse_yaml(text, "f.yaml")[1]]
    except ScenarioError as error:
        return [str(problem) for problem in error.problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4), ("1E3", 1000.0), ("1.", 1.0), (".5", 0.5), ("-2.5e+1", -25.0), ("-.inf", -math.inf),
        ("017", 17), ("0o17", 15), ("0x1F", 31), ("+3", 3), ("-0", 0),
        ("1_000", "1_000"), ("0b11", "0b11"), ("12:30", "12:30"), ("1:30:00", "1:30:00"), ("2024-01-01", "2024-01-01"),
        ("yes", "yes"), ("no", "no"), ("on", "on"), ("off", "off"), ("y", "y"), ("=", "="),
        ("true", True), ("False", False), ("tRUE", "tRUE"),
        ("null", None), ("~", None), ("", None), ("nUll", "nUll"),
        ("3.5 GHz", "3.5 GHz"), ("'1e-4'", "1e-4"), ('"true"', "true"), ("!!str 12", "12"), ("!!float 3", 3.0),
    ],
)  # fmt: skip
def test_plain_scalars_follow_the_core_schema(text: str, value: object) -> None:
    read = plain(f"key: {text}")["key"]
    assert read == value
    assert type(read) is type(value)


def test_not_a_number_is_read() -> None:
    assert math.isnan(plain("key: .nan")["key"])


def test_words_that_older_yaml_took_for_truth_values_are_keys() -> None:
    assert plain("no: 1\non: 2\n<<: 3") == {"no": 1, "on": 2, "<<": 3}


def test_anchors_are_expanded() -> None:
    assert plain("a: &x {b: [1, 2]}\nc: *x") == {"a": {"b": [1, 2]}, "c": {"b": [1, 2]}}


def test_every_key_and_value_knows_its_line() -> None:
    root, _ = parse_yaml("a:\n  b: 1\n  c:\n    - x\n    - y\nd:\n  3\n", "f.yaml")
    assert root is not None
    a, d = root.child("a"), root.child("d")
    assert a is not None and d is not None and a.key is not None and d.key is not None
    assert (a.key.line, a.place.line, a.head.line) == (1, 2, 1)
    c = a.child("c")
    assert c is not None and c.key is not None and c.key.line == 3
    assert [item.place.line for item in c.value if not isinstance(item, str)] == [4, 5]  # type: ignore[union-attr]
    assert (d.key.line, d.place.line, d.head.line) == (6, 7, 7)


TAB = "a tab character; YAML wants spaces for indentation and between key and value"
COLON = "a ':' is not allowed here; is the line indented wrongly, or does a value with ': ' lack quotes?"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", ["f.yaml:3: a: this key is given twice (first on line 1)"]),
        ("a:\n  b: 1\n  'b': 2\n", ["f.yaml:3: a.b: this key is given twice (first on line 2)"]),
        ("x: {a: 1, a: 2}\ny: {b: 1, b: 2}", [
            "f.yaml:1: x.a: this key is given twice (first on line 1)",
            "f.yaml:2: y.b: this key is given twice (first on line 2)",
        ]),
        ("a: 1\n12: 2\n", ["f.yaml:2: a key must be text, got 12"]),
        ("a: 1\n? [b]\n: 2\n", ["f.yaml:2: a key must be text, got a list or mapping"]),
        ("a:\n\tb: 1\n", [f"f.yaml:2: {TAB}"]),
        ("a: 1\nb:\t2\n\tc: 3\n", [f"f.yaml:2: {TAB}"]),
        ("a: !!python/object:os.system {}\n", ["f.yaml:1: a: unknown tag 'python/object:os.system'"]),
        ("a: !!int abc\n", ["f.yaml:1: a: 'abc' cannot be read as 'int'"]),
        ("a: &x [1, *x]\n", ["f.yaml:1: a.1: this anchor contains itself"]),
        ("a: *nothing\n", ["f.yaml:1: no anchor of this name: nothing"]),
        ("a: 1\n---\nb: 2\n", ["f.yaml:2: only one document is allowed in a file"]),
        ("a: 1\n b: 2\n", [f"f.yaml:2: {COLON}"]),
        ("a: 1\nb: \x01\n", ["f.yaml:2: the character '\\x01' is not allowed in YAML"]),
    ],
)  # fmt: skip
def test_what_is_refused(text: str, expected: list[str]) -> None:
    assert told(text) == expected


def test_a_tree_of_aliases_does_not_explode() -> None:
    levels = "\n".join(f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 10)}]" for i in range(1, 10))
    assert told(f"l0: &l0 x\n{levels}\n")[0].endswith("more than 100000 values")


def test_deep_nesting_is_told() -> None:
    assert told("[" * 1500) == ["f.yaml:1: nested too deeply"]


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
words = st.sampled_from(
    ["1e-4", "no", "on", "12:30", "017", "null", "~", "", ".inf", "0x1F", "- a", "a: b", "#", "é", "\t"]
)
trees = st.recursive(
    scalars | words, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


@given(st.dictionaries(st.text(max_size=6) | words, trees, max_size=4))
def test_what_is_written_is_read_back_equal(tree: dict[str, Any]) -> None:
    assert plain(write_yaml(tree) if tree else "{}") == tree
