"""Judges: labels that say what was painted, losses that ask only what can be known, verdicts by closed form."""

from __future__ import annotations

import copy
import dataclasses
import json

import numpy as np
import pytest
import torch

from mobaigc_sim.errors import UnknownNameError
from mobaigc_sim.media.pack.drawing import draw, render
from mobaigc_sim.media.pack.judge import (
    FOLDER,
    HUES,
    PAINTABLE,
    QUESTIONS,
    SHAPES,
    THINGS,
    Judge,
    JudgeError,
    JudgeNet,
    Sight,
    load_judges,
    save_judge,
)
from mobaigc_sim.media.pack.prompt_following import (
    _judged,
    colours_right,
    everything,
    main_right,
    once,
    share_interval,
    sides_right,
    size_right,
    sky_right,
    table,
)
from mobaigc_sim.media.pack.prompt_sets import LEAST_SEEDS, SETS, held_out_combinations, prompt_set
from mobaigc_sim.media.pack.scenes import SceneSpec, sample_spec
from mobaigc_sim.media.pack.train import judge as training
from mobaigc_sim.media.pack.vocabulary import COLOURS, PLACES, held_out

PLACE = {p.name: p for p in PLACES}


def ideal(specs, **height):
    """A sight that is right about everything, from the words of the scenes alone."""
    count = len(specs)
    things = np.full((count, len(THINGS)), 0.01, np.float32)
    x = np.full_like(things, 0.5)
    cells = np.full_like(things, 8.0)
    colour = np.zeros((count, len(PAINTABLE), len(HUES)), np.float32)
    colour[..., 0] = 1
    answers = {q: np.zeros((count, len(a)), np.float32) for q, a in QUESTIONS.items()}
    for b, spec in enumerate(specs):
        for i, thing in enumerate(spec.things):
            things[b, THINGS.index(thing)] = 0.9
            x[b, THINGS.index(thing)] = (0.25, 0.75)[i % 2]
            cells[b, THINGS.index(thing)] = {"small": 4.5, "big": 10.5}.get(spec.size, 8.0)
        for thing, name in spec.colours:
            colour[b, PAINTABLE.index(THINGS.index(thing))] = np.eye(len(HUES))[1 + COLOURS.index(name)]
        told = {"place": spec.place.name, "time": spec.time, "weather": spec.weather or "clear"}
        for question, answer in told.items():
            answers[question][b, QUESTIONS[question].index(answer)] = 1
    return Sight(things, np.zeros_like(things), x, cells, colour, answers)


def test_held_out_combinations_come_only_when_allowed():
    def share(**how):
        rng = np.random.default_rng(1)
        drawn = [sample_spec(rng, **how) for _ in range(400)]
        return np.mean([any(held_out(m, s.place.name, s.time) for m in s.mains) for s in drawn])

    assert share() == 0
    assert share(allow_held_out=True) > 0.05


def test_labels_say_what_was_painted_and_where():
    rng = np.random.default_rng(2)
    for _ in range(40):
        drawing = draw(sample_spec(rng, two_share=0.5, sky_share=0.5, attribute_share=0.6), rng)
        scene = drawing.render()
        shown = training.truth(drawing, scene.masks)
        for name, mask in scene.masks.items():
            t = THINGS.index(name)
            if shown.things_T[t] == 1:
                box = np.flatnonzero(mask.any(0))
                assert mask.any()
                if mask.sum() > 0.98 * training._area(next(i for i in _items(drawing) if i.name == name), scene.spec):
                    assert 128 * shown.x_T[t] == pytest.approx((box[0] + box[-1] + 1) / 2, abs=2.5)
        absent = [t for t, name in enumerate(THINGS) if name not in scene.masks]
        assert (shown.things_T[absent] == 0).all() and np.isnan(shown.x_T[absent]).all()
        assert (shown.doubled_T[absent] == -1).all() and not (shown.doubled_T == 1).any()
        painted = {THINGS[PAINTABLE[g]]: HUES[c] for g, c in enumerate(shown.colour_G) if c > 0}
        assert painted.items() <= dict(scene.spec.colours).items()


def _items(drawing):
    return (*drawing.mains, *((drawing.sky,) if drawing.sky else ()))


