"""Files that extend files, overrides, and problems that name the place where a value was written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, Self

import pytest
from pydantic import Field, model_validator

from mobaigc_sim.errors import ScenarioError
from mobaigc_sim.registry import FrozenConfig, Registry, plugin_field
from mobaigc_sim.scenario.dump import dump_scenario
from mobaigc_sim.scenario.load import load_as, load_scenario
from mobaigc_sim.units import Hertz, Metres, Nanoseconds

shapes = Registry("shapes")


@shapes.register("circle")
class Circle:
    """A circle."""

    class Config(FrozenConfig):
        kind: Literal["circle"] = "circle"
        radius: Metres = 1.0


@shapes.register("square")
class Square:
    """A square."""

    class Config(FrozenConfig):
        kind: Literal["square"] = "square"
        side: Metres = 2.0


class Left(FrozenConfig):
    kind: Literal["left"] = "left"
    offset: Metres


class Right(FrozenConfig):
    kind: Literal["right"] = "right"
    turn: float = 0.0


class Inner(FrozenConfig):
    band: Hertz
    delay: Nanoseconds | None = None
    mode: Literal["live", "stored"] = "live"
    count: Annotated[int, Field(ge=1)] = 3
    xs: Annotated[tuple[float, ...], Field(strict=False)] = ()
    on: bool = True

    @model_validator(mode="after")
    def _few(self) -> Self:
        if self.count > 9:
            raise ValueError(f"count must be at most 9, got {self.count}")
        return self


class Model(FrozenConfig):
    name: str
    shape: Annotated[FrozenConfig, plugin_field(shapes)] = Circle.Config()
    row: tuple[Annotated[FrozenConfig, plugin_field(shapes)], ...] = Field((), strict=False)
    side: Annotated[Left | Right, Field(discriminator="kind")] = Right()
    inner: Inner


Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes `x.yaml` and further files into an empty working directory."""
    monkeypatch.chdir(tmp_path)

    def to(text: str, **others: str) -> str:
        for name, content in {"x": text, **others}.items():
            path = Path(name.replace("__", "/") + ".yaml")
            path.parent.mkdir(exist_ok=True)
            path.write_text(content, encoding="utf-8")
        return "x.yaml"

    return to


def told(file: str, *overrides: str) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        load_as(Model, file, overrides)
    return str(caught.value).splitlines()


GOOD = "name: a\ninner:\n  band: 1 MHz\n"


def test_a_good_file_is_read_in_si_units(write: Write) -> None:
    model = load_as(Model, write("name: a\ninner: {band: 3.5 GHz, delay: 0.5 ms, xs: [1, 2e-3]}\n"))
    assert (model.inner.band, model.inner.delay, model.inner.xs) == (3.5e9, 500_000, (1.0, 0.002))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("shape: {kind: square, sied: 3 m}", "x.yaml:4: shape.sied: unknown key; did you mean 'side'?"),
        ("shape: {raduis: 3 m}", "x.yaml:4: shape: 'kind' is missing; expected one of: circle, square"),
        ("shape: {kind: circel}", "x.yaml:4: shape.kind: unknown shape 'circel'; did you mean 'circle'?"),
        ("shape:\n  kind: circle\n  radius: -3 m", "x.yaml:6: shape.radius: must not be negative, got '-3 m'"),
        ("shape: round", "x.yaml:4: shape: expected a mapping with a 'kind' (one of: circle, square), got 'round'"),
        (
            "row:\n- kind: circle\n- kind: square\n  radius: 3 m",
            "x.yaml:7: row.1.radius: unknown key; expected one of: kind, side",
        ),
        ("side: {kind: left}", "x.yaml:4: side.offset: this key is required and missing"),
        ("side: {kind: lfet}", "x.yaml:4: side.kind: expected 'left' or 'right', got 'lfet'; did you mean 'left'?"),
        ("side: {kind: right, trun: 1}", "x.yaml:4: side.trun: unknown key; did you mean 'turn'?"),
        ("side: {turn: 1}", "x.yaml:4: side: 'kind' is missing"),
        ("  delay: 5 sec", "x.yaml:4: inner.delay: unknown unit 'sec'; expected one of: h, min, ms, ns, s, us, µs"),
        ("  delay: 5", "x.yaml:4: inner.delay: a unit is missing: expected a quantity such as '0.5 ms', got 5"),
        ("  delay: 1e999 s", "x.yaml:4: inner.delay: out of range: '1e999 s'"),
        ("  mode: lvie", "x.yaml:4: inner.mode: expected 'live' or 'stored', got 'lvie'; did you mean 'live'?"),
        ("  count: 0", "x.yaml:4: inner.count: must be greater than or equal to 1, got 0"),
        ("  count: '3'", "x.yaml:4: inner.count: expected a whole number, got '3'"),
        ("  count: 12", "x.yaml:4: inner.count: count must be at most 9, got 12"),
        ("  on: yes", "x.yaml:4: inner.on: expected true or false, got 'yes'"),
        ("  xs: [1, 2, c]", "x.yaml:4: inner.xs.2: "),
        ("  xs: 3", "x.yaml:4: inner.xs: expected a list, got 3"),
    ],
)
def test_one_line_says_where_and_what(write: Write, text: str, problem: str) -> None:
    lines = told(write(f"{GOOD}{text}\n"))
    assert len(lines) == 1
    assert lines[0].startswith(problem)


