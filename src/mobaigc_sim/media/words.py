"""Words of a prompt: where each sits among the tokens, what part it plays, and whether the model knows it."""

from __future__ import annotations

from typing import Any, Literal

from ..errors import MobaigcError, did_you_mean
from .pack import vocabulary

Role = Literal["object", "attribute", "place", "other"]


class UnknownWordError(MobaigcError, ValueError):
    """A prompt that the model set cannot read: an unknown word, too many words, or none."""


def check_vocabulary(prompt: str, tokenizer: Any) -> None:
    """Raise UnknownWordError when the tokenizer would drop a word of the prompt, or there is none."""
    if not any(word.strip(_PUNCTUATION) for word in prompt.split()):
        raise UnknownWordError("the prompt is empty: describe a picture, for example 'a fox in a meadow at night'")
    if not is_word_level(tokenizer):
        tokens, room = len(tokenizer(prompt, verbose=False)["input_ids"]), tokenizer.model_max_length
        if tokens > room:
            raise UnknownWordError(f"prompt '{prompt}': {tokens} tokens with start and end, the model set reads {room}")
        return
    known = [w for w in tokenizer.get_vocab() if not w.startswith("[")]
    for word in prompt.lower().split():
        if word not in known:
            raise UnknownWordError(
                f"prompt '{prompt}': the model set does not know the word '{word}'; {did_you_mean(word, known)}"
            )
    room = tokenizer.model_max_length - 2
    if len(prompt.split()) > room:
        raise UnknownWordError(f"prompt '{prompt}': {len(prompt.split())} words, the model set reads {room}")


def is_word_level(tokenizer: Any) -> bool:
    """Whether every token of the tokenizer is a whole word, so that an unknown word is lost."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    return type(getattr(backend, "model", None)).__name__ == "WordLevel"


def token_spans(prompt: str, tokenizer: Any) -> list[tuple[str, list[int]]]:
    """Each word of the prompt, in order, with the positions of its tokens; repeated words come repeatedly.

    Punctuation around a word is not part of it, and a word of several sub-word tokens has several positions.
    """
    offsets = tokenizer(prompt, return_offsets_mapping=True, truncation=True)["offset_mapping"]
    spans: list[tuple[str, list[int]]] = []
    start = 0
    for written in prompt.split():
        word = written.strip(_PUNCTUATION)
        begin = prompt.index(written, start)
        start = begin + len(written)
        if word:
            begin += written.index(word)
            end = begin + len(word)
            spans.append((word.lower(), [i for i, (a, b) in enumerate(offsets) if a < b and a < end and b > begin]))
    return spans


def role_of(word: str) -> Role:
    """The part a word plays: `other` for stop words and times, `attribute` for colours and sizes, `place` for
    backgrounds and weather, else `object`.

    Words outside the embedded vocabulary count as objects, so that prompts for larger model sets work unweighted.
    """
    if word in vocabulary.STOP_WORDS or word in vocabulary.SIDE_WORDS or word in _TIME_WORDS:
        return "other"
    if word in vocabulary.COLOURS or word in vocabulary.SIZES:
        return "attribute"
    return "place" if word in _PLACE_WORDS else "object"


_PUNCTUATION = ".,;:!?\"'()[]-–"
_TIME_WORDS = frozenset(word for word, _ in vocabulary.TIMES)
_WEATHER_WORDS = frozenset({"fog", "rain", "falling", "snow"})
_PLACE_WORDS = frozenset(w for p in vocabulary.PLACES for w in p.name.split()) | _WEATHER_WORDS | {"sky"}
