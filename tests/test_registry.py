"""Registries, and configuration fields that hold any plug-in's Config."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import ValidationError

from mobaigc_sim.errors import UnknownNameError
from mobaigc_sim.registry import FrozenConfig, PluginConfig, Registry, plugin_field
from mobaigc_sim.units import Metres

shapes = Registry("shapes")


@shapes.register("circle")
class Circle:
    """A circle."""

    class Config(PluginConfig):
        """Configuration of a circle."""

        kind: Literal["circle"] = "circle"
        radius: Metres = 1.0
        """Radius of the circle."""


@shapes.register("square")
class Square:
    """A square."""

    class Config(PluginConfig):
        """Configuration of a square."""

        kind: Literal["square"] = "square"
        side: Metres = 2.0
        """Side of the square."""


class Drawing(FrozenConfig):
    """A field with a default kind and one without."""

    front: Annotated[FrozenConfig, plugin_field(shapes, default="circle")] = Circle.Config()
    back: Annotated[FrozenConfig, plugin_field(shapes)] = Square.Config()


def problems(data: object) -> list[tuple[tuple[int | str, ...], str]]:
    with pytest.raises(ValidationError) as caught:
        Drawing.model_validate(data)
    return [(error["loc"], error["msg"]) for error in caught.value.errors()]


def test_kind_selects_the_config_and_its_units_are_read():
    drawing = Drawing.model_validate({"front": {"kind": "square", "side": "3 km"}, "back": {"kind": "circle"}})
    assert drawing.front == Square.Config.model_construct(kind="square", side=3000.0)
    assert isinstance(drawing.back, Circle.Config)


def test_a_missing_kind_means_the_default_kind_or_is_an_error():
    assert Drawing.model_validate({"front": {"radius": "5 m"}}).front == Circle.Config.model_construct(radius=5.0)
    assert problems({"back": {"radius": "5 m"}}) == [
        (("back",), "Value error, 'kind' is missing; expected one of: circle, square")
    ]


def test_unknown_kind_names_the_nearest_one():
    assert problems({"back": {"kind": "sqare"}}) == [
        (("back",), "Value error, unknown shape 'sqare'; did you mean 'square'?")
    ]


def test_errors_inside_the_plugin_keep_their_own_path():
    found = dict(problems({"front": {"kind": "circle", "radios": "1 m", "radius": "1 s"}, "back": 3}))
    assert set(found) == {("front", "radios"), ("front", "radius"), ("back",)}
    assert "unknown unit 's'" in found["front", "radius"]
    assert "expected a mapping with a 'kind'" in found["back",]


def test_an_instance_of_a_foreign_config_is_refused():
    class Foreign(PluginConfig):
        """Configures nothing that is registered."""

        kind: str = "foreign"

    assert "configures none of the shapes" in problems({"front": Foreign()})[0][1]
    assert Drawing(front=Square.Config()).front == Square.Config()


def test_dump_holds_the_fields_of_the_plugin():
    assert Drawing().model_dump() == {
        "front": {"kind": "circle", "radius": 1.0},
        "back": {"kind": "square", "side": 2.0},
    }


def test_json_schema_offers_every_registered_config():
    schema = Drawing.model_json_schema()
    front, back = schema["properties"]["front"], schema["properties"]["back"]
    sides = [option["properties"] for option in front["anyOf"]]
    assert [side["kind"]["const"] for side in sides] == ["circle", "square"]
    assert sides[0]["radius"]["description"] == "Radius of the circle."
    assert back["required"] == ["kind"] and "required" not in front


def test_registry_refuses_two_classes_of_one_kind_and_unknown_kinds():
    with pytest.raises(ValueError, match="registered twice"):
        shapes.register("circle")(Square)
    with pytest.raises(UnknownNameError, match="did you mean 'circle'"):
        shapes.get("cirle")
    assert shapes.names() == ("circle", "square")
