"""The committed schema is the generated one, explains every key and takes what the loader takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from mobaigc_sim.cli import app
from mobaigc_sim.scenario.dump import resolved
from mobaigc_sim.scenario.load import load_scenario
from mobaigc_sim.scenario.yaml12 import parse_yaml

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "scenarios/scenario.schema.json"
SHIPPED = sorted(path for path in (ROOT / "scenarios").rglob("*.yaml") if path.parent.name != "training")


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    found = json.loads(COMMITTED.read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def test_the_committed_schema_is_the_printed_one() -> None:
    """When it is not: mobaigc-sim schema > scenarios/scenario.schema.json."""
    assert COMMITTED.read_text(encoding="utf-8") == CliRunner().invoke(app, ["schema"]).stdout


def properties(schema: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(schema, dict):
        for name, value in schema.items():
            if name == "properties":
                yield from value.items()
            if name not in ("default", "examples"):
                yield from properties(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from properties(item)


def test_every_key_is_explained(schema: dict[str, Any]) -> None:
    def explained(key: dict[str, Any]) -> bool:
        target = key.get("$ref", "").removeprefix("#/$defs/")
        return bool(key.get("description") or (target and schema["$defs"][target].get("description")))

    keys = [(name, value) for name, value in properties(schema) if isinstance(value, dict)]
    assert len(keys) > 50
    assert [name for name, value in keys if not explained(value)] == []


def test_the_schema_is_a_schema_and_takes_the_shipped_files(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    for path in SHIPPED:
        root, _ = parse_yaml(path.read_text(encoding="utf-8"), str(path))
        assert root is not None
        assert [error.message for error in validator.iter_errors(root.plain())] == []
        assert [error.message for error in validator.iter_errors(resolved(load_scenario(path)))] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"duration": 40}, {"duration": "40 parsecs"}, {"seed": "1"}, {"sceduler": {"kind": "round_robin"}},
        {"scheduler": {"kind": "fastest"}}, {"radio": {"bandwidth": "-20 MHz"}}, {"users": {"count": 0}},
        {"radio": {"channel": {"kind": "tr38901", "mean_snr": "3 dB"}}}, {"name": "a b"},
    ],
)  # fmt: skip
def test_the_schema_refuses_what_the_loader_refuses(schema: dict[str, Any], wrong: dict[str, Any]) -> None:
    assert not Draft202012Validator(schema).is_valid(wrong)


def test_every_shipped_scenario_names_the_schema() -> None:
    for path in SHIPPED:
        first = path.read_text(encoding="utf-8").splitlines()[0]
        named = first.removeprefix("# yaml-language-server: $schema=")
        assert (path.parent / named).resolve() == COMMITTED.resolve()
