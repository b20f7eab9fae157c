"""Words and tokens of a prompt, and the closed vocabulary."""

from __future__ import annotations

import numpy as np
import pytest

from mobaigc_sim.media.generate import word_maps
from mobaigc_sim.media.pack.train.tokenizer import CONTEXT_TOKENS, build_tokenizer
from mobaigc_sim.media.words import UnknownWordError, check_vocabulary, role_of, token_spans

from .tiny_sets import bpe_tokenizer


def test_each_word_is_found_at_its_token() -> None:
    spans = token_spans("a pine tree and a Fox", build_tokenizer())
    assert spans == [("a", [1]), ("pine", [2]), ("tree", [3]), ("and", [4]), ("a", [5]), ("fox", [6])]


def test_maps_of_repeated_words_are_added() -> None:
    maps = np.arange(24, dtype=np.float32)[:, None, None] * np.ones((1, 2, 2), np.float32)
    found = word_maps("a fox and a car", maps, build_tokenizer())
    assert {word: m[0, 0] for word, m in found.items()} == {"a": 1 + 4, "fox": 2, "and": 3, "car": 5}


@pytest.mark.parametrize(
    ("word", "role"),
    [
        ("fox", "object"),
        ("tree", "object"),
        ("meadow", "place"),
        ("snowy", "place"),
        ("night", "other"),
        ("purple", "attribute"),
        ("small", "attribute"),
        ("fog", "place"),
        ("the", "other"),
    ],
)
def test_words_have_the_part_they_play(word: str, role: str) -> None:
    assert role_of(word) == role


@pytest.mark.parametrize(
    ("prompt", "told"),
    [
        ("a penguins in a meadow", "does not know the word 'penguins'; did you mean 'penguin'"),
        ("a spaceship", "does not know the word 'spaceship'"),
        ("  ", "the prompt is empty"),
        ("a fox and " * CONTEXT_TOKENS, f"{3 * CONTEXT_TOKENS} words, the model set reads {CONTEXT_TOKENS - 2}"),
    ],
)
def test_a_prompt_that_cannot_be_read_is_refused(prompt: str, told: str) -> None:
    with pytest.raises(UnknownWordError, match=told):
        check_vocabulary(prompt, build_tokenizer())


def test_every_word_of_the_world_is_known() -> None:
    check_vocabulary("a pine tree on the left and a whale on the right on the sea at sunset", build_tokenizer())


def test_a_word_of_several_sub_word_tokens_is_found_at_all_of_them() -> None:
    tokenizer = bpe_tokenizer()
    prompt = "A Fox, in (snow) - fox-like"
    tokens = tokenizer.convert_ids_to_tokens(tokenizer(prompt)["input_ids"])
    spans = token_spans(prompt, tokenizer)
    assert [word for word, _ in spans] == ["a", "fox", "in", "snow", "fox-like"]
    for word, positions in spans:
        assert "".join(tokens[i] for i in positions).replace("</w>", "") == word
    assert [len(positions) for _, positions in spans] == [1, 1, 2, 2, 6]


def test_a_word_map_is_the_mean_of_its_tokens_and_the_sum_of_its_repetitions() -> None:
    maps = np.arange(77, dtype=np.float32)[:, None, None] * np.ones((1, 2, 2), np.float32)
    found = word_maps("snow, fox snow", maps, bpe_tokenizer())
    assert {word: m[0, 0] for word, m in found.items()} == {"snow": (1 + 2) / 2 + (5 + 6) / 2, "fox": 4}


@pytest.mark.parametrize(
    ("prompt", "told"), [("x " * 76, "78 tokens with start and end, the model set reads 77"), (" - ,", "empty")]
)
def test_a_prompt_that_a_sub_word_tokenizer_would_cut_is_refused(prompt: str, told: str) -> None:
    with pytest.raises(UnknownWordError, match=told):
        check_vocabulary(prompt, bpe_tokenizer())
    check_vocabulary("x " * 75, bpe_tokenizer())
