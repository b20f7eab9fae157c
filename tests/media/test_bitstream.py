"""Range coder, side information and packets: exact, close to the entropy, and calm under damage."""

from __future__ import annotations

import binascii
from dataclasses import replace
from math import comb, log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mobaigc_sim.errors import MobaigcError
from mobaigc_sim.media import prompt_code
from mobaigc_sim.media.bitstream import (
    VERSION,
    Base,
    BaseLayerLost,
    packet_type,
    read_base,
    read_enhancement,
    read_whole,
    split_stream,
    write_base,
    write_enhancement,
    write_whole,
)
from mobaigc_sim.media.decode import decode
from mobaigc_sim.media.entropy import BitstreamError, Reader, Writer
from mobaigc_sim.media.layouts import LAYOUTS, pack, slots, unpack
from mobaigc_sim.media.level_map import code_level_map
from mobaigc_sim.media.prompt_code import MAX_PROMPT_BYTES, code_prompt
from mobaigc_sim.media.thumbnail import Thumbnail, make_thumbnail, render_thumbnail

from ..contracts.codec_contract import picture, psnr_db

examples = settings(deadline=None, max_examples=150)


@st.composite
def decisions(draw: st.DrawFn) -> list[tuple[int, int]]:
    """(kind, value): kind 1 … 65535 a bit of that chance, negative a uniform total."""
    step = st.one_of(
        st.tuples(st.integers(1, 65535), st.integers(0, 1)),
        st.integers(1, 65536).flatmap(lambda total: st.tuples(st.just(-total), st.integers(0, total - 1))),
    )
    return draw(st.lists(step, max_size=120))


@given(decisions())
@examples
def test_range_coder_returns_what_it_was_given_within_two_bytes_of_the_entropy(steps: list[tuple[int, int]]) -> None:
    writer, bits = Writer(), 0.0
    for kind, value in steps:
        if kind < 0:
            writer.uniform(-kind, value)
            bits += log2(-kind)
        else:
            bits -= log2((kind if value else 65536 - kind) / 65536)
            writer.chance(kind, value)
    data = writer.finish()
    assert len(data) <= bits / 8 + 2
    reader = Reader(data)
    for kind, value in steps:
        assert (reader.uniform(-kind) if kind < 0 else reader.chance(kind)) == value


def test_a_reader_stops_soon_after_the_end() -> None:
    reader = Reader(b"\x00")
    with pytest.raises(BitstreamError, match="ends before"):
        for _ in range(100):
            reader.uniform(256)


def _level_map(seed: int, shape: tuple[int, int], counts: list[int]) -> np.ndarray:
    out = np.full(shape[0] * shape[1], -1, np.int8)
    order = np.random.default_rng(seed).permutation(out.size)
    start = 0
    for level, count in enumerate(counts):
        out[order[start : start + count]] = level
        start += count
    return out.reshape(shape)


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 1000), st.data())
@examples
def test_any_level_map_comes_back_and_costs_at_most_its_entropy(
    rows: int, columns: int, seed: int, data: st.DataObject
) -> None:
    left, counts, bits = rows * columns, [], log2(3)
    for _ in range(data.draw(st.integers(1, 4))):
        count = data.draw(st.integers(0, left))
        counts.append(count)
        bits += log2(comb(left, count))
        left -= count
    level_RC = _level_map(seed, (rows, columns), counts)
    writer = Writer()
    code_level_map(writer, (rows, columns), counts, level_RC)
    coded = writer.finish()
    assert (code_level_map(Reader(coded), (rows, columns), counts) == level_RC).all()
    assert len(coded) <= bits / 8 + 2


def test_a_compact_mask_costs_less_than_its_binomial_coefficient() -> None:
    yy, xx = np.mgrid[0:16, 0:16]
    level_RC = np.where((yy - 8) ** 2 + (xx - 7) ** 2 < 25, 0, -1).astype(np.int8)
    count = int((level_RC == 0).sum())
    writer = Writer()
    code_level_map(writer, (16, 16), [count], level_RC)
    assert len(writer.finish()) * 8 < 0.5 * log2(comb(256, count))


@given(st.text(max_size=200))
@examples
def test_any_prompt_comes_back(prompt: str) -> None:
    writer = Writer()
    code_prompt(writer, prompt)
    data = writer.finish()
    assert code_prompt(Reader(data)) == prompt
    assert len(data) <= len(prompt.encode()) + 4


