"""Encoder and decoder together: whatever arrives is shown, every byte is counted, and a smaller keep is a prefix."""

from __future__ import annotations

from itertools import chain, combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from mobaigc_sim.errors import MobaigcError, UnknownNameError
from mobaigc_sim.media.bitstream import BaseLayerLost, read_base, read_enhancement, split_stream
from mobaigc_sim.media.codecs import AvifConfig, CodecConfig, JpegConfig, WebpConfig, make_codec
from mobaigc_sim.media.decode import decode
from mobaigc_sim.media.encode import EncodedImage, ProgressiveEncoder, encode, encode_whole
from mobaigc_sim.media.entropy import BitstreamError
from mobaigc_sim.media.pack.drawing import render
from mobaigc_sim.media.pack.scenes import Scene, sample_spec
from mobaigc_sim.media.patches import to_pixels

from ..contracts.codec_contract import psnr_db

CONFIG = WebpConfig(levels=(0.25, 0.5, 1.0))


def _importance(scene: Scene) -> np.ndarray:
    mask = np.sum([m.astype(float) for m in scene.masks.values()], axis=0)
    soft = gaussian_filter(mask, 5) + 0.02
    return soft.reshape(16, soft.shape[0] // 16, 16, -1).mean(axis=(1, 3))


def _scenes(count: int, size: int = 128) -> list[tuple[np.ndarray, np.ndarray, str]]:
    rng = np.random.default_rng(7)
    drawn = [render(sample_spec(rng), rng, size) for _ in range(count)]
    return [(s.image, _importance(s), s.spec.caption) for s in drawn]


SCENES = _scenes(24)


def _coded(keep: float = 0.75, config: CodecConfig = CONFIG, scene: int = 0) -> EncodedImage:
    image, importance, caption = SCENES[scene]
    return encode(image, importance, caption, 11, keep, config)


@pytest.mark.parametrize(
    "config", [WebpConfig(), AvifConfig(quality_drop=5), JpegConfig(), WebpConfig(patch=8), JpegConfig(patch=32)]
)
@pytest.mark.parametrize("keep", [0.01, 0.3, 1.0])
def test_known_pixels_come_back_within_the_error_of_the_codec(config: CodecConfig, keep: float) -> None:
    image, importance, caption = SCENES[1]
    sent = encode(image, importance, caption, 2**32 - 1, keep, config)
    shown = decode(sent.packets)
    assert (shown.prompt, shown.seed, shown.rejected) == (caption, 2**32 - 1, 0)
    assert (shown.known_HW == to_pixels(sent.kept_mask_RC, config.patch)).all()
    assert shown.keep == sent.kept_mask_RC.mean()
    assert sent.kept_mask_RC.sum() == max(1, round(keep * (128 // config.patch) ** 2))
    known = shown.known_HW
    low = config.level_quality - config.quality_drop * (len(sent.enhancements) - 1)
    whole = [decode([encode_whole(image, config, quality)]).image for quality in (config.level_quality, low)]
    lowest = min(psnr_db(w[known], image[known]) for w in whole)
    # a single flat patch has no neighbours to be predicted from
    assert psnr_db(shown.image[known], image[known]) > lowest - (1.5 if keep > 0.01 else 5.5)


def test_kept_patches_are_the_most_important_ones() -> None:
    _, importance, _ = SCENES[0]
    sent = _coded(0.3, CONFIG.model_copy(update={"selector": "attention"}))
    mass = importance.reshape(8, 2, 8, 2).sum(axis=(1, 3))
    assert mass[sent.kept_mask_RC].min() >= mass[~sent.kept_mask_RC].max()
    assert sent.importance_kept == pytest.approx(mass[sent.kept_mask_RC].sum() / mass.sum())
    first = mass[sent.level_RC == 0]
    assert first.min() >= mass[sent.level_RC == 1].max()


def test_every_byte_is_counted_and_the_stream_splits_into_its_packets() -> None:
    sent = _coded(1.0)
    stream = b"".join(sent.packets)
    assert sent.total_bytes == len(stream)
    assert tuple(split_stream(stream)) == sent.packets
    assert (decode(stream).image == decode(sent.packets).image).all()
    for cut in (len(sent.base), len(stream) - 1):
        shown, whole = decode(stream[:cut]), decode(split_stream(stream[:cut]))
        assert (shown.image == whole.image).all()
        assert shown.rejected == (cut > len(sent.base))


def test_a_smaller_keep_is_a_prefix_up_to_its_last_level() -> None:
    image, importance, caption = SCENES[2]
    config = WebpConfig(levels=(0.125, 0.25, 0.375, 0.5, 0.75, 1.0))
    encoder = ProgressiveEncoder(image, importance, caption, 3, config)
    full = encoder.at(1.0)
    assert len(full.enhancements) == 6
    for keep in np.linspace(0.02, 1, 20):
        sent = encoder.at(float(keep))
        whole_levels = sum(share <= keep for share in config.levels)
        by_level = {read_enhancement(p, read_base(full.base))[0]: p for p in full.enhancements}
        assert {by_level[level] for level in range(whole_levels)} <= set(sent.enhancements)
        assert len(sent.enhancements) - whole_levels in (0, 1)
        assert (sent.kept_mask_RC <= full.kept_mask_RC).all()
        assert sent.packets == encode(image, importance, caption, 3, float(keep), config).packets


def test_any_subset_with_the_base_decodes_to_exactly_its_levels() -> None:
    sent = _coded(1.0, WebpConfig(levels=(0.25, 0.5, 0.75, 1.0)))
    full = decode(sent.packets)
    numbers = range(len(sent.enhancements))
    level_of = [read_enhancement(p, read_base(sent.base))[0] for p in sent.enhancements]
    for subset in chain.from_iterable(combinations(numbers, n) for n in range(5)):
        arrived = [
            *(sent.enhancements[i] for i in reversed(subset)),
            sent.base,
            *(sent.enhancements[i] for i in subset),
        ]
        shown = decode(arrived)
        assert shown.received == tuple(sorted(level_of[i] for i in subset))
        assert shown.rejected == 0
        known = to_pixels(np.isin(sent.level_RC, shown.received), 16)
        assert (shown.known_HW == known).all()
        assert (shown.image[known] == full.image[known]).all()


def test_no_base_is_a_clear_error() -> None:
    sent = _coded()
    with pytest.raises(BaseLayerLost, match="none of the 3 packets"):
        decode(sent.enhancements)
    with pytest.raises(BaseLayerLost, match="none of the 0 packets"):
        decode([])
    with pytest.raises(BaseLayerLost, match="checksum"):
        decode([sent.base[:-1] + bytes([sent.base[-1] ^ 1]), *sent.enhancements])


def test_packets_of_other_pictures_and_cuts_are_left_aside() -> None:
    sent, other, cut = _coded(0.5), _coded(0.5, scene=1), _coded(0.4)
    first = [p for p in sent.enhancements if p in cut.enhancements]
    second = [p for p in cut.enhancements if p not in sent.enhancements]
    assert (len(first), len(second)) == (1, 1)
    shown = decode([sent.base, *first, *other.enhancements, *second, b"", b"noise"])
    assert shown.received == (0,)
    # the other picture's two levels, the cut one, the empty one and the noise
    assert shown.rejected == 5
    assert decode([sent.base, *cut.enhancements]).received == (0,)


def test_missing_areas_take_the_colours_of_the_thumbnail() -> None:
    gains = []
    for image, importance, caption in SCENES:
        sent = encode(image, importance, caption, 1, 0.25, CONFIG)
        thumbnail, mean = decode(sent.packets).image, decode(sent.packets, fill="mean").image
        gains.append(psnr_db(thumbnail, image) - psnr_db(mean, image))
    assert np.mean(gains) > 3


@pytest.mark.parametrize("fill", ["thumbnail", "mean", "telea"])
def test_fills_keep_known_pixels_and_fill_the_rest(fill: str) -> None:
    sent = _coded(0.5)
    shown, known = decode(sent.packets, fill=fill), decode(sent.packets).known_HW
    assert (shown.image[known] == decode(sent.packets).image[known]).all()
    assert psnr_db(shown.image, SCENES[0][0]) > 12
    nothing = decode([sent.base], fill=fill)
    assert not nothing.known_HW.any()
    assert psnr_db(nothing.image, SCENES[0][0]) > 8
    assert (np.ptp(nothing.image, axis=(0, 1)) == 0).all() == (fill == "mean")


def test_unknown_fill_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'telea'"):
        decode(_coded().packets, fill="telia")


def test_sizes_at_says_what_encode_would_send() -> None:
    image, importance, caption = SCENES[3]
    grid = [0.1, 0.25, 0.4, 0.6, 1.0]
    sizes = ProgressiveEncoder(image, importance, caption, 5, CONFIG).sizes_at(grid)
    for i, keep in enumerate(grid):
        sent = encode(image, importance, caption, 5, keep, CONFIG)
        assert sizes.total_bytes[i] == sent.total_bytes
        assert sizes.base_bytes[i] == len(sent.base)
        assert sizes.importance[i] == sent.importance_kept
    assert (np.diff(sizes.total_bytes) > 0).all()
    assert (np.diff(sizes.importance) > 0).all()


def test_quality_drop_spares_bytes_of_the_later_levels_only() -> None:
    even, dropped = (
        _coded(1.0, WebpConfig(level_quality=60)),
        _coded(1.0, WebpConfig(level_quality=60, quality_drop=20)),
    )
    sizes = [_sizes_by_level(sent) for sent in (even, dropped)]
    assert sizes[0][0] == sizes[1][0]
    assert all(a > b for a, b in zip(sizes[0][1:], sizes[1][1:], strict=True))
    assert [read_base(dropped.base).level_quality(level) for level in range(3)] == [60, 40, 20]


def _sizes_by_level(sent: EncodedImage) -> list[int]:
    return [len(p) for _, p in sorted((read_enhancement(p, read_base(sent.base))[0], p) for p in sent.enhancements)]


def test_packets_go_out_by_gain_per_byte_and_the_gain_is_what_the_receiver_sees() -> None:
    swapped = 0
    for image, importance, caption in SCENES:
        sent = encode(image, importance, caption, 1, 1.0, CONFIG)
        attention = importance.reshape(8, 2, 8, 2).sum(axis=(1, 3)) / importance.sum()
        weight = to_pixels(attention, 16)[..., None] / (16 * 16 * 3)
        nothing = decode([sent.base]).image
        for packet, gain in zip(sent.enhancements, sent.gains, strict=True):
            shown = decode([sent.base, packet]).image
            less = (nothing.astype(float) - image) ** 2 - (shown.astype(float) - image) ** 2
            assert gain == pytest.approx((weight * less).sum())
        density = [gain / len(p) for p, gain in zip(sent.enhancements, sent.gains, strict=True)]
        assert density == sorted(density, reverse=True)
        swapped += read_enhancement(sent.enhancements[0], read_base(sent.base))[0] != 0
    assert swapped < len(SCENES) / 4


@pytest.mark.parametrize("config", [WebpConfig(), AvifConfig(), JpegConfig()])
def test_losing_any_one_enhancement_never_loses_the_picture(config: CodecConfig) -> None:
    for image, importance, caption in SCENES[:8]:
        sent = encode(image, importance, caption, 1, 0.6, config)
        full, nothing = decode(sent.packets), decode([sent.base])
        for lost in range(len(sent.enhancements)):
            shown = decode([sent.base, *sent.enhancements[:lost], *sent.enhancements[lost + 1 :]])
            assert len(shown.received) == len(sent.enhancements) - 1
            assert (shown.image[shown.known_HW] == full.image[shown.known_HW]).all()
            hidden = ~shown.known_HW
            assert (shown.image[hidden] == nothing.image[hidden]).all()
            assert psnr_db(shown.image, image) > psnr_db(nothing.image, image)


def test_thumbnail_settings_trade_bytes_for_likeness() -> None:
    image = SCENES[0][0]
    fine, coarse = (_coded(0.1, WebpConfig(thumbnail_quality=q)) for q in (30, 1))
    small = _coded(0.1, WebpConfig(thumbnail=16))
    assert len(fine.base) > len(_coded(0.1).base) > len(coarse.base)
    assert psnr_db(decode([fine.base]).image, image) > psnr_db(decode([coarse.base]).image, image)
    assert len(small.base) < len(_coded(0.1).base)


@pytest.mark.parametrize("config", [WebpConfig(), AvifConfig()])
def test_base_is_small_and_a_quarter_of_the_patches_saves_a_quarter_at_one_quality(config: CodecConfig) -> None:
    base, sent, whole, psnr_known, psnr_whole = [], [], [], [], []
    config = config.model_copy(update={"level_quality": config.quality, "quality_drop": 10, "selector": "attention"})
    for i, (image, importance, caption) in enumerate(SCENES):
        coded = encode(image, importance, caption, i * 10**8, 0.25, config)
        reference = encode_whole(image, config)
        shown, all_of_it = decode(coded.packets), decode([reference]).image
        known = shown.known_HW
        base.append(len(coded.base))
        sent.append(coded.total_bytes)
        whole.append(len(reference))
        psnr_known.append(psnr_db(shown.image[known], image[known]))
        psnr_whole.append(psnr_db(all_of_it[known], image[known]))
    assert max(base) <= 250
    assert np.mean(base) <= 150
    assert 0.25 < 1 - np.sum(sent) / np.sum(whole) < 0.60
    assert np.mean(psnr_known) > np.mean(psnr_whole) - 0.6


def test_a_single_whole_level_costs_the_whole_picture_and_the_base() -> None:
    image = SCENES[0][0]
    sent = _coded(1.0, WebpConfig(levels=(1.0,)))
    whole = encode_whole(image, CONFIG, CONFIG.level_quality)
    assert (decode(sent.packets).image == decode([whole]).image).all()
    # the whole packet also says quality and size: five bytes
    assert sent.total_bytes == len(sent.base) + len(whole) - 5


@pytest.mark.parametrize("config", [WebpConfig(), AvifConfig(), JpegConfig()])
def test_whole_picture_of_any_size_round_trip(config: CodecConfig) -> None:
    image = SCENES[0][0][:99, :61].copy()
    packet = encode_whole(image, config, 70)
    shown = decode([b"junk", packet])
    codec = make_codec(config)
    assert (shown.image == codec.decode(codec.encode(image, 70), 99, 61, 70)).all()
    assert shown.known_HW.all()
    assert (shown.keep, shown.level_RC, shown.rejected) == (1.0, None, 1)


@pytest.mark.parametrize("selector", ["gain", "attention", "error", "random", "centre"])
def test_selectors_of_the_configuration(selector: str) -> None:
    config = WebpConfig.model_validate({"selector": selector})
    sent, again = _coded(0.25, config), _coded(0.25, config)
    assert sent.packets == again.packets
    assert sent.kept_mask_RC.sum() == 16
    assert sent.importance_kept <= _coded(0.25, WebpConfig(selector="attention")).importance_kept + 1e-12
    if selector == "random":
        image, importance, caption = SCENES[0]
        other = encode(image, importance, caption, 12, 0.25, config)
        assert (other.kept_mask_RC != sent.kept_mask_RC).any()


def test_larger_and_oblong_pictures() -> None:
    (image, importance, caption), *_ = _scenes(1, 256)
    for part in (image, image[:, :128].copy(), image[:16].copy()):
        sent = encode(part, importance, caption, 4, 0.4, CONFIG)
        shown = decode(sent.packets)
        known = shown.known_HW
        assert shown.image.shape == part.shape
        assert psnr_db(shown.image[known], part[known]) > 26


@pytest.mark.parametrize("keep", [0.0, -0.1, 1.01, float("nan")])
def test_keep_out_of_range(keep: float) -> None:
    with pytest.raises(MobaigcError, match="above 0 and at most 1"):
        _coded(keep)


def test_bad_importance_and_seed() -> None:
    image, importance, _ = SCENES[0]
    with pytest.raises(MobaigcError, match="importance map"):
        encode(image, -importance, "a fox", 1, 0.5, CONFIG)
    with pytest.raises(MobaigcError, match="seed"):
        encode(image, importance, "a fox", 2**32, 0.5, CONFIG)
    # a map that says nothing is taken in reading order
    assert encode(image, importance * 0, "a fox", 1, 0.5, CONFIG).kept_mask_RC[:4].all()


@given(st.data())
@settings(deadline=None, max_examples=200)
def test_any_damage_gives_a_picture_or_a_clear_error(data: st.DataObject) -> None:
    packets = [bytearray(p) for p in _SENT.packets]
    for _ in range(data.draw(st.integers(1, 6))):
        packet = data.draw(st.sampled_from(packets))
        how = data.draw(st.sampled_from(["flip", "cut", "grow", "insert"]))
        at = data.draw(st.integers(0, max(0, len(packet) - 1)))
        if how == "flip" and packet:
            packet[at] ^= data.draw(st.integers(1, 255))
        elif how == "cut":
            del packet[at:]
        elif how == "grow":
            packet += data.draw(st.binary(max_size=20))
        else:
            packet[at:at] = data.draw(st.binary(min_size=1, max_size=4))
    try:
        shown = decode(map(bytes, packets))
    except BitstreamError:
        return
    assert shown.image.shape == (128, 128, 3)
    assert shown.known_HW.shape == (128, 128)
    assert len(shown.received) + shown.rejected <= 3
    full = decode(_SENT.packets).image
    assert (shown.image[shown.known_HW] == full[shown.known_HW]).all()


_SENT = _coded(1.0)