def test_all_problems_are_told_at_once_in_order(write: Write) -> None:
    text = "nmae: a\nname: 3\ninner:\n  band: -1 MHz\n  delay: x\n  delay: 1 s\n"
    assert told(write(text)) == [
        "x.yaml:1: nmae: unknown key; did you mean 'name'?",
        "x.yaml:2: name: expected text, got 3",
        "x.yaml:4: inner.band: must not be negative, got '-1 MHz'",
        "x.yaml:5: inner.delay: expected a quantity such as '0.5 ms', got 'x'",
        "x.yaml:6: inner.delay: this key is given twice (first on line 5)",
    ]


def test_missing_keys_are_told_at_the_mapping_that_lacks_them(write: Write) -> None:
    assert told(write("# a comment\nside: {turn: 1, kind: right}\n\ninner:\n  on: true\n")) == [
        "x.yaml:2: name: this key is required and missing",
        "x.yaml:4: inner.band: this key is required and missing",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "x.yaml:1: the file is empty; a scenario is expected"),
        ("# only a comment\n", "x.yaml:1: the file is empty; a scenario is expected"),
        ("- a\n", "x.yaml:1: expected a mapping of keys to values, got a list"),
        ("just words\n", "x.yaml:1: expected a mapping of keys to values, got 'just words'"),
        ("name: a\nextends: 3\n", "x.yaml:2: extends: expected the path of a scenario file, got 3"),
        ("name: a\nextends: y.yaml\n", "x.yaml:2: extends: no such file: y.yaml"),
        ("extends: .\n", "x.yaml:1: extends: is a directory, not a file: ."),
        ("extends: x.yaml\n", "x.yaml:1: extends: x.yaml leads back to itself: a file cannot extend what extends it"),
    ],
)
def test_files_that_hold_no_scenario(write: Write, text: str, problem: str) -> None:
    assert told(write(text)) == [problem]


def test_missing_file_and_bytes_that_are_not_text(write: Write) -> None:
    write("")
    assert told("nowhere.yaml") == ["nowhere.yaml: no such file"]
    Path("x.yaml").write_bytes(b"name: a\nb: \xff\n")
    assert told("x.yaml") == ["x.yaml:2: not UTF-8 text"]


def test_extends_merges_mappings_and_replaces_the_rest(write: Write) -> None:
    file = write(
        "extends: base/y.yaml\nname: mine\ninner: {count: 5, xs: [9]}\n",
        base__y="extends: z.yaml\ninner:\n  band: 2 MHz\n  xs: [1, 2]\n",
        base__z="name: z\ninner:\n  band: 1 MHz\n  delay: 1 s\n",
    )
    model = load_as(Model, file)
    assert model.name == "mine"
    assert model.inner == Inner(band="2 MHz", delay="1 s", count=5, xs=(9.0,))  # type: ignore[arg-type]


def test_problems_name_the_file_that_wrote_the_value(write: Write) -> None:
    file = write(
        "extends: base/y.yaml\nname: mine\ninner:\n  count: 0\n",
        base__y="\n\ninner:\n  delay: 3\n  onn: true\n",
    )
    assert told(file) == [
        "base/y.yaml:4: inner.delay: a unit is missing: expected a quantity such as '0.5 ms', got 3",
        "base/y.yaml:5: inner.onn: unknown key; did you mean 'on'?",
        "x.yaml:3: inner.band: this key is required and missing",
        "x.yaml:4: inner.count: must be greater than or equal to 1, got 0",
    ]


