"""A policy as a scheduler: it decides as in the environment, for any number of users, from its file alone."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mobaigc_sim.cell.replay import replay
from mobaigc_sim.cell.world import TracePool, World
from mobaigc_sim.errors import MobaigcError, ScenarioError
from mobaigc_sim.experiment.many import run_in_memory
from mobaigc_sim.experiment.run import run_one
from mobaigc_sim.interop.problem import SchedulingProblem, pool_of
from mobaigc_sim.scenario.load import load_scenario
from mobaigc_sim.scheduling import Add, PricedUtility
from mobaigc_sim.scheduling.add import scheduler as scheduler_module
from mobaigc_sim.scheduling.add.corrected import CorrectedRule
from mobaigc_sim.scheduling.add.network import AddConfig, AddNetwork, WeightsError, load_policy
from mobaigc_sim.scheduling.add.scheduler import PolicyError
from mobaigc_sim.scheduling.epoch import EpochView
from mobaigc_sim.scheduling.tokens import ACTION_RANGE

SCENARIOS = Path(__file__).parents[3] / "scenarios"
OVERLOAD = SCENARIOS / "cell_overload.yaml"
SHORT = ("duration=1 s", "traffic.arrivals.mean_interval=100 ms")
RULE = PricedUtility.Config(log_price=-6.1, per_second=1 / 3, sharpness=0.7, urgency=0.1 + 0.2, base_worth=0.6)


def make_network(levels: int, tokens: int = 16, *, critic: bool = False) -> AddNetwork:
    """Untrained weights that decide far from zero."""
    torch.manual_seed(3)
    network = AddNetwork(AddConfig(tokens, levels, width=16, hidden=16, critic=critic))
    network.actor.out.weight.data.mul_(20)
    return network


def made(file: Path, **options: Any) -> Add:
    return Add(Add.Config(policy=str(file), **options))


@pytest.fixture(scope="module")
def pool() -> TracePool:
    rule = tuple(f"scheduler.{name}={value}" for name, value in RULE.model_dump(exclude={"worth"}).items())
    return pool_of(OVERLOAD, 1, (*SHORT, *rule))


@pytest.fixture(scope="module")
def network(pool: TracePool) -> AddNetwork:
    return make_network(len(pool.keep_grid))


@pytest.fixture(scope="module")
def file(network: AddNetwork, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("policy") / "p.safetensors"
    network.save(path, corrected=CorrectedRule(rule=RULE))
    return path


@pytest.fixture(scope="module")
def views(pool: TracePool, file: Path) -> list[EpochView]:
    """Of a whole trace under the policy, those with at least four users."""
    seen: list[EpochView] = []

    class Watching(Add):
        def decide(self, view: EpochView) -> Any:
            if np.count_nonzero(view.active_U) >= 4:
                seen.append(EpochView._make(field.copy() for field in view))
            return super().decide(view)

    replay(World(pool), Watching(Add.Config(policy=str(file))), 0)
    assert len(seen) > 20
    return seen


@pytest.mark.parametrize("candidates", [None, 4])
def test_it_decides_as_in_the_environment(pool: TracePool, tmp_path: Path, candidates: int | None) -> None:
    """By the chain alone, and by the critic's choice among candidates."""
    file, network = tmp_path / "p.safetensors", make_network(len(pool.keep_grid), critic=candidates is not None)
    network.save(file, corrected=CorrectedRule(rule=RULE))
    candidates, problem = candidates or 1, SchedulingProblem(pool)
    assert problem.rule == RULE
    problem.start(0, 0)
    rewards, moved = [], 0
    while not problem.over_N[0]:
        observed = torch.from_numpy(problem.observation_NL)
        action = network.act(observed, candidates, deterministic=True).numpy()
        moved += bool(np.abs(action).max() > 0.1)
        problem.step(action)
        rewards.append(problem.reward_N4[0].copy())
    assert moved > 30

    world, scheduler = World(pool), made(file, candidates=candidates)
    world.start(0, 0)
    reward_4 = world.members[0].cell.reward_4
    for expected_4 in rewards:
        reward_4[:] = 0.0
        decision = scheduler.begin_epoch(world.members[0].seen)
        world.advance(0, decision.log_weight_U, decision.level_U)
        np.testing.assert_array_equal(reward_4, expected_4)
    assert world.is_over(0)

    replayed = World(pool)
    replay(replayed, made(file, candidates=candidates), 0)
    np.testing.assert_allclose(replayed.members[0].cell.reward_4, np.sum(rewards, axis=0), rtol=1e-12)
    for name, column in problem.world.requests(0).items():
        np.testing.assert_array_equal(replayed.requests(0)[name], column, err_msg=name)