def test_a_second_thing_in_the_sky_is_a_second_copy_beside_the_first():
    rng = np.random.default_rng(3)
    seen = 0
    while seen < 10:
        drawing = draw(sample_spec(rng, two_share=0, sky_share=1, attribute_share=0), rng)
        if drawing.sky is None:
            continue
        seen += 1
        before = drawing.render()
        after = training.second_in_sky(before.image, drawing, rng)
        changed = (before.image != after).any(-1)
        columns = np.flatnonzero(changed.any(0))
        first = drawing.sky
        assert changed.any() and not changed[64:].any()
        assert columns[0] >= first.left + first.width or columns[-1] < first.left
        assert np.ptp(columns) < first.width


def test_examples_cover_nothing_once_and_twice_and_depend_on_seed_and_step_only():
    data = training.make_batch(5, 1, 100, damage=False)
    mains = (data.things_BT[:, : THINGS.index("moon")] == 1).sum(1)
    assert (mains == 0).any() and (mains == 1).any() and (mains == 2).any()
    assert (data.doubled_BT == 1).any(1).float().mean() == pytest.approx(training.DOUBLED_SHARE, abs=0.1)
    again, other = training.make_batch(5, 1, 4), training.make_batch(6, 1, 4)
    assert torch.equal(again.pictures, training.make_batch(5, 1, 4).pictures)
    assert not torch.equal(again.pictures, other.pictures)


def test_the_training_stream_is_apart_from_the_generators():
    from mobaigc_sim.media.pack.train.common import scenes

    source = scenes(5)
    theirs = {next(source).image.tobytes() for _ in range(24)}
    ours = ((training.make_batch(5, 0, 24, damage=False).pictures + 1) * 127.5).round().byte().permute(0, 2, 3, 1)
    assert theirs.isdisjoint(picture.numpy().tobytes() for picture in ours)


@pytest.mark.parametrize("head", ["things", "doubled", "x", "height", "colour"])
def test_what_is_not_asked_has_no_gradient_and_what_is_asked_has(head):
    data = training.make_batch(7, 0, 24, damage=False)
    goal = {"x": data.x_BT, "height": data.height_BT, "colour": data.colour_BG}.get(head)
    asked = {"things": data.things_BT >= 0, "doubled": data.doubled_BT >= 0}.get(head)
    if asked is None:
        asked = goal >= 0 if head == "colour" else ~goal.isnan()
    with torch.no_grad():
        said = JudgeNet(SHAPES["first"])(data.pictures)
    said[head].requires_grad_(True)
    training.losses(said, data)[head].backward()
    gradient = said[head].grad.abs()
    gradient = gradient.sum(-1) if head == "colour" else gradient
    assert (gradient[~asked] == 0).all() and (gradient[asked] > 0).float().mean() > 0.95


@pytest.mark.parametrize("name", SHAPES)
def test_a_judge_learns_and_a_finished_run_is_not_repeated(tmp_path, name):
    def loss(judge):
        net = copy.deepcopy(judge.net).train()
        with torch.no_grad():
            return float(torch.stack(list(training.losses(net(data.pictures), data).values())).sum())

    data = training.make_batch(99, 0, 16)
    state = torch.get_rng_state()
    start, _ = training.fit(name, tmp_path, 0, 8, 2)
    before = loss(start)
    (tmp_path / f"judge-{name}.ckpt").unlink()
    trained, _ = training.fit(name, tmp_path, 5, 12, 2)
    assert loss(trained) < 0.9 * before
    again, _ = training.fit(name, tmp_path, 5, 12, 2)
    for key, value in trained.net.state_dict().items():
        assert torch.equal(value, again.net.state_dict()[key]), key
    assert torch.equal(state, torch.get_rng_state())


def test_saved_judges_come_back_and_other_sizes_are_scaled(tmp_path):
    for name, shape in SHAPES.items():
        save_judge(Judge(name, JudgeNet(shape).eval()), shape, tmp_path)
    found = load_judges(tmp_path)
    assert [j.name for j in found] == list(SHAPES)
    tints = np.random.default_rng(0).integers(0, 256, (3, 1, 1, 3)).astype(np.uint8)
    for judge in found:
        sights = [judge.look(tints.repeat(h, 1).repeat(w, 2)) for h, w in ((128, 128), (64, 64), (256, 200))]
        assert sights[0].things_BT.shape == (3, len(THINGS))
        assert sights[0].colour_BGC.sum(-1) == pytest.approx(1, abs=1e-5)
        assert (sights[0].x_BT > 0).all() and (sights[0].x_BT < 1).all()
        for other in sights[1:]:
            assert other.things_BT == pytest.approx(sights[0].things_BT, abs=1e-4)


