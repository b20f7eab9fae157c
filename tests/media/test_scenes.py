"""The synthetic world: captions say what is drawn, attributes change what they name and nothing else."""

import colorsys
from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from mobaigc_sim.media.pack.drawing import HEIGHT_CELLS, draw, render
from mobaigc_sim.media.pack.scenes import BACKGROUND, NOBODY, PAINTABLE, SceneSpec, sample_spec
from mobaigc_sim.media.pack.sprites import HUE, sprite_array
from mobaigc_sim.media.pack.train.tokenizer import CONTEXT_TOKENS
from mobaigc_sim.media.pack.vocabulary import COLOURS, PLACES, WEATHERS, held_out, words

MEADOW = next(p for p in PLACES if p.name == "meadow")
CAR = SceneSpec(("car",), MEADOW, "day")


def test_a_caption_names_every_part_once_and_in_order():
    spec = SceneSpec(
        ("car",), MEADOW, "night", "balloon", "rain", (("car", "red"), ("balloon", "blue")), "small", name_time=True
    )
    assert spec.caption == "a small red car in a meadow at night in the rain with a blue balloon in the sky"
    owned = [(w, owner) for w, owner in spec.owned_words if owner != NOBODY]
    assert owned == [
        ("small", 1), ("red", 1), ("car", 1), ("meadow", BACKGROUND), ("night", BACKGROUND), ("rain", BACKGROUND),
        ("blue", 2), ("balloon", 2),
    ]  # fmt: skip
    pair = SceneSpec(("apple", "teddy bear"), PLACES[-1], "day", colours=(("apple", "green"),), name_sides=True)
    assert pair.caption == "a green apple on the left and a teddy bear on the right on a wooden table during the day"


def test_training_captions_stay_inside_the_vocabulary_and_the_context():
    rng = np.random.default_rng(0)
    known, seen = set(words()), set()
    for _ in range(4000):
        spec = sample_spec(rng)
        said = spec.caption.split()
        seen.update(said)
        assert len(said) <= CONTEXT_TOKENS - 2
        assert not any(held_out(m, spec.place.name, spec.time) for m in spec.mains)
        assert all(t in PAINTABLE for t, _ in spec.colours)
        assert spec.size is None or len(spec.mains) == 1
    assert seen == known


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("thing", sorted(PAINTABLE))
def test_paint_gives_saturated_pixels_one_hue_and_leaves_greys(thing, colour):
    plain, paint = sprite_array(thing, 64), sprite_array(thing, 64, colour)
    assert np.array_equal(plain[..., 3], paint[..., 3])
    value = plain[..., :3].max(-1)
    saturation = (value - plain[..., :3].min(-1)) / np.maximum(value, 1e-6)
    grey = saturation < 0.19
    assert np.array_equal(plain[grey], paint[grey])
    vivid = (saturation > 0.5) & (plain[..., 3] > 0.9)
    hues = np.array([colorsys.rgb_to_hsv(*rgb)[0] for rgb in paint[..., :3][vivid]])
    assert vivid.sum() > 20
    assert np.abs((hues - HUE[colour] + 0.5) % 1 - 0.5).max() < 0.04


def test_a_colour_changes_the_painted_thing_only():
    drawing = draw(replace(CAR, mains=("car", "fox")), np.random.default_rng(5))
    painted = replace(drawing, spec=replace(drawing.spec, colours=(("car", "blue"),)))
    a, b = drawing.render(), painted.render()
    changed = (a.image != b.image).any(-1)
    near = distance_transform_edt(~a.masks["car"]) <= 4
    assert changed[a.masks["car"]].mean() > 0.4
    assert not changed[~near].any()


@pytest.mark.parametrize("size", [None, "small", "big"])
def test_sizes_are_heights_that_do_not_overlap(size):
    low, high = HEIGHT_CELLS[size]
    heights = {draw(replace(CAR, size=size), np.random.default_rng(k)).mains[0].height for k in range(60)}
    assert heights == {8 * h for h in range(low, high)}
    assert HEIGHT_CELLS["small"][1] <= HEIGHT_CELLS[None][0] and HEIGHT_CELLS[None][1] <= HEIGHT_CELLS["big"][0]


@pytest.mark.parametrize("weather", [w for w, _ in WEATHERS])
def test_weather_leaves_things_where_they_are_and_veils_what_is_far(weather):
    drawing = draw(replace(CAR, time="day"), np.random.default_rng(1))
    clear, veiled = drawing.render(), replace(drawing, spec=replace(drawing.spec, weather=weather)).render()
    assert np.array_equal(clear.masks["car"], veiled.masks["car"])
    change = np.abs(clear.image.astype(int) - veiled.image).mean(-1)
    sky = np.zeros((128, 128), bool)
    sky[: drawing.horizon_cells * 8 - 16] = True
    sky &= ~clear.masks["car"]
    assert change[sky].mean() > 1.1 * change[clear.masks["car"]].mean()


def test_the_same_seed_paints_the_same_scene():
    a, b = (render(sample_spec(np.random.default_rng(9)), np.random.default_rng(4)) for _ in range(2))
    assert np.array_equal(a.image, b.image) and a.spec == b.spec
