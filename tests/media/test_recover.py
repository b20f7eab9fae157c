"""Recovery: what arrived stays as it arrived, the rest is painted, seams are faded."""

from __future__ import annotations

import numpy as np
import pytest

from mobaigc_sim.media.codecs import WebpConfig
from mobaigc_sim.media.decode import decode
from mobaigc_sim.media.encode import encode_whole
from mobaigc_sim.media.generate import generate
from mobaigc_sim.media.model_set import ModelSetError, load_model_set
from mobaigc_sim.media.recover import RecoveryConfig, overlay, recover

SIDE = 128
PROMPTS = ["a fox in a meadow at night", "a ship on the sea during the day"]


def half_known() -> np.ndarray:
    known = np.zeros((SIDE, SIDE), bool)
    known[:, : SIDE // 2] = True
    return known


def test_overlay_keeps_known_pixels_and_fades_the_step_outside() -> None:
    received = np.full((SIDE, SIDE, 3), 200, np.uint8)
    painted = np.full((SIDE, SIDE, 3), 100, np.uint8)
    out = overlay(received, half_known(), painted, feather_px=3)
    border = SIDE // 2
    assert (out[:, :border] == 200).all()
    np.testing.assert_array_equal(out[0, border : border + 5, 0], [175, 150, 125, 100, 100])


def test_overlay_without_feather_or_without_known_pixels_is_the_painting() -> None:
    received = np.full((SIDE, SIDE, 3), 200, np.uint8)
    painted = np.full((SIDE, SIDE, 3), 100, np.uint8)
    assert (overlay(received, half_known(), painted, 0)[:, SIDE // 2 :] == 100).all()
    assert (overlay(received, np.zeros((SIDE, SIDE), bool), painted, 3) == 100).all()


def test_recovered_pictures_keep_what_arrived_and_depend_on_their_own_request_only() -> None:
    models = load_model_set("embedded")
    drawn = generate(models, PROMPTS, [3, 4], steps=4, guidance=3.0)
    received = [np.where(half_known()[..., None], one.image, 128).astype(np.uint8) for one in drawn]
    known = [half_known(), np.ones((SIDE, SIDE), bool)]
    config = RecoveryConfig(steps=4, known="kept")
    together = recover(models, received, [half_known()] * 2, PROMPTS, [3, 4], config)
    alone = recover(models, received, known, PROMPTS, [3, 4], config)
    for out, picture in zip(together, received, strict=True):
        np.testing.assert_array_equal(out[half_known()], picture[half_known()])
        assert (out[~half_known()] != 128).mean() > 0.5
    assert np.abs(together[0].astype(int) - alone[0]).max() <= 2
    np.testing.assert_array_equal(alone[1], received[1])


def test_decoding_what_arrived_removes_artefacts_of_the_codec() -> None:
    models = load_model_set("embedded")
    drawn = generate(models, PROMPTS, [3, 4], steps=4, guidance=3.0)
    received = [decode([encode_whole(one.image, WebpConfig(quality=20))]).image for one in drawn]
    for known in (np.ones((SIDE, SIDE), bool), half_known()):
        out = recover(models, received, [known] * 2, PROMPTS, [3, 4], RecoveryConfig(steps=4))
        for shown, sent, one in zip(out, received, drawn, strict=True):
            error = [np.square(x.astype(float) - one.image)[known].mean() for x in (shown, sent)]
            assert error[0] < error[1]


def test_polish_reaches_what_arrived_with_a_prompt_and_is_decoded() -> None:
    models = load_model_set("embedded")
    picture = decode([encode_whole(generate(models, PROMPTS[:1], [3], steps=4, guidance=3.0)[0].image, WebpConfig())])

    def shown(prompt: str = PROMPTS[0], mask: np.ndarray = picture.known_HW, **settings: object) -> np.ndarray:
        config = RecoveryConfig.model_validate({"steps": 4, **settings})
        return recover(models, [picture.image], [mask], [prompt], [3], config)[0]

    decoded = shown(kind="fill")
    for too_little in (0.0, 0.24):
        np.testing.assert_array_equal(shown(polish=too_little), decoded)
    np.testing.assert_array_equal(shown("", polish=0.5), decoded)
    np.testing.assert_array_equal(shown(polish=0.5, known="kept"), picture.image)
    moved = [np.abs(shown(polish=p).astype(int) - decoded).mean() for p in (0.25, 0.5)]
    assert 0 < moved[0] < moved[1] < 20
    halves = [shown(mask=half_known(), polish=p)[:, : SIDE // 2 - 16].astype(int) for p in (0.0, 0.24, 0.25, 0.5)]
    np.testing.assert_array_equal(halves[0], halves[1])
    assert 0 < np.abs(halves[2] - halves[0]).mean() < np.abs(halves[3] - halves[0]).mean()


def test_fill_leaves_the_received_picture_alone() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    models = load_model_set("embedded")
    (out,) = recover(models, [picture], [half_known()], PROMPTS[:1], [0], RecoveryConfig(kind="fill", known="kept"))
    np.testing.assert_array_equal(out, picture)


def test_a_picture_depends_on_prompt_and_seed_and_not_on_its_batch() -> None:
    models = load_model_set("embedded")
    pair = generate(models, PROMPTS, [3, 4], steps=3, guidance=3.0)
    (alone,) = generate(models, PROMPTS[:1], [3], steps=3, guidance=3.0)
    (other,) = generate(models, PROMPTS[:1], [5], steps=3, guidance=3.0)
    assert np.abs(pair[0].image.astype(int) - alone.image).max() <= 2
    assert np.abs(alone.image.astype(int) - other.image).mean() > 5
    assert set(alone.word_maps) == set(PROMPTS[0].split())
    assert alone.word_maps["fox"].shape == models.latent_hw


def test_a_recovery_that_would_not_denoise_is_refused() -> None:
    with pytest.raises(ValueError, match="steps times strength must be at least 1"):
        RecoveryConfig(steps=1, strength=0.6)
    with pytest.raises(ValueError, match=r"polish must not exceed strength, got 0\.7 and 0\.6"):
        RecoveryConfig(strength=0.6, polish=0.7)
    assert RecoveryConfig(strength=0.2, known="kept").polish > 0.2, "of no effect there"


def test_a_missing_model_set_names_the_file_expected(tmp_path: object) -> None:
    with pytest.raises(ModelSetError, match=r"expected a diffusers folder with the file .*model_index\.json"):
        load_model_set(str(tmp_path))
