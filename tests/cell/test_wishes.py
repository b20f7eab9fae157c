"""Requests drawn from a bank: only what it holds, and the same users' wishes otherwise."""

from __future__ import annotations

from collections import Counter

import pytest

from mobaigc_sim.cell.request import Request
from mobaigc_sim.cell.wishes import BankDrawError, draw_requests
from mobaigc_sim.kernel.streams import Streams

from .conftest import scenario_of

HELD = {"a fox": (2, 5, 9), "a car": (1, 7)}


def drawn(held: dict[str, tuple[int, ...]] | None, prompts: object, images: int = 2, users: int = 6) -> list[Request]:
    traffic = {
        "arrivals": {"kind": "poisson", "mean_interval": "50 ms"},
        "prompts": prompts,
        "images_per_request": images,
        "deadline": "700 ms",
    }
    scenario = scenario_of(traffic=traffic, users={"count": users, "mobility": {"kind": "static"}})
    return draw_requests(scenario, Streams(scenario.seed, scenario.replication), held)


LISTED = {"kind": "list", "prompts": ["a fox", "a car"]}


def test_seeds_are_held_differ_within_a_request_and_all_come_up() -> None:
    found = drawn(HELD, LISTED)
    assert len(found) > 300
    for request in found:
        assert set(request.seeds) <= set(HELD[request.prompt])
        assert len(set(request.seeds)) == 2
    firsts = Counter((request.prompt, request.seeds[0]) for request in found)
    assert firsts.keys() == {(prompt, seed) for prompt, seeds in HELD.items() for seed in seeds}
    for prompt, seeds in HELD.items():
        of_prompt = sum(n for (p, _), n in firsts.items() if p == prompt)
        assert all(0.6 < firsts[prompt, seed] * len(seeds) / of_prompt < 1.4 for seed in seeds)


def test_a_bank_changes_nothing_but_the_seeds() -> None:
    free, bound = drawn(None, LISTED), drawn(HELD, LISTED)
    assert [(r.ue, r.prompt, r.arrival_ns) for r in free] == [(r.ue, r.prompt, r.arrival_ns) for r in bound]


def test_of_the_shipped_list_only_held_prompts_are_asked_for() -> None:
    from mobaigc_sim.traffic.prompts import EmbeddedPromptsConfig, PromptSource

    some = PromptSource(EmbeddedPromptsConfig()).prompts[3]
    held = {some: (1, 2), "not in the list": (1, 2)}
    assert {request.prompt for request in drawn(held, {"kind": "embedded"})} == {some}
    with pytest.raises(BankDrawError, match="the bank lacks the prompt"):
        drawn({"not in the list": (1, 2)}, {"kind": "embedded"})


def test_a_listed_prompt_that_the_bank_lacks_is_told() -> None:
    with pytest.raises(BankDrawError, match="lacks the prompt 'a far'; did you mean 'a car'"):
        drawn(HELD, {"kind": "list", "prompts": ["a fox", "a far"]})


def test_too_few_seeds_for_the_images_of_a_request_are_told() -> None:
    with pytest.raises(BankDrawError, match=r"images_per_request is 3, but the bank has 2 seeds of 'a car'"):
        drawn(HELD, LISTED, images=3)
