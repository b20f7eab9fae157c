"""Prompts: the shipped list and lists of the user's own."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from mobaigc_sim.media.pack.vocabulary import OBJECTS, PLACES, TIMES, held_out, words
from mobaigc_sim.traffic import EmbeddedPromptsConfig, ListPromptsConfig, PromptsConfig, PromptSource

from .make_prompts import embedded_prompts

EMBEDDED = PromptSource(EmbeddedPromptsConfig()).prompts
adapter: TypeAdapter[ListPromptsConfig | EmbeddedPromptsConfig] = TypeAdapter(PromptsConfig)


def test_shipped_prompts_are_distinct_sorted_and_in_the_vocabulary() -> None:
    assert len(EMBEDDED) == 200
    assert list(EMBEDDED) == sorted(set(EMBEDDED))
    assert {word for prompt in EMBEDDED for word in prompt.split()} <= set(words())


def test_shipped_prompts_are_the_ones_their_recipe_makes() -> None:
    assert list(EMBEDDED) == embedded_prompts()


def test_most_shipped_prompts_were_never_seen_in_training() -> None:
    def unseen(prompt: str) -> bool:
        place = next(p for p in PLACES if p.phrase in prompt)
        time = next((t for t, phrase in TIMES if phrase in prompt), "day")
        before = prompt.split(place.phrase)[0]
        names = [o.name for o in OBJECTS if o.kind == place.holds and f" {o.name} " in f" {before} "]
        return any(held_out(name, place.name, time) for name in names)

    assert sum(map(unseen, EMBEDDED)) == 160


def test_shipped_prompts_show_every_place_and_time() -> None:
    for phrase in (*(p.phrase for p in PLACES), *(t[1] for t in TIMES)):
        assert any(phrase in prompt for prompt in EMBEDDED), phrase


def test_draws_are_uniform_and_depend_on_the_generator_only() -> None:
    source = PromptSource(adapter.validate_python({"kind": "list", "prompts": ["a fox", "a cake", "a cake"]}))
    rng = np.random.default_rng(2)
    counts = Counter(source.draw(rng) for _ in range(6000))
    assert counts["a cake"] / 6000 == pytest.approx(2 / 3, abs=0.02)
    assert counts["a fox"] + counts["a cake"] == 6000
    again = [PromptSource(EmbeddedPromptsConfig()).draw(np.random.default_rng(s)) for s in range(50)]
    assert again == [PromptSource(EmbeddedPromptsConfig()).draw(np.random.default_rng(s)) for s in range(50)]
    assert len(set(again)) > 30


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"kind": "list", "prompts": []}, "at least 1 item"),
        ({"kind": "list", "prompts": ["a fox", " "]}, "prompt number 2 is blank"),
        ({"kind": "embeded"}, "'list', 'embedded'"),
        ({"kind": "embedded", "prompts": ["a fox"]}, "prompts"),
    ],
)
def test_errors_say_what_was_expected(config: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        adapter.validate_python(config)
