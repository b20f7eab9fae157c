"""Training the scorers: edits that change one thing, labels that mean what they say, loops that learn and resume."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch

from mobaigc_sim.media.pack.drawing import render
from mobaigc_sim.media.pack.train import clip, decoded, distort, quality
from mobaigc_sim.media.pack.train.common import Loop, scenes
from mobaigc_sim.media.pack.train.edits import EDITS, meaning, other_object, other_position, repaint, sample
from mobaigc_sim.media.pack.train.figures import (
    fresh_scenes,
    held_out_content,
    ladder,
    quality_in_weather,
    rank,
    unseen_combinations,
)
from mobaigc_sim.media.pack.train.opinion import components, pseudo_opinion
from mobaigc_sim.media.pack.train.tokenizer import build_tokenizer
from mobaigc_sim.media.pack.vocabulary import held_out
from mobaigc_sim.media.reference_metrics import luma, ssim_map
from mobaigc_sim.media.score import EmbeddedScorer

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
            item = drawing.mains[0]
            assert abs(moved.mains[0].left - item.left) >= (drawing.size - item.width) / 2


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
    first, again, later = clip.examples(1, 5, 12), clip.examples(1, 5, 12), clip.examples(1, 6, 12)
    assert len(first) == 12
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


@pytest.fixture(scope="module")
def vae(tmp_path_factory):
    from diffusers import AutoencoderKL

    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 2,
            up_block_types=("UpDecoderBlock2D",) * 2,
            block_out_channels=(8, 8),
            norm_num_groups=4,
        )
    folder = tmp_path_factory.mktemp("vae")
    model.save_pretrained(folder)
    return folder


def test_round_trip_without_noise_is_the_autoencoder_and_noise_moves_away_from_it(vae, pictures):
    model = decoded.load_vae(vae)
    plain, mild, severe = (decoded.round_trip(model, pictures, x, 1).astype(float) for x in (0.0, 0.3, 1.0))
    x = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
    expected = model.decode(model.encode(x).latent_dist.mode()).sample.permute(0, 2, 3, 1).numpy() * 127.5 + 127.5
    assert np.abs(plain - expected.clip(0, 255)).max() <= 0.51
    assert 0 < np.abs(mild - plain).mean() < np.abs(severe - plain).mean()


def test_decoded_scenes_are_made_once_and_are_those_of_their_seed(vae, tmp_path):
    made = decoded.decoded_scenes(tmp_path, vae, 3, 5)
    again = decoded.decoded_scenes(tmp_path, tmp_path / "nothing here", 3, 5)
    assert np.array_equal(made.clean, again.clean) and np.array_equal(made.shown, again.shown)
    source = scenes(3)
    assert all(np.array_equal(picture, next(source).image) for picture in made.clean)
    assert made.shown.shape == (5, 2, 128, 128, 3)


def test_inpainted_pictures_hold_patches_of_both_sources(pictures):
    black = np.zeros_like(pictures[0])
    for seed in range(6):
        shown = decoded.inpainted(pictures[0], black, np.random.default_rng(seed)).astype(int)
        patches = shown.reshape(8, 16, 8, 16, 3).swapaxes(1, 2).reshape(64, -1).max(1)
        assert patches.min() < 0.5 * patches.max()


def test_batches_take_some_scenes_from_the_pool(monkeypatch, pictures):
    pool = decoded.Decoded(pictures[:2], np.stack([pictures[2:4], pictures[4:6]]))
    monkeypatch.setattr(quality, "DECODED_SHARE", 1.0)
    batch = quality.make_batch(1, 0, 4, pool)
    found = (batch.pictures[:3] * 255).round().byte().permute(0, 2, 3, 1).numpy()
    k = [np.array_equal(found[0], p) for p in pool.clean].index(True)
    assert np.array_equal(found[1:], pool.shown[k])
    clean = pool.clean[[k, k]]
    assert batch.opinion[1:3].numpy() == pytest.approx(pseudo_opinion(clean, pool.shown[k]), abs=1e-6)


def test_difference_loss_sees_order_inside_a_scene_and_not_the_level_of_the_scene():
    target = torch.rand(8, 5, generator=torch.Generator().manual_seed(0))
    shift = torch.tensor([0.3, -0.2]).repeat_interleave(quality.VERSIONS)[:, None]
    same = quality.losses(target, target)
    shifted = quality.losses(target + shift, target)
    assert all(value == 0 for value in same.values())
    assert shifted["difference"] == pytest.approx(0, abs=1e-10)
    assert shifted["picture"] == pytest.approx((0.3 + 0.2) / 2 - 0.05, abs=1e-6)
    assert quality.losses(target.flip(0), target)["difference"] > 0.01


def test_training_begins_with_the_weights_that_it_is_given(tmp_path):
    earlier = quality.build(5)
    quality.save(earlier, tmp_path)
    for key, value in quality.build(6, tmp_path).state_dict().items():
        assert torch.equal(value, earlier.state_dict()[key])
    assert not torch.equal(quality.build(6).state_dict()["fc1.weight"], earlier.state_dict()["fc1.weight"])


def test_shipped_quality_ranks_unseen_codecs_and_does_not_punish_weather():
    scorer = EmbeddedScorer()
    clean = held_out_content(505, 16)
    for name in ("avif", "jpeg2000"):
        assert name in distort.HELD_OUT
        steps = ladder(name, clean)
        q = np.stack([scorer.quality(p) for p in steps])
        opinion = np.stack([pseudo_opinion(clean, p).mean(1) for p in steps])
        assert rank(q, opinion) > 0.8, name
        assert all(np.diff(q.mean(1)) < 0), name
    weather = quality_in_weather(scorer, 506, 24)
    assert all(abs(q.mean() - weather["clear"].mean()) < 0.05 for q in weather.values())


def clip_loss(module):
    module.eval()
    with torch.no_grad():
        return float(clip.loss(module, clip.examples(77, 0, 24), build_tokenizer())[0])


def test_a_few_steps_lower_the_loss_of_the_semantic_scorer(tmp_path):
    start, _ = clip.fit(tmp_path, 0, 24, 2)
    before = clip_loss(start)
    (tmp_path / "clip.ckpt").unlink()
    trained, seconds = clip.fit(tmp_path, 8, 24, 2)
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
    expected, _ = stage.fit(whole, 3, 6, 3)

    make = getattr(stage, source)

    def stopping(seed, step, *rest):
        if step == 2:
            raise KeyboardInterrupt
        return make(seed, step, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(stage, source, stopping)
        with pytest.raises(KeyboardInterrupt):
            stage.fit(parts, 3, 6, 3)
    found, _ = stage.fit(parts, 3, 6, 3)
    for key, value in expected.state_dict().items():
        assert torch.equal(found.state_dict()[key], value), key


def test_building_models_leaves_the_global_random_state_alone(tmp_path):
    before = torch.get_rng_state()
    clip.fit(tmp_path, 0, 8, 1)
    quality.fit(tmp_path, 0, 8, 1)
    assert torch.equal(before, torch.get_rng_state())
