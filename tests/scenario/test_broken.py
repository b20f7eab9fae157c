"""Scenarios that cannot be run, and exactly what the command line says of each."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mobaigc_sim.cli import app

ROOT = Path(__file__).parents[2]
QUICKSTART = "scenarios/quickstart.yaml"
BROKEN = "tests/scenario/broken/"
EXPECTED = {
    "unknown_key": [
        "5: radio.chanel: unknown key; did you mean 'channel'?",
        "9: radio.channel.delay_spred: unknown key; did you mean 'delay_spread'?",
        "10: users.cuont: unknown key; did you mean 'count'?",
    ],
    "wrong_unit": [
        "3: radio.carrier: unknown unit 'Ghz'; did you mean 'GHz'? (for example '3.5 GHz')",
        "4: radio.tx_power: unknown unit 'W'; expected one of: dBm (for example '26 dBm')",
        "7: users.area.radius: a unit is missing: expected a quantity such as '25 m', got 200",
        "8: traffic.deadline: unknown unit 'sec'; expected one of: h, min, ms, ns, s, us, µs (for example '0.5 ms')",
    ],
    "out_of_range": [
        "3: radio.bandwidth: must not be negative, got '-20 MHz'",
        "5: radio.link_adaptation.bler_target: must be less than 1, got 1.5",
        "7: users.count: must be greater than or equal to 1, got 0",
        "8: users.area.radius: min_distance must be less than radius, got 10 m and 5 m",
    ],
    "impossible_grid": [
        "6: radio.bandwidth: a bandwidth of 5 MHz does not exist at numerology 2 in FR1; expected one of: 10 MHz, "
        "15 MHz, 20 MHz, 25 MHz, 30 MHz, 35 MHz, 40 MHz, 45 MHz, 50 MHz, 60 MHz, 70 MHz, 80 MHz, 90 MHz, 100 MHz",
    ],
    "impossible_cells": [
        "3: radio.layout.sites: sites must be 1, 7 or 19 on a hexagonal grid, got 8",
        "4: radio.radio_link.q_in: q_in (-8 dB) is below q_out (-6 dB)",
        "6: radio.handover.time_to_triger: unknown key; did you mean 'time_to_trigger'?",
        "8: traffic.background.kind: expected 'ftp3' or 'full_buffer', got 'ftp2'; did you mean 'ftp3'?",
        "8: traffic.background.users: must be greater than or equal to 1, got 0",
        "10: service.rlc.buffer: must be greater than or equal to 1, got '0 B'",
    ],
    "unknown_plugins": [
        "3: scheduler.kind: unknown scheduler 'proportional_fare'; did you mean 'proportional_fair'?",
        "5: users.mobility.kind: unknown mobility 'teleport'; expected one of: csv_trace, gauss_markov, highway, "
        "manhattan, ns2, random_waypoint, static, sumo_fcd, train",
        "6: radio.channel.kind: unknown channel 'rayleih'; did you mean 'rayleigh'?",
        "7: traffic.prompts.kind: expected 'list', 'embedded' or 'bank', got 'lists'; did you mean 'list'?",
    ],
    "wrong_type": [
        "2: name: expected up to 100 letters, digits, dots, hyphens and underscores, a letter or digit first, "
        "got '12:30'",
        "3: duration: expected a quantity such as '0.5 ms', got ['40 s']",
        "4: seed: expected a whole number, got 1000.0",
        "5: users: expected a mapping of keys to values, got 'twelve'",
        "7: traffic.images_per_request: expected a whole number, got '4'",
        "8: scheduler: expected a mapping with a 'kind' (one of: add, drift_plus_penalty, edf, exp_pf, log_rule, "
        "m_lwdf, max_ci, max_weight, priced_utility, proportional_fair, rolling_horizon, round_robin, with_ratio), "
        "got 'round_robin'",
    ],
    "missing_keys": [
        "2: duration: this key is required and missing",
        "2: scheduler: this key is required and missing",
        "5: users.mobility: this key is required and missing",
        "7: traffic.deadline: this key is required and missing",
        "7: traffic.prompts: this key is required and missing",
    ],
    "given_twice": [
        "6: users.count: this key is given twice (first on line 4)",
        "7: seed: this key is given twice (first on line 2)",
    ],
    "tab": ["3: a tab character; YAML wants spaces for indentation and between key and value"],
    "empty": ["1: the file is empty; a scenario is expected"],
    "not_yaml": ["1: a ':' is not allowed here; is the line indented wrongly, or does a value with ': ' lack quotes?"],
    "lost_base": ["2: extends: no such file: tests/scenario/base/nowhere.yaml"],
    "short_window": ["7: service.pf_window: service.pf_window must not be shorter than a slot, got 0.5 ms and 1 ms"],
    "warmup": ["3: warmup: warmup must be shorter than duration, got 90 s and 60 s"],
}


@pytest.fixture(autouse=True)
def at_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("name", EXPECTED)
def test_check_tells_every_problem_with_its_line(name: str) -> None:
    file = f"{BROKEN}{name}.yaml"
    result = CliRunner().invoke(app, ["check", file])
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [f"{file}:{line}" for line in EXPECTED[name]]
    assert result.stdout == ""


def test_every_broken_scenario_is_expected_somewhere() -> None:
    names = {path.stem for path in (ROOT / BROKEN).glob("*.yaml")}
    assert names == {*EXPECTED, "circle", "circle_other", "error_in_base"}


def test_a_circle_is_told_where_it_closes() -> None:
    result = CliRunner().invoke(app, ["check", f"{BROKEN}circle.yaml"])
    assert result.stderr == (
        f"{BROKEN}circle_other.yaml:3: extends: circle.yaml leads back to itself: "
        "a file cannot extend what extends it\n"
    )


def test_problems_of_a_base_name_the_base() -> None:
    result = CliRunner().invoke(app, ["check", f"{BROKEN}error_in_base.yaml"])
    assert [line.split(": ")[:2] for line in result.stderr.splitlines()] == [
        [f"{BROKEN}error_in_base.yaml:2", "name"],
        [f"{BROKEN}wrong_unit.yaml:3", "radio.carrier"],
        [f"{BROKEN}wrong_unit.yaml:4", "radio.tx_power"],
        [f"{BROKEN}wrong_unit.yaml:7", "users.area.radius"],
    ]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["nowhere.yaml"], "nowhere.yaml: no such file"),
        (["scenarios"], "scenarios: is a directory, not a file"),
        ([QUICKSTART, "--set", "user.count=3"], "--set user.count: user: unknown key; did you mean 'users'?"),
        ([QUICKSTART, "--set", "users.count=-3"], "--set users.count: must be greater than or equal to 1, got -3"),
        (
            [QUICKSTART, "--set", "service.pf_window=0.9 ms"],
            "--set service.pf_window: service.pf_window must not be shorter than a slot, got 0.9 ms and 1 ms",
        ),
        ([QUICKSTART, "--set", "radio.bandwidth=21 MHz"], "--set radio.bandwidth: a bandwidth of 21 MHz"),
    ],
)
def test_other_ways_to_be_wrong(arguments: list[str], line: str) -> None:
    result = CliRunner().invoke(app, ["check", *arguments])
    assert result.exit_code == 2
    assert result.stderr.startswith(line)
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("verb", ["check", "run"])
def test_the_program_itself_exits_with_two_and_no_traceback(verb: str) -> None:
    command = [sys.executable, "-m", "mobaigc_sim.cli", verb, f"{BROKEN}unknown_key.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT / "src")})
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines() == [f"{BROKEN}unknown_key.yaml:{line}" for line in EXPECTED["unknown_key"]]
