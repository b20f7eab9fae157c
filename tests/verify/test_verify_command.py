"""`mobaigc-sim verify`: what it prints, writes, and how it ends; and its figures."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from mobaigc_sim.cli import app
from mobaigc_sim.verify import topics
from mobaigc_sim.verify.rows import near
from mobaigc_sim.verify.topics import Topic
from mobaigc_sim.viz.verify_figure import FIGURES, draw_verification


@pytest.fixture
def checks(monkeypatch):
    """Three checks in two topics, the last of which finds what it is told to."""
    found = {"got": 1.0}

    def fine(curves):
        yield near("one", 1.0, 1.0, 0.1, "dB", "Table 1")
        curves["bler"] = pd.DataFrame(
            {
                "kind": ["model"] * 3 + ["monte_carlo"] * 2,
                "mcs_index": [4] * 5,
                "snr_db": [-3.0, -2.0, -1.0, -2.2, -1.8],
                "bler": [1.0, 0.5, 0.001, 0.8, 0.2],
            }
        )
        yield near("two", 2.0, 2.0, 0.1, "", "Table 1")

    def other(_):
        yield near("three", 1.0, found["got"], 0.1, "", "Table 2")

    monkeypatch.setattr(topics, "TOPICS", {"fine": Topic("Fine", fine), "other": Topic("Others", other)})
    return found


def invoke(*arguments):
    return CliRunner().invoke(app, ["verify", *map(str, arguments)])


def test_tells_every_row_by_topic_and_counts_them_last(checks, tmp_path):
    result = invoke("--out", tmp_path)
    assert result.exit_code == 0
    lines = [line.strip() for line in result.stdout.splitlines() if line.strip()]
    order = [next(i for i, line in enumerate(lines) if line.startswith(start)) for start in ("Fine", "two", "Others")]
    assert order == sorted(order)
    assert lines[-1].startswith("3 of 3 checks pass in ") and lines[-1].endswith(" s")
    assert lines[-2] == str(tmp_path / "bler.png")


def test_json_holds_every_field_of_every_row_and_nothing_else_is_printed(checks, tmp_path):
    result = invoke("--json", "--out", tmp_path)
    told = json.loads(result.stdout)
    assert (told["checks"], told["passed"], told["figures"]) == (3, 3, [str(tmp_path / "bler.png")])
    assert told["rows"][0] == {
        **{"check": "one", "expected": 1.0, "got": 1.0, "tolerance": "± 0.1 dB"},
        **{"source": "Table 1", "passed": True, "topic": "fine"},
    }
    assert json.loads((tmp_path / "checks.json").read_text(encoding="utf-8")) == told
    assert result.stderr == ""


def test_only_some_topics(checks, tmp_path):
    told = json.loads(invoke("--json", "--only", "other", "--out", tmp_path).stdout)
    assert [row["check"] for row in told["rows"]] == ["three"]
    assert told["figures"] == []


@pytest.mark.parametrize(("got", "shown"), [(1.2, 1.2), (np.nan, None), (np.inf, None)])
def test_a_row_that_fails_ends_with_exit_code_1_and_is_marked(checks, tmp_path, got, shown):
    checks["got"] = got
    result = invoke("--out", tmp_path)
    assert result.exit_code == 1
    assert "2 of 3 checks pass" in result.stdout
    assert [line.split()[0] for line in result.stdout.splitlines() if line.strip().endswith("NO")] == ["three"]
    result = invoke("--json", "--out", tmp_path)
    assert (result.exit_code, json.loads(result.stdout)["rows"][2]["got"]) == (1, shown)


def test_an_unknown_topic_is_bad_input(tmp_path):
    result = invoke("--only", "fadin", "--out", tmp_path / "new")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "unknown topic 'fadin'; did you mean 'fading'?\n"
    assert not (tmp_path / "new").exists()


def test_every_figure_is_drawn_from_the_tables_of_its_topic(tmp_path):
    line = np.linspace(0.05, 0.9, 9)
    curves = {
        "autocorrelation": pd.DataFrame({"speed_kmh": 30, "shifts": line, "found": 1 - line}),
        "autocorrelation_closed": pd.DataFrame({"shifts": line, "closed": 1 - line}),
        "fades": pd.DataFrame({"level_db": -20 * line, "rate": line, "duration": line}),
        "fades_closed": pd.DataFrame({"level_db": -20 * line, "rate": line, "duration": line}),
        "gain": pd.DataFrame({"snr_db": 10, "users": [2, 50], "found": [1.2, 1.9]}),
        "gain_closed": pd.DataFrame({"snr_db": 10, "users": [1, 50], "closed": [1.0, 1.9]}),
        "queues": pd.DataFrame({"law": "md1", "load": line, "found": 1 / (1 - line)}),
        "queues_closed": pd.DataFrame({"law": "md1", "load": line, "closed": 1 / (1 - line)}),
        "calibration": pd.DataFrame({"case": "uma", "coupling_gain": -100 - line, "sir": 20 * line}),
    }
    assert draw_verification(dict(list(curves.items())[:1]), tmp_path) == []
    drawn = draw_verification(curves, tmp_path)
    assert [path.stem for path in drawn] == [name for name in FIGURES if name != "bler"]
    for path in drawn:
        with Image.open(path) as picture:
            assert picture.width >= 1000 and len(picture.convert("L").getcolors(256)) > 20
