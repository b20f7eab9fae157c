"""Plug-ins by name: `kind` in a scenario → class, from this package and from installed entry points.

A plug-in class carries a frozen pydantic `Config` with a `kind: Literal[...]`, a one-line docstring, and is added with
`@registry.register("name")` or announced by the entry-point group `mobaigc_sim.<group>`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from .errors import UnknownNameError

T = TypeVar("T")


class FrozenConfig(BaseModel):
    """Base of every configuration: immutable, unknown keys refused, field docstrings become descriptions."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, strict=True)


class PluginConfig(FrozenConfig):
    """Base of a plug-in's configuration; each one narrows `kind` to its own name."""

    kind: str
    """Name of the plug-in."""


class Registry:
    """The implementations of one group, such as `schedulers`."""

    def __init__(self, group: str) -> None:
        self.group = group
        self._classes: dict[str, type[Any]] = {}
        self._discovered = False

    def register(self, kind: str) -> Callable[[type[T]], type[T]]:
        """Class decorator that makes the class available as `kind`."""

        def add(cls: type[T]) -> type[T]:
            if kind in self._classes and self._classes[kind] is not cls:
                raise ValueError(f"{self.group}: '{kind}' is registered twice")
            self._classes[kind] = cls
            return cls

        return add

    def names(self) -> tuple[str, ...]:
        """Every known kind, sorted."""
        self._discover()
        return tuple(sorted(self._classes))

    def get(self, kind: str) -> type[Any]:
        """The class of a kind; raises UnknownNameError with the nearest name."""
        self._discover()
        if kind not in self._classes:
            raise UnknownNameError(self.group.rstrip("s"), kind, self._classes)
        return self._classes[kind]

    def _discover(self) -> None:
        if self._discovered:
            return
        self._discovered = True
        for point in entry_points(group=f"mobaigc_sim.{self.group}"):
            self._classes.setdefault(point.name, point.load())


@dataclass(frozen=True)
class PluginField:
    """Field metadata that validates a mapping by the `Config` of the plug-in its `kind` names; see `plugin_field`."""

    registry: Registry
    default: str | None = None

    def validate(self, value: object) -> PluginConfig:
        """The frozen Config of a mapping, or of an instance of a registered Config.

        Raises ValueError when no known kind is named, and the Config's own validation errors under their own paths.
        """
        known = self.registry.names()
        if isinstance(value, PluginConfig):
            if any(type(value) is self.registry.get(kind).Config for kind in known):
                return value
            raise ValueError(f"{type(value).__qualname__} configures none of the {self.registry.group}")
        if not isinstance(value, Mapping):
            raise ValueError(f"expected a mapping with a 'kind' (one of: {', '.join(known)}), got {value!r}")
        kind = value.get("kind", self.default)
        if kind is None:
            raise ValueError(f"'kind' is missing; expected one of: {', '.join(known)}")
        config: PluginConfig = self.registry.get(str(kind)).Config.model_validate({**value, "kind": kind})
        return config

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate with `validate`, serialise by the class that is really there."""
        any_class = core_schema.any_schema()
        as_is = core_schema.wrap_serializer_function_ser_schema(lambda value, inner: inner(value), schema=any_class)
        return core_schema.no_info_plain_validator_function(self.validate, serialization=as_is)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """`anyOf` the Configs registered by now; `kind` is required unless there is a default kind."""
        configs = [self.registry.get(kind).Config for kind in self.registry.names()]
        found: JsonSchemaValue = {"anyOf": [handler(config.__pydantic_core_schema__) for config in configs]}
        return found if self.default is not None else found | {"required": ["kind"]}


def plugin_field(registry: Registry, default: str | None = None) -> PluginField:
    """Metadata for a configuration field that holds the Config of any plug-in of a registry.

    Use it inside `Annotated`; a mapping without `kind` means the `default` kind, or is an error when there is none:

        channel: Annotated[PluginConfig, plugin_field(channels, default="tr38901")] = Tr38901.Config()
    """
    return PluginField(registry, default)