def test_judges_that_cannot_be_used_say_why(tmp_path):
    with pytest.raises(JudgeError, match=r"pack\.train judge"):
        load_judges(tmp_path)
    name, shape = next(iter(SHAPES.items()))
    save_judge(Judge(name, JudgeNet(shape)), shape, tmp_path)
    (tmp_path / f"{name}.safetensors").write_bytes(b"no tensors")
    with pytest.raises(JudgeError, match="does not load"):
        load_judges(tmp_path)
    told = json.loads((tmp_path / "judge.json").read_text())
    told["world"]["things"][0] = "unicorn"
    (tmp_path / "judge.json").write_text(json.dumps(told))
    with pytest.raises(JudgeError, match="another vocabulary"):
        load_judges(tmp_path)
    (tmp_path / "judge.json").write_text("[]")
    with pytest.raises(JudgeError, match="does not describe"):
        load_judges(tmp_path)
    with pytest.raises(JudgeError, match="uint8 pictures"):
        Judge(name, JudgeNet(shape)).look(np.zeros((1, 128, 128, 3), np.float32))


@pytest.mark.parametrize("name", SETS)
def test_a_right_sight_passes_every_prompt_of_every_set(name):
    specs = prompt_set(name, 40)
    sight = ideal(specs)
    assert all(everything(sight, b, spec) for b, spec in enumerate(specs))
    shuffled = ideal(specs[1:] + specs[:1])
    assert not all(everything(shuffled, b, spec) for b, spec in enumerate(specs))


def test_prompt_sets_ask_for_what_they_are_named_after():
    sets = {name: prompt_set(name, 40, 3) for name in SETS}
    combination = {name: [(m, s.place.name, s.time) for s in specs for m in s.mains] for name, specs in sets.items()}
    assert all(held_out(*c) for c in combination["held out"])
    assert not any(held_out(*c) for name in SETS if name != "held out" for c in combination[name])
    assert all(len(s.mains) == 2 for s in sets["two"] + sets["two colours"])
    assert {s.name_sides for s in sets["two"]} == {True, False}
    assert (
        all(s.sky for s in sets["sky"])
        and all(s.size for s in sets["size"])
        and all(s.weather for s in sets["weather"])
    )
    assert all(len({c for _, c in s.colours}) == 2 for s in sets["two colours"])
    plain = [s for name in ("trained", "held out", "two", "sky") for s in sets[name]]
    assert not any(s.colours or s.size or s.weather for s in plain)
    assert all(s.name_time for specs in sets.values() for s in specs)
    assert sets == {name: prompt_set(name, 40, 3) for name in SETS}
    with pytest.raises(UnknownNameError, match="did you mean 'weather'"):
        prompt_set("wether", 5)


