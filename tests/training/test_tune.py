"""Tuning finds better values, gives every rule the same budget, and goes on where it was stopped."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mobaigc_sim.cli import app
from mobaigc_sim.errors import ScenarioError
from mobaigc_sim.scenario.yaml12 import parse_yaml
from mobaigc_sim.scheduling import schedulers
from mobaigc_sim.training.plan import read_plan
from mobaigc_sim.training.tunable import numeric_keys, value_at, with_values
from mobaigc_sim.training.tune import settings, tuned_rules

SCENARIOS = Path(__file__).parents[2] / "scenarios"
HEAD = f"""\
name: t
scenario: {SCENARIOS / "cell_overload.yaml"}
set: {{duration: 400 ms, users.count: 5, traffic.deadline: 200 ms, media.bank: {SCENARIOS / "bank_training"}}}
traces: {{training: 3}}
"""
RULES = """\
tuning: {trials: 4, traces: 2}
rules:
  - {name: priced, tune: {log_price: [-8, -3]}}
  - {name: fixed, scheduler: {kind: edf}}
  - name: dear
    scheduler: {kind: priced_utility, log_price: 4.0}
    tune: {per_second: [0, 4], log_price: [-8, -3], urgency: [0, 1]}
  - name: edf
    scheduler: {kind: with_ratio, rule: {kind: exp_pf}}
    tune: {log_price: [-8, -3], rule.miss: [0.01, 0.5]}
