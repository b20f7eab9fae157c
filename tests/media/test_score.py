"""The shipped scorers, through the public class: ranges, exact values, orders under known damage, and clear errors."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobaigc_sim.errors import MobaigcError, UnknownNameError
from mobaigc_sim.media.pack.train import figures
from mobaigc_sim.media.pack.train.edits import sample
from mobaigc_sim.media.reference_metrics import PSNR_CAP_DB
from mobaigc_sim.media.score import EMBEDDED, EmbeddedScorer, Scorer, ScorerError, scorers

FILES = (
    "clip/open_clip_config.json",
    "clip/open_clip_model.safetensors",
    "clip/similarity.json",
    "quality/cnniqa.safetensors",
    "quality/quality.json",
)


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a scorer reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(scope="module")
def scorer():
    return EmbeddedScorer()


@pytest.fixture(scope="module")
def pictures():
    return np.stack([s.image for s in figures.fresh_scenes(5151, 16)])


@pytest.fixture(scope="module")
def under_edits(scorer):
    return {k: v.mean() for k, v in figures.similarity_under_edits(scorer, 8080, 64).items()}


def test_identical_pictures_have_similarity_exactly_one(pictures):
    found = EmbeddedScorer().score(pictures, pictures.copy())
    assert (found.s_B == 1).all()
    assert (found.psnr_db_B == PSNR_CAP_DB).all()
    assert found.ssim_B == pytest.approx(1)


def test_scores_lie_in_the_unit_interval_even_for_pictures_that_are_no_scenes(scorer, pictures):
    rng = np.random.default_rng(0)
    odd = [rng.integers(0, 256, (128, 128, 3)), np.zeros((128, 128, 3)), np.full((128, 128, 3), 255), pictures[1]]
    odd = np.stack(odd).astype(np.uint8)
    found = scorer.score(pictures[:4], odd, 0.3)
    for values in (found.s_B, found.q_B, found.jpsq_B):
        assert ((values >= 0) & (values <= 1)).all()
    assert found.q_B[0] < 0.5 < found.q_B[3]


def test_similarity_falls_with_the_severity_of_the_edit(under_edits):
    s = under_edits
    assert 1 > s["recompressed"] > s["other place"] > s["other colour"] > s["object swapped"] > s["another scene"]
    assert s["other place"] > s["other time of day"] > s["object swapped"]
    assert min(s["recompressed"], s["background repainted"]) > max(s["other position"], s["other weather"])
    assert min(s["other position"], s["other weather"]) > s["object swapped"]
    assert s["recompressed"] > 0.97 and s["another scene"] < 0.35


def test_hiding_a_thing_costs_more_similarity_than_hiding_as_much_background(scorer):
    originals, without_thing, without_ground = [], [], []
    rng = np.random.default_rng(3)
    while len(originals) < 32:
        scene = sample(rng).render()
        thing = np.any([scene.masks[name] for name in scene.spec.mains], axis=0)
        if thing.mean() > 0.35:
            continue
        ground = np.zeros(thing.size, bool)
        free = np.flatnonzero(~np.any(list(scene.masks.values()), axis=0).ravel())
        ground[free[: int(thing.sum())]] = True
        fill = scene.image.mean((0, 1)).astype(np.uint8)
        originals.append(scene.image)
        without_thing.append(np.where(thing[..., None], fill, scene.image))
        without_ground.append(np.where(ground.reshape(thing.shape)[..., None], fill, scene.image))
    stack = np.stack(originals)
    thing_lost = scorer.similarity(stack, np.stack(without_thing).astype(np.uint8)).mean()
    ground_lost = scorer.similarity(stack, np.stack(without_ground).astype(np.uint8)).mean()
    assert thing_lost < ground_lost - 0.1


@pytest.mark.parametrize("name", ["blur", "webp", "jpeg", "noise", "rescale", "flat_patches", "avif"])
def test_quality_falls_as_damage_grows(scorer, pictures, name):
    means = [scorer.quality(pictures).mean()]
    means += [scorer.quality(p).mean() for p in figures.ladder(name, pictures, (0.2, 0.5, 0.8))]
    assert all(b < a for a, b in pairwise(means)), means
    assert means[0] > 0.85


class Fixed(Scorer):
    def __init__(self, s, q):
        self.s, self.q = s, q

    def similarity(self, originals, recovered):
        return np.full(len(originals), self.s)

    def quality(self, pictures):
        return np.full(len(pictures), self.q)


unit = st.floats(0, 1)


@given(unit, unit, unit)
def test_jpsq_is_the_weighted_mean_and_lies_between_its_parts(s, q, w):
    black = np.zeros((2, 16, 16, 3), np.uint8)
    found = Fixed(s, q).score(black, black, w)
    assert found.weight == w
    assert found.jpsq_B == pytest.approx(w * s + (1 - w) * q)
    assert (found.jpsq_B >= min(s, q) - 1e-12).all() and (found.jpsq_B <= max(s, q) + 1e-12).all()


def test_jpsq_of_the_shipped_scorer_joins_its_s_and_q(scorer, pictures):
    found = scorer.score(pictures[:4], pictures[4:8], 0.25)
    assert np.array_equal(found.s_B, scorer.similarity(pictures[:4], pictures[4:8]))
    assert np.array_equal(found.q_B, scorer.quality(pictures[4:8]))
    assert found.jpsq_B == pytest.approx(0.25 * found.s_B + 0.75 * found.q_B)


def test_order_and_size_of_batches_do_not_matter_and_runs_repeat(scorer, pictures):
    a, b = pictures[:8], pictures[8:]
    order = np.random.default_rng(1).permutation(8)
    whole, again, mixed = scorer.score(a, b), scorer.score(a, b), scorer.score(a[order], b[order])
    small = EmbeddedScorer(EmbeddedScorer.Config(batch=3)).score(a, b)
    for field in ("s_B", "q_B", "jpsq_B", "psnr_db_B", "ssim_B"):
        value = getattr(whole, field)
        assert np.array_equal(value, getattr(again, field))
        assert getattr(mixed, field) == pytest.approx(value[order], abs=1e-5)
        assert getattr(small, field) == pytest.approx(value, abs=1e-5)


def test_an_empty_batch_gives_empty_scores(scorer):
    none = np.zeros((0, 128, 128, 3), np.uint8)
    assert scorer.similarity(none, none).shape == scorer.quality(none).shape == (0,)


def test_larger_pictures_are_scored_too(scorer, pictures):
    large = np.repeat(np.repeat(pictures[:2], 2, 1), 2, 2)
    found = scorer.score(large, large[::-1])
    assert found.s_B == pytest.approx(scorer.similarity(pictures[:2], pictures[1::-1]), abs=0.1)


def test_a_copied_folder_scores_the_same(scorer, pictures, tmp_path):
    shutil.copytree(EMBEDDED / "clip", tmp_path / "clip")
    shutil.copytree(EMBEDDED / "quality", tmp_path / "quality")
    copy = scorers.get("embedded")(EmbeddedScorer.Config(path=str(tmp_path)))
    assert np.array_equal(
        copy.score(pictures[:3], pictures[3:6]).jpsq_B, scorer.score(pictures[:3], pictures[3:6]).jpsq_B
    )


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(pictures, tmp_path, name):
    for file in FILES:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        if file != name:
            shutil.copy(EMBEDDED / file, tmp_path / file)
    with pytest.raises(MobaigcError) as caught:
        EmbeddedScorer(EmbeddedScorer.Config(path=str(tmp_path))).score(pictures[:1], pictures[:1])
    assert str(tmp_path / name) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_one_error(pictures, tmp_path, name):
    for file in FILES:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        shutil.copy(EMBEDDED / file, tmp_path / file)
    (tmp_path / name).write_text("not this")
    with pytest.raises(ScorerError, match=r"expects|does not load"):
        EmbeddedScorer(EmbeddedScorer.Config(path=str(tmp_path))).score(pictures[:1], pictures[1:2])


def test_without_pyiqa_quality_says_what_to_install_and_similarity_works(monkeypatch, pictures):
    monkeypatch.setitem(sys.modules, "pyiqa", None)
    lonely = EmbeddedScorer()
    assert lonely.similarity(pictures[:2], pictures[:2]).tolist() == [1, 1]
    with pytest.raises(ScorerError, match="pip install pyiqa"):
        lonely.quality(pictures[:2])


def test_importing_the_module_loads_no_model_library_and_sets_no_environment():
    code = (
        "import os, sys; before = dict(os.environ); import mobaigc_sim.media.score as s; s.EmbeddedScorer();"
        "assert not {'pyiqa', 'open_clip', 'torch'} & set(sys.modules); assert dict(os.environ) == before"
    )
    source = Path(__file__).parents[2] / "src"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": str(source)})


def test_loading_and_scoring_leave_the_global_random_state_alone(pictures):
    import torch

    before = torch.get_rng_state()
    EmbeddedScorer().score(pictures[:1], pictures[1:2])
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("originals", "recovered", "weight", "message"),
    [
        (np.zeros((1, 64, 64, 3), np.uint8), np.zeros((2, 64, 64, 3), np.uint8), 0.5, "one shape"),
        (np.zeros((1, 64, 64, 3), np.float32), np.zeros((1, 64, 64, 3), np.uint8), 0.5, "uint8"),
        (np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64, 3), np.uint8), 0.5, "uint8 pictures"),
        (np.zeros((1, 64, 64, 3), np.uint8), np.zeros((1, 64, 64, 3), np.uint8), 1.5, r"\[0, 1\]"),
    ],
)
def test_what_cannot_be_scored_is_refused(scorer, originals, recovered, weight, message):
    with pytest.raises(ScorerError, match=message):
        scorer.score(originals, recovered, weight)


def test_pictures_smaller_than_a_window_are_refused(scorer):
    with pytest.raises(ScorerError, match="at least 32 px"):
        scorer.quality(np.zeros((1, 16, 16, 3), np.uint8))


def test_unknown_scorers_get_the_nearest_name():
    assert scorers.names() == ("combined", "embedded")
    with pytest.raises(UnknownNameError, match="did you mean 'embedded'"):
        scorers.get("embeded")


def test_shipped_files_are_small_and_without_pickles():
    sizes = {f: sum(p.stat().st_size for p in (EMBEDDED / f).iterdir()) for f in ("clip", "quality")}
    assert sizes["clip"] <= 10e6 and sizes["quality"] <= 3e6
    kinds = {p.suffix for f in sizes for p in (EMBEDDED / f).iterdir()}
    assert kinds == {".json", ".safetensors", ".md"}
    assert 0 <= json.loads((EMBEDDED / "clip/similarity.json").read_text())["floor"] < 0.5
