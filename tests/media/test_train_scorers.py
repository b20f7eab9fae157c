"""Training the scorers: edits that change one thing, labels that mean what they say, loops that learn and resume."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch

from mobaigc_sim.media.pack.scenes import render
from mobaigc_sim.media.pack.train import clip, distort, quality
from mobaigc_sim.media.pack.train.common import Loop
from mobaigc_sim.media.pack.train.edits import EDITS, meaning, other_object, other_position, repaint, sample
from mobaigc_sim.media.pack.train.figures import fresh_scenes, ladder, unseen_combinations
from mobaigc_sim.media.pack.train.opinion import components, pseudo_opinion
from mobaigc_sim.media.pack.train.tokenizer import build_tokenizer
from mobaigc_sim.media.pack.vocabulary import held_out
from mobaigc_sim.media.reference_metrics import luma, ssim_map

ALL = {**distort.TRAINED, **distort.HELD_OUT}


@pytest.fixture(scope="module")
def pictures():
    return np.stack([s.image for s in fresh_scenes(404, 8)])


def drawings(count, seed=0):
    rng = np.random.default_rng(seed)
    return [sample(rng) for _ in range(count)], rng


def test_drawings_put_things_where_scenes_put_them():
    """Same words, many draws: the mean share of the picture that each thing covers agrees with `scenes.render`."""
    rng = np.random.default_rng(7)
    ours, theirs = [], []
    for _ in range(150):
        drawing = sample(rng)
        ours.append(sum(m.mean() for m in drawing.render().masks.values()))
        theirs.append(sum(m.mean() for m in render(drawing.spec, rng).masks.values()))
    assert np.mean(ours) == pytest.approx(np.mean(theirs), rel=0.1)


def test_repainting_leaves_the_things_alone():
    for drawing in drawings(10)[0]:
        a, b = drawing.render(), repaint(drawing, np.random.default_rng(1)).render()
        inside = np.any(list(a.masks.values()), axis=0)
        solid = inside & np.roll(inside, 2, 0) & np.roll(inside, -2, 0) & np.roll(inside, 2, 1) & np.roll(inside, -2, 1)
        change = np.abs(a.image.astype(int) - b.image).max(-1)
        assert all(np.array_equal(a.masks[k], b.masks[k]) for k in a.masks)
        assert np.median(change[solid]) <= 2
        assert change[~inside].mean() > change[solid].mean()


def test_swapping_a_thing_changes_the_picture_only_around_it():
    for drawing in drawings(10, 2)[0]:
        swapped = other_object(drawing, np.random.default_rng(3))
        if swapped is None:
            continue
        assert sum(a != b for a, b in zip(drawing.spec.mains, swapped.spec.mains, strict=True)) == 1
        assert meaning(drawing) @ meaning(swapped) < 0.8
        changed = (drawing.render().image != swapped.render().image).any(-1)
        assert changed.any() and not changed[:8].all()


def test_things_that_swap_sides_say_so_and_a_single_thing_moves():
    found, rng = drawings(60, 4)
    for drawing in found:
        moved = other_position(drawing, rng)
        if len(drawing.mains) == 2:
            assert moved.spec.mains == drawing.spec.mains[::-1]
        else:
            assert moved.spec == drawing.spec
            assert abs(moved.mains[0].left - drawing.mains[0].left) >= 8


def test_no_edit_shows_a_combination_that_is_kept_for_the_test():
    found, rng = drawings(120, 5)
    for drawing in found:
        for edit in EDITS.values():
            edited = edit(drawing, rng)
            if edited is not None:
                assert not any(held_out(m, edited.spec.place.name, edited.spec.time) for m in edited.spec.mains)
    assert all(held_out(s.spec.mains[0], s.spec.place.name, s.spec.time) for s in unseen_combinations(0))


def test_taught_similarity_falls_with_the_severity_of_the_edit():
    found, rng = drawings(300, 6)
    taught = {name: [] for name in EDITS}
    for drawing in found:
        here = meaning(drawing)
        assert here @ here == pytest.approx(1, abs=1e-5)
        for name, edit in EDITS.items():
            edited = edit(drawing, rng)
            if edited is not None:
                taught[name].append(here @ meaning(edited))
    mean = {name: np.mean(v) for name, v in taught.items()}
    assert mean["background repainted"] == pytest.approx(1)
    assert mean["other place"] > max(mean["other time of day"], mean["other position"])
    assert min(mean["other time of day"], mean["other position"]) > mean["object swapped"]


def test_hidden_things_count_less_in_the_meaning():
    drawing = next(d for d in drawings(20)[0] if len(d.mains) == 1)
    name = drawing.mains[0].name
    full = meaning(drawing)
    similar = [full @ meaning(drawing, {name: seen}) for seen in (1.0, 0.6, 0.3, 0.0)]
    assert similar == sorted(similar, reverse=True) and similar[-1] < 0.7


def test_batches_depend_on_seed_and_step_only():
    first, again, later = clip.examples(1, 5, 8), clip.examples(1, 5, 8), clip.examples(1, 6, 8)
    assert len(first) == 8
    assert all(np.array_equal(a.image, b.image) and a.caption == b.caption for a, b in zip(first, again, strict=True))
    assert not any(np.array_equal(a.image, b.image) for a, b in zip(first, later, strict=True))
    assert torch.equal(quality.make_batch(1, 5, 8).pictures, quality.make_batch(1, 5, 8).pictures)


@pytest.mark.parametrize("name", ALL)
def test_pseudo_opinion_is_one_for_clean_pictures_and_falls_with_damage(pictures, name):
    assert pseudo_opinion(pictures, pictures) == pytest.approx(1, abs=1e-4)
    means = [pseudo_opinion(pictures, p).mean() for p in ladder(name, pictures)]
    assert means == sorted(means, reverse=True)
    assert 0 <= means[-1] < 0.8 < means[0] < 1


def test_pseudo_opinion_of_another_scene_is_near_zero(pictures):
    assert pseudo_opinion(pictures, np.roll(pictures, 1, axis=0)).mean() < 0.25


def test_window_scores_are_means_over_the_windows_that_the_network_sees(pictures):
    a, b = pictures[:1], pictures[1:2]
    whole = ssim_map(luma(a), luma(b))
    tiles = quality.windows(torch.from_numpy(np.repeat(whole[:, None], 3, 1)))
    assert components(a, b)["ssim"] == pytest.approx(tiles[:, :, 0].mean((2, 3)).numpy(), abs=1e-4)


@pytest.mark.parametrize("name", ALL)
def test_distortions_keep_the_format_and_repeat(pictures, name):
    before = pictures[0].copy()
    out = [ALL[name](pictures[0], 0.6, np.random.default_rng(9)) for _ in range(2)]
    assert out[0].shape == before.shape and out[0].dtype == np.uint8
    assert np.array_equal(out[0], out[1]) and not np.array_equal(out[0], before)
    assert np.array_equal(pictures[0], before)


def clip_loss(module):
    module.eval()
    with torch.no_grad():
        return float(clip.loss(module, clip.examples(77, 0, 16), build_tokenizer())[0])


def test_a_few_steps_lower_the_loss_of_the_semantic_scorer(tmp_path):
    start, _ = clip.fit(tmp_path, 0, 16, 2)
    before = clip_loss(start)
    (tmp_path / "clip.ckpt").unlink()
    trained, seconds = clip.fit(tmp_path, 8, 16, 2)
    assert seconds > 0
    assert clip_loss(trained) < 0.9 * before


def test_a_few_steps_lower_the_loss_of_the_quality_scorer(tmp_path):
    def error(network):
        data = quality.make_batch(78, 0, 16)
        with torch.no_grad():
            guess = network(quality.windows(data.pictures).flatten(0, 1)).view_as(data.opinion)
        return float((guess - data.opinion).abs().mean())

    start, _ = quality.fit(tmp_path, 0, 8, 2)
    before = error(start)
    (tmp_path / "quality.ckpt").unlink()
    trained, _ = quality.fit(tmp_path, 12, 8, 2)
    assert error(trained) < 0.7 * before


@pytest.mark.parametrize(("stage", "source"), [(clip, "examples"), (quality, "make_batch")])
def test_an_interrupted_run_ends_where_an_unbroken_one_does(tmp_path, monkeypatch, stage, source):
    monkeypatch.setattr(stage, "Loop", partial(Loop, checkpoint_every_s=0.0))
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    expected, _ = stage.fit(whole, 3, 4, 3)

    make = getattr(stage, source)

    def stopping(seed, step, batch):
        if step == 2:
            raise KeyboardInterrupt
        return make(seed, step, batch)

    with monkeypatch.context() as patch:
        patch.setattr(stage, source, stopping)
        with pytest.raises(KeyboardInterrupt):
            stage.fit(parts, 3, 4, 3)
    found, _ = stage.fit(parts, 3, 4, 3)
    for key, value in expected.state_dict().items():
        assert torch.equal(found.state_dict()[key], value), key


def test_building_models_leaves_the_global_random_state_alone(tmp_path):
    before = torch.get_rng_state()
    clip.fit(tmp_path, 0, 8, 1)
    quality.fit(tmp_path, 0, 8, 1)
    assert torch.equal(before, torch.get_rng_state())
