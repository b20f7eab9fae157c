"""What the commands print, where runs go, and how they end."""

from __future__ import annotations

import json
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mobaigc_sim.cli import app
from mobaigc_sim.errors import MobaigcError
from mobaigc_sim.media.config import MediaConfig
from mobaigc_sim.version import __version__

ROOT = Path(__file__).parents[2]
QUICKSTART = str(ROOT / "scenarios/quickstart.yaml")


class Simulator:
    """Stands for the rooms that `run` and `image` call, and remembers what it was asked."""

    def __init__(self) -> None:
        self.runs: list[tuple[Any, Path, Any]] = []
        self.shown: list[Path] = []
        self.drawn: list[Path] = []
        self.images: list[tuple[str, dict[str, Any]]] = []
        self.error: BaseException | None = None

    def run_one(self, scenario: Any, out: Path, on_progress: Callable[[Any], None] | None) -> Path:
        self.runs.append((scenario, out, on_progress))
        if self.error is not None:
            raise self.error
        if on_progress is not None:
            for jpsq in (None, 0.5):
                on_progress(types.SimpleNamespace(now_s=1.0, duration_s=40.0, requests=3, failures=1, jpsq=jpsq))
        out.mkdir(parents=True)
        (out / "summary.json").write_text('{"jpsq": 0.5}', encoding="utf-8")
        return out

    def explain_image(self, prompt: str, **options: Any) -> dict[str, float]:
        self.images.append((prompt, options))
        return {"sent_bytes": 9.0, "whole_bytes": 20.0, "s": 0.9, "q": 0.8, "jpsq": 0.85}


@pytest.fixture
def simulator(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Simulator:
    """An empty working directory and a simulator that does nothing in no time."""
    monkeypatch.chdir(tmp_path)
    stand_in = Simulator()
    made_already: dict[str, types.ModuleType] = {}
    for module, name, function in [
        ("experiment.run", "run_one", stand_in.run_one),
        ("viz.console", "print_summary", stand_in.shown.append),
        ("viz.console", "render_run", stand_in.drawn.append),
        ("viz.one_image", "explain_image", stand_in.explain_image),
    ]:
        name_of_module = f"mobaigc_sim.{module}"
        made = made_already.setdefault(name_of_module, types.ModuleType(name_of_module))
        setattr(made, name, function)
        monkeypatch.setitem(sys.modules, made.__name__, made)
    return stand_in


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(app, arguments)


def test_runs_get_folders_of_their_own(simulator: Simulator) -> None:
    for _ in range(3):
        assert invoke("run", QUICKSTART, "--set", "seed=7").exit_code == 0
    assert invoke("run", QUICKSTART, "--set", "seed=7", "--set", "replication=2").exit_code == 0
    names = ["quickstart-seed7", "quickstart-seed7-1", "quickstart-seed7-2", "quickstart-seed7-rep2"]
    assert [out for _, out, _ in simulator.runs] == [Path("runs") / name for name in names]
    assert simulator.shown == [out for _, out, _ in simulator.runs]
    assert [scenario.seed for scenario, _, _ in simulator.runs] == [7] * 4


def test_overrides_and_folder_reach_the_run(simulator: Simulator) -> None:
    result = invoke("run", QUICKSTART, "--set", "users.count=3", "--set", "scheduler.kind=max_ci", "--out", "here")
    assert result.exit_code == 0
    [(scenario, out, on_progress)] = simulator.runs
    assert (scenario.users.count, scenario.scheduler.kind, out) == (3, "max_ci", Path("here"))
    assert on_progress is not None
    assert result.stderr == ""


def test_quiet_prints_nothing(simulator: Simulator) -> None:
    result = invoke("run", QUICKSTART, "--quiet")
    assert (result.exit_code, result.stdout, result.stderr, simulator.shown) == (0, "", "", [])
    assert simulator.runs[0][2] is None


def test_json_prints_the_summary_and_nothing_else(simulator: Simulator) -> None:
    result = invoke("run", QUICKSTART, "--json", "--out", "here")
    assert json.loads(result.stdout) == {"run": "here", "summary": {"jpsq": 0.5}}
    assert (result.stderr, simulator.shown) == ("", [])


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (MobaigcError("the word 'catt' is unknown"), 2, "the word 'catt' is unknown"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (PermissionError(13, "Permission denied", "/out"), 2, "/out: Permission denied"),
    ],
)  # fmt: skip
def test_ends_without_a_traceback(simulator: Simulator, error: BaseException, code: int, text: str) -> None:
    simulator.error = error
    result = invoke("run", QUICKSTART, "--quiet")
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", text + "\n")


def test_a_bug_is_not_dressed_up_as_bad_input(simulator: Simulator) -> None:
    simulator.error = RuntimeError("bug")
    result = invoke("run", QUICKSTART)
    assert result.exception is simulator.error


def test_image_hands_its_options_on_and_tells_the_result(simulator: Simulator) -> None:
    options = ("--keep", "0.3", "--seed", "4", "--loss", "0.1", "--out", "cat.png", "--set", "media.models=here")
    result = invoke("image", "a cat", *options)
    told = {"keep": 0.3, "seed": 4, "loss": 0.1, "out": Path("cat.png"), "media": MediaConfig(models="here")}
    assert simulator.images == [("a cat", told)]
    assert result.stdout == "9 B sent instead of 20 B, S 0.900, Q 0.800, JPSQ 0.850: cat.png\n"
    assert invoke("image", "a cat", "--keep", "1.5").exit_code == 2
    assert len(simulator.images) == 1


def test_image_refuses_a_bank_which_has_no_picture_to_show(simulator: Simulator) -> None:
    result = invoke("image", "a cat", "--set", "media.mode=bank", "--set", "media.bank=here")
    assert result.exit_code == 2
    assert "media.mode=bank" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert simulator.images == []


def test_check_says_what_the_scenario_is() -> None:
    result = invoke("check", QUICKSTART, "--set", "users.count=5")
    assert result.exit_code == 0
    assert result.stdout == f"{QUICKSTART}: fine: quickstart, 40 s, 5 users, scheduler proportional_fair, seed 1\n"


def test_list_names_every_plugin_with_a_line_about_it() -> None:
    lines = invoke("list").stdout.splitlines()
    groups = [line for line in lines if not line.startswith(" ")]
    assert {"channels", "mobility", "schedulers", "traffic"} <= set(groups)
    assert groups == sorted(groups)
    plugins = [line.split(maxsplit=1) for line in lines if line.startswith(" ")]
    assert all(len(parts) == 2 and parts[1].endswith(".") for parts in plugins)
    assert invoke("list", "mobility").stdout.splitlines()[0] == "mobility"
    assert "  static " in invoke("list", "mobility").stdout
    assert "tr38901" not in invoke("list", "mobility").stdout


def test_list_of_an_unknown_group_names_the_nearest() -> None:
    result = invoke("list", "schedulars")
    assert (result.exit_code, result.stderr) == (2, "unknown group 'schedulars'; did you mean 'schedulers'?\n")


def test_version() -> None:
    assert invoke("--version").stdout == f"mobaigc-sim {__version__}\n"


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom mobaigc_sim.cli import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'numpy', 'pydantic', 'scipy', 'torch', 'yaml', 'matplotlib'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": str(ROOT / "src")}
    )
    assert "Usage" in done.stdout
    assert done.stderr == "[]\n"