def test_prompts_of_the_vocabulary_take_about_six_bits_a_word() -> None:
    prompt = "a castle in the mountains at night with a star in the sky"
    writer = Writer()
    code_prompt(writer, prompt)
    assert len(writer.finish()) <= 13
    free = "a photo of a castle in the mountains at night, oil on canvas, with a star in the sky"
    writer = Writer()
    code_prompt(writer, free)
    assert len(writer.finish()) < 0.75 * len(free)
    with pytest.raises(MobaigcError, match=f"at most {MAX_PROMPT_BYTES}"):
        code_prompt(Writer(), "x" * (MAX_PROMPT_BYTES + 1))


def test_thumbnail_looks_like_the_picture() -> None:
    for height, width in ((128, 128), (64, 160), (48, 16)):
        image = picture(height, width, seed=2)
        thumbnail = make_thumbnail(image, 32, 10)
        assert max(thumbnail.shape) == 32
        shown = render_thumbnail(thumbnail, height, width)
        mean = np.broadcast_to(image.mean(axis=(0, 1)).astype(np.uint8), image.shape)
        assert psnr_db(shown, image) > psnr_db(mean, image) + 3
        assert len(thumbnail.payload) < 90


def test_a_thumbnail_is_never_larger_than_its_picture() -> None:
    assert make_thumbnail(picture(16, 32), 64, 10).shape == (16, 32)


@pytest.mark.parametrize("side", [1, 2, 3, 4])
def test_the_smallest_thumbnails_are_pictures_of_a_few_bytes(side: int) -> None:
    thumbnail = make_thumbnail(picture(128, 128), side, 1)
    assert render_thumbnail(thumbnail, 128, 128).shape == (128, 128, 3)
    assert len(thumbnail.payload) < 30


@pytest.mark.parametrize("payload", [b"", b"\0", b"\0abc", b"\x09" + 20 * b"x"])
def test_a_thumbnail_that_is_none_is_an_error(payload: bytes) -> None:
    with pytest.raises(BitstreamError):
        render_thumbnail(Thumbnail((32, 32), payload), 128, 128)
    damaged = replace(_base(), thumbnail=Thumbnail((16, 16), payload))
    with pytest.raises(BaseLayerLost):
        decode([write_base(damaged)])


@given(arrays(np.bool_, st.tuples(st.integers(1, 6), st.integers(1, 6))).filter(np.any), st.sampled_from(LAYOUTS))
@examples
def test_layouts_lose_no_patch_and_invent_none(mask_RC: np.ndarray, layout: str) -> None:
    image = np.random.default_rng(0).integers(0, 256, (mask_RC.shape[0] * 8, mask_RC.shape[1] * 8, 3), dtype=np.uint8)
    found = slots(layout, mask_RC)
    assert sorted(found[found >= 0]) == list(np.flatnonzero(mask_RC))
    back = unpack(pack(image, found, 8), found, 8, np.zeros_like(image))
    pixels = np.kron(mask_RC, np.ones((8, 8), bool))
    assert (back[pixels] == image[pixels]).all()
    assert (back[~pixels] == 0).all()


def _base(prompt: str = "a fox in the desert", seed: int = 7, counts: tuple[int, ...] = (16, 9)) -> Base:
    thumbnail = make_thumbnail(picture(128, 128), 16, 6)
    return Base(0, 16, _level_map(1, (8, 8), list(counts)), 90, 10, seed, prompt, thumbnail)


def _same(a: Base, b: Base) -> bool:
    fixed = ("codec_id", "patch_px", "quality", "quality_drop", "seed", "prompt", "thumbnail")
    return (a.level_RC == b.level_RC).all() and all(getattr(a, f) == getattr(b, f) for f in fixed)


@pytest.mark.parametrize("seed", [0, 1, 2**31, 2**32 - 1])
def test_base_packet_round_trip(seed: int) -> None:
    base = _base(seed=seed)
    packet = write_base(base)
    read = read_base(packet)
    assert _same(read, base)
    assert (read.levels, read.size_px, read.keep) == (2, (128, 128), 25 / 64)
    assert [read.level_quality(i) for i in range(2)] == [90, 80]


def test_seed_out_of_range() -> None:
    for seed in (-1, 2**32):
        with pytest.raises(MobaigcError, match="a packet holds 0 to 4294967295"):
            write_base(_base(seed=seed))


