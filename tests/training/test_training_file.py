"""What is wrong in a training file is told with file, line and the nearest name; scenarios are those it means."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

import pytest

from mobaigc_sim.errors import ScenarioError
from mobaigc_sim.training.add import ADD, OffPolicyADD
from mobaigc_sim.training.config import ADD_AGENTS, AGENTS, hyper_of
from mobaigc_sim.training.plan import Plan, read_plan

SCENARIOS = Path(__file__).parents[2] / "scenarios"
HEAD = f"name: x\nscenario: {SCENARIOS / 'cell_overload.yaml'}\n"

Read = Callable[..., Plan]


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """Reads a training file of a head of two lines and further text, from an empty working directory."""
    monkeypatch.chdir(tmp_path)

    def from_text(text: str, *overrides: str, head: str = HEAD) -> Plan:
        Path("t.yaml").write_text(head + text, encoding="utf-8")
        return read_plan("t.yaml", overrides)

    return from_text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "agents:\n  - {agent: sac-sett}",
            "t.yaml:4: agents.0.agent: unknown agent 'sac-sett'; did you mean 'sac-set'?",
        ),
        (
            "agents:\n  - agent: add\n    hyper:\n      gama: 0.9",
            "t.yaml:6: agents.0.hyper.gama: unknown key; did you mean 'gamma'?",
        ),
        ("agents:\n  - agent: ppo\n    hyper: {tau: 0.1}", "t.yaml:5: agents.0.hyper.tau: unknown key"),
        ("agents:\n  - agent: td3\n    hyper: {gamma: 2}", "t.yaml:5: agents.0.hyper.gamma: must be less than 1"),
        ("agents:\n  - {agent: ppo, best_of: 4}", "t.yaml:4: agents.0.best_of: best_of needs critics"),
        ("agents:\n  - {agent: add, centred: true}", "t.yaml:4: agents.0.centred: centred is for the baselines"),
        ("agents:\n  - {agent: ppo, centred: true, relative: true}", "centred or relative, not both"),
        ("agents:\n  - {agent: add}\n  - {agent: add}", "the name 'add' is used twice"),
        ("rules:\n  - name: a\nchampion: b", "t.yaml:5: champion: unknown champion 'b'; expected one of: a"),
        (
            "rules:\n  - name: a\n    scheduler: {kind: priced_utilty}",
            "t.yaml:5: rules.0.scheduler.kind: unknown scheduler 'priced_utilty'; did you mean 'priced_utility'?",
        ),
        ("set:\n  users.cout: 20", "t.yaml:4: set.users.cout: unknown key; did you mean 'count'?"),
        ("vary:\n  - {}\n  - traffic.deadline: soon", "t.yaml:5: vary.1.traffic.deadline: "),
        (
            "vary:\n  - {}\n  - scheduler.log_price: -3",
            "t.yaml:5: vary.1: changes the scheduler, which all traces must",
        ),
        ("test_set:\n  scheduler.log_price: -3", "changes the scheduler, which all traces must share"),
        (
            "agents:\n  - agent: add-off-policy\n    hyper: {kl_target: 2.1}",
            "t.yaml:5: agents.0.hyper.kl_target: kl_target 2.1 is not below log(particles) = 2.079",
        ),
        ("test_set:\n  media.bnk: b", "t.yaml:4: test_set.media.bnk: unknown key; did you mean 'bank'?"),
        (
            "agents:\n  - {agent: add}\nseeds: {ad: 3}",
            "t.yaml:5: seeds.ad: unknown agent 'ad'; did you mean 'add'?",
        ),
        ("step: 3", "t.yaml:3: step: unknown key; did you mean 'steps'?"),
    ],
)
def test_mistakes_have_a_place_and_an_advice(read: Read, text: str, told: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        read(text)
    (line,) = str(caught.value).splitlines()
    assert told in line
    assert line.startswith("t.yaml:")


def test_a_scenario_that_is_not_there_is_told_where_it_is_named(read: Read) -> None:
    with pytest.raises(ScenarioError, match=r"t\.yaml:2: scenario: no such file: none\.yaml"):
        read("", head="name: x\nscenario: none.yaml\n")


def test_mistakes_of_the_command_line_are_not_blamed_on_the_file(read: Read) -> None:
    with pytest.raises(ScenarioError, match=r"--set users\.cout: unknown key"):
        read("", "users.cout=3")
    assert read("set: {users.count: 4}", "users.count=7").scenarios("test")[0].users.count == 7
    assert read("", "steps=7", "traces.test=3").config.steps == 7


def test_traces_differ_and_variants_share_them_evenly(read: Read) -> None:
    plan = read(
        "traces: {training: 5, validation: 2, test: 4}\ntraining_set: {media.bank: bt}\ntest_set: {media: {bank: b}}\n"
        "vary: [{users.count: 4}, {users.count: 6}]\nset: {users.count: 9, traffic.deadline: 2 s}"
    )
    training, validation, test = (plan.scenarios(part) for part in ("training", "validation", "test"))
    assert [one.users.count for one in training] == [4, 6, 4, 6, 4]
    assert plan.variants("training") == [0, 1, 0, 1, 0]
    assert [one.replication for one in (*validation, *test)] == [20_000, 20_001, 30_000, 30_001, 30_002, 30_003]
    assert {one.traffic.deadline for one in test} == {2_000_000_000}
    assert {one.media.bank for one in training} == {one.media.bank for one in validation} == {str(Path.cwd() / "bt")}
    assert {one.media.bank for one in test} == {str(Path.cwd() / "b")}


@pytest.mark.parametrize(("agent", "algorithm"), [("add", ADD), ("add-off-policy", OffPolicyADD)])
def test_add_has_the_defaults_of_its_algorithm(agent: str, algorithm: type[ADD] | type[OffPolicyADD]) -> None:
    told = hyper_of(agent)().arguments()
    network = told.pop("policy_kwargs")
    own = {name: p.default for name, p in inspect.signature(algorithm).parameters.items()}
    assert told == {name: own[name] for name in told}
    policy = inspect.signature(algorithm.policy_aliases["SetPolicy"]).parameters
    assert network == {name: policy[name].default for name in network}


def test_add_off_policy_has_the_defaults_of_the_baselines() -> None:
    told, sac = hyper_of("add-off-policy")(), hyper_of("sac")()
    for name in ("gamma", "learning_rate", "batch_size", "tau", "n_steps"):
        assert getattr(told, name) == getattr(sac, name)


@pytest.mark.parametrize("file", sorted((SCENARIOS / "training").glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_files_are_fine(file: Path) -> None:
    plan = read_plan(str(file))
    assert {agent.agent for agent in plan.config.agents} <= {*AGENTS, *ADD_AGENTS}
    assert all(Path(str(one.media.bank), "manifest.json").is_file() for one in plan.scenarios("test"))


@pytest.mark.parametrize("file", sorted((SCENARIOS / "training").glob("*.yaml")), ids=lambda path: path.stem)
def test_agents_of_shipped_files_correct_the_rule_as_it_was_tuned(file: Path) -> None:
    plan = read_plan(str(file))
    own = [rule.name for rule in plan.config.rules if rule.scheduler is None]
    tuned = {key: value for name in own for key, value in plan.config.tuned.get(name, {}).items()}
    scheduler = plan.scenario("test", 0).scheduler
    assert {key: getattr(scheduler, key) for key in tuned} == tuned