def test_a_live_run_ends_as_the_replay(pool: TracePool, file: Path) -> None:
    scenario = load_scenario(OVERLOAD, (*SHORT, f"scheduler={{kind: add, policy: {file}}}"))
    table = run_in_memory(scenario, ["requests"]).requests.sort_values("request")
    world = World(pool)
    replay(world, made(file), 0)
    for name in ("keep", "finished_ns", "status", "jpsq"):
        np.testing.assert_array_equal(table[name], world.requests(0)[name], err_msg=name)
    assert len(set(table.keep.dropna())) > 2
    ruled = World(pool)
    replay(ruled, PricedUtility(RULE), 0)
    assert not np.array_equal(table.finished_ns, ruled.requests(0)["finished_ns"])


def test_a_run_says_which_policy_it_had(file: Path, tmp_path: Path) -> None:
    settings = (*SHORT, "duration=200 ms", f"scheduler={{kind: add, policy: {file}}}")
    folder = run_one(load_scenario(OVERLOAD, settings), tmp_path / "run")
    told = json.loads((folder / "manifest.json").read_text())["models"]
    assert told["scheduler/p.safetensors"] == hashlib.sha256(file.read_bytes()).hexdigest()


def test_an_action_range_near_zero_is_the_rule(network: AddNetwork, views: list[EpochView], tmp_path: Path) -> None:
    network.save(tmp_path / "p.safetensors", corrected=CorrectedRule(rule=RULE, action_range=(1e-9, 1e-9)))
    for view in views:
        found, ruled = made(tmp_path / "p.safetensors").decide(view), PricedUtility(RULE).decide(view)
        np.testing.assert_allclose(found.log_weight_U, ruled.log_weight_U, atol=1e-8)
        np.testing.assert_array_equal(found.level_U, ruled.level_U)


def test_users_may_be_listed_in_any_order(views: list[EpochView], file: Path) -> None:
    scheduler, rng = made(file), np.random.default_rng(0)
    untied = [v for v in views if len(np.unique(v.slack_ns_U[v.active_U])) == np.count_nonzero(v.active_U)]
    assert len(untied) > 20
    for view in untied:
        order_U = rng.permutation(len(view.active_U))
        turned = EpochView._make(
            field[order_U] if name.endswith(("_U", "_UK")) else field
            for name, field in zip(EpochView._fields, view, strict=True)
        )
        found, expected = scheduler.decide(turned), scheduler.decide(view)
        np.testing.assert_allclose(found.log_weight_U, expected.log_weight_U[order_U], atol=1e-4)
        np.testing.assert_array_equal(found.level_U, expected.level_U[order_U])


def test_no_user_goes_unseen(views: list[EpochView], pool: TracePool, file: Path, tmp_path: Path) -> None:
    """A policy trained on two users corrects all of them, as one trained on more would."""
    narrow = make_network(len(pool.keep_grid), tokens=2)
    narrow.load_state_dict(load_policy(file)[0].state_dict())
    narrow.save(tmp_path / "p.safetensors", corrected=CorrectedRule(rule=RULE))
    for view in views:
        found, expected = made(tmp_path / "p.safetensors").decide(view), made(file).decide(view)
        np.testing.assert_allclose(found.log_weight_U, expected.log_weight_U, atol=1e-4)
        corrected_U = found.log_weight_U != PricedUtility(RULE).decide(view).log_weight_U
        assert corrected_U[view.active_U].all() and not corrected_U[~view.active_U].any()


def test_torch_is_left_as_it_was(views: list[EpochView], file: Path) -> None:
    noise, threads = torch.get_rng_state(), torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        one = made(file).decide(views[0])
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(torch.get_rng_state(), noise)
    np.testing.assert_array_equal(made(file).decide(views[0]).log_weight_U, one.log_weight_U)


