"""Words of a prompt: where each sits among the tokens, what part it plays, and whether the model knows it."""

from __future__ import annotations

from typing import Any, Literal

from ..errors import MobaigcError, did_you_mean
from .pack import vocabulary

Role = Literal["object", "place", "other"]


class UnknownWordError(MobaigcError, ValueError):
    """A prompt that the model set cannot read: an unknown word, too many words, or none."""


def check_vocabulary(prompt: str, tokenizer: Any) -> None:
    """Raise UnknownWordError when a word-level tokenizer would drop a word of the prompt."""
    if not is_word_level(tokenizer):
        return
    if not prompt.split():
        raise UnknownWordError("the prompt is empty: describe a picture, for example 'a fox in a meadow at night'")
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
    """Each word of the prompt, in order, with the positions of its tokens; repeated words come repeatedly."""
    offsets = tokenizer(prompt, return_offsets_mapping=True, truncation=True)["offset_mapping"]
    spans: list[tuple[str, list[int]]] = []
    start = 0
    for word in prompt.split():
        begin = prompt.index(word, start)
        start = begin + len(word)
        positions = [i for i, (a, b) in enumerate(offsets) if a < b and a < start and b > begin]
        spans.append((word.lower().strip(".,;:!?\"'"), positions))
    return spans


def role_of(word: str) -> Role:
    """The part a word plays: `other` for stop words and times, `place` for backgrounds, else `object`.

    Words outside the embedded vocabulary count as objects, so that prompts for larger model sets work unweighted.
    """
    if word in vocabulary.STOP_WORDS or word in vocabulary.SIDE_WORDS or word in _TIME_WORDS:
        return "other"
    return "place" if word in _PLACE_WORDS else "object"


_TIME_WORDS = frozenset(word for word, _ in vocabulary.TIMES)
_PLACE_WORDS = frozenset(w for p in vocabulary.PLACES for w in p.name.split()) | {"sky"}
