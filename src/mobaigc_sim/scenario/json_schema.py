"""The JSON schema of scenario files, for editors: every key explained, quantities as text with a unit."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_EXTENDS = {
    "type": "string",
    "description": "Path of a scenario file, relative to this one; its keys hold wherever this file says nothing else.",
}


class _FileSchema(GenerateJsonSchema):
    """Defaults are written as a file would write them: with units."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """The schema of a field with a default."""
        inner = schema["schema"]
        found = super().default_schema(schema)
        show = inner.get("serialization", {}).get("function")
        if "default" in found and callable(show) and isinstance(schema.get("default"), int | float):
            found = {**found, "default": show(schema["default"])}
        return found


def scenario_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of a file for `model`.

    No key is required in it, since what a file lacks may stand in the file it extends; `check` has the last word.
    """
    schema = model.model_json_schema(schema_generator=_FileSchema)
    _clean(schema)
    schema["properties"] = {"extends": _EXTENDS, **schema["properties"]}
    return {"$schema": _DIALECT, **schema}


def schema_text(model: type[BaseModel]) -> str:
    """`scenario_schema` as the text that is committed and printed."""
    return json.dumps(scenario_schema(model), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _clean(schema: Any) -> None:
    """Drop `required` and the titles made from names; keep properties that are called so."""
    if isinstance(schema, list):
        for item in schema:
            _clean(item)
    if not isinstance(schema, dict):
        return
    schema.pop("required", None)
    if isinstance(schema.get("title"), str):
        del schema["title"]
    for key, value in schema.items():
        if key in ("properties", "$defs"):
            for name, item in value.items():
                _clean(item)
                if name == "kind" and "const" in item:
                    item.setdefault("description", schema.get("description", "Name of the plug-in."))
        elif key not in ("default", "examples", "const", "enum"):
            _clean(value)