"""
NAMES = ["priced", "dear", "edf"]


def write(folder: Path, text: str) -> str:
    file = folder / "t.yaml"
    file.write_text(HEAD + text, encoding="utf-8")
    return str(file)


def call(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["tune", *words])
    assert done.exit_code == code, done.output
    return done.output


def log(out: Path) -> list[dict[str, str]]:
    with (out / "tuning.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_all_rules_have_the_same_trials_and_the_best_is_found(tmp_path: Path) -> None:
    file, out = write(tmp_path, RULES), tmp_path / "out"
    said = call(file, "--out", str(out))
    assert "12 trials played" in said
    rows = log(out)
    assert [(row["rule"], int(row["trial"])) for row in rows] == [(name, k) for k in range(4) for name in NAMES]
    tree, problems = parse_yaml((out / "tuned.yaml").read_text(), "tuned.yaml")
    assert tree is not None and not problems
    tuned = tree.plain()
    assert list(tuned) == NAMES
    for name in NAMES:
        rewards = [float(row["reward"]) for row in rows if row["rule"] == name]
        values = [json.loads(row["values"]) for row in rows if row["rule"] == name]
        assert tuned[name] == values[rewards.index(max(rewards))]
    assert [json.loads(rows[k]["values"]) for k in (0, 1)] == [
        {"log_price": -5.0},
        {"log_price": 4.0, "per_second": 2.0, "urgency": 0.2},
    ]
    dear = [float(row["reward"]) for row in rows if row["rule"] == "dear"]
    assert max(dear) > dear[0] and tuned["dear"]["log_price"] < -3
    assert all(float(row["standard_error"]) >= 0 and float(row["seconds"]) > 0 for row in rows)


def test_what_is_done_is_not_repeated(tmp_path: Path) -> None:
    file, out = write(tmp_path, RULES), tmp_path / "out"
    asked = (file, "--out", str(out), "--only", "dear")
    assert "2 trials played" in call(*asked, "--set", "tuning.trials=2")
    before = (out / "tuning.csv").read_text()
    assert "2 trials played" in call(*asked)
    whole = (out / "tuning.csv").read_text()
    assert whole.startswith(before) and len(whole.splitlines()) == 5
    best = (out / "tuned.yaml").read_text()
    assert "0 trials played" in call(*asked)
    assert (out / "tuning.csv").read_text() == whole

    (out / "tuning.csv").write_text(whole[:-9])
    assert "1 trials played" in call(*asked)
    again = log(out)
    assert len(again) == 4
    for row, text in zip(again, csv.DictReader(whole.splitlines()), strict=True):
        assert {**row, "seconds": ""} == {**text, "seconds": ""}
    assert (out / "tuned.yaml").read_text() == best

    # pasted values are those of a trial that is done, and other traces are other trials
    values = best.splitlines()[1:]
    pasted = ", ".join(line.strip() for line in values)
    write(tmp_path, RULES.replace("kind: priced_utility, log_price: 4.0", f"kind: priced_utility, {pasted}"))
    assert "0 trials played" in call(*asked)
    assert "4 trials played" in call(*asked, "--set", "tuning.traces=3")
    assert len(log(out)) == 8


def test_a_file_that_is_no_log_is_left_alone(tmp_path: Path) -> None:
    file = write(tmp_path, RULES)
    (tmp_path / "tuning.csv").write_text("a,b\n1,2\n")
    assert "expected a table of trials with the columns rule, trial" in call(file, "--out", str(tmp_path), code=2)
    assert (tmp_path / "tuning.csv").read_text() == "a,b\n1,2\n"


def test_rules_share_the_points_of_their_shared_keys(tmp_path: Path) -> None:
    rules = tuned_rules(read_plan(write(tmp_path, RULES)))
    values = settings(rules, 20)
    assert {name: len(tried) for name, tried in values.items()} == dict.fromkeys(NAMES, 20)
    prices = {name: [one["log_price"] for one in tried[1:]] for name, tried in values.items()}
    assert prices["priced"] == prices["dear"] == prices["edf"]
    assert len(set(prices["priced"])) == 19
    # a longer search begins with a shorter one
    assert settings(rules, 5) == {name: tried[:5] for name, tried in values.items()}
    # each eighth of a range has its point among eight
    for key, (low, high) in rules[1].ranges.items():
        points = [value for one in settings(rules, 9)["dear"][1:] if (value := one[key]) is not None]
        assert sorted(int(8 * (value - low) / (high - low)) for value in points) == list(range(8))


def test_values_are_in_their_range_and_whole_where_they_must_be() -> None:
    assert [value_at(int, (1.0, 3.0), fraction) for fraction in (0.0, 0.34, 0.5, 0.999)] == [1, 2, 2, 3]
    assert value_at(float, (-8.0, -3.0), 0.123456789) == -7.383
    assert value_at(float, (0.00012, 0.00031), 0.5) == pytest.approx(0.000215)
    assert value_at(float, (0.00004, 0.9), 0.0) == 0.00004


def test_numbers_are_set_and_nothing_else_is_changed() -> None:
    horizon = schedulers.get("rolling_horizon").Config(horizon="300 ms")
    assert with_values(horizon, {}) == horizon
    assert with_values(horizon, {"every": 3}) == horizon.model_copy(update={"every": 3})
    assert set(numeric_keys(horizon)) == {"log_price", "base_worth", "every"}
    mixed = schedulers.get("with_ratio").Config(rule={"kind": "exp_pf"})
    assert with_values(mixed, {"rule.miss": 0.25}).model_dump()["rule"]["miss"] == 0.25


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("log_prise: [-8, -3]", "log_prise: no numeric key of priced_utility; did you mean 'log_price'?"),
        ("kind: [0, 1]", "kind: no numeric key of priced_utility; expected one of: base_worth, log_price"),
        ("urgency: [-1, 2]", "urgency: -1 is no value for priced_utility: input should be greater than or equal to 0"),
        ("log_price: [-3, -8]", "log_price: expected a range [least, largest] that rises, got [-3, -8]"),
        ("log_price: [-3]", "log_price: expected a range [least, largest], got [-3]"),
        ("log_price: -3", "log_price: expected a range [least, largest], got -3"),
        ("log_price: [a, 3]", "expected a number, got 'a'"),
    ],
)
def test_mistakes_have_a_place(tmp_path: Path, text: str, told: str) -> None:
    file = write(tmp_path, f"rules:\n  - name: a\n    scheduler: {{kind: priced_utility}}\n    tune:\n      {text}\n")
    with pytest.raises(ScenarioError) as caught:
        read_plan(file)
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"{file}:9: rules.0.tune.") and told in line


def test_mistakes_about_the_scenarios_own_scheduler_have_a_place(tmp_path: Path) -> None:
    file = write(tmp_path, "rules:\n  - name: a\n    tune:\n      log_price: [-8, -3]\n      penalty_bits: [1, 2]\n")
    said = call(file, "--out", str(tmp_path / "out"), code=2)
    assert said.startswith(f"{file}:9: rules.0.tune.penalty_bits: no numeric key of priced_utility; expected one of")
    assert not (tmp_path / "out").exists()


def test_a_rule_that_is_not_tuned_is_not_asked_for(tmp_path: Path) -> None:
    file = write(tmp_path, RULES)
    assert "unknown rule 'fixed'" in call(file, "--out", str(tmp_path), "--only", "fixed", code=2)
    file = write(tmp_path, "rules: [{name: a}]\n")
    assert "nothing to tune: no rule has the key 'tune'" in call(file, "--out", str(tmp_path), code=2)


def test_what_is_found_is_put_into_the_file_as_it_was_written(tmp_path: Path) -> None:
    found = "tuned:\n  priced: {log_price: -5.5}\n  edf: {log_price: -4.0, rule.miss: 0.1}\n"
    plan = read_plan(write(tmp_path, RULES + found))
    assert plan.scenario("test", 0).scheduler.log_price == -5.5
    schedulers_of = {rule.name: rule.scheduler for rule in plan.rules()}
    assert schedulers_of["priced"] is None
    assert (schedulers_of["edf"].log_price, schedulers_of["edf"].rule.miss) == (-4.0, 0.1)
    assert schedulers_of["dear"].log_price == 4.0


@pytest.mark.parametrize(
    ("found", "said"),
    [("pricd: {log_price: -5}", "unknown rule 'pricd'"), ("edf: {rule.miss: 2.0}", "less than 1")],
)
def test_numbers_that_fit_no_rule_are_told(tmp_path: Path, found: str, said: str) -> None:
    with pytest.raises(ScenarioError, match=said):
        read_plan(write(tmp_path, f"{RULES}tuned:\n  {found}\n"))
