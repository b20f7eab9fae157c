"""Training of the autoencoder and the text-to-image model: the losses mean what they say, the steps learn."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from mobaigc_sim.media.attention import recording
from mobaigc_sim.media.pack.drawing import render
from mobaigc_sim.media.pack.scenes import SceneSpec
from mobaigc_sim.media.pack.train import generator, vae
from mobaigc_sim.media.pack.train.common import scenes
from mobaigc_sim.media.pack.train.tokenizer import build_tokenizer
from mobaigc_sim.media.pack.vocabulary import PLACES


def test_words_own_the_cells_that_their_thing_covers() -> None:
    meadow = next(p for p in PLACES if p.name == "meadow")
    scene = render(SceneSpec(("pine tree",), meadow, "night", "star"), np.random.default_rng(0))
    ids, owner, share = generator.annotate(scene, build_tokenizer())
    words = dict(zip(build_tokenizer().convert_ids_to_tokens(ids), owner, strict=True))
    assert {w: words[w] for w in ("pine", "tree", "star", "meadow", "night", "a", "sky")} == {
        "pine": 1, "tree": 1, "star": 2, "meadow": 0, "night": 0, "a": -1, "sky": -1,
    }  # fmt: skip
    assert share[:3].sum(0) == pytest.approx(np.full((16, 16), 255), abs=2)
    assert share[1].sum() / 255 * 64 == pytest.approx(scene.masks["pine tree"].sum(), rel=0.02)


def test_attention_loss_is_zero_where_every_word_keeps_to_its_cells_and_positive_elsewhere() -> None:
    owner_of_token = torch.tensor([[0, 1, -1]])
    share = torch.zeros(1, generator.OWNERS, 16, 16)
    share[0, 1, :8], share[0, 0, 8:] = 1, 1
    right = torch.zeros(1, 256, 3)
    right[0, :128, 1], right[0, 128:, 0] = 1, 1
    assert generator.attention_loss([right], owner_of_token, share).item() == pytest.approx(0, abs=1e-6)
    even = torch.full((1, 256, 3), 1 / 3)
    assert generator.attention_loss([even], owner_of_token, share).item() == pytest.approx(np.log(3), rel=1e-3)
    coarse = torch.zeros(1, 16, 3)
    assert generator.attention_loss([right, coarse], owner_of_token, share).item() == pytest.approx(0, abs=1e-6)


def test_the_autoencoder_begins_with_the_weights_that_it_is_given_and_learns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vae, "SCALE_SCENES", 8)
    torch.manual_seed(1)
    earlier = vae.build()
    earlier.half().save_pretrained(tmp_path / "earlier")
    start, work = vae.build(tmp_path / "earlier"), tmp_path / "work"
    assert all(torch.equal(v, earlier.state_dict()[k].float()) for k, v in start.state_dict().items())
    work.mkdir()
    trained, _ = vae.train(work, steps=8, batch=4, seed=2, start_from=tmp_path / "earlier")
    moved = max(float((v - start.state_dict()[k]).abs().max()) for k, v in trained.state_dict().items())
    assert 0 < moved < 0.01
    assert vae.psnr_db(trained, 9, 4).mean() > vae.psnr_db(start, 9, 4).mean()


def errors(model: generator.TextToImage, cache: generator.LatentCache) -> tuple[float, float]:
    """Flow and attention loss half-way through the schedule, on the whole cache under fixed noise."""
    probs: list[torch.Tensor] = []
    x0 = cache.latents.float()
    noise = torch.randn(x0.shape, generator=torch.Generator().manual_seed(1))
    with torch.no_grad(), recording(model.unet, lambda _, p: probs.append(p)):
        words = model.text_encoder(cache.ids).last_hidden_state
        velocity = model.unet((x0 + noise) / 2, torch.full((len(x0),), 500.0), words).sample
    attention = generator.attention_loss(probs, cache.owner_of_token, cache.owner_share / 255)
    return float((velocity - (noise - x0)).square().mean()), float(attention)


def test_a_few_steps_lower_both_losses_of_the_text_to_image_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generator, "CHUNK", 16)
    tokenizer, autoencoder = build_tokenizer(), vae.build()
    cache = generator.cached_scenes(tmp_path, autoencoder, tokenizer, 1, seed=0)
    fresh = generator.encode_scenes(itertools.islice(scenes(0), 16), autoencoder, tokenizer)
    assert torch.equal(generator.cached_scenes(tmp_path, autoencoder, tokenizer, 1, seed=0).latents, cache.latents)
    assert torch.equal(fresh.ids, cache.ids)
    torch.manual_seed(0)
    before = errors(generator.TextToImage(tokenizer), cache)
    model, seconds = generator.train(tmp_path, cache, tokenizer, steps=40, batch=8, seed=0)
    after = errors(model, cache)
    assert after[0] < 0.95 * before[0]
    assert after[1] < 0.95 * before[1]
    assert seconds > 0
