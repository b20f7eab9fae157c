"""The command line of the training, and what the cards say without being told."""

from __future__ import annotations

import json
from itertools import product

import numpy as np
import pytest
import torch

from mobaigc_sim.media.pack.scenes import sample_spec
from mobaigc_sim.media.pack.train import clip, judge, quality, vae
from mobaigc_sim.media.pack.train.__main__ import STAGES, WEIGHTS, main
from mobaigc_sim.media.pack.train.cards import Recipe, world
from mobaigc_sim.media.pack.train.warm_start import CLIP_FILE, origin
from mobaigc_sim.media.pack.vocabulary import OBJECTS, PLACES, TIMES, held_out


def run(monkeypatch, *words):
    monkeypatch.setattr("sys.argv", ["train", *map(str, words)])
    main()


def test_cards_count_what_scenes_show():
    rng = np.random.default_rng(0)
    specs = [sample_spec(rng, attribute_share=1) for _ in range(1500)]
    triples = [(o, p, t) for o, p, (t, _) in product(OBJECTS, PLACES, TIMES) if o.kind == p.holds]
    found = {
        "things": {t for s in specs for t in s.things},
        "places": {s.place.name for s in specs},
        "times of day": {s.time for s in specs},
        "weathers": {s.weather for s in specs if s.weather},
        "colours": {c for s in specs for _, c in s.colours},
        "sizes": {s.size for s in specs if s.size},
        f"of the {len(triples)}": [1 for o, p, t in triples if held_out(o.name, p.name, t)],
    }
    for what, shown in found.items():
        assert f" {len(shown)} {what}" in f" {world()}".replace("\n", " ")


@pytest.mark.parametrize("stage", ["sprites", "judge"])
def test_stages_that_begin_from_nothing_refuse_a_start(monkeypatch, capsys, stage):
    assert stage in STAGES
    with pytest.raises(SystemExit):
        run(monkeypatch, stage, "--start-from", WEIGHTS)
    assert f"the stage {stage} takes no --start-from" in capsys.readouterr().err


def test_a_start_that_is_not_there_is_one_error(monkeypatch, capsys, tmp_path):
    with pytest.raises(SystemExit):
        run(monkeypatch, "vae", "--start-from", tmp_path / "none")
    assert "expected a weights folder" in capsys.readouterr().err


def test_the_autoencoder_starts_from_a_weights_folder_and_remembers_it(monkeypatch, tmp_path):
    asked = {}

    def train(workdir, **how):
        asked.update(how)
        return vae.build(), 60.0

    monkeypatch.setattr(vae, "train", train)
    run(monkeypatch, "vae", "--workdir", tmp_path, "--start-from", WEIGHTS, "--steps", 3, "--seed", 7)
    folder = WEIGHTS / "generator" / "vae"
    assert asked == {"steps": 3, "batch": 16, "seed": 7, "start_from": folder}
    recipe = Recipe(**json.loads((tmp_path / "vae" / "recipe.json").read_text()))
    assert recipe == Recipe(3, 16, 7, 60.0, origin(folder, vae.WEIGHTS_FILE))
    assert recipe.start in str(recipe) and "earlier weights" not in str(Recipe(3, 16, 7, 60.0))


def test_the_history_reaches_the_judges(monkeypatch, tmp_path):
    told = []
    monkeypatch.setattr(judge, "train", lambda *_, history: told.append(history))
    run(monkeypatch, "judge", "--workdir", tmp_path, "--history", "It rained.")
    assert told == ["It rained."]


@pytest.mark.parametrize("warm", [True, False])
def test_the_scorers_say_which_weights_they_began_with(monkeypatch, tmp_path, warm):
    recipes = []
    monkeypatch.setattr(clip, "unrelated_cosine", lambda *_: 0.0)
    monkeypatch.setattr(clip, "clip_card", lambda out, recipe: recipes.append(recipe))
    monkeypatch.setattr(quality, "decoded_scenes", lambda *_: None)
    monkeypatch.setattr(quality, "quality_card", lambda out, vae, recipe: recipes.append(recipe))
    start = ["--start-from", WEIGHTS] if warm else []
    for module, stage in ((clip, "clip"), (quality, "quality")):
        fit = module.fit
        monkeypatch.setattr(module, "fit", lambda workdir, steps, *rest, fit=fit: fit(workdir, 0, *rest))
        run(monkeypatch, stage, "--workdir", tmp_path / "work", "--out", tmp_path / "out", *start)
    files = {"clip": CLIP_FILE, "quality": quality.WEIGHTS_FILE}
    expected = [origin(WEIGHTS / stage, file) if warm else "" for stage, file in files.items()]
    assert [r.start for r in recipes] == expected
    if warm:
        shipped = quality.build(0, WEIGHTS / "quality").state_dict()
        saved = quality.build(0, tmp_path / "out" / "quality").state_dict()
        assert all(torch.equal(saved[k], v) for k, v in shipped.items())