def test_other_packets_round_trip_and_their_headers_are_small() -> None:
    base = _base()
    for level in range(2):
        for layout in LAYOUTS:
            packet = write_enhancement(base, level, layout, b"x" * 300)
            assert read_enhancement(packet, base) == (level, layout, b"x" * 300)
            assert len(packet) == 305
    whole = write_whole(2, 88, 120, 200, b"pixels")
    assert read_whole(whole) == (2, 88, 120, 200, b"pixels")
    assert len(whole) == 4 + 4 + 6


def test_an_enhancement_of_another_picture_or_cut_is_refused() -> None:
    packet = write_enhancement(_base(), 1, "rows", b"payload")
    for other in (_base(seed=8), _base(counts=(16, 10)), _base(counts=(16,))):
        with pytest.raises(BitstreamError):
            read_enhancement(packet, other)
    # the first level is the same whatever the second one is
    first = write_enhancement(_base(), 0, "rows", b"payload")
    assert first == write_enhancement(_base(counts=(16, 20)), 0, "rows", b"payload")


def test_a_receiver_with_another_dictionary_refuses_the_base(monkeypatch: pytest.MonkeyPatch) -> None:
    packet = write_base(_base())
    monkeypatch.setattr("mobaigc_sim.media.bitstream.FORMAT_CHECK", prompt_code.FORMAT_CHECK ^ 1)
    with pytest.raises(BitstreamError, match="checksum"):
        read_base(packet)


def test_every_single_bit_error_and_every_truncation_is_noticed() -> None:
    packet = write_base(_base())
    for bit in range(8 * len(packet)):
        damaged = bytearray(packet)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BitstreamError):
            read_base(bytes(damaged))
    for length in range(len(packet)):
        with pytest.raises(BitstreamError):
            read_base(packet[:length])


def _framed(first: int, content: bytes, crc_start: int) -> bytes:
    framed = bytes([first, len(content) & 0x7F | 0x80, len(content) >> 7]) + content
    return framed + binascii.crc_hqx(framed, crc_start).to_bytes(2, "big")


@given(st.binary(max_size=120), st.integers(0, 127))
@examples
def test_a_base_with_a_right_checksum_and_wrong_content_is_an_error_or_a_base(body: bytes, cut: int) -> None:
    good = write_base(_base())[2:-2]
    for content in (body, good[: cut % len(good)] + body):
        packet = _framed(1 << 6 | VERSION << 3, content, prompt_code.FORMAT_CHECK)
        try:
            base = read_base(packet)
            coarse = render_thumbnail(base.thumbnail, *base.size_px)
        except BitstreamError:
            continue
        assert 0 < base.size_px[0] <= 2048
        assert 0 < base.size_px[1] <= 2048
        assert set(np.unique(base.level_RC)) >= set(range(base.levels))
        assert coarse.shape == (*base.size_px, 3)


@given(st.integers(0, 700))
@examples
def test_a_cut_stream_gives_its_whole_packets_and_the_rest_as_one_piece(cut: int) -> None:
    base = _base()
    packets = [
        write_base(base),
        write_enhancement(base, 0, "place", b"a" * 300),
        write_enhancement(base, 1, "rows", b"b" * 90),
    ]
    stream = b"".join(packets)
    ends = np.cumsum([len(p) for p in packets])
    whole = packets[: int((ends <= cut).sum())]
    rest = stream[sum(map(len, whole)) : cut]
    assert list(split_stream(stream[:cut])) == ([*whole, rest] if rest else whole)


def test_what_is_no_packet_is_named() -> None:
    with pytest.raises(BitstreamError, match="unknown type"):
        packet_type(b"")
    with pytest.raises(BitstreamError, match="too long"):
        read_base(b"\x48" + b"\xff" * 9)
    with pytest.raises(BitstreamError, match="ends inside its fields"):
        read_base(_framed(1 << 6 | VERSION << 3, b"\x50abc", prompt_code.FORMAT_CHECK))
    with pytest.raises(BitstreamError, match="format version 7"):
        read_whole(_framed(3 << 6 | 7 << 3, b"anything", prompt_code.FORMAT_CHECK))
    with pytest.raises(BitstreamError, match="expected a packet of type 1"):
        read_base(write_whole(0, 90, 8, 8, b""))