def test_each_held_out_combination_gets_its_seeds():
    triples = held_out_combinations()
    for count in (1, 100):
        drawn = [s.caption for s in prompt_set("held out", count)]
        assert {drawn.count(s.caption) for s in triples} == {len(drawn) // len(triples)}
        assert len(drawn) >= max(count, LEAST_SEEDS * len(triples))


def test_verdicts_turn_with_the_one_thing_they_are_about():
    one = SceneSpec(("fox",), PLACE["meadow"], "day", "moon", size="big")
    two = SceneSpec(
        ("car", "house"), PLACE["desert"], "night", colours=(("car", "red"), ("house", "blue")), name_sides=True
    )

    def changed(spec, field, thing, value):
        sight = ideal([spec])
        getattr(sight, field)[0, THINGS.index(thing)] = value
        return sight

    assert not main_right(changed(one, "things_BT", "fox", 0.4), 0, one)
    assert not main_right(changed(one, "things_BT", "lion", 0.95), 0, one)
    assert main_right(changed(one, "things_BT", "star", 0.95), 0, one)
    assert not sky_right(changed(one, "things_BT", "star", 0.95), 0, one)
    assert not sky_right(ideal([one]), 0, dataclasses.replace(one, sky=None))
    assert not size_right(changed(one, "height_BT", "fox", 8), 0, one)
    assert not once(changed(one, "doubled_BT", "moon", 0.9), 0, one)
    assert once(changed(one, "doubled_BT", "lion", 0.9), 0, one)
    assert sides_right(ideal([two]), 0, two) and not sides_right(changed(two, "x_BT", "car", 0.9), 0, two)
    assert sides_right(ideal([one]), 0, one) is None and colours_right(ideal([one]), 0, one) is None
    swapped = dataclasses.replace(two, colours=(("car", "blue"), ("house", "red")))
    assert colours_right(ideal([two]), 0, two) and not colours_right(ideal([swapped]), 0, two)


def test_intervals_are_wilsons_and_widen_when_pictures_of_a_prompt_are_alike():
    right = [True] * 8 + [False] * 2
    alone = share_interval(right, [str(i) for i in range(10)])
    assert (alone.low, alone.high) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert share_interval([True] * 20, ["a"] * 20).low == pytest.approx(20 / (20 + 3.8415), abs=1e-4)
    clones = share_interval(np.repeat(right, 5), np.repeat(range(10), 5).astype(str))
    assert clones.high - clones.low == pytest.approx(alone.high - alone.low, rel=0.1)
    spread = share_interval(np.tile(right, 5), np.repeat(range(5), 10).astype(str))
    assert spread.high - spread.low < 0.6 * (clones.high - clones.low)
    with pytest.raises(ValueError, match="at least one"):
        share_interval([], [])


@pytest.fixture(scope="module")
def judges():
    return load_judges(FOLDER)


def test_shipped_judges_know_rendered_scenes(judges):
    """Also the combinations that no generator has seen; bounds well below the card's figures."""
    specs = prompt_set("trained", 40, 5) + prompt_set("sky", 30, 5) + held_out_combinations() + prompt_set("two", 30, 5)
    rng = np.random.default_rng(6)
    pictures = np.stack([render(s, rng).image for s in specs])
    for judge in judges:
        sight = judge.look(pictures)
        assert np.mean([main_right(sight, b, s) for b, s in enumerate(specs)]) > 0.93
        said = [sides_right(sight, b, s) for b, s in enumerate(specs)]
        assert np.mean([a for a in said if a is not None]) > 0.9
        assert (
            np.mean(sight.answers["place"].argmax(1) == [QUESTIONS["place"].index(s.place.name) for s in specs]) > 0.95
        )


def test_shipped_judges_find_nothing_where_nothing_is(judges):
    rng = np.random.default_rng(8)
    bare = [dataclasses.replace(sample_spec(rng, attribute_share=0, sky_share=0), mains=()) for _ in range(40)]
    pictures = np.stack([render(s, rng).image for s in bare])
    for judge in judges:
        assert (judge.look(pictures).things_BT > 0.5).mean() < 0.005


def test_a_report_counts_verdicts_of_each_judge_beside_its_ceilings(judges):
    """Rendered pictures in the place of generated ones, a third of them of another prompt."""
    specs = prompt_set("trained", 30, 9)
    plain = np.stack([render(s, np.random.default_rng(i)).image for i, s in enumerate(specs)])
    mixed = plain.copy()
    mixed[:10] = 255 - plain[:10]
    shown = {"generated": mixed, "rendered": plain, "autoencoder": plain}
    blind = Judge("blind", JudgeNet(SHAPES["second"]).eval())
    for weights in blind.net.parameters():
        torch.nn.init.zeros_(weights)
    report = _judged(specs, [s.caption for s in specs], [judges[0], blind], shown)
    row = report["main"]["judges"][judges[0].name]
    assert row["rendered"] == row["autoencoder"] > 0.9
    assert 0.5 < row["share"] < row["rendered"] and row["low"] <= row["share"] <= row["high"]
    assert row["count"] == 30 and "sides" not in report and "colour" not in report
    assert report["main"]["agreement"] == pytest.approx(1 - row["share"])
    alone = _judged(specs, [s.caption for s in specs], judges[:1], shown)
    assert alone["main"]["agreement"] is None
    told = [len(part["judges"]) for part in report.values()]  # what hangs on the main thing is not asked of the blind
    assert max(told) == 2 and len(table({"trained": report}).splitlines()) == 2 + sum(told)