def test_a_circle_of_three_files_is_told_where_it_closes(write: Write) -> None:
    file = write("extends: y.yaml\n", y="name: y\nextends: z.yaml\n", z="\nextends: ./x.yaml\n")
    assert told(file) == ["z.yaml:2: extends: ./x.yaml leads back to itself: a file cannot extend what extends it"]


def test_two_files_may_extend_one_base_through_two_ways(write: Write) -> None:
    assert load_as(Model, write("extends: y.yaml\n", y="extends: z.yaml\n", z=GOOD)).name == "a"


def test_another_kind_starts_afresh(write: Write) -> None:
    file = write("extends: y.yaml\nshape: {kind: square}\n", y=f"{GOOD}shape: {{kind: circle, radius: 3 m}}\n")
    assert load_as(Model, file).shape == Square.Config()
    assert load_as(Model, file, ["shape.kind=circle", "shape.radius=7 m"]).shape == Circle.Config(radius="7 m")  # type: ignore[arg-type]
    kept = load_as(Model, "y.yaml", ["shape.kind=circle"])
    assert kept.shape == Circle.Config(radius="3 m")  # type: ignore[arg-type]


def test_overrides_are_yaml_and_come_in_order(write: Write) -> None:
    file = write(GOOD)
    model = load_as(
        Model, file, ["inner.delay=12 ms", "inner.count=5", "inner.xs=[1e-4, 2]", "name='7'", "inner.xs.1=3"]
    )
    assert (model.inner.delay, model.inner.count, model.inner.xs, model.name) == (12_000_000, 5, (1e-4, 3.0), "7")
    assert load_as(Model, file, ["inner={count: 2}"]).inner.band == 1e6
    assert load_as(Model, file, ["inner.delay=1 s", "inner.delay="]).inner.delay is None
    assert load_as(Model, file, ["row=[{kind: circle}]", "row.0.radius=5 m"]).row == (
        Circle.Config(radius="5 m"),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ("inner.cuont=3", "--set inner.cuont: unknown key; did you mean 'count'?"),
        ("inner.count=0", "--set inner.count: must be greater than or equal to 1, got 0"),
        ("inner={count: 0}", "--set inner: inner.count: must be greater than or equal to 1, got 0"),
        ("inner.count=12", "--set inner.count: count must be at most 9, got 12"),
        ("shape.kind=x", "--set shape.kind: unknown shape 'x'; expected one of: circle, square"),
        ("name.first=3", "--set name.first: name is 'a', so it has no key 'first'"),
        ("row.0.kind=circle", "--set row.0.kind: row: expected a list, got a mapping"),
        ("inner.count", "--set inner.count: expected key=value, for example --set users.count=20"),
        ("=3", "--set : expected key=value, for example --set users.count=20"),
        ("extends=y.yaml", "--set extends: only a file can extend another"),
        ("inner={on: true, on: false}", "--set inner: inner.on: this key is given twice"),
        ("name=[", "--set name: not valid YAML: while parsing a flow node, expected the node content, "
                   "but found '<stream end>'"),
    ],
)  # fmt: skip
def test_problems_of_overrides_name_the_override(write: Write, override: str, problem: str) -> None:
    assert told(write(GOOD), override) == [problem]


def test_a_relative_file_counts_from_the_scenario_that_says_it_and_survives_a_dump(tmp_path: Path) -> None:
    shipped = Path(__file__).parents[2] / "scenarios"
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "cars.yaml").write_text(
        f"extends: {shipped}/junction.yaml\nusers: {{mobility: {{file: cars.xml}}}}\n"
    )
    (tmp_path / "mine.yaml").write_text("extends: base/cars.yaml\nseed: 3\n")
    found = load_scenario(tmp_path / "mine.yaml")
    assert found.users.mobility.file == str(tmp_path / "base" / "cars.xml")
    (tmp_path / "dump.yaml").write_text(dump_scenario(found))
    assert load_scenario(tmp_path / "dump.yaml") == found
    assert load_scenario(tmp_path / "mine.yaml", ["users.mobility.file=a.xml"]).users.mobility.file == "a.xml"
