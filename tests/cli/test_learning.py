"""The commands that train and compare tell what is wrong before they do anything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mobaigc_sim.cli import app


@pytest.mark.parametrize("verb", ["train", "evaluate"])
def test_a_mistake_in_the_file_is_one_line_and_code_2(verb: str, tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    file.write_text("name: x\nscenario: none.yaml\nagents: [{agent: ad}]\n", encoding="utf-8")
    done = CliRunner().invoke(app, [verb, str(file), "--out", str(tmp_path / "out")])
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == f"{file}:3: agents.0.agent: unknown agent 'ad'; did you mean 'add'?\n"
    assert not (tmp_path / "out").exists()


def test_learning_without_its_packages_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mobaigc_sim.cli.learning.find_spec", lambda name: None)
    done = CliRunner().invoke(app, ["train", "x.yaml"])
    assert done.exit_code == 2
    assert "pip install 'mobaigc-sim[rl]'" in done.stderr


def test_help_needs_no_learning_library() -> None:

    code = "import sys, mobaigc_sim.cli; sys.exit(any(m in sys.modules for m in ('torch', 'stable_baselines3')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
