"""The registries behind the `kind` keys of a scenario."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Iterator

from pydantic import BaseModel

from ..registry import PluginField, Registry
from .schema import Scenario


def registries(model: type[BaseModel] = Scenario) -> dict[str, Registry]:
    """Every registry that a configuration takes plug-ins from, those inside plug-ins included, by group."""
    found: dict[str, Registry] = {}
    seen: set[type[BaseModel]] = set()
    stack = [model]
    while stack:
        config = stack.pop()
        if config in seen:
            continue
        seen.add(config)
        for field in config.model_fields.values():
            for part in (*field.metadata, *_parts(field.annotation)):
                if isinstance(part, PluginField):
                    found[part.registry.group] = part.registry
                    stack += [part.registry.get(kind).Config for kind in part.registry.names()]
                elif isinstance(part, type) and issubclass(part, BaseModel):
                    stack.append(part)
    return found


def describe(registry: Registry) -> list[tuple[str, str]]:
    """Each kind with the first line of its class's docstring."""
    return [(kind, (inspect.getdoc(registry.get(kind)) or "").partition("\n")[0]) for kind in registry.names()]


def _parts(annotation: object) -> Iterator[object]:
    yield annotation
    yield from getattr(annotation, "__metadata__", ())
    for argument in typing.get_args(annotation):
        yield from _parts(argument)