def test_the_rule_is_kept_with_the_weights(network: AddNetwork, tmp_path: Path) -> None:
    corrected = CorrectedRule(rule=RULE, action_range=(1 / 3, np.nextafter(2.0, 3.0)))
    network.save(tmp_path / "p.safetensors", {"trained": "yes"}, corrected)
    assert load_policy(tmp_path / "p.safetensors")[1] == corrected
    network.save(tmp_path / "p.safetensors")
    _, found = load_policy(tmp_path / "p.safetensors")
    assert found == CorrectedRule(rule=PricedUtility.Config(), action_range=ACTION_RANGE)
    network.save(tmp_path / "p.safetensors", {"corrected": '{"rule": {"sharpness": -1}}'})
    with pytest.raises(WeightsError, match=r"p\.safetensors: corrected\.rule\.sharpness in the metadata: .*greater"):
        load_policy(tmp_path / "p.safetensors")


def test_what_a_policy_cannot_do_is_told(views: list[EpochView], pool: TracePool, tmp_path: Path) -> None:
    path, levels = tmp_path / "p.safetensors", len(pool.keep_grid)
    make_network(levels + 1).save(path)
    with pytest.raises(
        PolicyError, match=rf"p\.safetensors: was trained on {levels + 1} keep ratios, .* has {levels}$"
    ):
        made(path).decide(views[0])
    make_network(levels).save(path)
    assert np.isfinite(made(path).decide(views[0]).log_weight_U).all()
    with pytest.raises(PolicyError, match="no critic to choose by; expected candidates 1, got 2"):
        made(path, candidates=2)
    (tmp_path / "foreign.safetensors").write_text("not weights")
    for name in ("foreign", "none"):
        with pytest.raises(MobaigcError, match=rf"{name}\.safetensors: cannot be read") as caught:
            made(tmp_path / f"{name}.safetensors")
        assert "\n" not in str(caught.value)


def test_policies_are_named_or_counted_from_the_scenario_file(
    network: AddNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pedestrian", "overload"):
        network.save(tmp_path / f"{name}.safetensors")
    monkeypatch.setattr(scheduler_module, "POLICIES", tmp_path)
    written = tmp_path / "scenario.yaml"

    def load(policy: str) -> Any:
        written.write_text(f"extends: {OVERLOAD}\nscheduler:\n  kind: add\n  policy: {policy}\n")
        return load_scenario(written).scheduler

    assert load("overload").policy == "overload"
    Add(load("overload"))
    assert load("sub/mine.safetensors").policy == str(tmp_path / "sub" / "mine.safetensors")
    assert load("/far/mine.safetensors").policy == "/far/mine.safetensors"
    for wrong, told in [
        ("overlaod", "unknown policy 'overlaod'; did you mean 'overload'?"),
        (
            "sub/mine",
            "expected the name of a shipped policy, or a file whose name ends in .safetensors, got 'sub/mine'",
        ),
    ]:
        with pytest.raises(ScenarioError) as caught:
            load(wrong)
        assert str(caught.value) == f"{written}:4: scheduler.policy: {told}"


def test_scenarios_are_read_without_torch() -> None:
    code = (
        "import sys; from mobaigc_sim.scenario.load import load_scenario;"
        f"load_scenario({str(OVERLOAD)!r}, ['scheduler={{kind: add, policy: p.safetensors}}']);"
        "sys.exit('torch' in sys.modules)"
    )
    source = str(Path(__file__).parents[3] / "src")
    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": source}, check=False).returncode == 0


@pytest.mark.parametrize("name", sorted(path.stem for path in scheduler_module.POLICIES.glob("*.safetensors")))
def test_shipped_policies_decide_otherwise_than_the_rule_they_correct(name: str) -> None:
    scenario = SCENARIOS / ("quickstart.yaml" if name == "quickstart" else f"cell_{name}.yaml")
    _, corrected = load_policy(scheduler_module.POLICIES / f"{name}.safetensors")
    changes = ["duration=2 s"]
    if name == "quickstart":
        bank = f"media.bank={SCENARIOS / 'bank_quickstart'}"
        changes = ["duration=10 s", "media.mode=bank", bank, "traffic.prompts.kind=bank"]
    pool = pool_of(scenario, 1, changes)
    seen = []
    for chosen in (Add(Add.Config(policy=name)), PricedUtility(corrected.rule)):
        world = World(pool)
        replay(world, chosen, 0)
        seen.append(world.members[0].cell.reward_4.copy())
    assert not np.array_equal(*seen)
