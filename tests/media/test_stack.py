"""The whole media stack on the shipped models: real pictures, real bytes, real scores."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from mobaigc_sim.media.cache_cost import measure_cache
from mobaigc_sim.media.config import MediaConfig
from mobaigc_sim.media.model_set import EMBEDDED, ModelSetError, load_model_set
from mobaigc_sim.media.pack.drawing import render
from mobaigc_sim.media.pack.evaluate import pointing_game, scene_attention
from mobaigc_sim.media.pack.scenes import sample_spec
from mobaigc_sim.media.stack import Delivery, MediaStack, Picture, model_hashes

PROMPTS = ["a fox on a snowy hill at night", "an apple on a wooden table during the day"]


@pytest.fixture(scope="module")
def stack() -> MediaStack:
    return MediaStack(MediaConfig())


@pytest.fixture(scope="module")
def pictures(stack: MediaStack) -> list[Picture]:
    return stack.generate(PROMPTS, [1, 2])


def test_importance_has_mass_one_and_objects_outweigh_stop_words(pictures: list[Picture]) -> None:
    for picture in pictures:
        assert picture.importance.sum() == pytest.approx(1)
    assert pictures[0].word_weights["fox"] > pictures[0].word_weights["snowy"] > pictures[0].word_weights["a"] == 0


def test_more_bytes_buy_more_attention(stack: MediaStack, pictures: list[Picture]) -> None:
    curve = stack.content_curve(pictures[0])
    assert (np.diff(curve.total_bytes) >= -0.1 * curve.total_bytes[-1]).all()
    assert curve.total_bytes[-1] > 1.5 * curve.total_bytes[0]
    assert (np.diff(curve.importance) >= 0).all()
    for keep, total in zip(curve.keep, curve.total_bytes, strict=True):
        assert sum(map(len, stack.offer(pictures[0], float(keep)))) == total


def test_every_prefix_of_the_packets_gives_a_scored_picture(stack: MediaStack, pictures: list[Picture]) -> None:
    packets = stack.offer(pictures[0], 0.8)
    outcomes = stack.finish([Delivery(pictures[0], packets[:n]) for n in range(1, len(packets) + 1)])
    known = [o.known.mean() for o in outcomes]
    assert known == sorted(known)
    assert known[0] == 0
    for outcome in outcomes:
        assert outcome.inpainted
        assert outcome.jpsq == pytest.approx(0.5 * outcome.s + 0.5 * outcome.q)
    assert outcomes[-1].psnr_db > outcomes[0].psnr_db


def test_with_semantics_off_one_whole_packet_travels(pictures: list[Picture]) -> None:
    whole = MediaStack(MediaConfig(semantic=False))
    (packet,) = whole.offer(pictures[0], 0.3)
    (outcome,) = whole.finish([Delivery(pictures[0], [packet])])
    assert outcome.known.all()
    assert not outcome.inpainted
    assert outcome.psnr_db > 30


def test_the_cache_changes_nothing_and_spares_every_model(tmp_path: Path, pictures: list[Picture]) -> None:
    config = MediaConfig.model_validate({"cache": {"folder": str(tmp_path / "cache")}})
    first = MediaStack(config)
    first.check_prompts(PROMPTS)
    drawn = first.generate(PROMPTS, [1, 2])
    np.testing.assert_array_equal(drawn[0].image, pictures[0].image)
    curve, packets = first.content_curve(drawn[0]), first.offer(drawn[0], 0.4)
    (fresh,) = first.finish([Delivery(drawn[0], packets)])

    again = MediaStack(config)
    again.check_prompts(PROMPTS)
    cached = again.generate(PROMPTS, [1, 2])
    assert [p.word_weights for p in cached] == [p.word_weights for p in drawn]
    np.testing.assert_array_equal(cached[1].importance, drawn[1].importance)
    np.testing.assert_array_equal(again.content_curve(cached[0]).total_bytes, curve.total_bytes)
    assert again.offer(cached[0], 0.4) == packets
    assert [p.whole for p in cached] == [p.whole for p in drawn]
    (kept,) = again.finish([Delivery(cached[0], packets)])
    assert (kept.jpsq, kept.psnr_db, kept.inpainted) == (fresh.jpsq, fresh.psnr_db, fresh.inpainted)
    np.testing.assert_array_equal(kept.recovered, fresh.recovered)
    assert not {"models", "_scorer"} & set(vars(again))
    assert not any("encoder" in vars(picture) for picture in cached)


def test_another_w_is_another_jpsq_from_the_same_cache(tmp_path: Path) -> None:
    told = {"cache": {"folder": str(tmp_path)}, "generation": {"steps": 1}, "recovery": {"steps": 2}}
    jpsq = {}
    for w in (0.5, 0.2):
        stack = MediaStack(MediaConfig.model_validate({**told, "jpsq_weight": w}))
        (picture,) = stack.generate(PROMPTS[:1], [1])
        (outcome,) = stack.finish([Delivery(picture, stack.offer(picture, 0.5)[:1])])
        jpsq[w] = outcome.jpsq - w * (outcome.s - outcome.q) - outcome.q
    assert "_scorer" not in vars(stack)
    assert jpsq == pytest.approx({0.5: 0, 0.2: 0})


def test_a_lost_or_changed_model_file_is_told_at_once_whatever_the_cache_holds(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    shutil.copytree(EMBEDDED, folder)
    config = MediaConfig.model_validate({"models": str(folder), "cache": {"folder": str(tmp_path / "cache")}})
    MediaStack(config)
    assert "models" not in vars(MediaStack(config))
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    load_model_set.cache_clear()
    with pytest.raises(ModelSetError, match="does not load"):
        MediaStack(config)
    weights.unlink()
    with pytest.raises(ModelSetError, match=re.escape(str(weights))):
        MediaStack(config)


def test_a_request_asked_for_twice_in_a_batch_is_served_once(stack: MediaStack, pictures: list[Picture]) -> None:
    delivery = Delivery(pictures[0], stack.offer(pictures[0], 0.4)[:1])
    one, other, again = stack.finish([delivery, Delivery(pictures[1], stack.offer(pictures[1], 0.4)), delivery])
    assert one.recovered is again.recovered
    assert other.psnr_db != one.psnr_db


def test_a_hit_costs_a_fraction_of_the_first_request() -> None:
    quick = MediaConfig.model_validate({"generation": {"steps": 1}, "recovery": {"steps": 2}})
    cost = measure_cache(quick, PROMPTS[:1], [1])
    assert 0 < 2 * cost.hit_s < cost.first_s


def test_model_hashes_cover_everything_that_shapes_a_result() -> None:
    names = set(model_hashes(MediaConfig()))
    assert {
        "generator/unet/diffusion_pytorch_model.safetensors",
        "generator/scheduler/scheduler_config.json",
        "scorer/clip/open_clip_model.safetensors",
        "scorer/quality/cnniqa.safetensors",
    } <= names
    assert all(len(h) == 64 for h in model_hashes(MediaConfig()).values())


def test_attention_points_at_objects() -> None:
    rng = np.random.default_rng(20_000)
    scenes = [render(sample_spec(rng), rng) for _ in range(200)]
    found = pointing_game(scenes, scene_attention(MediaStack(MediaConfig()).models, scenes))
    assert found["objects"] >= 200
    assert found["hit"] >= 0.85 > 3 * found["chance"]
    assert found["iou"] >= 0.45
